"""The session, the column types, ids and codes, and the one way to change anything."""

from __future__ import annotations

import enum
import os
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, TypeVar

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import BigInteger, DateTime, Executable, MetaData, String, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Dialect, Engine, ExceptionContext
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from sqlalchemy.types import TypeDecorator

from marketplace import clock

try:  # The wheel brings a SQLite without the WAL-reset fault of 3.7.0 to 3.51.2.
    import pysqlite3.dbapi2 as sqlite_driver
except ImportError:
    sqlite_driver = sqlite3  # type: ignore[misc, unused-ignore]  # the same interface

SAFE_SQLITE = (3, 51, 3)
ATTEMPTS = 8


class Base(DeclarativeBase):
    """All tables; constraint names are fixed so that migrations can name them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_N_label)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


db = SQLAlchemy(model_class=Base)


class UtcDateTime(TypeDecorator[datetime]):
    """Aware UTC instants in and out, on both databases."""

    impl = DateTime(timezone=False)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant needs a time zone")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC)


def enum_column(kind: type[enum.StrEnum], **options: Any) -> Mapped[Any]:
    """A text column that holds one of the enumeration's values."""
    return mapped_column(_EnumText(kind), **options)


class _EnumText(TypeDecorator[enum.StrEnum]):
    impl = String(32)
    cache_ok = True

    def __init__(self, kind: type[enum.StrEnum]) -> None:
        super().__init__()
        self.kind = kind

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else self.kind(value).value

    def process_result_value(self, value: str | None, dialect: Dialect) -> enum.StrEnum | None:
        return None if value is None else self.kind(value)


def fen_column(**options: Any) -> Mapped[Any]:
    """An amount in fen."""
    return mapped_column(BigInteger, **options)


def id_column() -> Mapped[int]:
    """A 64-bit primary key that the application makes (D6)."""
    return mapped_column(BigInteger, primary_key=True, autoincrement=False, default=new_id)


EPOCH_MS = 1_577_836_800_000  # 2020-01-01T00:00:00Z
_id_lock = threading.Lock()
_id_last = [0, 0]
_id_fixed: dict[int, int] = {}  # the last one of each instant at which the time was fixed


def new_id() -> int:
    """A 63-bit id: 41 bits of milliseconds, 22 bits that are random and rise within a millisecond.

    Where the time is fixed, ids follow it: what the demo tells of last year has last year's ids, so that lists by id
    are lists by time.
    """
    fixed = clock.fixed()
    with _id_lock:
        if fixed is not None:
            instant = int(fixed.timestamp() * 1000) - EPOCH_MS
            _id_fixed[instant] = _id_fixed.get(instant, (instant << 22) + secrets.randbelow(1 << 21)) + 1
            return _id_fixed[instant]
        moment = time.time_ns() // 1_000_000 - EPOCH_MS
        if moment <= _id_last[0]:
            moment, tail = _id_last[0], _id_last[1] + 1 + secrets.randbelow(16)
            if tail >= 1 << 22:
                moment, tail = moment + 1, secrets.randbelow(1 << 20)
        else:
            tail = secrets.randbelow(1 << 21)
        _id_last[:] = moment, tail
        return moment << 22 | tail


def _start_anew() -> None:
    _id_last[:] = 0, 0
    _id_fixed.clear()


os.register_at_fork(after_in_child=_start_anew)

# No I, L, O, U, which are misread, and no Z: with 31 letters, a prime, the check notices every wrong character.
CODE_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXY"


def new_code(length: int = 11) -> str:
    """A public code: random, not countable, the last character a check (mod 31 weighted)."""
    body = "".join(secrets.choice(CODE_ALPHABET) for _ in range(length))
    return body + _check_character(body)


def is_code(text: str) -> bool:
    """Whether the check character fits, before anything is looked up."""
    return len(text) > 1 and all(c in CODE_ALPHABET for c in text) and _check_character(text[:-1]) == text[-1]


def _check_character(body: str) -> str:
    return CODE_ALPHABET[sum((i + 1) * CODE_ALPHABET.index(c) for i, c in enumerate(body)) % 31]


_writing: ContextVar[bool] = ContextVar("writing", default=False)


