"""What else becomes of a payment: it fails, is given up, comes late, is cancelled before, or is cash at the door."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect
from sqlalchemy import select

from marketplace.database import db
from marketplace.inventory.models import StockPool
from marketplace.ledger import checks
from marketplace.orders.models import Order, PaymentState
from tests.factories import user_id
from tests.journeys.chromium import PHONE, Tab
from tests.journeys.conftest import OpenTab
from tests.journeys.stage import Stage
from tests.live import Live
from tests.people import PEOPLE

pytestmark = pytest.mark.browser


@pytest.fixture
def buyer(open_tab: OpenTab, live: Live) -> Tab:
    """陈晓, signed in on a phone."""
    tab = open_tab(PHONE)
    tab.enter(live.cookies_of(PEOPLE["buyer"]))
    return tab


@pytest.fixture(autouse=True)
def _one_charge_each(live: Live) -> Iterator[None]:
    """The books are clean, and every order that is paid was charged once."""
    yield
    with live.app.app_context():
        assert checks.check() == []
    charges = live.sandbox.look("charges")["charges"]
    paid = [charge["client_reference_id"] for charge in charges if charge["status"] == "succeeded"]
    assert len(paid) == len(set(paid))


def buy(tab: Tab, stage: Stage, *, pay_by: str = "alipay") -> None:
    """One box, at once, to the saved address; the tab stands on the pay page, or on the order."""
    tab.go(f"/p/{stage.product}")
    tab.follow("button[value=buy]")
    tab.tick("pay_by", pay_by)
    tab.follow(".btn.buy")


def newest_order(live: Live) -> Order:
    with live.app.app_context():
        query = select(Order).where(Order.buyer_id == user_id("buyer")).order_by(Order.id.desc()).limit(1)
        return db.session.execute(query).scalar_one()


def pay_button(order: Order) -> str:
    return f"form[action$='/orders/{order.code}/pay'] button"


def test_payment_that_fails_is_tried_again_at_once(buyer: Tab, stage: Stage, live: Live) -> None:
    buy(buyer, stage)
    buyer.follow("button[value=decline]")
    buyer.says("没有付成")
    buyer.follow("button[value=pay]")
    buyer.says("付好了")
    assert newest_order(live).payment_state == PaymentState.PAID


def test_payment_that_was_given_up_is_taken_up_from_the_order(buyer: Tab, stage: Stage, live: Live) -> None:
    buy(buyer, stage)
    at_provider = buyer.page.url
    buyer.follow("button[value=cancel]")
    order = newest_order(live)
    assert order.payment_state == PaymentState.UNPAID
    buyer.says(order.code, "付 ")
    buyer.follow(pay_button(order))
    assert buyer.page.url == at_provider  # the same session: nobody pays twice
    buyer.follow("button[value=pay]")
    buyer.says("付好了")


def test_payment_that_comes_late_is_waited_for(buyer: Tab, stage: Stage, live: Live) -> None:
    buy(buyer, stage)
    buyer.choose("seconds", "10")
    buyer.follow("button[value=later]")
    buyer.says("钱在路上")
    buyer.follow("a.button.main")
    buyer.says("可能已经付了，正在核对")
    live.sandbox.control("clock", advance=11)
    give_up = time.monotonic() + 20
    while not buyer.page.locator("img[src*='done']").count():
        assert time.monotonic() < give_up, "the payment never came"
        buyer.follow("main a.btn.go")
    buyer.says("付好了")
    assert newest_order(live).payment_state == PaymentState.PAID


def test_order_that_is_cancelled_before_payment_gives_its_boxes_back(
    buyer: Tab, stage: Stage, live: Live
) -> None:
    before = held(live, stage)
    buy(buyer, stage)
    order = newest_order(live)
    assert held(live, stage) > before
    at_provider = buyer.page.url
    buyer.follow("button[value=cancel]")
    buyer.follow(f"form[action$='/orders/{order.code}/cancel'] button")
    buyer.says("订单取消了，货已放回")
    assert buyer.page.locator(pay_button(order)).count() == 0
    assert held(live, stage) == before
    buyer.page.goto(at_provider)
    buyer.says("这次付款已过期")


def test_cash_at_the_door_needs_no_pay_page(buyer: Tab, stage: Stage, live: Live, open_tab: OpenTab) -> None:
    buy(buyer, stage, pay_by="on_delivery")
    order = newest_order(live)
    assert order.payment_state == PaymentState.ON_DELIVERY
    buyer.says(order.code, "货到付款")
    coop = open_tab(PHONE)
    coop.enter(live.cookies_of(PEOPLE["coop_owner"]))
    coop.go("/seller/orders/packing")
    expect(coop.page.locator(".slip", has_text="货到付款").last).to_be_visible()


def held(live: Live, stage: Stage) -> int:
    with live.app.app_context():
        return db.session.get_one(StockPool, stage.pool_id).held
