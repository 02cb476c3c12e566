"""Status moves, modes, days and divisions, without a database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.orders import rules
from marketplace.orders.models import BuyerKind, PaymentState, SellerOrderStatus
from marketplace.orders.rules import MOVES, PASSED, Move, RefundTooHighError
from marketplace.revenue.models import Mode

WAITING, TO_SHIP, SHIPPED, DELIVERED, COMPLETED, CANCELLED = SellerOrderStatus


@dataclass
class Line:
    amount: int
    refunded_amount: int = 0


@pytest.mark.parametrize(
    ("move", "starts", "end"),
    [
        (Move.PAY, {WAITING}, TO_SHIP),
        (Move.CANCEL_UNPAID, {WAITING}, CANCELLED),
        (Move.REVIVE, {CANCELLED}, WAITING),
        (Move.SHIP, {TO_SHIP}, SHIPPED),
        (Move.DELIVER, {SHIPPED}, DELIVERED),
        (Move.COMPLETE, {SHIPPED, DELIVERED}, COMPLETED),
        (Move.WITHDRAW, {TO_SHIP}, CANCELLED),
    ],
)
def test_each_move_starts_and_ends_where_the_table_says(
    move: Move, starts: set[SellerOrderStatus], end: SellerOrderStatus
) -> None:
    assert MOVES[move] == (starts, end)


def test_nothing_leaves_completed_and_a_repeat_is_no_start() -> None:
    for move, (starts, end) in MOVES.items():
        assert COMPLETED not in starts
        assert end not in starts
        assert not starts & PASSED.get(move, frozenset())


@pytest.mark.parametrize(
    ("is_enterprise", "buyer", "mode"),
    [
        (True, BuyerKind.ENTERPRISE, Mode.B2B),
        (True, BuyerKind.CONSUMER, Mode.B2C),
        (False, BuyerKind.CONSUMER, Mode.C2C),
        (False, BuyerKind.ENTERPRISE, Mode.UNCLASSIFIED),
    ],
)
def test_mode_by_both_parties(is_enterprise: bool, buyer: BuyerKind, mode: Mode) -> None:
    assert rules.mode_of(is_enterprise, buyer) == mode


def test_confirmation_runs_from_delivery_where_it_is_known() -> None:
    shipped = datetime(2026, 11, 1, tzinfo=UTC)
    delivered = datetime(2026, 11, 4, tzinfo=UTC)
    days = {"days_after_delivery": 7, "days_after_dispatch": 15}
    assert rules.confirm_at(shipped_at=shipped, delivered_at=None, **days) == shipped + timedelta(days=15)
    assert rules.confirm_at(shipped_at=shipped, delivered_at=delivered, **days) == delivered + timedelta(
        days=7
    )


@pytest.mark.parametrize(
    ("state", "statuses", "expected"),
    [
        (PaymentState.UNPAID, [WAITING, WAITING], "to_pay"),
        (PaymentState.CANCELLED, [CANCELLED], "cancelled"),
        (PaymentState.PAID, [CANCELLED, CANCELLED], "cancelled"),
        (PaymentState.PAID, [TO_SHIP, TO_SHIP], "to_ship"),
        (PaymentState.ON_DELIVERY, [TO_SHIP, CANCELLED], "to_ship"),
        (PaymentState.PAID, [TO_SHIP, SHIPPED], "partly_shipped"),
        (PaymentState.PAID, [SHIPPED, DELIVERED], "shipped"),
        (PaymentState.PAID, [DELIVERED, COMPLETED], "delivered"),
        (PaymentState.PAID, [COMPLETED, CANCELLED], "completed"),
    ],
)
def test_status_of_a_whole_order_follows_its_parts(
    state: PaymentState, statuses: list[SellerOrderStatus], expected: str
) -> None:
    assert rules.order_status(state, statuses) == expected


@given(st.lists(st.tuples(st.integers(1, 10**12), st.integers(0, 100)), min_size=1, max_size=7), st.data())
def test_a_divided_refund_loses_no_fen_and_exceeds_no_line(
    figures: list[tuple[int, int]], data: st.DataObject
) -> None:
    lines = [Line(amount, amount * percent // 100) for amount, percent in figures]
    left = sum(line.amount - line.refunded_amount for line in lines)
    wanted = data.draw(st.integers(0, left))
    shares = rules.divide_refund(wanted, lines)
    assert sum(shares) == wanted
    assert all(
        0 <= share <= line.amount - line.refunded_amount for share, line in zip(shares, lines, strict=True)
    )
    with pytest.raises(RefundTooHighError):
        rules.divide_refund(left + 1, lines)
