"""How many SQL statements a request needs, and which take long."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine

LONGEST_TEXT = 2000
FRAME = ("BEGIN", "SAVEPOINT", "RELEASE", "ROLLBACK", "PRAGMA", "SET LOCAL")  # belongs to a transaction, asks nothing

_count: ContextVar[list[int] | None] = ContextVar("statements", default=None)


def begin_count() -> None:
    """Count from zero, for this request."""
    _count.set([0])


def count() -> int:
    """How many since begin_count()."""
    found = _count.get()
    return found[0] if found else 0


def watch(engine: Engine, *, slow_ms: int, tell: Callable[..., None]) -> None:
    """Count an engine's statements, and tell of each that took slow_ms or more: its text without values; 0 is never."""

    @event.listens_for(engine, "before_cursor_execute")
    def _begin(connection: Connection, _cursor: Any, statement: str, *_rest: Any) -> None:
        found = _count.get()
        if found and not statement.startswith(FRAME):
            found[0] += 1
        connection.info["statement_begun"] = time.perf_counter()

    @event.listens_for(engine, "after_cursor_execute")
    def _end(connection: Connection, _cursor: Any, statement: str, *_rest: Any) -> None:
        ms = (time.perf_counter() - connection.info["statement_begun"]) * 1000
        if slow_ms and ms >= slow_ms:
            tell("statement.slow", statement=" ".join(statement.split())[:LONGEST_TEXT], ms=round(ms))
