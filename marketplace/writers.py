"""The line in which SQLite's writers stand: it has one writer, and by itself lets those who wait look ever more rarely.

Under load some of them would never win. So the threads of a process queue, and only the first of each process looks,
often.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import sqlite3
import threading
import time
from collections.abc import Iterator

from sqlalchemy.engine import Connection
from sqlalchemy.exc import OperationalError

_queue = threading.Lock()


def _forget_queue() -> None:
    global _queue
    _queue = threading.Lock()  # whoever held it stayed in the parent


os.register_at_fork(after_in_child=_forget_queue)


@contextlib.contextmanager
def turn(dialect: str, wait_ms: int) -> Iterator[None]:
    """On SQLite, this thread's turn to write; a line that does not move is the database's own error."""
    if dialect != "sqlite":
        yield
        return
    if not _queue.acquire(timeout=wait_ms / 1000):
        raise OperationalError("BEGIN IMMEDIATE", None, sqlite3.OperationalError("database is locked"))
    try:
        yield
    finally:
        _queue.release()


def begin(connection: Connection, wait_ms: int, *, then_ms: int) -> None:
    """BEGIN IMMEDIATE as soon as no other process writes; afterwards SQLite itself waits for then_ms."""
    give_up = time.monotonic() + wait_ms / 1000
    driver = connection.dialect.loaded_dbapi
    cursor = connection.connection.cursor()
    cursor.execute("PRAGMA busy_timeout=0")
    try:
        while True:
            try:
                cursor.execute("BEGIN IMMEDIATE")
            except driver.OperationalError as error:
                if "locked" not in str(error) or time.monotonic() > give_up:
                    raise OperationalError("BEGIN IMMEDIATE", None, error) from error
                time.sleep(0.001 + secrets.randbelow(4000) / 1_000_000)
            else:
                return
    finally:
        cursor.execute(f"PRAGMA busy_timeout={then_ms}")
        cursor.close()
