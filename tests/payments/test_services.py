"""Paying through the real SDK and the sandbox's own process."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import delete, select

from marketplace import clock
from marketplace.audit import SYSTEM
from marketplace.database import db, new_id, run_in_transaction
from marketplace.errors import DomainError
from marketplace.ledger import checks
from marketplace.orders import queries as order_queries
from marketplace.orders.models import PaymentState, SellerOrderStatus
from marketplace.payments import gateway, reconciling, refunding, rules, services
from marketplace.payments.answers import ProviderSession
from marketplace.payments.models import Payment, PaymentPart, PaymentStatus, Refund, RefundStatus
from marketplace.revenue.models import YearRevenue
from tests import factories
from tests.payments.disputes import give_back
from tests.sandbox.process import SandboxProcess

pytestmark = pytest.mark.usefixtures("app_context")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxProcess]:
    with_process = SandboxProcess().start()
    yield with_process
    with_process.stop()


@pytest.fixture(autouse=True)
def provider(app: Flask, sandbox: SandboxProcess) -> Iterator[SandboxProcess]:
    """The shop's client points at the sandbox; each test begins with an empty one. The clock is the real one."""
    sandbox.control("reset")
    app.extensions["payment_gateway"] = gateway.StripeGateway(sandbox.key, sandbox.base_url)
    with clock.at(datetime.now(UTC)):
        yield sandbox
    app.extensions.pop("payment_gateway")


@pytest.fixture
def order_id() -> int:
    """Two boxes of the cooperative and one of the farmer: 99.80 + 10.00 freight, and 58.00 free."""
    factories.make_freight("coop_owner", first=600, following=40)  # 11 kg gross: 6.00 + 10 × 0.40
    factories.make_freight("farmer", first=600, following=0, free_from=5000)
    coop = factories.make_goods("coop_owner", price=4990, grams=5000)
    farmer = factories.make_goods("farmer", price=5800, grams=5000)
    return factories.place_order({coop.variants[0]: 2, farmer.variants[0]: 1})


def payment_of(order_id: int) -> Payment:
    return db.session.execute(
        select(Payment).where(Payment.order_id == order_id).execution_options(populate_existing=True)
    ).scalar_one()


def session_ref(order_id: int) -> str:
    ref = payment_of(order_id).session_ref
    assert ref
    db.session.rollback()
    return ref


def test_pay_page_is_opened_again_and_not_anew(order_id: int) -> None:
    first = services.open_pay_page(order_id)
    assert services.open_pay_page(order_id) == first
    assert payment_of(order_id).status == PaymentStatus.OPEN


def test_paid_order_is_found_by_asking_when_no_webhook_came(order_id: int, provider: SandboxProcess) -> None:
    services.open_pay_page(order_id)
    provider.control(f"sessions/{session_ref(order_id)}/pay", method="alipay")
    services.refresh(order_id)
    order = order_queries.get_order(order_id)
    assert order.payment_state == PaymentState.PAID
    assert [sale.status for sale in order_queries.sellers_of(order_id)] == [SellerOrderStatus.TO_SHIP] * 2
    assert checks.check() == []


def test_lost_answer_leads_to_the_same_session(order_id: int, provider: SandboxProcess) -> None:
    provider.control(
        "faults", kind="drop", when="after", method="POST", path="/v1/checkout/sessions", times=1
    )
    with pytest.raises(gateway.ProviderUnsureError):
        services.open_pay_page(order_id)
    assert payment_of(order_id).status == PaymentStatus.INTENDED
    db.session.rollback()
    services.open_pay_page(order_id)
    assert payment_of(order_id).status == PaymentStatus.OPEN
    assert len(provider.look("sessions")["sessions"]) == 1


def test_unpaid_order_closes_its_session_before_the_goods_are_free(
    order_id: int, provider: SandboxProcess
) -> None:
    services.open_pay_page(order_id)
    assert services.expire_and_cancel(SYSTEM, order_id, "buyer")
    assert payment_of(order_id).status == PaymentStatus.EXPIRED
    assert order_queries.get_order(order_id).payment_state == PaymentState.CANCELLED
    assert [session["status"] for session in provider.look("sessions")["sessions"]] == ["expired"]


def test_cancelling_an_order_that_was_just_paid_keeps_it(order_id: int, provider: SandboxProcess) -> None:
    services.open_pay_page(order_id)
    provider.control(f"sessions/{session_ref(order_id)}/pay")
    assert not services.expire_and_cancel(SYSTEM, order_id, "buyer")
    assert order_queries.get_order(order_id).payment_state == PaymentState.PAID


