"""The same act at the same moment by several: it happens once, and books, stock and revenue agree."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import partial
from typing import Any

import pytest
from flask import Flask

from marketplace import clock
from marketplace.audit import SYSTEM
from marketplace.database import db, run_in_transaction
from marketplace.inventory.queries import available
from marketplace.ledger import checks
from marketplace.ledger.queries import seller_summary
from marketplace.logistics.services import dispatch
from marketplace.orders import moves, queries, rules, services
from marketplace.orders.models import PaymentState, SellerOrderStatus
from marketplace.payments import refunding
from marketplace.payments import services as payments
from marketplace.payments.rules import PaymentUnderWayError
from marketplace.revenue import services as revenue
from tests.orders.sales import (
    Box,
    Wish,
    complete,
    facts,
    make_pool,
    pay,
    place,
    refund,
    sale_of,
    ship,
    shop_of,
)
from tests.racing import at_once


@pytest.fixture
def shop(fresh_app: Flask) -> Iterator[Flask]:
    with fresh_app.app_context():
        yield fresh_app


def assert_clean() -> None:
    assert checks.check() == []
    assert revenue.verify() == []


def sent(farm: int, *, price: int = 1000) -> int:
    order_id = place([Wish(farm, [Box(make_pool(farm), price)])])
    pay(order_id)
    ship(order_id, farm)
    return order_id


def test_confirming_eight_times_at_once_books_one_sale(shop: Flask) -> None:
    farm = shop_of("farmer")
    order_id = sent(farm)
    results = at_once(shop, [partial(complete, order_id, farm)] * 8)
    assert sorted(results) == [False] * 7 + [True]
    assert seller_summary(farm).payable_amount == 1000
    assert sum(facts(farm).values()) == 1000
    assert_clean()


def test_many_sales_completed_at_once_sum_up(shop: Flask) -> None:
    farm = shop_of("farmer")
    orders = [sent(farm) for _ in range(10)]
    assert at_once(shop, [partial(complete, order_id, farm) for order_id in orders]) == [True] * 10
    assert sum(facts(farm).values()) == 10_000
    assert_clean()


def test_refunds_at_once_never_exceed_what_was_paid(shop: Flask) -> None:
    farm = shop_of("farmer")
    order_id = sent(farm)
    acts = [partial(refund, order_id, farm, goods=300) for _ in range(6)] + [
        partial(complete, order_id, farm)
    ]
    results = at_once(shop, acts)
    refused = [result for result in results if isinstance(result, rules.RefundTooHighError)]
    assert len(refused) == 3
    assert sale_of(order_id, farm).refunded_goods_amount == 900
    assert sum(facts(farm).values()) == 100
    assert_clean()


def send(order_id: int, farm: int, seen: str | None = None) -> int:
    """The clerk's press: parcels with their numbers."""
    sale_id = sale_of(order_id, farm).id
    return run_in_transaction(
        lambda: len(
            dispatch(
                SYSTEM,
                seller_id=farm,
                seller_order_id=sale_id,
                carrier_code="SF",
                waybills=["SF1"],
                seen=seen,
            )
        )
    )


def cancel(order_id: int, farm: int) -> None:
    """The owner's press on the cancel page."""
    sale_id = sale_of(order_id, farm).id
    run_in_transaction(
        lambda: refunding.cancel_part(SYSTEM, seller_id=farm, seller_order_id=sale_id, reason="没货了")
    )


def paid(farm: int, *, cash: bool = False) -> tuple[int, int]:
    """An order of one box that can be sent, and its pool, which it empties."""
    pool = make_pool(farm, 5_000)
    order_id = place([Wish(farm, [Box(pool, 1000)])], cash=cash)
    if not cash:
        pay(order_id)
    return order_id, pool


