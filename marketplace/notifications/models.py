"""Messages to people, kept until they were sent."""

from __future__ import annotations

import enum
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.database import Base, UtcDateTime, enum_column, id_column


class Channel(enum.StrEnum):
    MAIL = "mail"
    SMS = "sms"


class MessageStatus(enum.StrEnum):
    WAITING = "waiting"
    SENT = "sent"
    PARKED = "parked"


class OutboxMessage(Base):
    """One mail or SMS: template id and parameters, written in the act's transaction, sent by the worker."""

    __tablename__ = "outbox_messages"
    __table_args__ = (Index("ix_outbox_messages_due", "status", "next_try_at"),)

    id: Mapped[int] = id_column()
    channel: Mapped[Channel] = enum_column(Channel)
    recipient: Mapped[str] = mapped_column(String(200))
    template: Mapped[str] = mapped_column(String(60))
    parameters: Mapped[dict[str, Any]] = mapped_column(JSON)
    language: Mapped[str] = mapped_column(String(2), default="zh")
    status: Mapped[MessageStatus] = enum_column(MessageStatus, default=MessageStatus.WAITING)
    tries: Mapped[int] = mapped_column(default=0)
    next_try_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_error: Mapped[str | None] = mapped_column(String(300))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
