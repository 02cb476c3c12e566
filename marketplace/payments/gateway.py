"""The payment provider, through Stripe's own SDK; the sandbox is the same code at another address (D12).

Nothing here runs inside a transaction. A time-out means that the effect is unknown, never that there is none.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, TypeVar

import stripe
from flask import current_app
from stripe._http_client import RequestsClient  # the SDK names it nowhere else

from marketplace import metrics
from marketplace.database import db
from marketplace.errors import DomainError
from marketplace.logs import log, milliseconds_since
from marketplace.money import MAX_FEN
from marketplace.payments.breaker import Breaker
from marketplace.payments.rules import Channel

TIMEOUT_SECONDS = (3, 6)  # to connect, and between bytes: a buyer is told within ten that we are checking
CONFLICT = 409
MOST_URL = 4000
LOCALES = {"zh": "zh", "en": "en"}

T = TypeVar("T")


class ProviderUnsureError(DomainError):
    """The provider did not answer, or answered with a fault of its own: the effect is unknown."""


class ProviderKeyError(ProviderUnsureError):
    """The provider does not know our key: nothing was asked, so nothing is known of any payment."""

    def __init__(self) -> None:
        super().__init__(
            "the provider does not accept STRIPE_API_KEY: set the account's key and start again; nothing was changed"
        )


class ProviderRestingError(ProviderUnsureError):
    """It did not answer several times and is left alone for some seconds: this time it was not even asked."""


class ProviderRefusedError(DomainError):
    """The provider understood and said no: there was no effect."""


class ProviderMissingError(ProviderRefusedError):
    """The provider has no such thing: the only answer by which a payment of ours never began."""


@dataclass(frozen=True)
class SessionWish:
    """What a checkout session is asked for; the same key always comes with the same wish."""

    idempotency_key: str
    payment_id: int
    order_id: int
    order_code: str
    lines: Sequence[tuple[str, int]]  # words and fen, one per parcel
    currency: str
    channels: Sequence[Channel]  # what may be paid with, the buyer's choice first
    expires_at: datetime
    success_url: str
    cancel_url: str
    language: str


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


class Gateway(Protocol):
    """What the shop asks of a payment provider."""

    def create_session(self, wish: SessionWish) -> ProviderSession: ...

    def get_session(self, ref: str) -> ProviderSession: ...

    def expire_session(self, ref: str, key: str) -> ProviderSession: ...

    def list_sessions(self, since: datetime) -> list[ProviderSession]: ...

    def create_refund(self, *, intent_ref: str, amount: int, key: str, refund_id: int) -> ProviderRefund: ...

    def get_refund(self, ref: str) -> ProviderRefund: ...

    def get_charge(self, intent_ref: str) -> tuple[str | None, int | None]: ...

    def get_refunded(self, intent_ref: str) -> int: ...


def gateway() -> Gateway:
    """The configured provider, one client per process; RuntimeError inside a transaction (D5)."""
    if db.session().in_transaction():
        raise RuntimeError("the provider is called outside of transactions")
    found = current_app.extensions.get("payment_gateway")
    if found is None:
        settings = current_app.config["SETTINGS"]
        found = StripeGateway(settings.stripe_api_key, settings.provider_url)
        current_app.extensions["payment_gateway"] = found
    return found


class StripeGateway:
    """Stripe's API, or the sandbox that speaks it."""

    def __init__(self, key: str, base: str) -> None:
        # The shop repeats by itself, with the stored key; the SDK must not.
        self._client = stripe.StripeClient(
            key,
            base_addresses={"api": base} if base else {},
            max_network_retries=0,
            http_client=RequestsClient(timeout=TIMEOUT_SECONDS),
        )
        self._breaker = Breaker(lambda event: log().warning(event))

    def create_session(self, wish: SessionWish) -> ProviderSession:
        """A hosted checkout session; the same key gives the same session."""
        ids = {"payment_id": str(wish.payment_id), "order_id": str(wish.order_id)}
        return self._ask(
            "checkout.sessions.create",
            lambda: self._client.v1.checkout.sessions.create(
                {
                    "mode": "payment",
                    "client_reference_id": wish.order_code,
                    "line_items": [
                        {
                            "quantity": 1,
                            "price_data": {
                                "currency": wish.currency,
                                "unit_amount": amount,
                                "product_data": {"name": words},
                            },
                        }
                        for words, amount in wish.lines
                    ],
                    "allowed_payment_method_types": [*wish.channels],
                    "payment_method_options": {"wechat_pay": {"client": "web"}},
                    "metadata": ids,
                    "payment_intent_data": {"metadata": ids, "transfer_group": wish.order_code},
                    "success_url": wish.success_url,
                    "cancel_url": wish.cancel_url,
                    "expires_at": int(wish.expires_at.timestamp()),
                    "locale": "en" if wish.language == "en" else "zh",
                },
                {"idempotency_key": wish.idempotency_key},
            ),
            session_of,
        )

    def get_session(self, ref: str) -> ProviderSession:
        return self._ask(
            "checkout.sessions.retrieve", lambda: self._client.v1.checkout.sessions.retrieve(ref), session_of
        )

    def expire_session(self, ref: str, key: str) -> ProviderSession:
        """Close a session; ProviderRefusedError when it is not open any more."""
        return self._ask(
            "checkout.sessions.expire",
            lambda: self._client.v1.checkout.sessions.expire(ref, {}, {"idempotency_key": key}),
            session_of,
        )

    def list_sessions(self, since: datetime) -> list[ProviderSession]:
        """Sessions made since a moment, newest first."""
        return self._ask(
            "checkout.sessions.list",
            lambda: self._client.v1.checkout.sessions.list(
                {"created": {"gte": int(since.timestamp())}, "limit": 100}
            ),
            _sessions_of,
        )

    def create_refund(self, *, intent_ref: str, amount: int, key: str, refund_id: int) -> ProviderRefund:
        return self._ask(
            "refunds.create",
            lambda: self._client.v1.refunds.create(
                {"payment_intent": intent_ref, "amount": amount, "metadata": {"refund_id": str(refund_id)}},
                {"idempotency_key": key},
            ),
            refund_of,
        )

    def get_refund(self, ref: str) -> ProviderRefund:
        return self._ask("refunds.retrieve", lambda: self._client.v1.refunds.retrieve(ref), refund_of)

    def get_charge(self, intent_ref: str) -> tuple[str | None, int | None]:
        """How it was paid (card, alipay, wechat_pay) and the provider's fee in fen, as far as known."""
        intent = self._ask(
            "payment_intents.retrieve",
            lambda: self._client.v1.payment_intents.retrieve(
                intent_ref, {"expand": ["latest_charge.balance_transaction"]}
            ),
            lambda answer: answer,
        )
        charge = _field(intent, "latest_charge")
        if charge is None or isinstance(charge, str):
            return None, None
        details = _field(charge, "payment_method_details")
        movement = _field(charge, "balance_transaction")
        fee = None if movement is None or isinstance(movement, str) else _field(movement, "fee")
        return (_field(details, "type") if details is not None else None), fee

    def get_refunded(self, intent_ref: str) -> int:
        """How many fen of a payment have gone back."""
        intent = self._ask(
            "get_refunded",
            lambda: self._client.v1.payment_intents.retrieve(intent_ref, {"expand": ["latest_charge"]}),
            lambda answer: answer,
        )
        return int(_field(_field(intent, "latest_charge"), "amount_refunded") or 0)

    def _ask(self, what: str, call: Callable[[], Any], read: Callable[[Any], T]) -> T:
        """One call, told in the log; its failures sorted into those with an unknown effect and those with none."""
        if not self._breaker.may_call():
            raise ProviderRestingError(what)
        begun, outcome = time.perf_counter(), "unsure"
        try:
            found = read(call())
            outcome = "answered"
        except (stripe.AuthenticationError, stripe.PermissionError) as error:
            outcome = "key refused"
            raise ProviderKeyError from error
        except (stripe.InvalidRequestError, stripe.CardError) as error:
            if error.http_status == CONFLICT:  # the same key is being worked on: its effect is still to come
                outcome = "conflict"
                raise ProviderUnsureError(type(error).__name__) from error
            outcome = "refused"
            kind = ProviderMissingError if error.code == "resource_missing" else ProviderRefusedError
            raise kind(str(error.user_message or error)) from error
        except (stripe.StripeError, TypeError, ValueError) as error:  # the last two: an answer of another shape
            raise ProviderUnsureError(type(error).__name__) from error
        finally:
            self._breaker.note(answered=outcome != "unsure")
            metrics.provider_called(what, outcome)
            log().info("provider.called", call=what, outcome=outcome, ms=milliseconds_since(begun))
        return found


