"""Log lines are one JSON object each, cannot be forged, and carry the request's id."""

from __future__ import annotations

import json

import pytest
import structlog
from flask import Flask

from marketplace.logs import log
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
