"""Lists paged by a key that falls: the depth of a page costs nothing, and there is never a count of pages."""

from __future__ import annotations

from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Row, Select
from sqlalchemy.orm import InstrumentedAttribute

from marketplace.database import db

T = TypeVar("T")
Key = InstrumentedAttribute[Any] | ColumnElement[Any]


def page_of(query: Select[tuple[T]], key: Key, after: int | None, size: int) -> tuple[list[T], int | None]:
    """One page of a query's things, the largest key first, and the key after which the next page starts."""
    rows, following = page_of_rows(query, key, after, size)
    return [row[0] for row in rows], following


def page_of_rows(
    query: Select[Any], key: Key, after: int | None, size: int
) -> tuple[list[Row[Any]], int | None]:
    """The same for a query of several columns; each row has its key as well, as its last value."""
    query = query.add_columns(key.label("page_key")).order_by(key.desc()).limit(size + 1)
    if after is not None:
        query = query.where(key < after)
    rows = list(db.session.execute(query).all())
    return rows[:size], rows[size - 1].page_key if len(rows) > size else None
