"""Limits that count failures, as rows, so that they hold over processes and restarts (D10)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask_babel import gettext as _
from sqlalchemy import Index, String, delete, func, select
from sqlalchemy.orm import Mapped, mapped_column

from marketplace import clock
from marketplace.database import Base, UtcDateTime, count_changed, db, id_column
from marketplace.errors import TooManyTriesError


class Failure(Base):
    """One failed try under one key; the key is hashed, since it may be a phone number."""

    __tablename__ = "failures"
    __table_args__ = (Index("ix_failures_key_at", "key", "at"),)

    id: Mapped[int] = id_column()
    key: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime] = mapped_column(UtcDateTime)


@dataclass(frozen=True)
class Limit:
    """At most so many within a time."""

    name: str
    most: int
    within: timedelta


# Ten from one address, fifteen in all: who guesses from one place leaves the owner tries from another.
SIGN_IN_PAIR = Limit("sign-in person and address", 10, timedelta(minutes=5))
SIGN_IN_PERSON = Limit("sign-in person", 15, timedelta(minutes=5))
SIGN_IN_ADDRESS = Limit("sign-in address", 100, timedelta(minutes=5))
SECOND_FACTOR = Limit("second factor", 5, timedelta(minutes=5))
CODE_TRIES = Limit("code tries", 5, timedelta(minutes=10))
# Cash on delivery by a guest takes goods out of a pool on the word of an unproved phone.
GUEST_CASH_PHONE = Limit("guest cash phone", 3, timedelta(days=1))
GUEST_CASH_ADDRESS = Limit("guest cash address", 10, timedelta(days=1))
CODE_SENDS_PHONE = Limit("code sends phone", 5, timedelta(days=1))
CODE_SENDS_ADDRESS = Limit("code sends address", 20, timedelta(days=1))


def _key(limit: Limit, subject: str) -> str:
    return hashlib.sha256(f"{limit.name}\n{subject}".encode()).hexdigest()


def is_reached(limit: Limit, subject: str) -> bool:
    """Whether the subject has used up its tries."""
    query = select(func.count()).where(Failure.key == _key(limit, subject), Failure.at > clock.now() - limit.within)
    return db.session.execute(query).scalar_one() >= limit.most


def check(limit: Limit, subject: str) -> None:
    """Refuse with TooManyTriesError once the limit is reached."""
    if is_reached(limit, subject):
        minutes = max(1, int(limit.within.total_seconds() // 60))
        if minutes >= 120:
            raise TooManyTriesError(_("次数太多了，请过 %(hours)s 小时再来", hours=minutes // 60))
        raise TooManyTriesError(_("试得太多了，请过 %(minutes)s 分钟再来", minutes=minutes))


def take(limit: Limit, subject: str) -> None:
    """Check and count in one step that tries at the same moment cannot pass together; give_back() after a success."""
    if db.session.get_bind().dialect.name == "postgresql":  # SQLite has one writer at a time anyway
        key = int(_key(limit, subject)[:15], 16)
        db.session.execute(select(func.pg_advisory_xact_lock(key)))
    check(limit, subject)
    count(limit, subject)
    db.session.flush()


def give_back(limit: Limit, subject: str) -> None:
    """Uncount one try, since it was right."""
    newest = select(func.max(Failure.id)).where(Failure.key == _key(limit, subject)).scalar_subquery()
    db.session.execute(delete(Failure).where(Failure.id == newest))


def count(limit: Limit, subject: str) -> None:
    """Count one more, in the caller's transaction."""
    db.session.add(Failure(key=_key(limit, subject), at=clock.now()))


def forget_old() -> int:
    """Delete rows that no limit looks at any more; run by the worker."""
    return count_changed(delete(Failure).where(Failure.at < clock.now() - timedelta(days=2)))