class NestedTransactionError(RuntimeError):
    """An act was started inside another act."""


T = TypeVar("T")


def run_in_transaction(body: Callable[[], T]) -> T:
    """Do one act in one transaction and return its value (D5).

    Tried again, a bounded number of times, on deadlock, serialization failure and a busy SQLite file; so the body
    has no outside effect and loads what it changes inside.
    """
    if _writing.get():
        raise NestedTransactionError("an act may not start another act")
    token = _writing.set(True)
    try:
        for attempt in range(1, ATTEMPTS + 1):
            db.session.rollback()  # leave the request's read transaction, so that the act sees the newest rows
            try:
                value = body()
                db.session.commit()
            except DBAPIError as error:
                db.session.rollback()
                if attempt == ATTEMPTS or not is_transient(error):
                    raise
                time.sleep(min(0.5, 0.005 * 2**attempt) * (0.5 + secrets.randbelow(1000) / 1000))
            except BaseException:
                db.session.rollback()
                raise
            else:
                return value
        raise AssertionError("unreachable")
    finally:
        _writing.reset(token)


def is_transient(error: DBAPIError) -> bool:
    """Whether the same act may succeed when it is tried again."""
    state = getattr(error.orig, "sqlstate", None)
    if state in {"40001", "40P01", "55P03"}:
        return True
    return state is None and "locked" in str(error.orig)


def dialect_insert(model: type[Base]) -> Any:
    """An INSERT that knows on_conflict_do_nothing and on_conflict_do_update, on both databases."""
    make = sqlite.insert if db.session.get_bind().dialect.name == "sqlite" else postgresql.insert
    return make(model)


def count_changed(statement: Executable) -> int:
    """Carry out an INSERT, UPDATE or DELETE and count the rows it touched: the guard of a guarded statement.

    Loaded objects are not brought along; readers load again.
    """
    options = {"synchronize_session": False, "preserve_rowcount": True}
    result: Any = db.session.execute(statement, execution_options=options)
    return int(result.rowcount)


@event.listens_for(Session, "before_flush")
def _refuse_stray_writes(session: Session, _context: Any, _instances: Any) -> None:
    if not _writing.get() and (session.new or session.dirty or session.deleted):
        raise RuntimeError("changes belong inside run_in_transaction")


@event.listens_for(Engine, "connect")
def _prepare_connection(connection: Any, _record: Any) -> None:
    if isinstance(connection, sqlite3.Connection | sqlite_driver.Connection):
        connection.isolation_level = None  # SQLAlchemy emits BEGIN itself, below
        cursor = connection.cursor()
        # The fault before 3.51.3 is the write-ahead log's, and site and worker are two processes: so none of it there.
        journal = "WAL" if sqlite_driver.sqlite_version_info >= SAFE_SQLITE else "DELETE"
        for pragma in (
            "busy_timeout=10000",
            f"journal_mode={journal}",
            "synchronous=FULL",
            "foreign_keys=ON",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()


@event.listens_for(Engine, "begin")
def _begin(connection: Connection) -> None:
    # A deferred transaction that upgrades gets SQLITE_BUSY at once, whatever the timeout: writers say so first.
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN IMMEDIATE" if _writing.get() else "BEGIN")


@event.listens_for(Engine, "handle_error")
def _leave_values_out(context: ExceptionContext) -> None:
    """PostgreSQL's details quote the row: an error is logged, and values are people's."""
    original, shown = context.original_exception, context.sqlalchemy_exception
    words = getattr(getattr(original, "diag", None), "message_primary", None)
    if words:
        original.args = (words,)
        if shown is not None:
            shown.args = (f"({type(original).__name__}) {words}",)


def engine_options(url: str, threads: int) -> dict[str, Any]:
    """Driver and pool for a database address; PostgreSQL allows 100 connections in all.

    Errors name no parameters, as they name no rows (_leave_values_out).
    """
    common = {"hide_parameters": True}
    if url.startswith("sqlite"):
        return {**common, "module": sqlite_driver, "pool_size": threads + 2, "connect_args": {"timeout": 10}}
    return {**common, "pool_size": threads, "max_overflow": 2, "pool_pre_ping": True, "pool_recycle": 900}