def test_unreachable_provider_keeps_the_hold(order_id: int, provider: SandboxProcess) -> None:
    services.open_pay_page(order_id)
    provider.control("faults", kind="drop", when="before", times=0)
    with pytest.raises(gateway.ProviderUnsureError):
        services.expire_and_cancel(SYSTEM, order_id, "buyer")
    assert order_queries.get_order(order_id).payment_state == PaymentState.UNPAID
    provider.control("faults/clear")


def test_sweep_releases_lapsed_orders_only(order_id: int) -> None:
    services.open_pay_page(order_id)
    assert services.sweep_unpaid() == 0
    with clock.at(clock.now() + timedelta(minutes=31)):
        assert services.sweep_unpaid() == 1
    assert order_queries.get_order(order_id).payment_state == PaymentState.CANCELLED


def test_late_payment_is_honoured_while_the_goods_are_there(order_id: int, provider: SandboxProcess) -> None:
    services.open_pay_page(order_id)
    ref = session_ref(order_id)
    services.expire_and_cancel(SYSTEM, order_id, "lapsed")
    provider.control(f"sessions/{ref}/pay", even_if_expired=True)
    db.session.rollback()
    reconciling.compare()
    assert order_queries.get_order(order_id).payment_state == PaymentState.PAID
    assert checks.check() == []


def test_late_payment_goes_back_when_the_goods_are_gone(provider: SandboxProcess) -> None:
    factories.make_freight()
    goods = factories.make_goods(stock=5000)
    first = factories.place_order({goods.variants[0]: 1})
    services.open_pay_page(first)
    ref = session_ref(first)
    services.expire_and_cancel(SYSTEM, first, "lapsed")
    factories.pay(factories.place_order({goods.variants[0]: 1}, buyer="company_buyer"))
    provider.control(f"sessions/{ref}/pay", even_if_expired=True)
    db.session.rollback()
    reconciling.compare()
    assert order_queries.get_order(first).payment_state == PaymentState.CANCELLED
    assert refunding.send_refunds() == 1
    provider.control("clock", advance=5)
    reconciling.reconcile()
    refund = db.session.execute(select(Refund)).scalar_one()
    assert (refund.amount, refund.status) == (payment_of(first).amount, RefundStatus.SUCCEEDED)
    assert checks.check() == []


def test_wrong_amount_is_booked_apart_and_the_order_waits(order_id: int, provider: SandboxProcess) -> None:
    services.open_pay_page(order_id)
    session = gateway.StripeGateway(provider.key, provider.base_url).get_session(session_ref(order_id))
    lied = ProviderSession(**(vars(session) | {"is_paid": True, "is_open": False, "amount": 1}))
    assert run_in_transaction(lambda: services.record_session(lied)) == "under review: wrong amount"
    assert order_queries.get_order(order_id).payment_state == PaymentState.UNPAID
    assert payment_of(order_id).status == PaymentStatus.UNEXPECTED
    assert checks.check() == []


def test_order_that_is_paid_needs_no_payment(order_id: int, provider: SandboxProcess) -> None:
    services.open_pay_page(order_id)
    provider.control(f"sessions/{session_ref(order_id)}/pay")
    services.refresh(order_id)
    with pytest.raises(rules.NotPayableError):
        services.open_pay_page(order_id)


def test_fee_is_the_platforms_and_never_the_sellers(order_id: int, provider: SandboxProcess) -> None:
    services.open_pay_page(order_id)
    provider.control(f"sessions/{session_ref(order_id)}/pay", method="card")
    services.refresh(order_id)
    reconciling.reconcile()
    payment = payment_of(order_id)
    assert payment.fee_amount == 487  # 2.9 % of 167.80, the sandbox's invented fee
    assert payment.channel == "card"
    assert checks.check() == []


