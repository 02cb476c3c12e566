"""The buyer's bank takes a payment back: told in any order and any number of times, booked once, seen by finance."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import delete, func, select, update

from marketplace import clock
from marketplace.database import db, run_in_transaction
from marketplace.ledger import checks
from marketplace.ledger.models import PLATFORM_BOOK, Account
from marketplace.ledger.queries import balances, seller_summary
from marketplace.notifications.models import OutboxMessage
from marketplace.orders import queries as orders
from marketplace.payments import reconciling, refunding, services
from marketplace.payments.answers import ProviderDispute, ProviderSession, dispute_of
from marketplace.payments.models import Dispute, DisputePart, DisputeStatus, Refund
from marketplace.payments.rules import DisputedPaymentError
from tests import factories
from tests.conftest import NOON
from tests.payments.disputes import FEE, WHOLE, dispute, event, give_back, place
from tests.payments.provider import Provider
from tests.payments.test_webhooks import send


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def order_id(app_context: None) -> int:
    return place()


def stored() -> Dispute:
    found = db.session.execute(select(Dispute)).scalar_one()
    db.session.refresh(found)
    return found


def books(order_id: int) -> list[tuple[int, int, int]]:
    """Of each seller's book: clearing, disputed, lost."""
    found = []
    for sale in orders.sellers_of(order_id):
        sums = balances(sale.seller_id)
        accounts = (Account.PROVIDER_CLEARING, Account.DISPUTED, Account.DISPUTE_LOST)
        found.append(tuple(sums.get(account, 0) for account in accounts))
    db.session.rollback()
    return sorted(found)  # type: ignore[arg-type]


def fees() -> int:
    return balances(PLATFORM_BOOK).get(Account.PROVIDER_FEE, 0)


def test_a_dispute_is_a_claim_on_the_provider_divided_among_the_sellers(
    client: FlaskClient, order_id: int
) -> None:
    assert send(client, event("created", dispute(order_id))) == 200
    assert books(order_id) == [(0, 5800, 0), (0, 10980, 0)]
    assert fees() == FEE
    found = stored()
    assert (found.amount, found.status, found.reason) == (
        WHOLE,
        DisputeStatus.NEEDS_RESPONSE,
        "product_not_received",
    )
    assert found.due_at == NOON + timedelta(days=9)
    assert checks.check() == []


def test_a_part_is_divided_to_the_fen(client: FlaskClient, order_id: int) -> None:
    send(client, event("created", dispute(order_id, amount=1001)))
    shares = db.session.execute(select(DisputePart.amount).order_by(DisputePart.amount)).scalars().all()
    assert shares == [346, 655]
    assert checks.check() == []


def test_each_seller_concerned_is_told_once_and_the_buyer_is_not(client: FlaskClient, order_id: int) -> None:
    for number in range(3):
        send(client, event("created", dispute(order_id), number))
    told = select(OutboxMessage).where(OutboxMessage.template == "payment_disputed")
    messages = list(db.session.execute(told).scalars())
    assert sorted(message.parameters["amount"] for message in messages) == [5800, 10980]
    assert len({message.recipient for message in messages}) == 2
    assert orders.get_order(order_id).contact_phone not in {message.recipient for message in messages}


@pytest.mark.parametrize("last", ["funds_reinstated", "funds_withdrawn"])
@pytest.mark.parametrize("sequence", list(itertools.permutations(range(3))))
def test_no_order_of_arrival_books_twice_or_otherwise(
    client: FlaskClient, order_id: int, sequence: tuple[int, ...], last: str
) -> None:
    outcome = "won" if last == "funds_reinstated" else "lost"
    kinds = ("created", "closed", last)
    for number, place_of in enumerate([*sequence, *sequence]):
        kind = kinds[place_of]
        is_early = kind in {"created", "funds_withdrawn"}
        thing = dispute(order_id, "needs_response" if is_early else outcome)
        assert send(client, event(kind, thing, number)) == 200
    assert checks.check() == []
    assert books(order_id) == (
        [(5800, 0, 0), (10980, 0, 0)] if outcome == "won" else [(0, 0, 5800), (0, 0, 10980)]
    )
    assert fees() == FEE
    assert stored().status == outcome
    assert stored().closed_at is not None


