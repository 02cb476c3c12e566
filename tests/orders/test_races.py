"""The same act at the same moment by several: it happens once, and books, stock and revenue agree."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest
from flask import Flask

from marketplace import clock
from marketplace.audit import SYSTEM
from marketplace.database import run_in_transaction
from marketplace.inventory.queries import available
from marketplace.ledger import checks
from marketplace.ledger.queries import seller_summary
from marketplace.orders import queries, rules, services
from marketplace.orders.models import PaymentState, SellerOrderStatus
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


def test_a_part_is_sent_or_cancelled_never_both(shop: Flask) -> None:
    farm = shop_of("farmer")
    for _round in range(3):
        pool = make_pool(farm, 5_000)
        order_id = place([Wish(farm, [Box(pool, 1000)])])
        pay(order_id)
        at_once(shop, [partial(ship, order_id, farm), partial(refund, order_id, farm, goods=1000)])
        status = sale_of(order_id, farm).status
        assert status in {SellerOrderStatus.SHIPPED, SellerOrderStatus.CANCELLED}
        assert available([pool])[pool] == (5_000 if status == SellerOrderStatus.CANCELLED else 0)
        assert_clean()


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