def assert_one_won(order_id: int, farm: int, pool: int, results: list[object], *, cash: bool = False) -> None:
    sale = sale_of(order_id, farm)
    is_sent = sale.status == SellerOrderStatus.SHIPPED
    assert is_sent or sale.status == SellerOrderStatus.CANCELLED
    assert sale.refunded_goods_amount == (0 if is_sent or cash else 1000)
    assert available([pool])[pool] == (0 if is_sent else 5_000)
    assert sum(isinstance(result, rules.MoveRefusedError) for result in results) == 1, results
    assert_clean()


@pytest.mark.parametrize("cash", [False, True])
def test_a_part_is_sent_or_cancelled_never_both(shop: Flask, cash: bool) -> None:
    farm = shop_of("farmer")
    for _round in range(3):
        order_id, pool = paid(farm, cash=cash)
        results = at_once(shop, [partial(send, order_id, farm), partial(cancel, order_id, farm)])
        assert_one_won(order_id, farm, pool, results, cash=cash)


def withdraw(order_id: int) -> int:
    """The buyer's press on "cancel" of a cash order."""
    return run_in_transaction(lambda: services.cancel_on_delivery(SYSTEM, order_id))


def test_a_cash_parcel_is_sent_or_cancelled_by_its_buyer_never_both(shop: Flask) -> None:
    farm = shop_of("farmer")
    for _round in range(3):
        order_id, pool = paid(farm, cash=True)
        sent_result, count = at_once(shop, [partial(send, order_id, farm), partial(withdraw, order_id)])
        is_sent = sale_of(order_id, farm).status == SellerOrderStatus.SHIPPED
        assert isinstance(sent_result, rules.MoveRefusedError) is not is_sent
        assert count == (0 if is_sent else 1)
        assert available([pool])[pool] == (0 if is_sent else 5_000)
        assert_clean()


def test_a_cash_order_cancelled_by_four_presses_puts_its_stock_back_once(shop: Flask) -> None:
    farm = shop_of("farmer")
    order_id, pool = paid(farm, cash=True)
    assert sorted(at_once(shop, [partial(withdraw, order_id)] * 4)) == [0, 0, 0, 1]
    assert available([pool])[pool] == 5_000
    assert_clean()


