"""The provider's calls as a friend, a stranger and a broken network send them."""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
import time
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from marketplace.audit import SYSTEM
from marketplace.database import db, run_in_transaction
from marketplace.ledger import checks
from marketplace.orders import queries as orders
from marketplace.orders.models import PaymentState
from marketplace.payments import refunding, services
from marketplace.payments.models import Payment, PaymentStatus, Refund, RefundStatus, WebhookEvent
from tests import factories

pytestmark = pytest.mark.usefixtures("app_context")
PATH = "/webhooks/stripe"


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def order_id() -> int:
    factories.make_freight()
    goods = factories.make_goods()
    found = factories.place_order({goods.variants[0]: 2})
    run_in_transaction(lambda: services.intend(found))
    return found


def signature(app: Flask, body: bytes, *, stamp: int | None = None, secret: str = "") -> str:
    key = secret or app.config["SETTINGS"].stripe_webhook_secret
    moment = str(int(time.time()) if stamp is None else stamp)
    return (
        f"t={moment},v1={hmac.new(key.encode(), moment.encode() + b'.' + body, hashlib.sha256).hexdigest()}"
    )


def event(order_id: int, kind: str = "completed", *, number: str = "1", **changes: Any) -> bytes:
    """A session event as the provider would write it."""
    payment = db.session.execute(select(Payment).where(Payment.order_id == order_id)).scalars().first()
    assert payment
    paid = kind in {"completed", "async_payment_succeeded"}
    session = {
        "id": f"cs_test_{payment.id}",
        "object": "checkout.session",
        "amount_total": payment.amount,
        "currency": payment.currency,
        "status": "expired" if kind == "expired" else "complete",
        "payment_status": "paid" if paid else "unpaid",
        "payment_intent": f"pi_test_{payment.id}" if paid else None,
        "metadata": {"payment_id": str(payment.id), "order_id": str(order_id)},
        "url": None,
    } | changes
    db.session.rollback()
    thing = {"id": f"evt_{kind}_{number}", "type": f"checkout.session.{kind}", "data": {"object": session}}
    return json.dumps(thing).encode()


def refund_event(order_id: int) -> bytes:
    """A refund of the whole payment that we did not ask for."""
    session = json.loads(event(order_id))["data"]["object"]
    refund = {
        "id": f"re_{order_id}",
        "object": "refund",
        "amount": session["amount_total"],
        "status": "succeeded",
        "payment_intent": session["payment_intent"],
    }
    thing = {"id": f"evt_refund_{order_id}", "type": "charge.refund.updated", "data": {"object": refund}}
    return json.dumps(thing).encode()


def send(client: FlaskClient, body: bytes, header: str | None = None) -> int:
    headers = {"Stripe-Signature": signature(client.application, body) if header is None else header}
    return client.post(PATH, data=body, headers=headers, content_type="application/json").status_code


def state(order_id: int) -> PaymentState:
    found = orders.get_order(order_id).payment_state
    db.session.rollback()
    return found


def test_signed_payment_marks_the_order_paid(client: FlaskClient, order_id: int) -> None:
    assert send(client, event(order_id)) == 200
    assert state(order_id) == PaymentState.PAID
    assert checks.check() == []


def test_second_delivery_of_an_event_changes_nothing(client: FlaskClient, order_id: int) -> None:
    body = event(order_id)
    assert [send(client, body) for _ in range(5)] == [200] * 5
    assert db.session.execute(select(func.count()).select_from(WebhookEvent)).scalar_one() == 1
    assert checks.check() == []


def test_the_same_fact_under_another_event_id_changes_nothing(client: FlaskClient, order_id: int) -> None:
    for number in "123":
        assert send(client, event(order_id, number=number)) == 200
    assert db.session.execute(select(func.count()).select_from(Refund)).scalar_one() == 0
    assert checks.check() == []


