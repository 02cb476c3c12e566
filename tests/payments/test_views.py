"""Paying in a browser: on to the provider, back from it, again, and cancelling before payment."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from marketplace import clock
from marketplace.audit import SYSTEM
from marketplace.database import db, run_in_transaction
from marketplace.ledger import checks
from marketplace.orders import services as orders
from marketplace.orders.models import Order, PaymentState
from tests.browsing import Visitor
from tests.factories import Goods
from tests.market import Market
from tests.payments.provider import PAY_HOST, Provider


@pytest.fixture
def goods(market: Market) -> Goods:
    market.make_freight(first=600, following=40)
    return market.make_goods(title="石坳脐橙", price=4990, stock=10_000)


def _order(market: Market, order_id: int) -> Order:
    with market.app.app_context():
        return db.session.execute(select(Order).where(Order.id == order_id)).scalar_one()


@pytest.fixture
def order(market: Market, goods: Goods) -> Order:
    """A guest's unpaid order of 109.80."""
    return _order(market, market.place_order({goods.variants[0]: 2}, buyer=None))


@pytest.fixture
def own(market: Market, goods: Goods) -> Order:
    """The buyer's unpaid order."""
    return _order(market, market.place_order({goods.variants[0]: 2}))


def _start(visitor: Visitor, order: Order) -> None:
    answer = visitor.submit(f"/o/{order.access_token}", form="/pay")
    assert answer.location.startswith(PAY_HOST)


def test_pay_page_is_the_same_when_asked_for_again(
    visitor: Visitor, order: Order, provider: Provider
) -> None:
    _start(visitor, order)
    _start(visitor, order)
    assert len(provider.sessions) == 1


def test_return_asks_the_provider_and_believes_nobody_else(
    visitor: Visitor, market: Market, order: Order, provider: Provider
) -> None:
    _start(visitor, order)
    path = f"/pay/{order.access_token}/return"
    page = visitor.get(f"{path}?paid=yes")
    assert "可能已经付了，正在核对" in page.text
    assert "再看看" in page.text
    provider.pay()
    page = visitor.get(path)
    assert "付好了" in page.text
    assert "109.80" in page.text.replace(" ", "")
    assert _order(market, order.id).payment_state == PaymentState.PAID
    visitor.get(path)
    with market.app.app_context():
        assert checks.check() == []


def test_whoever_leaves_the_pay_page_may_have_the_provider_asked(
    visitor: Visitor, market: Market, order: Order, provider: Provider
) -> None:
    assert "核对付款" not in visitor.get(f"/o/{order.access_token}").text
    _start(visitor, order)
    assert provider.wishes[0].cancel_url.endswith(f"/o/{order.access_token}")
    back = f"/pay/{order.access_token}/return"
    page = visitor.get(f"/o/{order.access_token}")
    assert "刚才可能已经付了？先核对，不用再付。" in page.text
    assert back in page.links()
    provider.pay()  # later, in the app, after the page was closed; no word of it came
    assert "付好了" in visitor.get(back).text
    assert "核对付款" not in visitor.get(f"/o/{order.access_token}").text


def test_return_works_while_the_provider_is_silent(
    visitor: Visitor, order: Order, provider: Provider
) -> None:
    _start(visitor, order)
    provider.is_silent = True
    assert "可能已经付了，正在核对" in visitor.get(f"/pay/{order.access_token}/return").text


def test_an_accounts_return_is_for_its_owner_only(
    sign_in: Callable[[str], Visitor], visitor: Visitor, market: Market, own: Order, provider: Provider
) -> None:
    buyer = sign_in("buyer")
    buyer.submit(f"/orders/{own.code}", form="/pay")
    provider.pay()
    path = f"/pay/{own.access_token}/return"
    assert visitor.get(path, 303).location.startswith("/sign-in")  # another browser: recorded all the same
    assert _order(market, own.id).payment_state == PaymentState.PAID
    sign_in("company_buyer").get(path, 404)
    page = buyer.get(path)
    assert "付好了" in page.text
    assert f"/orders/{own.code}" in page.links()


def test_a_token_that_nobody_has_is_not_found(visitor: Visitor) -> None:
    visitor.get("/pay/nothing/return", 404)
    visitor.get("/o/nothing", 404)


def test_a_refusing_provider_is_told_and_the_order_stays(
    visitor: Visitor, market: Market, order: Order, provider: Provider
) -> None:
    provider.is_refusing = True
    page = visitor.follow(visitor.submit(f"/o/{order.access_token}", form="/pay"))
    assert "没有扣款" in page.text
    assert _order(market, order.id).payment_state == PaymentState.UNPAID
    provider.is_refusing = False
    _start(visitor, order)


def test_cancelling_closes_the_pay_page_first_and_gives_the_stock_back(
    visitor: Visitor, market: Market, order: Order, goods: Goods, provider: Provider
) -> None:
    _start(visitor, order)
    page = visitor.follow(visitor.submit(f"/o/{order.access_token}", form="/cancel"))
    assert "订单取消了" in page.text
    assert "已取消" in page.text
    assert all(session.is_expired for session in provider.sessions.values())
    assert market.pool(goods.pool_id).held == 0
    assert not page.soup.select("form[action$='/pay']")


def test_cancelling_waits_while_the_provider_is_silent(
    visitor: Visitor, market: Market, order: Order, goods: Goods, provider: Provider
) -> None:
    _start(visitor, order)
    provider.is_silent = True
    page = visitor.follow(visitor.submit(f"/o/{order.access_token}", form="/cancel"))
    assert "还不能取消" in page.text
    assert market.pool(goods.pool_id).held == 10_000


def test_cancelling_what_was_just_paid_says_so(
    visitor: Visitor, market: Market, order: Order, provider: Provider
) -> None:
    _start(visitor, order)
    form = visitor.get(f"/o/{order.access_token}").form("/cancel")
    provider.pay()
    page = visitor.follow(visitor.post(form.action, form.fields))
    assert "已经付款" in page.text
    assert _order(market, order.id).payment_state == PaymentState.PAID


def test_a_lapsed_order_cannot_be_paid_any_more(
    visitor: Visitor, market: Market, order: Order, provider: Provider
) -> None:
    form = visitor.get(f"/o/{order.access_token}").form("/pay")
    with clock.at(clock.now() + timedelta(minutes=31)):
        page = visitor.follow(visitor.post(form.action, form.fields))
        assert "这个订单现在不用付款" in page.text
        assert "留货的时间过了" in page.text
        assert not page.soup.select("form[action$='/pay']")
    assert not provider.sessions


def test_a_late_payment_that_came_too_late_is_told_on_return(
    visitor: Visitor, market: Market, order: Order, goods: Goods, provider: Provider
) -> None:
    _start(visitor, order)
    with market.app.app_context():
        run_in_transaction(lambda: orders.cancel_unpaid(SYSTEM, order.id, "lapsed"))
    market.place_order({goods.variants[0]: 2})  # the last boxes are somebody else's now
    provider.pay()
    page = visitor.get(f"/pay/{order.access_token}/return")
    assert "付的钱原路退回" in page.text
    with market.app.app_context():
        assert checks.check() == []


def test_reconciling_with_a_silent_provider_says_what_to_do(app: Flask, provider: Provider) -> None:
    provider.is_silent = True
    result = app.test_cli_runner().invoke(args=["payments", "reconcile"])
    assert result.exit_code == 1
    assert "gave no answer" in result.output
    assert "STRIPE_API_BASE" in result.output
    provider.is_silent = False
    assert app.test_cli_runner().invoke(args=["payments", "reconcile"]).output == "reconciled\n"
