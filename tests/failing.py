"""FAILING_COMMITS=20 ./run test: one commit in twenty ends in a serialization failure, as PostgreSQL's may (D5).

Every act has to come out the same, since it is tried again from its first statement.
"""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Iterator
from typing import Any

from psycopg.errors import SerializationFailure
from sqlalchemy import event
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from marketplace.connections import writing
from marketplace.database import WAIT_MS

_paused = 0


@contextlib.contextmanager
def failing_commits() -> Iterator[None]:
    """While inside, every n-th commit of an act fails, if FAILING_COMMITS says so."""
    every = int(os.environ.get("FAILING_COMMITS") or 0)
    if not every:
        yield
        return
    numbers = itertools.count(1)

    def fail(_session: Any) -> None:
        is_act = writing.get() == WAIT_MS  # what is done by the way is not tried again
        if is_act and not _paused and next(numbers) % every == 0:
            raise OperationalError("COMMIT", None, SerializationFailure("injected by FAILING_COMMITS"))

    event.listen(Session, "before_commit", fail)
    try:
        yield
    finally:
        event.remove(Session, "before_commit", fail)


@contextlib.contextmanager
def commits_succeed() -> Iterator[None]:
    """Where a test counts statements or tries, nothing is injected."""
    global _paused
    _paused += 1
    try:
        yield
    finally:
        _paused -= 1
