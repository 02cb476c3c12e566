"""Random histories of orders, payments, refunds and completions: the books stay sound after each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
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
from marketplace.orders import queries, services
from marketplace.orders.models import PaymentState, SellerOrder, SellerOrderStatus
from marketplace.payments.models import RefundStatus
from marketplace.revenue import services as revenue
from marketplace.revenue.models import AgriClass
from tests.orders import sales
from tests.orders.sales import Box, Wish

BOX = st.tuples(
    st.integers(0, 1),  # which of the seller's pools
    st.integers(1, 99_999),
    st.integers(1, 3),
    st.sampled_from([2_500, 5_000, 10_000]),
    st.sampled_from(list(AgriClass)),
)
ORDER = st.tuples(
    st.dictionaries(
        st.integers(0, 2),  # which seller
        st.tuples(st.lists(BOX, min_size=1, max_size=2), st.integers(0, 2_000)),
        min_size=1,
        max_size=3,
    ),
    st.sampled_from([False, False, False, True]),  # cash on delivery
)
# Which of the steps that are possible just then, and how much of what is left of goods and freight a refund takes.
CHOICE = st.tuples(st.integers(0, 1_000), st.sampled_from([1, 33, 50, 100]), st.sampled_from([0, 50, 100]))

Step = Callable[[], object]


class History:
    """A small shop with a few orders, and what can happen to them next."""

    def __init__(self, orders: list[Any]) -> None:
        self.sellers = [sales.shop_of(key) for key in ("coop_owner", "farmer", "second_farmer")]
        self.pools = {seller: [sales.make_pool(seller, 60_000) for _ in range(2)] for seller in self.sellers}
        self.refunds: list[int] = []
        self.orders = [order_id for parts, cash in orders if (order_id := self._place(parts, cash))]

    def _place(self, parts: dict[int, Any], cash: bool) -> int | None:
        wishes = []
        for number, (boxes, freight) in parts.items():
            seller = self.sellers[number]
            pools = self.pools[seller]
            wishes.append(Wish(seller, [Box(pools[box[0]], *box[1:]) for box in boxes], freight))
        try:
            return sales.place(wishes, cash=cash)
        except OutOfStockError:
            return None

    def possible(self, goods: int, freight: int) -> Iterator[Step]:
        """Steps that the rules allow now; those that go on come twice as often as those that go back."""
        for order_id in self.orders:
            order = queries.get_order(order_id)
            if order.payment_state == PaymentState.UNPAID:
                yield partial(sales.pay, order_id)
                yield partial(sales.pay, order_id)
                yield partial(self._cancel, order_id)
            elif order.payment_state == PaymentState.CANCELLED:
                yield partial(self._revive, order_id)
            else:
                for sale in queries.sellers_of(order_id):
                    yield from self._of_part(sale, order.payment_state, goods, freight)
        for refund_id in self.refunds:
            if sales.is_open(refund_id):
                yield partial(sales.settle_refund, refund_id, RefundStatus.SUCCEEDED)
                yield partial(sales.settle_refund, refund_id, RefundStatus.FAILED)

    def _of_part(self, sale: SellerOrder, state: PaymentState, goods: int, freight: int) -> Iterator[Step]:
        part = (sale.order_id, sale.seller_id)
        if sale.status == SellerOrderStatus.TO_SHIP:
            yield partial(sales.ship, *part)
            yield partial(sales.ship, *part)
        if sale.status == SellerOrderStatus.SHIPPED:
            yield partial(sales.deliver, *part)
        if sale.status in {SellerOrderStatus.SHIPPED, SellerOrderStatus.DELIVERED}:
            yield partial(sales.complete, *part)
            yield partial(sales.complete, *part)
        if state == PaymentState.PAID or sale.status == SellerOrderStatus.COMPLETED:
            goods_amount = (sale.goods_amount - sale.refunded_goods_amount) * goods // 100
            freight_amount = (sale.freight_amount - sale.refunded_freight_amount) * freight // 100
            if goods_amount + freight_amount:
                yield partial(self._refund, *part, goods_amount, freight_amount)

    def _cancel(self, order_id: int) -> None:
        run_in_transaction(lambda: services.cancel_unpaid(SYSTEM, order_id, "buyer"))

    def _revive(self, order_id: int) -> None:
        until = queries.get_order(order_id).hold_until
        run_in_transaction(lambda: services.revive(order_id, hold_until=until))

    def _refund(self, order_id: int, seller_id: int, goods_amount: int, freight_amount: int) -> None:
        self.refunds.append(sales.refund(order_id, seller_id, goods=goods_amount, freight=freight_amount))


@pytest.mark.parametrize("commission", [0, 12_345])
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
    ],
)
@given(orders=st.lists(ORDER, min_size=1, max_size=4), choices=st.lists(CHOICE, min_size=8, max_size=30))
def test_books_stay_sound_through_any_history(
    app: Flask, commission: int, orders: list[Any], choices: list[tuple[int, int, int]]
) -> None:
    with app.app_context():
        # Each example in a savepoint of its own inside the test's transaction.
        connection: Any = db.engine
        nested = connection.begin_nested()
        try:
            _live_through(commission, orders, choices)
        finally:
            db.session.remove()
            nested.rollback()


def _live_through(commission: int, orders: list[Any], choices: list[tuple[int, int, int]]) -> None:
    if commission:
        sales.set_commission(commission)
    history = History(orders)
    for choice, goods, freight in choices:
        if steps := list(history.possible(goods, freight)):
            steps[choice % len(steps)]()
    assert checks.check() == []
    assert revenue.verify() == []
    carried = 0
    for seller_id in history.sellers:
        book = balances(seller_id)
        assert sum(book.values()) == 0
        carried += book.get(Account.BOOK_TRANSFER, 0)
        rows, _more = statement(seller_id, limit=1000)
        done = [row for row in rows if row.completed_at]
        assert (
            sum(row.net_amount - row.cash_amount for row in done) == seller_summary(seller_id).payable_amount
        )
    assert balances(PLATFORM_BOOK).get(Account.BOOK_TRANSFER, 0) + carried == 0
