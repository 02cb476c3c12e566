"""How the provider's failures are sorted: only "there is no such session" ends a payment."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
import stripe
from flask import Flask
from sqlalchemy import select

from marketplace import clock
from marketplace.audit import SYSTEM
from marketplace.database import db
from marketplace.errors import DomainError
from marketplace.orders import queries as orders
from marketplace.orders.models import PaymentState
from marketplace.payments import gateway, reconciling, services
from marketplace.payments.models import Payment, PaymentStatus
from tests import factories

pytestmark = pytest.mark.usefixtures("app_context")
READABLE = {
    "id": "cs_other",
    "amount_total": 100,
    "currency": "cny",
    "payment_status": "paid",
    "metadata": {},
}
NO_KEY = stripe.AuthenticationError("Invalid API Key", http_status=401)
NO_RIGHT = stripe.PermissionError("not allowed", http_status=403)
BUSY = stripe.InvalidRequestError("key in use", None, http_status=409)
MISSING = stripe.InvalidRequestError("No such session", "session", code="resource_missing", http_status=404)
WRONG = stripe.InvalidRequestError("unknown parameter", "x", http_status=400)


class Sessions:
    """What the SDK would do: every call fails with one error, or a list gives these things."""

    def __init__(self, error: Exception | None = None, things: Any = ()) -> None:
        self.error, self.things = error, things

    def retrieve(self, *_asked: Any) -> Any:
        assert self.error
        raise self.error

    create = expire = retrieve

    def list(self, *_asked: Any) -> Any:
        return SimpleNamespace(auto_paging_iter=lambda: self._rows())

    def _rows(self) -> Iterator[Any]:
        yield from self.things
        if self.error and self.error is not MISSING and self.error is not WRONG:
            raise self.error


@pytest.fixture
def use(app: Flask) -> Iterator[Any]:
    made = gateway.StripeGateway("sk_test_x", "http://127.0.0.1:9")
    app.extensions["payment_gateway"] = made

    def answer(sessions: Sessions) -> None:
        v1 = SimpleNamespace(checkout=SimpleNamespace(sessions=sessions), disputes=Sessions())
        made._client = SimpleNamespace(v1=v1)  # type: ignore[assignment]

    yield answer
    app.extensions.pop("payment_gateway")


@pytest.fixture
def payment_id() -> int:
    """A payment whose session is open at the provider."""
    factories.make_freight()
    goods = factories.make_goods()
    order_id = factories.place_order({goods.variants[0]: 1})

    def begin() -> int:
        wish, _url = services.intend(order_id)
        payment = db.session.get_one(Payment, wish.payment_id)
        payment.status, payment.session_ref = PaymentStatus.OPEN, "cs_ours"
        return wish.payment_id

    return services.run_in_transaction(begin)


def state() -> tuple[PaymentStatus, PaymentState]:
    db.session.rollback()
    payment = db.session.execute(select(Payment)).scalar_one()
    found = payment.status, orders.get_order(payment.order_id).payment_state
    db.session.rollback()
    return found


@pytest.mark.parametrize(
    "error", [NO_KEY, NO_RIGHT, BUSY, WRONG, stripe.RateLimitError("slow down", http_status=429)]
)
def test_an_answer_that_is_not_about_the_session_leaves_payment_and_order(
    use: Any, payment_id: int, error: Exception
) -> None:
    use(Sessions(error))
    with pytest.raises(DomainError):
        services.ask_about_payment(payment_id)
    order_id = db.session.get_one(Payment, payment_id).order_id
    db.session.rollback()
    with pytest.raises(DomainError):
        services.expire_and_cancel(SYSTEM, order_id, "lapsed")
    assert state() == (PaymentStatus.OPEN, PaymentState.UNPAID)


def test_a_session_that_the_provider_does_not_have_ends_its_payment(use: Any, payment_id: int) -> None:
    use(Sessions(MISSING))
    assert services.ask_about_payment(payment_id) == "never reached the provider"
    assert state() == (PaymentStatus.EXPIRED, PaymentState.UNPAID)


def test_a_refused_key_stops_reconciling_and_says_what_to_do(use: Any, payment_id: int) -> None:
    use(Sessions(NO_KEY))
    with (
        clock.at(clock.now() + timedelta(hours=1)),
        pytest.raises(gateway.ProviderKeyError, match="STRIPE_API_KEY"),
    ):
        reconciling.reconcile()
    assert state() == (PaymentStatus.OPEN, PaymentState.UNPAID)


@pytest.mark.parametrize("error", [stripe.APIConnectionError("page 2 timed out"), NO_KEY])
def test_a_failure_on_a_later_page_is_sorted_like_any_other(use: Any, error: Exception) -> None:
    use(Sessions(error, [READABLE]))
    with pytest.raises(gateway.ProviderUnsureError):
        reconciling.compare()


def test_sessions_that_are_none_of_a_payment_are_passed_over(use: Any) -> None:
    setup = {"id": "cs_setup", "mode": "setup", "amount_total": None, "metadata": {}}
    use(Sessions(None, [setup, {}, READABLE]))
    assert reconciling.compare() == []


def test_an_answer_of_another_shape_is_no_answer(use: Any, payment_id: int) -> None:
    use(Sessions(None))
    sessions = Sessions(None)
    sessions.retrieve = lambda *_asked: {"id": "cs_ours"}  # type: ignore[method-assign]
    use(sessions)
    with pytest.raises(gateway.ProviderUnsureError):
        services.ask_about_payment(payment_id)
    assert state() == (PaymentStatus.OPEN, PaymentState.UNPAID)