def _sessions_of(page: Any) -> list[ProviderSession]:
    """All of a list; it asks for the next page by itself."""
    found = []
    for thing in page.auto_paging_iter():
        try:
            found.append(session_of(thing))
        except (TypeError, ValueError):  # another shop's on the same account, of another mode
            log().info("provider.session_passed_over", ref=str(_field(thing, "id"))[:120])
    return found


def _field(thing: Any, name: str) -> Any:
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
    metadata = _field(thing, "metadata") or {}
    amount, url = _field(thing, "amount_total"), _field(thing, "url")
    ref = _field(thing, "id")
    if not is_ref(ref) or not _is_amount(amount):
        raise ValueError("not a checkout session")
    intent = _field(thing, "payment_intent")
    if intent is not None and not isinstance(intent, str):
        intent = _field(intent, "id")
    if intent is not None and not is_ref(intent):
        raise ValueError("not a checkout session")
    return ProviderSession(
        ref=ref,
        is_paid=_field(thing, "payment_status") == "paid",
        is_expired=_field(thing, "status") == "expired",
        is_open=_field(thing, "status") == "open",
        amount=amount,
        currency=str(_field(thing, "currency") or ""),
        payment_id=_whole(_field(metadata, "payment_id")),
        order_id=_whole(_field(metadata, "order_id")),
        intent_ref=intent,
        url=url if is_ref(url, most=MOST_URL) else None,
        order_code=str(_field(thing, "client_reference_id") or ""),
    )


def refund_of(thing: Any) -> ProviderRefund:
    """A refund from an SDK object or an event's plain mapping; ValueError when it is none."""
    ref, amount = _field(thing, "id"), _field(thing, "amount")
    if not is_ref(ref) or not _is_amount(amount):
        raise ValueError("not a refund")
    intent = _field(thing, "payment_intent")
    return ProviderRefund(
        ref=ref,
        status=str(_field(thing, "status") or "pending"),
        amount=amount,
        intent_ref=intent if isinstance(intent, str) else None,
        failure="".join(filter(str.isprintable, str(_field(thing, "failure_reason") or "")))[:200],
    )
