"""When the database cannot be used for now: away, busy, full, or its answer lost; and what errors may say."""

from __future__ import annotations

from sqlalchemy import event
from sqlalchemy.engine import Engine, ExceptionContext
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError


class UnknownOutcomeError(OperationalError):
    """The connection died while the commit was under way: it may have happened."""


# PostgreSQL's classes and states (appendix A of its manual) for: not now. Connection, resources such as disk and
# connections, operator's shutdown, system errors; cancelled by a time-out, a standby, idle for too long.
_AWAY_CLASSES = ("08", "53", "57P", "58")
_AWAY_STATES = {"57014", "25006", "25P03"}
_TRANSIENT_STATES = {"40001", "40P01", "55P03"}
# SQLite's primary results: busy, locked, out of memory, read-only, I/O error, full, cannot open, locking protocol.
_AWAY_RESULTS = {5, 6, 7, 8, 10, 13, 14, 15}


def is_unavailable(error: BaseException) -> bool:
    """Whether the database is away, busy or full: the same request may succeed later, and nobody made a mistake."""
    if isinstance(error, PoolTimeoutError):
        return True
    if not isinstance(error, DBAPIError):
        return False
    state = _state(error)
    if state in _AWAY_STATES or state.startswith(_AWAY_CLASSES):
        return True
    return is_lost(error) or is_transient(error) or _sqlite_result(error) in _AWAY_RESULTS


def is_transient(error: DBAPIError) -> bool:
    """Whether the same act may succeed when it is tried again at once."""
    if isinstance(error, UnknownOutcomeError):
        return False
    if state := _state(error):
        return state in _TRANSIENT_STATES or is_lost(error)
    return is_lost(error) or "locked" in str(error.orig)


def is_lost(error: DBAPIError) -> bool:
    """Whether there is no connection any more, or none could be had."""
    if error.connection_invalidated:
        return True
    if isinstance(error, OperationalError) and getattr(error.orig, "sqlstate", "") is None:
        return True  # the client library itself says so: the server could not be asked
    return _state(error).startswith(("08", "57P"))


def _state(error: DBAPIError) -> str:
    """PostgreSQL's state; empty on SQLite, which has none."""
    return getattr(error.orig, "sqlstate", None) or ""


def _sqlite_result(error: DBAPIError) -> int:
    return getattr(error.orig, "sqlite_errorcode", 0) & 0xFF


@event.listens_for(Engine, "handle_error")
def _leave_values_out(context: ExceptionContext) -> None:
    """PostgreSQL's details quote the row: an error is logged, and values are people's."""
    original, shown = context.original_exception, context.sqlalchemy_exception
    words = getattr(getattr(original, "diag", None), "message_primary", None)
    if words:
        original.args = (words,)
        if shown is not None:
            shown.args = (f"({type(original).__name__}) {words}",)
