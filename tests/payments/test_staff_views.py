"""Finance in a browser: payments, refunds, giving back for a seller, sending again."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from sqlalchemy import select, update

from marketplace.database import db, run_in_transaction
from marketplace.ledger import checks
from marketplace.orders.models import SellerOrder
from marketplace.payments import queries, refunding
from marketplace.payments.models import Payment, Refund, RefundStatus
from tests.browsing import Visitor
from tests.factories import Goods
from tests.market import Market
from tests.payments.provider import Provider


@pytest.fixture
def goods(market: Market) -> Goods:
    market.make_freight(first=600, following=40)
    return market.make_goods(title="石坳脐橙")


@pytest.fixture
def code(market: Market, goods: Goods) -> str:
    """A paid seller order of 109.80."""
    order_id = market.place_order({goods.variants[0]: 2})
    market.pay(order_id)
    with market.app.app_context():
        return str(
            db.session.execute(select(SellerOrder.code).where(SellerOrder.order_id == order_id)).scalar_one()
        )


def _refunds(market: Market) -> list[Refund]:
    with market.app.app_context():
        assert checks.check() == []
        return list(db.session.execute(select(Refund)).scalars())


def test_finance_sees_payments_by_state(sign_in: Callable[[str], Visitor], code: str) -> None:
    finance = sign_in("finance")
    page = finance.get("/staff/payments/")
    assert "¥109.80" in page.text
    assert "已支付" in page.text
    assert "¥109.80" in finance.get("/staff/payments/?status=succeeded").text
    assert "没有这样的付款" in finance.get("/staff/payments/?status=open").text
    assert "没有这样的退款" in finance.get("/staff/payments/refunds").text


@pytest.mark.parametrize("key", ["admin", "bureau", "staff_xinfeng"])
def test_others_do_not_see_payments(sign_in: Callable[[str], Visitor], code: str, key: str) -> None:
    staff = sign_in(key)
    for path in ("/staff/payments/", "/staff/payments/refunds", f"/staff/payments/refund/{code}"):
        staff.get(path, 403)


def test_finance_gives_back_for_a_seller(
    sign_in: Callable[[str], Visitor], market: Market, code: str, provider: Provider
) -> None:
    finance = sign_in("finance")
    path = f"/staff/payments/refund/{code}"
    assert "退款不能多于" in finance.submit(path, {"goods_amount": "99.81", "reason": "坏果"}, 422).text
    page = finance.follow(
        finance.submit(path, {"goods_amount": "20", "freight_amount": "0", "reason": "坏果"})
    )
    assert "退款交给支付机构了" in page.text
    assert [refund.amount for refund in _refunds(market)] == [2000]
    assert "退款中" in finance.get("/staff/payments/refunds").text


def test_a_failed_refund_is_sent_again(
    sign_in: Callable[[str], Visitor], market: Market, code: str, provider: Provider
) -> None:
    finance = sign_in("finance")
    finance.submit(
        f"/staff/payments/refund/{code}", {"goods_amount": "20", "freight_amount": "0", "reason": "坏果"}
    )
    provider.is_refusing = True
    with market.app.app_context():
        refunding.send_refunds()
    page = finance.get("/staff/payments/refunds?status=failed")
    assert "没退成" in page.text
    provider.is_refusing = False
    answer = finance.submit("/staff/payments/refunds", form="/retry")
    assert "重新交给支付机构了" in finance.follow(answer).text
    with market.app.app_context():
        assert refunding.send_refunds() == 1
    (refund,) = _refunds(market)
    assert refund.status == RefundStatus.SUCCEEDED
    token = finance.get(f"/staff/payments/refund/{code}").form().fields["csrf_token"]
    finance.post(f"/staff/payments/refunds/{refund.id}/retry", {"csrf_token": token}, 409)
    finance.post("/staff/payments/refunds/1/retry", {"csrf_token": token}, 404)


def test_a_refund_that_the_provider_cannot_be_asked_for_waits_for_finance(
    sign_in: Callable[[str], Visitor], market: Market, code: str, provider: Provider
) -> None:
    finance = sign_in("finance")
    finance.submit(
        f"/staff/payments/refund/{code}", {"goods_amount": "20", "freight_amount": "0", "reason": "坏果"}
    )
    with market.app.app_context():
        run_in_transaction(lambda: db.session.execute(update(Payment).values(intent_ref=None)))
        assert refunding.send_refunds() == 0
        assert queries.count_differences() == {"unexpected": 0, "failed_refunds": 1, "disputes": 0}
    [refund] = _refunds(market)
    assert (refund.status, refund.last_error) == (
        RefundStatus.FAILED,
        "the payment has no reference at the provider",
    )
    assert "没退成" in finance.get("/staff/payments/refunds?status=failed").text
    assert provider.refunds == []


def test_statements_do_not_grow_with_the_lists(
    sign_in: Callable[[str], Visitor],
    market: Market,
    goods: Goods,
    code: str,
    count_statements: Callable[[], AbstractContextManager[list[str]]],
) -> None:
    finance = sign_in("finance")
    for path, most in (("/staff/payments/", 4), ("/staff/payments/refunds", 3)):
        with count_statements() as few:
            finance.get(path)
        for _number in range(3):
            market.pay(market.place_order({goods.variants[0]: 1}))
        with count_statements() as many:
            finance.get(path)
        assert len(few) == len(many) == most, many
