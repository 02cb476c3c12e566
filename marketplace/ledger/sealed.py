"""The journal under seal: each book's entries day by day, with their postings (D4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select

from marketplace import sealing
from marketplace.database import db
from marketplace.ledger.models import JournalEntry, Posting


def _postings(entry_ids: Sequence[int]) -> dict[int, list[Any]]:
    query = select(Posting).where(Posting.entry_id.in_(entry_ids)).order_by(Posting.id)
    found: dict[int, list[Any]] = {}
    for row in db.session.execute(query).scalars():
        found.setdefault(row.entry_id, []).append([row.id, row.book, row.account.value, row.amount])
    return found


JOURNAL = sealing.Sealed(
    JournalEntry, "journal.sealed", "kind", book="book", words="journal, book ", parts=_postings
)
sealing.register(JOURNAL)
