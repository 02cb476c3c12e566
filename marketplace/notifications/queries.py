"""Messages that wait, were given up, or were sent."""

from __future__ import annotations

from sqlalchemy import func, select

from marketplace.database import db
from marketplace.errors import NotFoundError
from marketplace.notifications.models import MessageStatus, OutboxMessage
from marketplace.paging import page_of
from marketplace.permissions import Viewer

PAGE = 50


def get_message(message_id: int) -> OutboxMessage:
    """One message, or NotFoundError."""
    found = db.session.get(OutboxMessage, message_id)
    if found is None:
        raise NotFoundError
    return found


def list_messages(
    viewer: Viewer, status: MessageStatus, after: int | None = None
) -> tuple[list[OutboxMessage], int | None]:
    """Messages of one state, newest first, and the id after which the next page starts."""
    if not viewer.can("messages:read"):
        return [], None
    query = select(OutboxMessage).where(OutboxMessage.status == status)
    return page_of(query, OutboxMessage.id, after, PAGE)


def count_by_status(viewer: Viewer) -> dict[MessageStatus, int]:
    """How many wait and how many were given up."""
    if not viewer.can("messages:read"):
        return {}
    unsent = (MessageStatus.WAITING, MessageStatus.PARKED)
    query = select(OutboxMessage.status, func.count()).where(OutboxMessage.status.in_(unsent))
    return dict(db.session.execute(query.group_by(OutboxMessage.status)).tuples().all())