def test_two_sellers_one_payment(order_id: int, provider: SandboxProcess) -> None:
    """2 × 49.90 + freight 10.00 and 1 × 58.00 free freight → 167.80; each is its own part from then on."""
    order = order_queries.get_order(order_id)
    assert (order.goods_amount, order.freight_amount, order.total_amount) == (15780, 1000, 16780)
    services.open_pay_page(order_id)
    ref = session_ref(order_id)
    provider.control(f"sessions/{ref}/pay")
    session = gateway.StripeGateway(provider.key, provider.base_url).get_session(ref)
    outcomes = [run_in_transaction(lambda: services.record_session(session)) for _ in range(3)]
    expired = ProviderSession(**(vars(session) | {"is_paid": False, "is_expired": True}))
    outcomes.append(run_in_transaction(lambda: services.record_session(expired)))
    assert outcomes[:3] == ["paid", "repeat", "repeat"]
    assert payment_of(order_id).status == PaymentStatus.SUCCEEDED
    coop, farmer = sorted(order_queries.sellers_of(order_id), key=lambda sale: -sale.total_amount)
    assert (coop.total_amount, farmer.total_amount) == (10980, 5800)
    line = order_queries.lines_of(coop.seller_id, coop.id)[0]
    assert factories.pool(line.pool_id).on_hand == 100_000 - 10_000
    db.session.rollback()
    factories.ship(order_id)
    factories.complete(order_id)
    facts = dict(db.session.execute(select(YearRevenue.seller_id, YearRevenue.amount)).tuples().all())
    assert facts == {coop.seller_id: 9980, farmer.seller_id: 5800}
    assert checks.check() == []


def pay_after_the_backup(order_id: int, provider: SandboxProcess, *, is_order_lost: bool) -> ProviderSession:
    """The provider has a paid session; the try to pay, and maybe its order, are not in the restored database."""
    wish, _url = run_in_transaction(lambda: services.intend(order_id))
    run_in_transaction(lambda: db.session.execute(delete(PaymentPart)))
    run_in_transaction(lambda: db.session.execute(delete(Payment)))
    if is_order_lost:
        wish = replace(wish, order_id=new_id())
    session = gateway.gateway().create_session(wish)
    provider.control(f"sessions/{session.ref}/pay")
    return session


def test_payment_made_after_the_backup_for_an_order_in_it_is_taken(
    order_id: int, provider: SandboxProcess
) -> None:
    session = pay_after_the_backup(order_id, provider, is_order_lost=False)
    with pytest.raises(DomainError, match="refund it there"):
        reconciling.give_back(session.ref)
    assert reconciling.compare() == [f"session {session.ref}: paid"]
    assert order_queries.get_order(order_id).payment_state == PaymentState.PAID
    assert payment_of(order_id).id == session.payment_id
    assert checks.check() == []
    assert reconciling.compare() == []


def test_payment_of_an_order_that_is_gone_is_named_each_time_until_a_person_gives_it_back(
    order_id: int, provider: SandboxProcess
) -> None:
    session = pay_after_the_backup(order_id, provider, is_order_lost=True)
    code = order_queries.get_order(order_id).code
    for _ in range(2):
        [sentence] = reconciling.compare()
        assert f"167.80 cny were paid for order {code}" in sentence
        assert sentence.endswith(f"payments give-back {session.ref}")
    assert reconciling.give_back(session.ref) == session.amount == 16780
    assert reconciling.give_back(session.ref) == session.amount  # a second press is the same refund
    assert reconciling.compare() == []
    assert checks.check() == []


def test_give_back_refuses_what_is_unpaid_or_of_another_shop(order_id: int) -> None:
    wish, _url = run_in_transaction(lambda: services.intend(order_id))
    session = gateway.gateway().create_session(
        replace(wish, payment_id=new_id(), order_id=new_id(), idempotency_key="another")
    )
    with pytest.raises(DomainError, match="no paid session"):
        reconciling.give_back(session.ref)
    with pytest.raises(DomainError):
        reconciling.give_back("cs_nobody_knows")


def test_a_dispute_at_the_provider_is_found_and_followed_to_its_end(
    order_id: int, provider: SandboxProcess
) -> None:
    services.open_pay_page(order_id)
    provider.control(f"sessions/{session_ref(order_id)}/pay", method="card")
    services.refresh(order_id)
    [charge] = provider.look("charges")["charges"]
    told = provider.control(f"charges/{charge['charge']}/dispute")["id"]
    (sentence,) = reconciling.compare()
    assert told in sentence
    with pytest.raises(rules.DisputedPaymentError):
        give_back(order_id)
    db.session.rollback()
    assert reconciling.compare() == []
    provider.control(f"disputes/{told}/win")
    (sentence,) = reconciling.compare()
    assert "won" in sentence
    give_back(order_id)
    assert refunding.send_refunds() == 1
    assert checks.check() == []
