"""Who did what, for whom: rows written in the act's own transaction, sealed later (D4)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from marketplace import clock
from marketplace.database import Base, UtcDateTime, db, id_column


@dataclass(frozen=True)
class Actor:
    """The person or process that acts, and the seller for whom, when staff act for one."""

    user_id: int | None
    label: str
    seller_id: int | None = None


SYSTEM = Actor(None, "system")


class AuditEntry(Base):
    """One act: append-only; day, number and digest are filled by the seal job."""

    __tablename__ = "audit_entries"
    __table_args__ = (
        Index("ix_audit_entries_subject", "subject_type", "subject_id"),
        Index("ix_audit_entries_day_number", "day", "number", unique=True),
        Index(
            "ix_audit_entries_unsealed",
            "at",
            sqlite_where=text("digest IS NULL"),
            postgresql_where=text("digest IS NULL"),
        ),
    )

    id: Mapped[int] = id_column()
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    actor_id: Mapped[int | None] = mapped_column(BigInteger)
    actor_label: Mapped[str] = mapped_column(String(80))
    on_behalf_of: Mapped[int | None] = mapped_column(BigInteger)
    action: Mapped[str] = mapped_column(String(60))
    subject_type: Mapped[str] = mapped_column(String(40))
    subject_id: Mapped[str] = mapped_column(String(64))
    seller_id: Mapped[int | None] = mapped_column(BigInteger, index=True)
    changes: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    day: Mapped[str | None] = mapped_column(String(10))
    number: Mapped[int | None] = mapped_column(BigInteger)
    digest: Mapped[str | None] = mapped_column(String(64))


def record(
    actor: Actor,
    action: str,
    subject_type: str,
    subject_id: object,
    *,
    seller_id: int | None = None,
    changes: dict[str, Any] | None = None,
) -> None:
    """Write one audit row in the caller's transaction; action is past tense, such as order.shipped."""
    db.session.add(
        AuditEntry(
            at=clock.now(),
            actor_id=actor.user_id,
            actor_label=actor.label,
            on_behalf_of=actor.seller_id,
            action=action,
            subject_type=subject_type,
            subject_id=str(subject_id),
            seller_id=seller_id,
            changes=changes or {},
        )
    )
