"""What the provider tells, read from the SDK's objects or from an event's plain mappings; anything else is refused."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from marketplace.money import MAX_FEN
from marketplace.payments.models import DisputeStatus

MOST_URL = 4000
LATEST = 2**33  # seconds since 1970: no moment of a dispute lies behind it


@dataclass(frozen=True)
class ProviderSession:
    """A checkout session as the provider tells it; amount in fen."""

    ref: str
    is_paid: bool
    is_expired: bool
    is_open: bool
    amount: int
    currency: str
    payment_id: int | None
    order_id: int | None
    intent_ref: str | None
    url: str | None
    order_code: str = ""  # as it was at asking; our own words, kept by the provider


@dataclass(frozen=True)
class ProviderRefund:
    """A refund as the provider tells it."""

    ref: str
    status: str  # pending, requires_action, succeeded, failed, canceled
    amount: int
    intent_ref: str | None
    failure: str
    key: str | None = None  # of our question, as it was named in it


@dataclass(frozen=True)
class ProviderDispute:
    """A dispute as the provider tells it: the buyer's bank takes a payment back. Amounts in fen."""

    ref: str
    intent_ref: str | None
    status: DisputeStatus
    reason: str
    amount: int
    currency: str
    withdrawn_amount: int  # what the provider has taken from the account so far
    reinstated_amount: int  # and brought back
    fee_amount: int
    fee_returned_amount: int
    opened_at: datetime
    due_at: datetime | None


def field(thing: Any, name: str) -> Any:
    """A field of an SDK object that may be absent."""
    try:
        return thing[name]
    except (KeyError, TypeError):
        return None


def _whole(value: Any) -> int | None:
    is_number = isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20
    return int(value) if is_number and int(value) < 2**63 else None


def is_ref(value: Any, *, most: int = 120) -> bool:
    """Whether a value can be a reference of the provider's: plain text of a bounded length."""
    return isinstance(value, str) and 0 < len(value) <= most and value.isascii() and value.isprintable()


def _is_amount(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_FEN


def session_of(thing: Any) -> ProviderSession:
    """A session from an SDK object or an event's plain mapping; TypeError or ValueError when it is none."""
    metadata = field(thing, "metadata") or {}
    amount, url = field(thing, "amount_total"), field(thing, "url")
    ref = field(thing, "id")
    if not is_ref(ref) or not _is_amount(amount):
        raise ValueError("not a checkout session")
    intent = field(thing, "payment_intent")
    if intent is not None and not isinstance(intent, str):
        intent = field(intent, "id")
    if intent is not None and not is_ref(intent):
        raise ValueError("not a checkout session")
    return ProviderSession(
        ref=ref,
        is_paid=field(thing, "payment_status") == "paid",
        is_expired=field(thing, "status") == "expired",
        is_open=field(thing, "status") == "open",
        amount=amount,
        currency=str(field(thing, "currency") or ""),
        payment_id=_whole(field(metadata, "payment_id")),
        order_id=_whole(field(metadata, "order_id")),
        intent_ref=intent,
        url=url if is_ref(url, most=MOST_URL) else None,
        order_code=str(field(thing, "client_reference_id") or ""),
    )


def refund_of(thing: Any) -> ProviderRefund:
    """A refund from an SDK object or an event's plain mapping; ValueError when it is none."""
    ref, amount = field(thing, "id"), field(thing, "amount")
    if not is_ref(ref) or not _is_amount(amount):
        raise ValueError("not a refund")
    intent, key = field(thing, "payment_intent"), field(field(thing, "metadata") or {}, "key")
    return ProviderRefund(
        ref=ref,
        status=str(field(thing, "status") or "pending"),
        amount=amount,
        intent_ref=intent if isinstance(intent, str) else None,
        failure="".join(filter(str.isprintable, str(field(thing, "failure_reason") or "")))[:200],
        key=key if is_ref(key) else None,
    )


# An inquiry takes no money yet; what an appeal waits for is decided by the bank as well.
STATES = {
    "warning_needs_response": DisputeStatus.INQUIRY,
    "warning_under_review": DisputeStatus.INQUIRY,
    "warning_closed": DisputeStatus.DROPPED,
    "prevented": DisputeStatus.DROPPED,
    "needs_response": DisputeStatus.NEEDS_RESPONSE,
    "won": DisputeStatus.WON,
    "lost": DisputeStatus.LOST,
}


def dispute_of(thing: Any) -> ProviderDispute:
    """A dispute from an SDK object or an event's plain mapping; ValueError when it is none."""
    ref, amount = field(thing, "id"), field(thing, "amount")
    movements = field(thing, "balance_transactions") or []
    opened, due = field(thing, "created"), field(field(thing, "evidence_details"), "due_by")
    if not is_ref(ref) or not _is_amount(amount) or not _is_moment(opened) or not isinstance(movements, list):
        raise ValueError("not a dispute")
    moved = [(field(one, "amount"), field(one, "fee")) for one in movements]
    if not all(type(value) is int and abs(value) <= MAX_FEN for one in moved for value in one):
        raise ValueError("not a dispute")
    intent = field(thing, "payment_intent")
    return ProviderDispute(
        ref=ref,
        intent_ref=intent if is_ref(intent) else field(intent, "id"),
        status=STATES.get(str(field(thing, "status")), DisputeStatus.UNDER_REVIEW),
        reason="".join(filter(str.isprintable, str(field(thing, "reason") or "")))[:60],
        amount=amount,
        currency=str(field(thing, "currency") or ""),
        withdrawn_amount=-sum(value for value, _fee in moved if value < 0),
        reinstated_amount=sum(value for value, _fee in moved if value > 0),
        fee_amount=sum(fee for _value, fee in moved if fee > 0),
        fee_returned_amount=-sum(fee for _value, fee in moved if fee < 0),
        opened_at=datetime.fromtimestamp(opened, UTC),
        due_at=datetime.fromtimestamp(due, UTC) if _is_moment(due) else None,
    )


def _is_moment(value: Any) -> bool:
    return type(value) is int and 0 < value < LATEST
