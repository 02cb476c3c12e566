"""Structured log lines without personal data; one JSON object a line, so that none can be forged."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import secrets
import sys
import time
import traceback
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

import structlog
from flask import Flask, Response, request

from marketplace import metrics, statements

# A proxy's id is taken over where there is a proxy; anything longer or stranger is none.
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}", re.ASCII)
# Some viewers begin a new line at these too; in JSON they may stand as they are.
SEPARATORS = {0x85: "\\u0085", 0x2028: "\\u2028", 0x2029: "\\u2029"}
LONGEST_TRACE = 20_000
# What must stand in no log, whoever's message it comes from: a mobile number, a provider's key, a row's values.
PRIVATE = (
    (re.compile(r"(?<!\d)1[3-9]\d{9}(?!\d)"), "1**********"),
    (re.compile(r"\b(whsec|sk_live|sk_test|rk_live)_\w+"), r"\1_***"),
    (re.compile(r"^DETAIL:.*$", re.MULTILINE), "DETAIL: ***"),
)
_STREAM = 2
NUMBER, BEGUN = "marketplace.request_id", "marketplace.begun"  # in a request's environ


class Lines:
    """Writes each line whole, in one call, so that lines of several processes do not mix; a full disk stops nobody."""

    def msg(self, line: str) -> None:
        with contextlib.suppress(OSError):
            os.write(_STREAM, f"{line.translate(SEPARATORS)}\n".encode(errors="backslashreplace"))

    debug = info = warning = error = exception = critical = msg


class StandardLines(logging.Handler):
    """Libraries' own records as lines of ours: where and what kind, not their values, which may be anything."""

    def emit(self, record: logging.LogRecord) -> None:
        # Waitress has put the path into its words already, and a path may hold a token.
        words = "" if record.name.startswith("waitress") else str(record.msg)
        log().log(record.levelno, "library.said", library=record.name, words=words, exc_info=record.exc_info)


def _mask(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for name, value in event.items():
        if isinstance(value, str):
            event[name] = masked(value)
    return event


def masked(text: str) -> str:
    """The words without mobile numbers, keys and rows' values."""
    for pattern, instead in PRIVATE:
        text = pattern.sub(instead, text)
    return text


def _trace(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    failure = event.pop("exc_info", None)
    error = sys.exc_info()[1] if failure is True else failure[1] if isinstance(failure, tuple) else failure
    if error:
        event["exception"] = "".join(traceback.format_exception(error))[-LONGEST_TRACE:]
    return event


def init_app(app: Flask) -> None:
    """Write JSON lines to standard error, one for each request and for each failure, under the request's id."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _trace,
            _mask,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=lambda *_values: Lines(),
    )
    logging.basicConfig(handlers=[StandardLines()], level=logging.WARNING)
    is_behind_proxy = app.config["SETTINGS"].proxy_hops > 0

    @app.before_request
    def _number() -> None:
        begin(request.environ, is_behind_proxy=is_behind_proxy)

    @app.after_request
    def _tell(response: Response) -> Response:
        response.headers["X-Request-Id"] = request.environ[NUMBER]
        # The endpoint, not the path: an address may hold a token or what somebody searched for.
        group = request.blueprint or request.endpoint or "none"
        tell(request.environ, request.endpoint or "", group, response.status_code)
        return response

    def tell_failure(failure: Any) -> None:
        log().error("request.failed", endpoint=request.endpoint or "", exc_info=failure)

    app.log_exception = tell_failure  # type: ignore[method-assign, assignment]


def begin(environ: dict[str, Any], *, is_behind_proxy: bool) -> str:
    """The id of a request; from the first call on its time and its statements are counted."""
    if NUMBER not in environ:
        given = environ.get("HTTP_X_REQUEST_ID", "") if is_behind_proxy else ""
        environ[NUMBER] = given if REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
        environ[BEGUN] = time.perf_counter()
        statements.begin_count()
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request=environ[NUMBER])
    number: str = environ[NUMBER]
    return number


def tell(environ: dict[str, Any], endpoint: str, group: str, status: int) -> None:
    """A line for an answered request, and its figures."""
    seconds, asked = time.perf_counter() - environ[BEGUN], statements.count()
    log().info(
        "request.answered",
        endpoint=endpoint,
        method=environ["REQUEST_METHOD"][:12],
        status=status,
        ms=round(seconds * 1000),
        statements=asked,
    )
    metrics.request_answered(group, status, seconds=seconds, statements=asked)


def milliseconds_since(begun: float) -> int:
    """Whole milliseconds since a moment of time.perf_counter()."""
    return round((time.perf_counter() - begun) * 1000)


def request_id() -> str | None:
    """The id of the request, or of the request that enqueued the job, on whose behalf this runs."""
    found: str | None = structlog.contextvars.get_contextvars().get("request")
    return found


@contextmanager
def on_behalf_of(**values: Any) -> Iterator[None]:
    """Lines written inside carry these values, such as the request that wanted a job done."""
    with structlog.contextvars.bound_contextvars(**{name: one for name, one in values.items() if one is not None}):
        yield


def log() -> Any:
    """The structured logger; events are past tense, values never personal data."""
    return structlog.get_logger()
