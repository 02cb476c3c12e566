"""Sending what waits: each message is claimed by a guarded update, sent outside any transaction, then marked."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta

from flask import current_app
from sqlalchemy import select, update

from marketplace import clock
from marketplace.database import count_changed, db, run_in_transaction
from marketplace.logs import log
from marketplace.notifications import messages
from marketplace.notifications.models import Channel, MessageStatus, OutboxMessage
from marketplace.notifications.senders import Envelope, SendError, sender_for

# A claim is a later next try: who dies while sending leaves the message to be sent again after this time.
CLAIM = timedelta(minutes=2)
PAUSES = tuple(timedelta(minutes=m) for m in (1, 2, 5, 15, 60, 180, 720))
MOST_TRIES = len(PAUSES) + 1


def deliver_due(limit: int = 50) -> int:
    """Try each message whose time has come, at most limit of them; how many went out."""
    moment = clock.now()
    due = select(OutboxMessage.id, OutboxMessage.next_try_at).where(
        OutboxMessage.status == MessageStatus.WAITING, OutboxMessage.next_try_at <= moment
    )
    waiting = db.session.execute(due.order_by(OutboxMessage.next_try_at).limit(limit)).tuples().all()
    return sum(_deliver(message_id, expected) for message_id, expected in waiting)


def _deliver(message_id: int, expected: datetime) -> bool:
    envelope = run_in_transaction(lambda: _claim(message_id, expected))
    if envelope is None:
        return False
    try:
        sender_for(Channel(envelope.channel), current_app.config["SETTINGS"]).send(envelope)
    except SendError as error:
        reason = str(error)
        log().warning("message.not_sent", message=message_id, template=envelope.template, reason=reason)
        run_in_transaction(lambda: _put_off(message_id, reason))
        return False
    run_in_transaction(lambda: _mark_sent(message_id))
    return True


def _claim(message_id: int, expected: datetime) -> Envelope | None:
    """Take the message if nobody else did; None too when it is a code that came too late."""
    moment = clock.now()
    mine = count_changed(
        update(OutboxMessage)
        .where(
            OutboxMessage.id == message_id,
            OutboxMessage.status == MessageStatus.WAITING,
            OutboxMessage.next_try_at == expected,
        )
        .values(next_try_at=moment + CLAIM, tries=OutboxMessage.tries + 1)
    )
    if mine != 1:
        return None
    message = db.session.execute(select(OutboxMessage).where(OutboxMessage.id == message_id)).scalar_one()
    secret = messages.SECRETS.get(message.template)
    if secret and message.created_at + secret[1] <= moment:
        _park(message, "expired before it could be sent")
        return None
    return _envelope(message)


def _envelope(message: OutboxMessage) -> Envelope:
    render = messages.render_mail if message.channel == Channel.MAIL else messages.render_sms
    return Envelope(
        id=message.id,
        channel=message.channel.value,
        to=message.recipient,
        template=message.template,
        parameters=message.parameters,
        language=message.language,
        created_at=message.created_at.isoformat(),
        **asdict(render(message.template, message.parameters, message.language)),
    )


def _put_off(message_id: int, reason: str) -> None:
    message = db.session.get_one(OutboxMessage, message_id)
    if message.tries >= MOST_TRIES:
        _park(message, reason)
    else:
        message.last_error = reason[:300]
        message.next_try_at = clock.now() + PAUSES[message.tries - 1]


def _park(message: OutboxMessage, reason: str) -> None:
    message.status = MessageStatus.PARKED
    message.last_error = reason[:300]
    message.parameters = messages.without_secret(message.template, message.parameters)
    log().error("message.parked", message=message.id, template=message.template)


def _mark_sent(message_id: int) -> None:
    message = db.session.get_one(OutboxMessage, message_id)
    message.status = MessageStatus.SENT
    message.sent_at = clock.now()
    message.last_error = None
    message.parameters = messages.without_secret(message.template, message.parameters)
