"""Log lines are one JSON object each, cannot be forged, and carry the request's id."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any

import pytest
import structlog
from flask import Flask
from sqlalchemy import create_engine, select, text

from marketplace import logs, statements
from marketplace.database import db, run_in_transaction
from marketplace.jobs import registry, services
from marketplace.jobs.models import Job
from marketplace.logs import StandardLines, log
from tests.browsing import Visitor


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch, shared_app: Flask) -> list[str]:
    """What is written, line by line."""
    written: list[str] = []

    class Sink:
        def msg(self, text: str) -> None:
            written.extend(text.split("\n"))

        info = warning = error = exception = debug = msg

    before = structlog.get_config()
    structlog.configure(**{**before, "logger_factory": lambda *_a: Sink(), "cache_logger_on_first_use": False})
    yield written  # type: ignore[misc]
    structlog.configure(**before)


def test_each_event_is_one_json_object_on_one_line(lines: list[str]) -> None:
    log().info("order.paid", order="x\r\n{\"event\": \"forged\"}", name="脐\u2028橙")
    (line,) = [text for text in lines if text]
    found = json.loads(line)
    assert found["event"] == "order.paid"
    assert found["level"] == "info"
    assert found["timestamp"].endswith("Z")


def test_a_failure_is_told_with_its_trace_inside_the_object(lines: list[str]) -> None:
    try:
        raise ValueError("boom")
    except ValueError:
        log().exception("task.failed", task="jobs")
    (line,) = lines
    assert "ValueError: boom" in json.loads(line)["exception"]


def test_every_answer_carries_an_id_of_its_own(visitor: Visitor) -> None:
    ids = [visitor.client.get(path).headers["X-Request-Id"] for path in ("/", "/nowhere", "/pages/rules", "/")]
    assert len(set(ids)) == 4
    assert all(len(one) == 16 for one in ids)


def test_an_id_that_a_client_sends_is_not_taken(visitor: Visitor) -> None:
    answer = visitor.client.get("/", headers={"X-Request-Id": "forged"})
    assert answer.headers["X-Request-Id"] != "forged"


def told(lines: list[str], event: str) -> list[dict[str, Any]]:
    return [found for line in lines if line and (found := json.loads(line))["event"] == event]


# --- one line for each request ---


def test_each_request_is_one_line_without_its_path(lines: list[str], visitor: Visitor) -> None:
    visitor.client.get("/search?q=13800138000", headers={"User-Agent": "Forged/1"})
    visitor.client.get("/o/secret-token-of-somebody")
    visitor.client.get("/pages/rules\r\nforged")
    found = told(lines, "request.answered")
    assert [(one["endpoint"], one["method"], one["status"]) for one in found] == [
        ("catalogue.search", "GET", 200),
        ("orders.guest", "GET", 404),
        ("", "GET", 404),
    ]
    assert all(one["ms"] >= 0 and one["statements"] >= 0 and len(one["request"]) == 16 for one in found)
    assert found[0]["statements"] > 0
    whole = "\n".join(lines)
    assert not any(word in whole for word in ("13800138000", "secret-token", "forged", "Forged"))


def test_a_failure_is_one_line_under_the_requests_id(
    lines: list[str], app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(**_values: object) -> str:
        raise ZeroDivisionError("for 13800138000\nforged")

    fail.access = app.view_functions["pages.rules_page"].access  # type: ignore[attr-defined]
    monkeypatch.setitem(app.view_functions, "pages.rules_page", fail)
    monkeypatch.setitem(app.config, "PROPAGATE_EXCEPTIONS", False)
    answer = app.test_client().get("/pages/rules")
    (failure,), (access,) = told(lines, "request.failed"), told(lines, "request.answered")
    assert failure["request"] == access["request"] == answer.headers["X-Request-Id"]
    assert failure["endpoint"] == "pages.rules_page"
    assert "ZeroDivisionError" in failure["exception"]
    assert "13800138000" not in failure["exception"]
    assert access["status"] == 500


@pytest.mark.parametrize("given", ["0123456789abcdef", "edge-7.of_Anyuan"])
def test_a_trusted_proxys_id_is_taken_over(app_with: Callable[..., Flask], given: str) -> None:
    behind = app_with(proxy_hops=1)
    assert behind.test_client().get("/healthz", headers={"X-Request-Id": given}).headers["X-Request-Id"] == given


@pytest.mark.parametrize("given", ["short", "x" * 65, "with space", "{\"event\": 1}", "脐橙脐橙脐橙脐橙"])
def test_a_strange_id_is_replaced(app_with: Callable[..., Flask], given: str) -> None:
    headers = {"X-Request-Id": given.encode().decode("latin-1")}
    answer = app_with(proxy_hops=1).test_client().get("/healthz", headers=headers)
    assert len(answer.headers["X-Request-Id"]) == 16


# --- what stands in no line ---


def test_numbers_and_keys_are_masked_whoever_writes_them(lines: list[str]) -> None:
    secret = "whsec_" + "1234567890abcdef"
    log().warning("message.not_sent", reason=f"to 13800138000 with {secret}", id=1380013800013800138)
    words = "sk_test_" + "abc\nDETAIL: Key (phone)=(" + "x) exists"
    try:
        raise ValueError(words)
    except ValueError:
        log().exception("task.failed")
    whole = "\n".join(lines)
    assert not any(word in whole for word in ("13800138000 ", secret, "sk_test_abc", "=(x)"))
    assert "1380013800013800138" in whole  # an id stays one


def test_libraries_lines_are_objects_too(lines: list[str]) -> None:
    record = logging.LogRecord("waitress", logging.ERROR, "", 0, "Exception while serving /o/token\nx", (), None)
    StandardLines().emit(record)
    (found,) = told(lines, "library.said")
    assert (found["library"], found["words"]) == ("waitress", "")


@pytest.mark.parametrize(("slow_ms", "count"), [(1, 1), (0, 0), (600_000, 0)])
def test_slow_statements_are_told_without_their_values(lines: list[str], slow_ms: int, count: int) -> None:
    engine = create_engine("sqlite://")
    statements.watch(engine, slow_ms=slow_ms, tell=log().warning)
    many = text(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 99999) SELECT count(*), :words FROM n"
    )
    with engine.connect() as connection:
        connection.execute(many, {"words": "a name"})
    engine.dispose()
    found = told(lines, "statement.slow")
    assert len(found) == count
    assert all("WITH RECURSIVE" in one["statement"] for one in found)
    assert "a name" not in "".join(lines)


def test_a_full_disk_stops_no_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "_STREAM", 987_654)  # no such file
    logs.Lines().msg("told to nobody")


# --- on whose request ---


@pytest.mark.usefixtures("app_context")
def test_a_job_works_under_the_id_of_the_request_that_wanted_it(
    lines: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(registry._handlers, "test.work", lambda _payload: log().info("work.done"))
    with logs.on_behalf_of(request="0123456789abcdef"):
        run_in_transaction(lambda: services.enqueue("test.work", {}))
    assert logs.request_id() != "0123456789abcdef"
    services.run_due()
    kept = db.session.execute(select(Job.request_id).where(Job.kind == "test.work")).scalar_one()
    assert kept == "0123456789abcdef"
    assert [one["request"] for one in told(lines, "work.done") + told(lines, "job.done")] == ["0123456789abcdef"] * 2
