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
from marketplace.payments.answers import (
    ProviderDispute,
    ProviderRefund,
    ProviderSession,
    dispute_of,
    field,
    refund_of,
    session_of,
)
from marketplace.payments.breaker import Breaker
from marketplace.payments.rules import Channel

TIMEOUT_SECONDS = (3, 6)  # to connect, and between bytes: a buyer is told within ten that we are checking
CONFLICT = 409
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


class Gateway(Protocol):
    """What the shop asks of a payment provider."""

    def create_session(self, wish: SessionWish) -> ProviderSession: ...

    def get_session(self, ref: str) -> ProviderSession: ...

    def expire_session(self, ref: str, key: str) -> ProviderSession: ...

    def list_sessions(self, since: datetime) -> list[ProviderSession]: ...

    def create_refund(self, *, intent_ref: str, amount: int, key: str, refund_id: int) -> ProviderRefund: ...

    def get_refund(self, ref: str) -> ProviderRefund: ...

    def list_disputes(self, since: datetime) -> list[ProviderDispute]: ...

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
            lambda page: _each(page, session_of),
        )

    def create_refund(self, *, intent_ref: str, amount: int, key: str, refund_id: int) -> ProviderRefund:
        return self._ask(
            "refunds.create",
            lambda: self._client.v1.refunds.create(
                {
                    "payment_intent": intent_ref,
                    "amount": amount,
                    "metadata": {"refund_id": str(refund_id), "key": key},
                },
                {"idempotency_key": key},
            ),
            refund_of,
        )

    def get_refund(self, ref: str) -> ProviderRefund:
        return self._ask("refunds.retrieve", lambda: self._client.v1.refunds.retrieve(ref), refund_of)

    def list_disputes(self, since: datetime) -> list[ProviderDispute]:
        """Disputes opened since a moment, newest first."""
        return self._ask(
            "disputes.list",
            lambda: self._client.v1.disputes.list({"created": {"gte": int(since.timestamp())}, "limit": 100}),
            lambda page: _each(page, dispute_of),
        )

    def get_charge(self, intent_ref: str) -> tuple[str | None, int | None]:
        """How it was paid (card, alipay, wechat_pay) and the provider's fee in fen, as far as known."""
        intent = self._ask(
            "payment_intents.retrieve",
            lambda: self._client.v1.payment_intents.retrieve(
                intent_ref, {"expand": ["latest_charge.balance_transaction"]}
            ),
            lambda answer: answer,
        )
        charge = field(intent, "latest_charge")
        if charge is None or isinstance(charge, str):
            return None, None
        details = field(charge, "payment_method_details")
        movement = field(charge, "balance_transaction")
        fee = None if movement is None or isinstance(movement, str) else field(movement, "fee")
        return (field(details, "type") if details is not None else None), fee

    def get_refunded(self, intent_ref: str) -> int:
        """How many fen of a payment have gone back."""
        intent = self._ask(
            "get_refunded",
            lambda: self._client.v1.payment_intents.retrieve(intent_ref, {"expand": ["latest_charge"]}),
            lambda answer: answer,
        )
        return int(field(field(intent, "latest_charge"), "amount_refunded") or 0)

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
        except (
            stripe.StripeError,
            TypeError,
            ValueError,
        ) as error:  # the last two: an answer of another shape
            raise ProviderUnsureError(type(error).__name__) from error
        finally:
            self._breaker.note(answered=outcome != "unsure")
            metrics.provider_called(what, outcome)
            log().info("provider.called", call=what, outcome=outcome, ms=milliseconds_since(begun))
        return found


def _each(page: Any, read: Callable[[Any], T]) -> list[T]:
    """All of a list; it asks for the next page by itself."""
    found = []
    for thing in page.auto_paging_iter():
        try:
            found.append(read(thing))
        except (TypeError, ValueError):  # another shop's on the same account, of another mode
            log().info("provider.passed_over", ref=str(field(thing, "id"))[:120])
    return found
