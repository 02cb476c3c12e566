"""The codes that were sent, read from the outbox as the phone would get them."""

from __future__ import annotations

from flask import Flask
from sqlalchemy import select

from marketplace.database import db
from marketplace.notifications.models import OutboxMessage


def messages_to(app: Flask, phone: str) -> list[OutboxMessage]:
    """What was written to a phone, oldest first."""
    with app.app_context():
        query = select(OutboxMessage).where(OutboxMessage.recipient == phone).order_by(OutboxMessage.id)
        return list(db.session.execute(query).scalars())


def last_code(app: Flask, phone: str) -> str:
    """The newest code to a phone."""
    codes = [message.parameters["code"] for message in messages_to(app, phone) if message.template == "code"]
    assert codes, f"no code was sent to {phone}"
    return str(codes[-1])


def wrong(code: str) -> str:
    """Another code."""
    return f"{(int(code) + 1) % 1_000_000:06d}"
