"""More requests than threads: who waited too long is told so, acts are all answered, and none shuts out the others."""

from __future__ import annotations

import contextlib
import http.client
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask

from marketplace import overload
from marketplace.overload import ACT_SECONDS, READ_SECONDS, WAITED, Lanes
from tests.browsing import Visitor
from tests.house.test_headers import check
from tests.house.test_serving import web_server

pytestmark = pytest.mark.nodatabase


def channel(command: str) -> Any:
    return SimpleNamespace(requests=[SimpleNamespace(command=command)], service=lambda: None)


def lanes(commands: str, most_acts: int = 9) -> Lanes:
    found = Lanes(most_acts)
    for letter in commands:
        found.append(channel({"r": "GET", "a": "POST"}[letter]))
    return found


def order(waiting: Lanes) -> str:
    return "".join("r" if waiting.popleft().is_read else "a" for _ in range(len(waiting)))


def test_reads_and_acts_are_taken_in_turns() -> None:
    assert order(lanes("rrrraa")) == "rararr"
    assert order(lanes("aaa")) == "aaa"
    assert order(lanes("rrr")) == "rrr"
    late = lanes("aaaaa")
    late.popleft()
    late.append(channel("GET"))
    assert late.popleft().is_read  # behind one act, not behind five


def test_acts_leave_threads_for_readers() -> None:
    waiting = lanes("aaa", most_acts=2)
    acts = [waiting.popleft(), waiting.popleft()]
    assert len(waiting) == 0  # one waits, and may not begin
    waiting.append(channel("GET"))
    assert waiting.popleft().is_read
    acts[0].service()
    assert len(waiting) == 1
    assert not waiting.popleft().is_read


@pytest.mark.parametrize(("threads", "acts"), [(1, 1), (2, 1), (4, 3), (6, 4), (16, 11)])
def test_a_third_of_the_threads_never_holds_acts(threads: int, acts: int) -> None:
    found = overload.dispatcher(threads)
    assert found.queue.most_acts == acts
    found.shutdown()


@pytest.mark.parametrize(
    ("method", "path", "waited", "status"),
    [
        ("GET", "/pages/rules", READ_SECONDS - 0.1, 200),
        ("GET", "/pages/rules", READ_SECONDS + 0.1, 503),
        ("GET", "/en/pages/rules", READ_SECONDS + 0.1, 503),
        ("GET", "/nowhere", READ_SECONDS + 0.1, 503),
        ("POST", "/sign-in", READ_SECONDS + 0.1, 400),
        ("POST", "/sign-in", ACT_SECONDS + 0.1, 503),
        ("GET", "/healthz", 60, 200),
        ("GET", "/static/0/css/app.css", 60, 200),
    ],
)
def test_who_waited_too_long_is_told_to_come_back(
    visitor: Visitor, method: str, path: str, waited: float, status: int
) -> None:
    with visitor.client.open(path, method=method, environ_overrides={WAITED: waited}) as answer:
        assert answer.status_code == status
        if status == 503:
            assert answer.headers["Retry-After"] == "2"
            check(answer)


@pytest.mark.parametrize(("prefix", "words"), [("", "现在人很多"), ("/en", "busy")])
def test_the_page_says_so_in_the_readers_language(app: Flask, prefix: str, words: str) -> None:
    page = Visitor(app).get(f"{prefix}/", 503, environ_overrides={WAITED: 60})
    assert words in page.text


SLOW_PAGES = """
import sys, time
from flask import Flask
from marketplace import errors, logs, overload, serving
PATIENCE

def create_app(settings):
    app = Flask("slow")
    overload.init_app(app)
    app.register_error_handler(errors.BusyError, lambda error: ("", 503, {"Retry-After": "2"}))
    app.add_url_rule("/healthz", "health.healthz", lambda: "")
    @app.route("/slow", methods=["GET", "POST"])
    def slow():
        time.sleep(0.05)
        return ""
    return app

serving.create_app = create_app
sys.exit(serving.main())
"""


def crowd(port: int, method: str, count: int) -> Counter[int]:
    """So many who ask at once; how often each status came."""

    def ask(_number: int) -> int:
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
            connection.request(method, "/slow")
            answer = connection.getresponse()
            assert answer.status != 503 or answer.headers["Retry-After"]
            return answer.status

    with ThreadPoolExecutor(count) as pool:
        return Counter(pool.map(ask, range(count)))


@pytest.mark.parametrize("guard", ["on", "off"])
def test_a_crowd_is_answered_or_told_to_come_back(tmp_path: Path, guard: str) -> None:
    """A hundred and fifty readers at four threads that can serve eighty in a second; the control refuses nobody."""
    patience = "overload.READ_SECONDS = 999" if guard == "off" else ""
    (tmp_path / "slow_pages.py").write_text(SLOW_PAGES.replace("PATIENCE", patience), encoding="utf-8")
    with web_server(tmp_path, "slow_pages") as (port, _process):
        reads = crowd(port, "GET", count=150)
        assert set(reads) == ({200, 503} if guard == "on" else {200})
        if guard == "on":
            assert set(crowd(port, "POST", count=60)) == {200}
            assert set(crowd(port, "GET", count=2)) == {200}
