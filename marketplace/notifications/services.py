"""Telling people: messages are written with the act that they tell of, and sent afterwards."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext as _
from sqlalchemy import update

from marketplace import clock
from marketplace.audit import Actor, record
from marketplace.database import count_changed, db
from marketplace.errors import DomainError
from marketplace.notifications import messages
from marketplace.notifications.models import Channel, MessageStatus, OutboxMessage
from marketplace.notifications.queries import get_message


class MessageNotParkedError(DomainError):
    """Only a message that was given up can be tried again."""


class MessageExpiredError(DomainError):
    """A code whose time is over is not sent any more."""


def notify(
    template: str,
    *,
    phone: str | None = None,
    mail: str | None = None,
    parameters: dict[str, Any],
    language: str = "zh",
) -> None:
    """Write an SMS for a phone and a mail for an address, in the caller's transaction.

    Amounts in parameters are fen. KeyError or TypeError when the message is unknown or its parameters do not fit.
    """
    messages.check(template, parameters)
    moment = clock.now()
    for channel, recipient in ((Channel.SMS, phone), (Channel.MAIL, mail)):
        if recipient:
            db.session.add(
                OutboxMessage(
                    channel=channel,
                    recipient=recipient,
                    template=template,
                    parameters=parameters,
                    language=language,
                    next_try_at=moment,
                    created_at=moment,
                )
            )


def retry(actor: Actor, message_id: int) -> None:
    """Send a parked message again from the first try on; NotFoundError, MessageNotParkedError, MessageExpiredError."""
    message = get_message(message_id)
    if message.template in messages.SECRETS:
        raise MessageExpiredError(_("验证码过期了，不再发送；请本人重新获取"))
    found = count_changed(
        update(OutboxMessage)
        .where(OutboxMessage.id == message_id, OutboxMessage.status == MessageStatus.PARKED)
        .values(status=MessageStatus.WAITING, tries=0, next_try_at=clock.now(), last_error=None)
    )
    if found != 1:
        raise MessageNotParkedError(_("这条消息没有停住，不用重发"))
    record(actor, "message.retried", "message", message_id)