def test_what_is_lost_is_set_against_what_the_seller_earns_and_may_be_negative(
    client: FlaskClient, order_id: int
) -> None:
    factories.ship(order_id)
    factories.complete(order_id)
    sales = orders.sellers_of(order_id)
    before = [seller_summary(sale.seller_id).payable_amount for sale in sales]
    send(client, event("created", dispute(order_id)))
    assert [seller_summary(sale.seller_id).payable_amount for sale in sales] == before
    assert sum(seller_summary(sale.seller_id).disputed_amount for sale in sales) == WHOLE
    send(client, event("closed", dispute(order_id, "lost")))
    after = [seller_summary(sale.seller_id) for sale in sales]
    assert [had - has.payable_amount for had, has in zip(before, after, strict=True)] == [
        sale.total_amount for sale in sales
    ]
    assert min(one.payable_amount for one in after) <= 0
    assert {one.disputed_amount for one in after} == {0}
    assert checks.check() == []


def test_money_that_comes_back_after_a_lost_dispute_is_taken_in(client: FlaskClient, order_id: int) -> None:
    send(client, event("closed", dispute(order_id, "lost")))
    back = [{"amount": -WHOLE, "fee": FEE}, {"amount": WHOLE, "fee": -FEE}]
    send(client, event("funds_reinstated", dispute(order_id, "lost", balance_transactions=back)))
    send(client, event("updated", dispute(order_id, "lost")))
    assert books(order_id) == [(5800, 0, 0), (10980, 0, 0)]
    assert fees() == 0
    assert checks.check() == []


def test_an_inquiry_takes_no_money_and_hinders_no_refund(client: FlaskClient, order_id: int) -> None:
    send(client, event("created", dispute(order_id, "warning_needs_response")))
    assert books(order_id) == [(5800, 0, 0), (10980, 0, 0)]
    give_back(order_id)
    send(client, event("closed", dispute(order_id, "warning_closed")))
    assert stored().status == DisputeStatus.DROPPED
    assert checks.check() == []


@pytest.mark.parametrize(("status", "is_refused"), [("needs_response", True), ("lost", True), ("won", False)])
def test_a_disputed_payment_is_not_refunded_as_well(
    client: FlaskClient, order_id: int, status: str, is_refused: bool
) -> None:
    send(client, event("created", dispute(order_id, status)))
    if is_refused:
        with pytest.raises(DisputedPaymentError, match="银行"):
            give_back(order_id)
    else:
        give_back(order_id)
    db.session.rollback()
    assert db.session.execute(select(func.count()).select_from(Refund)).scalar_one() == (
        0 if is_refused else 1
    )
    assert checks.check() == []


@pytest.mark.parametrize(
    "changes",
    [
        {"payment_intent": "pi_of_nobody"},
        {"payment_intent": None},
        {"amount": WHOLE + 1},
        {"amount": 0},
        {"amount": -5},
        {"amount": "16780"},
        {"amount": 2**70},
        {"currency": "usd"},
        {"balance_transactions": [{"amount": -WHOLE - 1, "fee": 0}]},
        {"balance_transactions": [{"amount": -WHOLE, "fee": 0}] * 2},
        {"balance_transactions": [{"amount": WHOLE, "fee": 0}]},
        {"balance_transactions": [{"amount": None, "fee": 0}]},
        {"balance_transactions": ["txn_1"]},
        {"balance_transactions": {"amount": -WHOLE}},
        {"created": "yesterday"},
        {"created": 2**60},
        {"id": None},
        {"id": "dp_" + "x" * 300},
    ],
)
def test_what_does_not_fit_is_never_booked(
    client: FlaskClient, order_id: int, changes: dict[str, Any]
) -> None:
    assert send(client, event("created", dispute(order_id, **changes))) == 200
    assert db.session.execute(select(func.count()).select_from(Dispute)).scalar_one() == 0
    assert books(order_id) == [(5800, 0, 0), (10980, 0, 0)]
    assert fees() == 0
    assert checks.check() == []


