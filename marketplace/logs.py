"""Structured log lines without personal data; one JSON object a line, so that none can be forged."""

from __future__ import annotations

import logging
import secrets
import sys
from typing import Any

import structlog
from flask import Flask, Response, g


def init_app(app: Flask) -> None:
    """Write JSON lines to standard error and give each request an id."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
    )

    @app.before_request
    def _number() -> None:
        g.request_id = secrets.token_hex(8)
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request=g.request_id)

    @app.after_request
    def _tell(response: Response) -> Response:
        response.headers["X-Request-Id"] = g.get("request_id", "")
        return response


def log() -> Any:
    """The structured logger; events are past tense, values never personal data."""
    return structlog.get_logger()
