"""Power cuts on SQLite, as near as one comes without pulling the plug: the files as they lie there at one instant.

A process sells as fast as it can and tells each order after its commit. At random moments it is stopped where it
stands, its database and log are copied, and it goes on; each copy is opened like after a power cut.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

from flask import Flask

from marketplace.database import db, sqlite_driver
from tests import factories
from tests.factories import Goods


@contextlib.contextmanager
def selling(app: Flask, goods: Goods) -> Iterator[tuple[int, int]]:
    """A process that places orders until the end; its number, and where the ids of what it told can be read."""
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    child = os.fork()
    if not child:
        try:
            with app.app_context():
                db.engine.dispose(close=False)
                while True:
                    order_id = factories.place_order({goods.variants[0]: 1})
                    os.write(writer, f"{order_id}\n".encode())
        finally:
            os._exit(1)
    os.close(writer)
    try:
        yield child, reader
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(reader)


def cut_power(
    app: Flask, goods: Goods, folder: Path, count: int, *, parts: tuple[str, ...] = ("", "-wal")
) -> Iterator[tuple[str, int]]:
    """For each cut: what SQLite's check says of the copy, and how many told orders are missing in it."""
    database = Path(app.config["SETTINGS"].database.removeprefix("sqlite:///"))
    chance = random.Random(count)
    told: set[int] = set()
    with selling(app, goods) as (child, reader):
        for number in range(count):
            time.sleep(0.05 + chance.random() / 4)
            os.kill(child, signal.SIGSTOP)
            os.waitpid(child, os.WUNTRACED)
            with contextlib.suppress(BlockingIOError):
                told |= {int(line) for line in os.read(reader, 1 << 20).split()}
            copy = folder / f"cut-{number}.sqlite"
            for part in parts:
                with contextlib.suppress(FileNotFoundError):
                    shutil.copy(f"{database}{part}", f"{copy}{part}")
            os.kill(child, signal.SIGCONT)
            yield open_copy(copy, told)


def open_copy(copy: Path, told: set[int]) -> tuple[str, int]:
    connection = sqlite_driver.connect(copy)
    try:
        verdict = connection.execute("PRAGMA integrity_check").fetchone()[0]
        found = {row[0] for row in connection.execute("SELECT id FROM orders")}
    except (sqlite3.DatabaseError, sqlite_driver.DatabaseError) as error:
        return str(error), len(told)
    finally:
        connection.close()
    return verdict, len(told - found)
