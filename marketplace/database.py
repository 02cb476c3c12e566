"""The session, the column types, ids and codes, and the one way to change anything."""

from __future__ import annotations

import contextlib
import enum
import os
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, TypeVar, cast

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    DateTime,
    Executable,
    Insert,
    MetaData,
    String,
    Table,
    event,
    literal_column,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Dialect, Engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from sqlalchemy.types import TypeDecorator

from marketplace import clock, connections, metrics, writers
from marketplace.connections import ReadingSession, writing
from marketplace.outages import UnknownOutcomeError, is_lost, is_transient, is_unavailable

try:  # The wheel brings a SQLite without the WAL-reset fault of 3.7.0 to 3.51.2.
    import pysqlite3.dbapi2 as sqlite_driver
except ImportError:
    sqlite_driver = sqlite3  # type: ignore[misc, unused-ignore]  # the same interface

SAFE_SQLITE = (3, 51, 3)
ATTEMPTS = 8
POOL_SECONDS = 5  # for a free connection of this process
CONNECT_SECONDS = 4
SERVING_LIMITS = "-c statement_timeout=30s -c lock_timeout=8s -c idle_in_transaction_session_timeout=60s"
PATIENCE_SECONDS = 15  # an act that failed for so long is not begun again: somebody waits for the answer


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


db = SQLAlchemy(model_class=Base, session_options={"class_": ReadingSession})


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
# Read once: whatever is done to the clock of a running process, its ids rise with the time that passes.
_START_NS = time.time_ns() - time.monotonic_ns()
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
        moment = (_START_NS + time.monotonic_ns()) // 1_000_000 - EPOCH_MS
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


WAIT_MS = 10_000
BY_THE_WAY_MS = 50


class NestedTransactionError(RuntimeError):
    """An act was started inside another act."""


T = TypeVar("T")


def run_in_transaction(body: Callable[[], T]) -> T:
    """Do one act in one transaction and return its value (D5).

    Tried again, a bounded number of times, on deadlock, serialization failure, a busy SQLite file and a connection
    that died before the commit; so the body has no outside effect and loads what it changes inside. A commit whose
    answer was lost may have happened: it is never repeated here, the error goes to who asked, and each act that a
    person may press twice knows its first press by a key.
    """
    begun = time.monotonic()
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return _try(body, WAIT_MS)
        except DBAPIError as error:
            is_over = attempt == ATTEMPTS or time.monotonic() - begun > PATIENCE_SECONDS
            if is_over or not is_transient(error):
                raise
        metrics.transaction_retried()
        time.sleep(min(0.5, 0.005 * 2**attempt) * (0.5 + secrets.randbelow(1000) / 1000))
    raise AssertionError("unreachable")


def write_by_the_way(body: Callable[[], Any]) -> bool:
    """Do an act that a page can do without: tried once, waiting for nobody; whether it was done.

    A reader must not fail because the disk is full or another writes.
    """
    try:
        _try(body, BY_THE_WAY_MS)
    except SQLAlchemyError as error:
        if not is_unavailable(error):
            raise
        return False
    return True


def _try(body: Callable[[], T], wait_ms: int) -> T:
    if writing.get() is not None:
        raise NestedTransactionError("an act may not start another act")
    token = writing.set(wait_ms)
    try:
        # Leave the request's read transaction: the act sees the newest rows, and nobody in line keeps a connection.
        db.session.rollback()
        with writers.turn(db.session.get_bind().dialect.name, wait_ms):
            return _carry_out(body)
    finally:
        writing.reset(token)


def _carry_out(body: Callable[[], T]) -> T:
    is_known = True  # whether it is certain, after a lost connection, that nothing was kept
    try:
        value = body()
        db.session.flush()
        is_known = False
        db.session.commit()
    except BaseException as error:
        db.session.rollback()
        if not is_known and isinstance(error, DBAPIError) and is_lost(error):
            raise UnknownOutcomeError("COMMIT", None, error.orig or error, connection_invalidated=True) from error
        raise
    else:
        return value


class _InsertOnce(Insert):
    """An INSERT that leaves a row alone that is there; its text is kept, which that of the dialects' INSERT is not."""

    inherit_cache = True


