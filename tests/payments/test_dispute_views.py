"""Finance in a browser: disputes, their parts and their end; what a seller sees of them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from sqlalchemy import select

from marketplace.database import db, run_in_transaction
from marketplace.payments.answers import dispute_of
from marketplace.payments.disputing import record_dispute
from marketplace.payments.models import Dispute
from tests.browsing import Visitor
from tests.market import Market
from tests.payments.disputes import dispute, place


def market_order(market: Market) -> int:
    with market.app.app_context():
        return place()


def tell(market: Market, order_id: int, status: str = "needs_response", **changes: Any) -> None:
    with market.app.app_context():
        told = dispute_of(dispute(order_id, status, **changes))
        run_in_transaction(lambda: record_dispute(told))


def first(market: Market) -> int:
    with market.app.app_context():
        return db.session.execute(select(Dispute.id).order_by(Dispute.id)).scalars().all()[0]


def test_finance_sees_disputes_and_nobody_else_does(
    sign_in: Callable[[str], Visitor], market: Market
) -> None:
    order_id = market_order(market)
    finance = sign_in("finance")
    assert "没有这样的拒付" in finance.get("/staff/payments/disputes").text
    tell(market, order_id)
    page = finance.get("/staff/payments/disputes?status=needs_response")
    for words in ("¥167.80", "说没收到货", "等我们答复"):
        assert words in page.text
    path = f"/staff/payments/disputes/{first(market)}"
    page = finance.get(path)
    for words in ("¥109.80", "¥58.00", "银行先扣住了", "¥15.00"):
        assert words in page.text
    assert "Needs our answer" in finance.get(f"/en{path}").text
    assert "没有这样的拒付" in finance.get("/staff/payments/disputes?status=won").text
    finance.get("/staff/payments/disputes/1", 404)
    for key in ("admin", "bureau", "staff_xinfeng"):
        staff = sign_in(key)
        staff.get("/staff/payments/disputes", 403)
        staff.get(path, 403)
    owner = sign_in("coop_owner")
    assert "先不结算" in owner.get("/seller/money/").text
    assert "买家银行拒付" in finance.get("/staff/books/").text
    tell(market, order_id, "lost")
    assert "拒付输了" in owner.get("/seller/money/").text
    assert "归买家了" in finance.get(path).text


def test_statements_do_not_grow_with_disputes(
    sign_in: Callable[[str], Visitor],
    market: Market,
    count_statements: Callable[[], AbstractContextManager[list[str]]],
) -> None:
    order_id = market_order(market)
    finance = sign_in("finance")
    tell(market, order_id, amount=100)
    path = f"/staff/payments/disputes/{first(market)}"
    finance.get(path)
    with count_statements() as few:
        finance.get("/staff/payments/disputes")
    for number in range(3):
        tell(market, order_id, amount=100, id=f"dp_{number}")
    with count_statements() as many:
        finance.get("/staff/payments/disputes")
    assert len(few) == len(many) == 3, many
    with count_statements() as one:
        finance.get(path)
    assert len(one) == 6, one
