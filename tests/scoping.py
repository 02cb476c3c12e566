"""Every statement of the suite on a table that belongs to sellers names seller_id, or its function is on the list.

The list, tests/scoping_allowed.txt, gives each function with its reason: buyers read by their own order, staff by
county, jobs by what is due. It may only become shorter.
"""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Iterator
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine

from marketplace.database import Base

ROOT = Path(__file__).resolve().parents[1]
ALLOWED = Path(__file__).with_name("scoping_allowed.txt")
PLUMBING = {f"marketplace/{name}.py" for name in ("database", "forms", "metrics", "paging", "statements")}
# SQLAlchemy writes or reads again, by its key, an object whose loading was looked at before.
OF_A_LOADED_OBJECT = {"save_obj", "load_scalar_attributes"}


class UnscopedStatementError(AssertionError):
    """A function reads or changes what belongs to sellers, whoever they are."""


def allowed() -> list[str]:
    """The functions that may, as path:name."""
    lines = ALLOWED.read_text(encoding="utf-8").splitlines()
    return [line.split()[0] for line in lines if line.strip() and not line.startswith("#")]


@lru_cache(maxsize=1)
def _mention() -> re.Pattern[str]:
    owned = (name for name, table in Base.metadata.tables.items() if "seller_id" in table.columns)
    return re.compile(rf"\b(?:FROM|JOIN|UPDATE|,)\s+(?:{'|'.join(sorted(owned))})\b")


@cache
def is_unscoped(statement: str) -> bool:
    """Whether it touches a seller's table without a condition that names seller_id; an INSERT says it in its values."""
    statement = " ".join(statement.split())
    if statement.startswith("INSERT") or not _mention().search(statement):
        return False
    before = " WHERE " if statement.startswith("UPDATE") else "FROM "
    return "seller_id" not in statement.partition(before)[2]


def origin() -> str | None:
    """The product's function that asks, as path:name; None where a test itself does."""
    frame: Any = sys._getframe(1)
    while frame:
        path = frame.f_code.co_filename
        if frame.f_code.co_name in OF_A_LOADED_OBJECT:
            return None
        if path.startswith(f"{ROOT}/tests/") and path != __file__:
            return None
        if path.startswith(f"{ROOT}/marketplace/"):
            name = path.removeprefix(f"{ROOT}/")
            if name not in PLUMBING:
                return f"{name}:{frame.f_code.co_qualname}"
        frame = frame.f_back
    return None


@contextlib.contextmanager
def scoped_statements() -> Iterator[None]:
    """While inside, an unscoped statement of a function that is not on the list fails."""
    known = frozenset(allowed())

    def look(_c: Connection, _cursor: Any, statement: str, *_rest: Any) -> None:
        if is_unscoped(statement) and (who := origin()) and who not in known:
            raise UnscopedStatementError(f"{who}: {statement}")

    event.listen(Engine, "before_cursor_execute", look)
    try:
        yield
    finally:
        event.remove(Engine, "before_cursor_execute", look)