@compiles(_InsertOnce)
def _insert_once(statement: _InsertOnce, compiler: Any, **options: Any) -> str:
    return f"{compiler.visit_insert(statement, **options)} ON CONFLICT DO NOTHING"


def insert_once(model: type[Base], **values: Any) -> bool:
    """Write a row unless one is there with its key, or another thing that only one may have; whether it was written."""
    return count_changed(_InsertOnce(cast(Table, model.__table__)).values(**values)) == 1


def dialect_insert(model: type[Base]) -> Any:
    """An INSERT that knows on_conflict_do_update, on both databases."""
    make = sqlite.insert if db.session.get_bind().dialect.name == "sqlite" else postgresql.insert
    return make(model)


def at_most(count: int) -> ColumnElement[int]:
    """A LIMIT that stands in the statement's text: PostgreSQL keeps no plan for one whose size it does not know."""
    return literal_column(str(count), BigInteger)


def count_changed(statement: Executable) -> int:
    """Carry out an INSERT, UPDATE or DELETE and count the rows it touched: the guard of a guarded statement.

    Loaded objects are not brought along; readers load again.
    """
    options = {"synchronize_session": False, "preserve_rowcount": True}
    result: Any = db.session.execute(statement, execution_options=options)
    return int(result.rowcount)


@event.listens_for(Session, "before_flush")
def _refuse_stray_writes(session: Session, _context: Any, _instances: Any) -> None:
    if writing.get() is None and (session.new or session.dirty or session.deleted):
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
    elif connections.is_lent(connection):
        connection.prepare_threshold = None  # what one server connection has prepared, the next does not know


@event.listens_for(Engine, "begin")
def _begin(connection: Connection) -> None:
    wait_ms = writing.get()
    if connection.dialect.name == "sqlite":
        # A deferred transaction that upgrades gets SQLITE_BUSY at once, whatever the timeout: writers say so first.
        if wait_ms is None:
            connection.exec_driver_sql("BEGIN")
        else:
            writers.begin(connection, wait_ms, then_ms=WAIT_MS)
    elif wait_ms == BY_THE_WAY_MS:
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = {wait_ms}")


def quick_check() -> list[str]:
    """What SQLite finds wrong with its file, one sentence each; PostgreSQL looks after itself."""
    if db.session.get_bind().dialect.name != "sqlite":
        return []
    return [words for words in db.session.execute(text("PRAGMA quick_check")).scalars() if words != "ok"]


@contextlib.contextmanager
def held_open(url: str) -> Iterator[None]:
    """On SQLite, one connection that stays open inside, for as long as a process works.

    Once the last one closes, the next has to make the -wal and -shm files anew; on a full disk it cannot, and then
    not even a page can be read.
    """
    with contextlib.ExitStack() as stack:
        if url.startswith("sqlite:///"):
            with contextlib.suppress(sqlite_driver.Error):  # who asks for a page is told
                connection = sqlite_driver.connect(url.removeprefix("sqlite:///"), isolation_level=None)
                stack.callback(connection.close)
                connection.execute("SELECT count(*) FROM sqlite_master").fetchall()
        yield


def engine_options(url: str, threads: int, *, serving: bool = False) -> dict[str, Any]:
    """Driver, pool and limits for a database address; PostgreSQL allows 100 connections in all.

    Errors name no parameters, as they name no rows (_leave_values_out). Only a web process has limits on its
    statements: a migration or a report may take its time.
    """
    if url.startswith("sqlite"):
        return {
            "module": sqlite_driver,
            "pool_size": threads + 2,
            "pool_timeout": POOL_SECONDS,
            "connect_args": {"timeout": WAIT_MS / 1000},
            "hide_parameters": True,
        }
    limits = {"connect_timeout": CONNECT_SECONDS}
    return {
        "pool_size": threads,
        "max_overflow": 2,
        "pool_timeout": POOL_SECONDS,
        "pool_recycle": 900,
        "connect_args": limits | ({"options": SERVING_LIMITS} if serving else {}),
        "hide_parameters": True,
    }