def test_a_refund_whose_answer_was_lost_is_known_by_its_key(client: FlaskClient, order_id: int) -> None:
    """Told before our question was answered: the books have it, and nothing waits. Another try is another's key."""
    assert send(client, event(order_id)) == 200
    (sale,) = orders.sellers_of(order_id)
    part = {"seller_id": sale.seller_id, "seller_order_id": sale.id, "reason": "buyer"}
    run_in_transaction(lambda: refunding.cancel_part(SYSTEM, **part))
    refund_id, key = db.session.execute(select(Refund.id, Refund.idempotency_key)).tuples().one()
    told = json.loads(refund_event(order_id))
    for number, (named, status) in enumerate(
        [
            ({"refund_id": str(refund_id)}, RefundStatus.REQUESTED),
            ({"refund_id": str(refund_id), "key": f"{key}-1"}, RefundStatus.REQUESTED),
            ({"refund_id": str(refund_id), "key": key}, RefundStatus.SUCCEEDED),
            ({"refund_id": str(refund_id), "key": key}, RefundStatus.SUCCEEDED),
        ]
    ):
        thing = told | {"id": f"evt_{number}", "data": {"object": told["data"]["object"] | {"metadata": named}}}
        assert send(client, json.dumps(thing).encode()) == 200
        assert db.session.get_one(Refund, refund_id).status == status
        db.session.rollback()
    assert checks.check() == []


@pytest.mark.parametrize(
    "sequence", list(itertools.permutations(["completed", "async_payment_failed", "expired", "refunded"]))
)
def test_order_of_arrival_never_loses_the_money(
    client: FlaskClient, order_id: int, sequence: tuple[str, ...]
) -> None:
    """Refunded by somebody else than us, at the provider's own desk: the order stays paid until a person looks."""
    for kind in sequence:
        assert send(client, refund_event(order_id) if kind == "refunded" else event(order_id, kind)) == 200
    assert state(order_id) == PaymentState.PAID
    assert checks.check() == []


@pytest.mark.parametrize(
    "make_header",
    [
        lambda app, body: "",
        lambda app, body: "nonsense",
        lambda app, body: "t=1,v1=",
        lambda app, body: signature(app, body, secret="whsec_of_somebody_else"),
        lambda app, body: signature(app, body + b" "),
        lambda app, body: signature(app, body, stamp=int(time.time()) - 301),
        lambda app, body: signature(app, body, stamp=int(time.time()) + 86_400),
        lambda app, body: signature(app, body, stamp=-1),
        lambda app, body: signature(app, body).replace("v1=", "v0="),
        lambda app, body: signature(app, body).replace("t=", "t=１"),
        lambda app, body: "t=" + "9" * 5000 + ",v1=0",
        lambda app, body: "v1=" * 2000,
    ],
)
def test_forged_signature_is_refused(client: FlaskClient, order_id: int, make_header: Any) -> None:
    body = event(order_id)
    assert send(client, body, make_header(client.application, body)) == 400
    assert state(order_id) == PaymentState.UNPAID


def test_either_of_two_signatures_is_enough_while_the_secret_is_changed(
    client: FlaskClient, order_id: int
) -> None:
    body = event(order_id)
    good = signature(client.application, body)
    stamp, value = good.split(",")
    assert send(client, body, f"{stamp},v1={'0' * 64},{value}") == 200


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"amount_total": 1}, PaymentStatus.UNEXPECTED),
        ({"amount_total": 10**12}, PaymentStatus.UNEXPECTED),
        ({"amount_total": 10**30}, PaymentStatus.INTENDED),
        ({"amount_total": 2**63}, PaymentStatus.INTENDED),
        ({"amount_total": -5}, PaymentStatus.INTENDED),
        ({"payment_intent": {"id": {}}}, PaymentStatus.INTENDED),
        ({"payment_intent": "pi_" + "x" * 200}, PaymentStatus.INTENDED),
        ({"id": "cs_\ud800"}, PaymentStatus.INTENDED),
        ({"id": "cs_\x00"}, PaymentStatus.INTENDED),
        ({"metadata": {"payment_id": "9" * 19, "order_id": "1"}}, PaymentStatus.INTENDED),
        ({"currency": "usd"}, PaymentStatus.UNEXPECTED),
        ({"amount_total": "9980"}, PaymentStatus.INTENDED),
        ({"amount_total": None}, PaymentStatus.INTENDED),
        ({"amount_total": 99.8}, PaymentStatus.INTENDED),
        ({"metadata": {}}, PaymentStatus.INTENDED),
        ({"metadata": None}, PaymentStatus.INTENDED),
        ({"metadata": {"payment_id": "1", "order_id": "1"}}, PaymentStatus.INTENDED),
        ({"metadata": {"payment_id": "９", "order_id": "-1"}}, PaymentStatus.INTENDED),
        ({"id": None}, PaymentStatus.INTENDED),
    ],
)
def test_wrong_values_never_mark_an_order_paid(
    client: FlaskClient, order_id: int, changes: dict[str, Any], status: PaymentStatus
) -> None:
    assert send(client, event(order_id, **changes)) == 200
    assert state(order_id) == PaymentState.UNPAID
    payment = db.session.execute(select(Payment).where(Payment.order_id == order_id)).scalar_one()
    assert payment.status == status
    assert checks.check() == []


