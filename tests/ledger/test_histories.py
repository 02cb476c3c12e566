"""Random histories of orders, payments, refunds and completions: the books stay sound after each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from marketplace.audit import SYSTEM
from marketplace.database import db, run_in_transaction
from marketplace.inventory.rules import OutOfStockError
from marketplace.ledger import checks
from marketplace.ledger.models import PLATFORM_BOOK, Account
from marketplace.ledger.queries import balances, seller_summary, statement
from marketplace.orders import queries, rules, services
from marketplace.orders.models import PaymentState
from marketplace.payments.models import RefundStatus
from marketplace.revenue import services as revenue
from marketplace.revenue.models import AgriClass
from tests.orders import sales
from tests.orders.sales import Box, Wish

BOXES = st.builds(
    Box,
    pool_id=st.integers(0, 1),
    price=st.integers(1, 99_999),
    count=st.integers(1, 4),
    grams=st.sampled_from([2_500, 5_000, 10_000]),
    agri_class=st.sampled_from(list(AgriClass)),
    vat=st.just(0),
)
PARTS = st.dictionaries(
    st.integers(0, 2),
    st.tuples(st.lists(BOXES, min_size=1, max_size=3), st.integers(0, 2_000)),
    min_size=1,
    max_size=3,
)
STEPS = st.one_of(
    st.tuples(st.just("place"), PARTS, st.booleans()),
    st.tuples(st.sampled_from(["pay", "cancel", "revive"]), st.integers(0, 9)),
    st.tuples(
        st.sampled_from(["ship", "deliver", "complete", "give_back"]), st.integers(0, 9), st.integers(0, 2)
    ),
    st.tuples(
        st.just("refund"), st.integers(0, 9), st.integers(0, 2), st.integers(0, 100), st.integers(0, 100)
    ),
    st.tuples(
        st.just("settle"), st.integers(0, 9), st.sampled_from([RefundStatus.SUCCEEDED, RefundStatus.FAILED])
    ),
)


class History:
    """A small shop to which steps happen; what a rule refuses changes nothing."""

    def __init__(self) -> None:
        self.sellers = [sales.shop_of(key) for key in ("coop_owner", "farmer", "second_farmer")]
        self.pools = {seller: [sales.make_pool(seller, 60_000) for _ in range(2)] for seller in self.sellers}
        self.orders: list[int] = []
        self.refunds: list[int] = []

    def carry_out(self, step: tuple[object, ...]) -> None:
        name, *arguments = step
        act: Callable[..., None] = getattr(self, str(name))
        try:
            act(*arguments)
        except (rules.DomainError, OutOfStockError):
            db.session.rollback()

    def place(self, parts: dict[int, tuple[list[Box], int]], cash: bool) -> None:
        wishes = []
        for number, (boxes, freight) in parts.items():
            seller = self.sellers[number]
            chosen = [
                Box(self.pools[seller][box.pool_id], box.price, box.count, box.grams, box.agri_class)
                for box in boxes
            ]
            wishes.append(Wish(seller, chosen, freight))
        self.orders.append(sales.place(wishes, cash=cash))

    def _order(self, number: int) -> int:
        if not self.orders:
            raise rules.EmptyOrderError
        return self.orders[number % len(self.orders)]

    def pay(self, number: int) -> None:
        order_id = self._order(number)
        if queries.get_order(order_id).payment_state == PaymentState.UNPAID:
            sales.pay(order_id)

    def cancel(self, number: int) -> None:
        order_id = self._order(number)
        run_in_transaction(lambda: services.cancel_unpaid(SYSTEM, order_id, "buyer"))

    def revive(self, number: int) -> None:
        order_id = self._order(number)
        order = queries.get_order(order_id)
        run_in_transaction(lambda: services.revive(order_id, hold_until=order.hold_until))

    def _part(self, number: int, part: int) -> tuple[int, int]:
        order_id = self._order(number)
        found = queries.sellers_of(order_id)
        return order_id, found[part % len(found)].seller_id

    def ship(self, number: int, part: int) -> None:
        sales.ship(*self._part(number, part))

    def deliver(self, number: int, part: int) -> None:
        sales.deliver(*self._part(number, part))

    def complete(self, number: int, part: int) -> None:
        sales.complete(*self._part(number, part))

    def give_back(self, number: int, part: int) -> None:
        self.refund(number, part, 100, 100)

    def refund(self, number: int, part: int, goods: int, freight: int) -> None:
        order_id, seller_id = self._part(number, part)
        sale = sales.sale_of(order_id, seller_id)
        goods_amount = (sale.goods_amount - sale.refunded_goods_amount) * goods // 100
        freight_amount = (sale.freight_amount - sale.refunded_freight_amount) * freight // 100
        self.refunds.append(sales.refund(order_id, seller_id, goods=goods_amount, freight=freight_amount))

    def settle(self, number: int, status: RefundStatus) -> None:
        if self.refunds:
            refund_id = self.refunds[number % len(self.refunds)]
            if sales.is_open(refund_id):
                sales.settle_refund(refund_id, status)


@pytest.mark.usefixtures("app")
@pytest.mark.parametrize("commission", [0, 12_345])
@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
    ],
)
@given(steps=st.lists(STEPS, min_size=5, max_size=25))
def test_books_stay_sound_through_any_history(
    app: Flask, commission: int, steps: list[tuple[object, ...]]
) -> None:
    with app.app_context():
        # Each example in a savepoint of its own inside the test's transaction.
        connection: Any = db.engine
        nested = connection.begin_nested()
        try:
            _live_through(commission, steps)
        finally:
            db.session.remove()
            nested.rollback()


def _live_through(commission: int, steps: list[tuple[object, ...]]) -> None:
    if commission:
        sales.set_commission(commission)
    history = History()
    for step in steps:
        history.carry_out(step)
    assert checks.check() == []
    assert revenue.verify() == []
    for seller_id in history.sellers:
        book = balances(seller_id)
        assert sum(book.values()) == 0
        rows, _more = statement(seller_id, limit=1000)
        done = [row for row in rows if row.completed_at]
        assert sum(row.due_amount for row in done) == seller_summary(seller_id).payable_amount
    platform = balances(PLATFORM_BOOK)
    carried = sum(balances(seller_id).get(Account.BOOK_TRANSFER, 0) for seller_id in history.sellers)
    assert platform.get(Account.BOOK_TRANSFER, 0) + carried == 0