def test_another_amount_later_changes_nothing(client: FlaskClient, order_id: int) -> None:
    send(client, event("created", dispute(order_id)))
    send(client, event("closed", dispute(order_id, "lost", amount=5800)))
    assert stored().status == DisputeStatus.NEEDS_RESPONSE
    assert books(order_id) == [(0, 5800, 0), (0, 10980, 0)]
    assert checks.check() == []


def test_no_more_than_is_left_can_be_in_dispute(
    client: FlaskClient, order_id: int, provider: Provider
) -> None:
    give_back(order_id)
    assert refunding.send_refunds() == 1
    send(client, event("created", dispute(order_id)))
    assert db.session.execute(select(func.count()).select_from(Dispute)).scalar_one() == 0
    send(client, event("created", dispute(order_id, amount=WHOLE - 1000), 2))
    send(client, event("created", dispute(order_id, amount=1, id="dp_second"), 3))
    assert stored().amount == WHOLE - 1000
    assert sum(clearing for clearing, _disputed, _lost in books(order_id)) == 0
    assert checks.check() == []


def test_a_payment_that_no_order_took_is_disputed_at_the_platforms_expense(
    client: FlaskClient, order_id: int, provider: Provider
) -> None:
    order = orders.get_order(order_id)
    other = run_in_transaction(
        lambda: services._add_payment(order, 77, orders.sellers_of(order_id), channel=None, expires_at=clock.now()).id
    )
    session = ProviderSession(
        ref="cs_twice", is_paid=True, is_expired=False, is_open=False, amount=WHOLE, currency="cny",
        payment_id=other, order_id=order_id, intent_ref="pi_twice", url=None,
    )  # fmt: skip
    assert "given back" in run_in_transaction(lambda: services.record_session(session))
    send(client, event("closed", dispute(order_id, "lost", payment_intent="pi_twice")))
    assert balances(PLATFORM_BOOK)[Account.DISPUTE_LOST] == WHOLE
    assert books(order_id) == [(5800, 0, 0), (10980, 0, 0)]
    assert checks.check() == []


def told(order_id: int, status: str = "needs_response", **changes: Any) -> ProviderDispute:
    return dispute_of(dispute(order_id, status, **changes))


def test_disputes_of_which_no_webhook_told_are_found(order_id: int, provider: Provider) -> None:
    provider.disputes = [told(order_id), told(order_id, id="dp_other", payment_intent="pi_of_another_shop")]
    (sentence,) = [one for one in reconciling.compare() if "dispute" in one]
    assert "167.80" in sentence
    assert stored().status == DisputeStatus.NEEDS_RESPONSE
    assert reconciling.compare() == []
    # Weeks later, its end: an open dispute is asked for however long ago it was opened.
    with clock.at(NOON + timedelta(days=40)):
        provider.disputes = [told(order_id, "lost")]
        assert ["lost" in one for one in reconciling.compare()] == [True]
        assert reconciling.compare() == []
    assert stored().status == DisputeStatus.LOST
    assert checks.check() == []


def test_what_does_not_fit_is_named_each_time(order_id: int, provider: Provider) -> None:
    provider.disputes = [told(order_id, amount=WHOLE + 1)]
    for _round in range(2):
        (sentence,) = reconciling.compare()
        assert "under review" in sentence


def test_the_check_names_what_is_not_booked_as_told(client: FlaskClient, order_id: int) -> None:
    send(client, event("created", dispute(order_id)))
    for change, words in (
        (update(Dispute).values(fee_amount=1), "dispute_fee"),
        (update(Dispute).values(withdrawn_at=None), "dispute_withdrawn"),
        (update(Dispute).values(status=DisputeStatus.LOST), "dispute_lost is 0.00"),
        (update(DisputePart).values(amount=1), "sum of its parts"),
        (delete(DisputePart), "dispute_withdrawn"),
    ):
        db.session.execute(change)
        assert any(words in sentence for sentence in checks.check()), words
        db.session.rollback()
    assert checks.check() == []