def test_money_of_another_payment_pays_nothing_and_waits_for_a_person(
    client: FlaskClient, order_id: int
) -> None:
    """The same money movement told for a second order: taken once, 200, and its event is stored with what was done."""
    goods = factories.make_goods("farmer")
    factories.make_freight("farmer")
    other = factories.place_order({goods.variants[0]: 1})
    run_in_transaction(lambda: services.intend(other))
    assert send(client, event(order_id, payment_intent="pi_one")) == 200
    assert send(client, event(other, number="2", payment_intent="pi_one")) == 200
    assert [state(order_id), state(other)] == [PaymentState.PAID, PaymentState.UNPAID]
    found = db.session.execute(select(Payment).where(Payment.order_id == other)).scalar_one()
    assert (found.status, found.intent_ref) == (PaymentStatus.UNEXPECTED, None)
    outcomes = db.session.execute(select(WebhookEvent.outcome).order_by(WebhookEvent.id)).scalars().all()
    assert [outcome.partition(":")[0] for outcome in outcomes] == ["paid", "under review"]
    assert checks.check() == []


def test_a_paid_session_that_names_our_payment_under_another_reference_is_not_lost(
    client: FlaskClient, order_id: int
) -> None:
    assert send(client, event(order_id, "async_payment_failed")) == 200
    assert send(client, event(order_id, number="2", id="cs_other")) == 200
    assert state(order_id) == PaymentState.UNPAID
    outcome = db.session.execute(
        select(WebhookEvent.outcome).where(WebhookEvent.object_ref == "cs_other")
    ).scalar_one()
    assert outcome.startswith("under review: paid by another session")


@pytest.mark.parametrize(
    "url", [{"a": 1}, ["x"], 5, "x" * 100_000, "http://x/\x00"], ids=lambda url: repr(url)[:9]
)
def test_an_address_that_is_none_is_left_out(client: FlaskClient, order_id: int, url: Any) -> None:
    assert send(client, event(order_id, "async_payment_failed", url=url)) == 200
    payment = db.session.execute(select(Payment).where(Payment.order_id == order_id)).scalar_one()
    assert (payment.status, payment.pay_url) == (PaymentStatus.OPEN, None)


@pytest.mark.parametrize(
    "created", ["NaN", "1e999", "-Infinity", '"\\u0000"', "9" * 4000, '{"a": [1]}', "true"]
)
def test_an_event_made_at_no_moment_is_stored_without_one(client: FlaskClient, created: str) -> None:
    body = f'{{"id": "evt_1", "type": "x", "created": {created}, "livemode": {created}, "data": {{"object": {{}}}}}}'
    assert send(client, body.encode()) == 200
    assert db.session.execute(select(WebhookEvent.payload)).scalar_one()["created"] is None


def test_unknown_type_is_accepted_and_ignored(client: FlaskClient) -> None:
    body = json.dumps(
        {"id": "evt_x", "type": "customer.created", "data": {"object": {"id": "cus_1"}}}
    ).encode()
    assert send(client, body) == 200
    assert db.session.execute(select(WebhookEvent.outcome)).scalar_one() == "ignored: unknown type"


@pytest.mark.parametrize(
    "body",
    [
        b"null",
        b"[]",
        b"1",
        b'"text"',
        b"",
        b"{",
        b"\xff\xfe",
        b"[" * 900_000,
        b'{"id": "evt_1"}',
        b'{"id": 1, "type": "x", "data": {"object": {}}}',
        b'{"id": "e\\u0000", "type": "x", "data": {"object": {}}}',
        b'{"id": "' + b"e" * 200 + b'", "type": "x", "data": {"object": {}}}',
        b'{"id": "evt_1", "type": "x", "data": {"object": []}}',
        b'{"id": "evt_1", "type": "x", "data": null}',
    ],
    ids=lambda body: repr(body[:20]),
)
def test_signed_nonsense_is_refused_and_never_a_fault(client: FlaskClient, body: bytes) -> None:
    assert send(client, body) == 400


def test_body_over_a_megabyte_is_not_read(client: FlaskClient) -> None:
    assert send(client, b"[" * 1_000_001, "t=1,v1=0") == 413
