"""The provider's calls: verified over the raw bytes, stored once by event id, acted on; a repeat is accepted."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from typing import Any

from flask import Blueprint, current_app, jsonify, request
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from marketplace import clock
from marketplace.database import db, insert_once, run_in_transaction
from marketplace.errors import DomainError
from marketplace.extensions import csrf
from marketplace.logs import log
from marketplace.payments import disputing, refunding, services
from marketplace.payments.answers import dispute_of, is_ref, refund_of, session_of
from marketplace.payments.models import WebhookEvent
from marketplace.permissions import public

bp = Blueprint("webhooks", __name__)

LARGEST = 1_000_000  # bytes
TOLERANCE_SECONDS = 300  # both ways: the SDK only looks backwards
MOST_SIGNATURES = 10


class BadEventError(ValueError):
    """Not an event that the provider signed for us."""


@bp.post("/webhooks/stripe")
@csrf.exempt
@public
def stripe_event() -> ResponseReturnValue:
    """200 for every event that is verified, known or not; 400 for anything else; the order is untouched then."""
    if (request.content_length or 0) > LARGEST:
        return jsonify(error="too large"), 413
    body = request.get_data(cache=False)
    try:
        secret = current_app.config["SETTINGS"].stripe_webhook_secret
        verify(body, request.headers.get("Stripe-Signature", ""), secret, int(time.time()))
        event = read(body)
    except BadEventError as error:
        log().warning("webhook.refused", reason=str(error))
        return jsonify(error=str(error)), 400
    outcome = run_in_transaction(lambda: take(event))
    log().info("webhook.taken", id=event["id"], type=event["type"], outcome=outcome)
    return jsonify(received=True)


def verify(body: bytes, header: str, secret: str, moment: int) -> None:
    """Check the documented scheme t=…,v1=… over the raw bytes; several v1 occur while a secret is changed."""
    stamp, signatures = "", []
    for part in header.split(",")[: MOST_SIGNATURES + 1]:
        name, _separator, value = part.strip().partition("=")
        if name == "t":
            stamp = value
        elif name == "v1":
            signatures.append(value)
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 12) or not signatures:
        raise BadEventError("no signature")
    if not secret:
        raise BadEventError("no secret is set")
    expected = hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    if not any(hmac.compare_digest(expected.encode(), given.encode()) for given in signatures):
        raise BadEventError("wrong signature")
    if abs(moment - int(stamp)) > TOLERANCE_SECONDS:
        raise BadEventError("signed at another time")


def read(body: bytes) -> dict[str, Any]:
    """The event as a mapping with id, type and data.object; BadEventError for any other shape."""
    try:
        event = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadEventError("not JSON") from error
    thing = event.get("data") if isinstance(event, dict) else None
    inner = thing.get("object") if isinstance(thing, dict) else None
    if not isinstance(inner, dict):
        raise BadEventError("not an event")
    for name in ("id", "type"):
        value = event.get(name)
        if not is_ref(value, most=80):
            raise BadEventError("not an event")
    return event


def take(event: dict[str, Any]) -> str:
    """Store an event once and do what it says, in the caller's transaction; what was done, in words."""
    inner, created = event["data"]["object"], event.get("created")
    stored = insert_once(
        WebhookEvent,
        id=event["id"],
        type=event["type"],
        object_ref=inner["id"] if is_ref(inner.get("id")) else "",
        payload={
            "type": event["type"],
            "created": created if type(created) is int and abs(created) < 2**53 else None,
            "livemode": event.get("livemode") is True,
        },
        received_at=clock.now(),
        outcome="",
    )
    if not stored:
        return "repeat"
    outcome = _act(event["type"], inner)
    row = db.session.execute(select(WebhookEvent).where(WebhookEvent.id == event["id"])).scalar_one()
    row.outcome = outcome[:60]
    return outcome


def _act(kind: str, inner: dict[str, Any]) -> str:
    try:
        with db.session.begin_nested():  # a refusal half-way leaves nothing of the act behind
            if kind.startswith("checkout.session."):
                return services.record_session(session_of(inner))
            if kind.startswith("charge.dispute."):
                return disputing.record_dispute(dispute_of(inner))
            if kind.startswith("refund.") or kind == "charge.refund.updated":
                return refunding.record_refund(refund_of(inner))
    except (DomainError, ValueError, OverflowError) as error:
        return f"ignored: {error}"
    return "ignored: unknown type"
