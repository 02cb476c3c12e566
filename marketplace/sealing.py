"""Seal append-only rows: number them by book and day, chain their digests, and find what was changed later (D4).

Every sealed table is treated alike: the operation log is one book, the journal has a book for each seller, and the
postings of an entry are sealed with it. A batch of rows at a time is in memory.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import inspect, select, tuple_

from marketplace import clock
from marketplace.audit import SYSTEM, AuditEntry, record
from marketplace.database import db

BATCH = 1000


@dataclass(frozen=True)
class Sealed:
    """A table with the columns at, day, number and digest, whose rows form a chain for each book and day."""

    model: Any
    statement: str  # the log's entry by which a seal run says, in the next day's chain, where each chain ended
    subject: str  # the column that says what a row is
    book: str | None = None  # the column of a row's book; None: all rows are of one
    words: str = ""  # before the name of a chain
    parts: Callable[[Sequence[int]], dict[int, list[Any]]] | None = None  # by row id, what is sealed with it

    def columns(self, *names: str) -> list[Any]:
        """The book's column, if there is one, and these."""
        return [getattr(self.model, name) for name in (self.book, *names) if name]

    def chain(self, row: Any) -> str:
        """The name of a row's chain: "2026-11-20", or "7 2026-11-20" in book 7."""
        return f"{getattr(row, self.book)} {row.day}" if self.book else str(row.day)

    def place(self, chain: str, number: int) -> list[Any]:
        """The values of columns("day", "number") at which a row of a chain stands."""
        book, _space, day = chain.rpartition(" ")
        return [int(book), day, number] if self.book else [day, number]

    def parts_of(self, rows: Sequence[Any]) -> dict[int, list[Any]]:
        return self.parts([row.id for row in rows]) if self.parts and rows else {}


AUDIT = Sealed(AuditEntry, "audit.sealed", "action")
TABLES = [AUDIT]  # a package adds its own by register()


def register(table: Sealed) -> None:
    """Let a table be sealed and verified with the others."""
    TABLES.append(table)


def _digest(previous: str, row: Any, parts: list[Any] | None) -> str:
    columns = [column.key for column in inspect(type(row)).mapper.column_attrs]
    content: dict[str, Any] = {key: str(getattr(row, key)) for key in columns if key != "digest"}
    if parts is not None:
        content["parts"] = parts
    return hashlib.sha256((previous + json.dumps(content, sort_keys=True, ensure_ascii=False)).encode()).hexdigest()


def seal(table: Sealed) -> int:
    """Number and chain a batch of unsealed rows of past days, in the caller's transaction; returns how many.

    A row is sealed once its Shanghai day is over, so that numbers follow time and none is missing. An entry of
    today says how far each chain goes: without it, the last rows of a day could be taken away unseen.
    """
    limit = clock.start_of_day(clock.today())
    rows = _unsealed(table, limit)
    parts = table.parts_of(rows)
    ends: dict[str, tuple[int, str]] = {}
    for row in rows:
        row.day = clock.shanghai_date(row.at).isoformat()
        chain = table.chain(row)
        number, previous = ends.get(chain) or _last_of(table, chain)
        row.number = number + 1
        row.digest = _digest(previous, row, parts.get(row.id, []) if table.parts else None)
        ends[chain] = row.number, row.digest
    db.session.flush()
    if rows:
        said = {chain: list(end) for chain, end in ends.items()}
        record(SYSTEM, table.statement, table.statement.partition(".")[0], max(row.day for row in rows), changes=said)
    return len(rows)


def _unsealed(table: Sealed, limit: Any) -> Sequence[Any]:
    query = select(table.model).where(table.model.digest.is_(None), table.model.at < limit)
    return db.session.execute(query.order_by(*table.columns("at", "id")).limit(BATCH)).scalars().all()


def _last_of(table: Sealed, chain: str) -> tuple[int, str]:
    """Number and digest of the last sealed row of a chain; of none, 0 and the chain's name."""
    model, (*book, day, _number) = table.model, table.place(chain, 0)
    where = [column == value for column, value in zip(table.columns("day"), [*book, day], strict=True)]
    query = select(model.number, model.digest).where(*where, model.number.is_not(None))
    with db.session.no_autoflush:
        found = db.session.execute(query.order_by(model.number.desc()).limit(1)).first()
    return (found[0], found[1]) if found else (0, chain)


def verify() -> Iterator[str]:
    """Sentences that name each changed, missing or late row of every sealed table; nothing when all is sound."""
    for table in TABLES:
        yield from _verify_chains(table)
        yield from _verify_ends(table)
        late = clock.start_of_day(clock.today()) - timedelta(days=1)
        for row in _unsealed(table, late):
            row_day = clock.shanghai_date(row.at)
            yield f"{table.words}{row_day}: entry id {row.id} ({getattr(row, table.subject)}) is not sealed"


def _verify_chains(table: Sealed) -> Iterator[str]:
    query = select(table.model).where(table.model.digest.is_not(None)).order_by(*table.columns("day", "number"))
    chain, number, previous = "", 0, ""
    for rows in db.session.execute(query).scalars().yield_per(BATCH).partitions():
        parts = table.parts_of(rows)
        for row in rows:
            if table.chain(row) != chain:
                chain, number, previous = table.chain(row), 0, table.chain(row)
            number += 1
            where = f"{table.words}{chain}: entry {number}"
            if row.number != number:
                yield f"{where} is missing before {row.number}"
                number = int(row.number or 0)
            elif _digest(previous, row, parts.get(row.id, []) if table.parts else None) != row.digest:
                yield f"{where} ({getattr(row, table.subject)}, id {row.id}) was changed"
            previous = str(row.digest)


def _verify_ends(table: Sealed) -> Iterator[str]:
    """Chains that end before the row that a seal run named, or whose row of that number is another."""
    query = select(AuditEntry.changes).where(AuditEntry.action == table.statement).order_by(AuditEntry.id)
    place = table.columns("day", "number")
    for ends in db.session.execute(query).scalars().yield_per(10):
        places = [table.place(chain, number) for chain, (number, _digest) in ends.items()]
        there = select(*place, table.model.digest).where(tuple_(*place).in_(places))
        found = {tuple(values): digest for *values, digest in db.session.execute(there)}
        for chain, (number, digest) in ends.items():
            is_there = found.get(tuple(table.place(chain, number)))
            where = f"{table.words}{chain}: entry {number}"
            if is_there is None:
                yield f"{where} is missing at the end"
            elif is_there != digest:
                yield f"{where} is not the one that was sealed"
