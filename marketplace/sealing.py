"""Seal append-only rows: number them day by day and chain their digests, and find what was changed later (D4)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from sqlalchemy import inspect, select

from marketplace import clock
from marketplace.audit import SYSTEM, AuditEntry, record
from marketplace.database import db

BATCH = 1000
STATEMENT = "audit.sealed"  # the entry by which a seal run says, in the next day's chain, where each day ended


def _digest(previous: str, row: Any) -> str:
    columns = [column.key for column in inspect(type(row)).mapper.column_attrs]
    content = {key: str(getattr(row, key)) for key in columns if key != "digest"}
    return hashlib.sha256((previous + json.dumps(content, sort_keys=True, ensure_ascii=False)).encode()).hexdigest()


def seal_audit() -> int:
    """Number and chain the unsealed audit rows of past days, in the caller's transaction; returns how many.

    A row is sealed once its Shanghai day is over, so that numbers follow time and none is missing. An entry of
    today says how far each day goes: without it, the last rows of a day could be taken away unseen.
    """
    limit = clock.start_of_day(clock.today())
    rows = db.session.execute(
        select(AuditEntry)
        .where(AuditEntry.digest.is_(None), AuditEntry.at < limit)
        .order_by(AuditEntry.at, AuditEntry.id)
        .limit(BATCH)
    ).scalars()
    sealed = 0
    ends: dict[str, list[int | str]] = {}
    for row in rows:
        row.day = clock.shanghai_date(row.at).isoformat()
        last = _last_of(row.day)
        row.number, previous = (last[0] + 1, last[1]) if last else (1, row.day)
        row.digest = _digest(previous, row)
        db.session.flush()
        ends[row.day] = [row.number, row.digest]
        sealed += 1
    if sealed:
        record(SYSTEM, STATEMENT, "audit", max(ends), changes=ends)
    return sealed


def _last_of(day: str) -> tuple[int, str] | None:
    found = db.session.execute(
        select(AuditEntry.number, AuditEntry.digest)
        .where(AuditEntry.day == day, AuditEntry.number.is_not(None))
        .order_by(AuditEntry.number.desc())
        .limit(1)
    ).first()
    return (found[0], found[1]) if found else None


def _shortened_days() -> Iterator[str]:
    """Days that end before the row that a seal run named, or whose row of that number is another."""
    query = select(AuditEntry.changes).where(AuditEntry.action == STATEMENT).order_by(AuditEntry.id)
    for ends in db.session.execute(query).scalars().yield_per(BATCH):
        for day, (number, digest) in ends.items():
            found = db.session.execute(
                select(AuditEntry.digest).where(AuditEntry.day == day, AuditEntry.number == number)
            ).scalar_one_or_none()
            if found is None:
                yield f"{day}: entry {number} is missing at the end"
            elif found != digest:
                yield f"{day}: entry {number} is not the one that was sealed"


def verify_audit() -> Iterator[str]:
    """Sentences that name each changed, missing or late row; nothing when all is sound."""
    query = select(AuditEntry).where(AuditEntry.digest.is_not(None)).order_by(AuditEntry.day, AuditEntry.number)
    day, number, previous = "", 0, ""
    for row in db.session.execute(query).scalars().yield_per(BATCH):
        if row.day != day:
            day, number, previous = str(row.day), 0, str(row.day)
        number += 1
        if row.number != number:
            yield f"{day}: entry {number} is missing before {row.number}"
            number = int(row.number or 0)
        elif _digest(previous, row) != row.digest:
            yield f"{day}: entry {number} ({row.action}, id {row.id}) was changed"
        previous = str(row.digest)
    yield from _shortened_days()
    late = clock.start_of_day(clock.today()) - timedelta(days=1)
    for row in db.session.execute(
        select(AuditEntry).where(AuditEntry.digest.is_(None), AuditEntry.at < late).limit(BATCH)
    ).scalars():
        yield f"{clock.shanghai_date(row.at)}: entry id {row.id} ({row.action}) is not sealed"
