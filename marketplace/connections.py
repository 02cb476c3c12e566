"""How connections are used where one request is many round trips: on PostgreSQL.

What a request reads outside of acts needs no transaction: at READ COMMITTED each statement sees the newest rows anyway.
Without one there is no BEGIN and no ROLLBACK. Acts have their transaction as before.

Large joins are planned once for a connection and not for each reader, as long as psycopg keeps its prepared statements.
It drops them at every ROLLBACK, since a table made in the transaction may be gone; where requests are answered no table
is made, so a refused act ends without that. A return to a savepoint still drops them.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import lru_cache
from typing import Any

import psycopg
from flask import has_request_context
from flask_sqlalchemy.session import Session
from psycopg.pq import TransactionStatus
from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.pool import ConnectionPoolEntry

RESTED_SECONDS = 1.0  # a connection that was in use until now is alive; after that it is asked before it is used

# Within an act: for how many milliseconds it waits for another writer. None outside of acts.
writing: ContextVar[int | None] = ContextVar("writing", default=None)


class ReadingSession(Session):
    """The session of a request: outside of acts it has no transaction."""

    def get_bind(self, *values: Any, **options: Any) -> Engine | Connection:
        bind = super().get_bind(*values, **options)
        is_reading = writing.get() is None and has_request_context()
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


@event.listens_for(Engine, "rollback")
def _keep_prepared(connection: Connection) -> None:
    """Before psycopg ends the transaction, and forgets what it has prepared, it is over: then it does neither."""
    if connection.dialect.name != "postgresql" or connection.invalidated or not has_request_context():
        return
    driver: Any = connection.connection.driver_connection
    if driver.info.transaction_status in {TransactionStatus.INTRANS, TransactionStatus.INERROR}:
        with suppress(psycopg.Error):  # of one that died psycopg tells in its own words, next
            driver.pgconn.exec_(b"ROLLBACK")


@event.listens_for(Engine, "before_cursor_execute")
def _refuse_stray_writes(
    _connection: Connection, _cursor: Any, _statement: str, _parameters: Any, context: Any, _many: bool
) -> None:
    """Without a transaction nothing could be taken back."""
    is_change = context is not None and (context.isinsert or context.isupdate or context.isdelete)
    if is_change and writing.get() is None and has_request_context():
        raise RuntimeError("changes belong inside run_in_transaction")
