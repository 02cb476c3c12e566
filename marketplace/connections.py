"""How connections are used where one request is many round trips: on PostgreSQL.

A page that only reads needs no transaction: at READ COMMITTED each statement sees the newest rows anyway. Without one
there is no BEGIN and no ROLLBACK; and psycopg keeps its prepared statements, which it drops at every ROLLBACK, so that
the large joins of the pages are planned once and not for each reader. Acts have their transaction as before.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from typing import Any

from flask import has_request_context, request
from flask_sqlalchemy.session import Session
from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.pool import ConnectionPoolEntry

READS = frozenset({"GET", "HEAD"})
RESTED_SECONDS = 1.0  # a connection that was in use until now is alive; after that it is asked before it is used

# Within an act: for how many milliseconds it waits for another writer. None outside of acts.
writing: ContextVar[int | None] = ContextVar("writing", default=None)


class ReadingSession(Session):
    """The session of a request: outside of acts a reading request has no transaction."""

    def get_bind(self, *values: Any, **options: Any) -> Engine | Connection:
        bind = super().get_bind(*values, **options)
        is_reading = writing.get() is None and has_request_context() and request.method in READS
        if is_reading and isinstance(bind, Engine) and bind.dialect.name == "postgresql":
            return _without_transactions(bind)
        return bind


@contextmanager
def reader(bind: Engine | Connection) -> Iterator[Connection]:
    """A connection for one question, without a session and on PostgreSQL without a transaction."""
    if isinstance(bind, Connection):
        yield bind
        return
    engine = _without_transactions(bind) if bind.dialect.name == "postgresql" else bind
    with engine.connect() as connection:
        yield connection


@lru_cache(maxsize=8)
def _without_transactions(engine: Engine) -> Engine:
    return engine.execution_options(isolation_level="AUTOCOMMIT")


def is_lent(connection: Any) -> bool:
    """Whether a pool such as pgbouncer stands between: the server that answers is not the one that greeted us.

    In transaction mode each transaction may go to another, so nothing may be left behind on one.
    """
    number = connection.execute("SELECT pg_backend_pid()").fetchone()[0]
    connection.rollback()
    return bool(number != connection.info.backend_pid)


def ask_rested(engine: Engine) -> None:
    """After a restart of the database the next request finds a living connection; busy ones are not asked each time."""

    @event.listens_for(engine, "checkin")
    def _rest(_connection: Any, entry: ConnectionPoolEntry) -> None:
        entry.info["rests_since"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def _ask(connection: Any, entry: ConnectionPoolEntry, _proxy: Any) -> None:
        if time.monotonic() - entry.info.get("rests_since", time.monotonic()) < RESTED_SECONDS:
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise InvalidatePoolError from error  # the others were there before the restart as well