def test_without_the_guard_of_the_move_the_stock_would_come_back_twice(
    shop: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Control: what the two tests above would miss if they could not fail."""
    farm = shop_of("farmer")
    order_id, pool = paid(farm, cash=True)
    monkeypatch.setattr(services, "move", lambda *_values, **_options: True)
    at_once(shop, [partial(withdraw, order_id)] * 2)
    assert available([pool])[pool] > 5_000


def cancel_while_it_is_sent(
    shop: Flask, monkeypatch: pytest.MonkeyPatch, order_id: int, farm: int
) -> list[object]:
    """The clerk presses right after the owner's cancel has read the part: what each press came to."""
    clerk: list[Future[Any]] = []

    def press() -> list[Any]:
        with shop.app_context():
            return at_once(shop, [partial(send, order_id, farm)])

    read = refunding.order_queries.get_order

    def read_and_let_the_clerk_press(order: int) -> object:
        if not clerk:
            clerk.append(pool.submit(press))
            wait(clerk, timeout=0.5)  # where the part is locked, the clerk is still waiting then
        return read(order)

    with ThreadPoolExecutor(1) as pool, monkeypatch.context() as patch:
        patch.setattr(refunding.order_queries, "get_order", read_and_let_the_clerk_press)
        owner = at_once(shop, [partial(cancel, order_id, farm)])
        return [*owner, *clerk[0].result()]


@pytest.mark.usefixtures("commits_succeed")
def test_who_reads_the_part_first_wins(shop: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    farm = shop_of("farmer")
    order_id, pool = paid(farm)
    results = cancel_while_it_is_sent(shop, monkeypatch, order_id, farm)
    assert sale_of(order_id, farm).status == SellerOrderStatus.CANCELLED
    assert_one_won(order_id, farm, pool, results)


@pytest.mark.usefixtures("commits_succeed")
def test_control_without_the_lock_the_goods_and_the_money_go(
    shop: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    if db.engine.dialect.name == "sqlite":
        pytest.skip("SQLite has one writer at a time: there is no lock to take away")
    farm = shop_of("farmer")
    order_id, _pool = paid(farm)
    monkeypatch.setattr(
        refunding, "load", lambda sale_id, seller_id, lock: moves.load(sale_id, seller_id=seller_id)
    )
    cancel_while_it_is_sent(shop, monkeypatch, order_id, farm)
    sale = sale_of(order_id, farm)
    assert (sale.status, sale.refunded_goods_amount) == (SellerOrderStatus.SHIPPED, 1000)


def test_what_was_decided_on_another_state_is_refused(shop: Flask) -> None:
    """A refund of the whole seen before dispatch, and parcels packed before a refund."""
    farm = shop_of("farmer")
    order_id, _pool = paid(farm)
    seen = sale_of(order_id, farm).mark
    refund(order_id, farm, goods=300)
    with pytest.raises(rules.PartChangedError):
        send(order_id, farm, seen)
    assert send(order_id, farm, sale_of(order_id, farm).mark) == 1
    with pytest.raises(rules.PartChangedError):
        run_in_transaction(
            lambda: refunding.request_refund(
                SYSTEM,
                seller_id=farm,
                seller_order_id=sale_of(order_id, farm).id,
                line_id=None,
                goods_amount=700,
                freight_amount=0,
                reason="坏果",
                form_key="k" * 24,
                seen=seen,
            )
        )
    assert sale_of(order_id, farm).refunded_goods_amount == 300
    assert_clean()


def test_a_payment_begun_while_an_order_is_cancelled_keeps_it(shop: Flask) -> None:
    """The buyer's other window pressed "pay" after the cancelling one had found nothing to close."""
    farm = shop_of("farmer")
    order_id = place([Wish(farm, [Box(make_pool(farm, 5_000), 1000)])])
    run_in_transaction(lambda: payments.intend(order_id))
    with pytest.raises(PaymentUnderWayError):
        run_in_transaction(lambda: payments._cancel_unless_begun(SYSTEM, order_id, "buyer"))
    assert queries.get_order(order_id).payment_state == PaymentState.UNPAID


def test_an_order_is_paid_or_cancelled_never_both(shop: Flask) -> None:
    farm = shop_of("farmer")
    for _round in range(3):
        pool = make_pool(farm, 5_000)
        order_id = place([Wish(farm, [Box(pool, 1000)])])
        cancel = partial(services.cancel_unpaid, SYSTEM, order_id, "lapsed")
        at_once(shop, [partial(pay, order_id), partial(run_in_transaction, cancel)] * 2)
        state = queries.get_order(order_id).payment_state
        assert state in {PaymentState.PAID, PaymentState.CANCELLED}
        assert available([pool])[pool] == (5_000 if state == PaymentState.CANCELLED else 0)
        assert_clean()


def test_two_workers_confirm_what_is_due_once(shop: Flask) -> None:
    farm = shop_of("farmer")
    orders = [sent(farm) for _ in range(4)]
    due = max(sale_of(order_id, farm).confirm_at or clock.now() for order_id in orders)
    with clock.at(due):
        results = at_once(shop, [services.confirm_due] * 2)
    assert sum(results) == 4
    assert sum(facts(farm).values()) == 4_000
    assert_clean()


def test_the_same_form_sent_at_once_makes_one_order(shop: Flask) -> None:
    farm = shop_of("farmer")
    pool = make_pool(farm)
    act = partial(place, [Wish(farm, [Box(pool, 1000)])], form_key="once")
    results = at_once(shop, [act] * 6)
    assert sum(isinstance(result, int) for result in results) == 1
    assert sum(isinstance(result, rules.OrderExistsError) for result in results) == 5
    assert available([pool]) == {pool: 995_000}
    assert_clean()
