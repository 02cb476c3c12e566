"""kill -9 of the web process in the middle of buying: nothing that a buyer was told is lost, nothing is paid twice."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from sqlalchemy import func, select

from marketplace.database import db
from marketplace.inventory.models import Hold, HoldState, MovementKind, StockMovement, StockPool
from marketplace.ledger import checks
from marketplace.orders.models import Order, PaymentState
from tests.browsing import Visitor
from tests.factories import Goods
from tests.live import SITE_THAT_DIES, Live, live_shop
from tests.market import Market
from tests.page import Page

OWN = {"Sec-Fetch-Site": "same-origin"}
ADDRESS = {
    "name": "橙子收",
    "phone": "13900000000",
    "detail": "漕溪路 88 弄 6 号 502 室",
    "province_code": "310000",
    "city_code": "310100",
    "county_code": "310115",
}
STOCK = 100_000
NO_ANSWER = 502


@dataclass
class Stall:
    """A running shop with one thing to buy."""

    live: Live
    goods: Goods

    def order_ids(self) -> list[int]:
        with self.live.app.app_context():
            return list(db.session.execute(select(Order.id).order_by(Order.id)).scalars())

    def payment_state(self, order_id: int) -> PaymentState:
        with self.live.app.app_context():
            return db.session.get_one(Order, order_id).payment_state

    def charges(self) -> list[int]:
        return [charge["amount"] for charge in self.live.sandbox.look("charges")["charges"]]


@pytest.fixture(scope="module")
def stall(tmp_path_factory: pytest.TempPathFactory, database_server: str) -> Iterator[Stall]:
    with live_shop(tmp_path_factory.mktemp("live"), database_server) as live:
        market = Market(live.app)
        market.make_freight(first=600, following=40)
        goods = market.make_goods(title="石坳脐橙", packs=[(5000, 4990)], stock=STOCK)
        live.start(SITE_THAT_DIES)
        yield Stall(live, goods)


@pytest.fixture(autouse=True)
def _books_and_stock(stall: Stall) -> Iterator[None]:
    """After each kill and restart: the books are clean, and every gram is on hand, held or sold."""
    yield
    with stall.live.app.app_context():
        assert checks.check() == []
        pool = db.session.get_one(StockPool, stall.goods.pool_id)
        sold = db.session.execute(
            select(func.coalesce(-func.sum(StockMovement.amount), 0)).where(
                StockMovement.pool_id == pool.id, StockMovement.kind == MovementKind.SOLD
            )
        ).scalar_one()
        held = db.session.execute(
            select(func.coalesce(func.sum(Hold.amount), 0)).where(
                Hold.pool_id == pool.id, Hold.state == HoldState.HELD
            )
        ).scalar_one()
        paid = db.session.execute(
            select(func.count()).select_from(Order).where(Order.payment_state == PaymentState.PAID)
        ).scalar_one()
        assert pool.on_hand + sold == STOCK
        assert pool.held == held
        assert sold == paid * 5000


@dataclass
class Buyer:
    """A guest before the last press of the checkout, with the form that it sends."""

    visitor: Visitor
    fields: dict[str, object]

    def press(self, status: int = 303) -> Page:
        return self.visitor.post("/checkout", self.fields, status)


@pytest.fixture
def buyer(stall: Stall) -> Buyer:
    visitor = stall.live.visitor()
    wanted = {"product": stall.goods.product_code, "pack": stall.goods.variants[0], "count": 1}
    visitor.post("/basket/add", wanted, headers=OWN)
    page = visitor.submit("/checkout", ADDRESS | {"list_areas": "1"}, 200, form="/checkout")
    return Buyer(visitor, page.form("/checkout").fields)


def die_pressing(stall: Stall, buyer: Buyer, point: str) -> None:
    """The buyer's press is never answered; the site is started again."""
    stall.live.kill_at(point)
    buyer.press(NO_ANSWER)
    restart(stall)


def restart(stall: Stall) -> None:
    stall.live.wait_until_killed(SITE_THAT_DIES)
    stall.live.start(SITE_THAT_DIES)


def session_of(page: Page) -> str:
    """The sandbox's session on whose page the buyer stands."""
    found = re.search(r"/pay/(cs_\w+)", page.location)
    assert found, f"not sent to the pay page but to {page.location}"
    return found[1]


def wait_until_paid(stall: Stall, order_id: int) -> None:
    """By the webhook, which the sandbox repeats."""
    give_up = time.monotonic() + 20
    while stall.payment_state(order_id) != PaymentState.PAID:
        assert time.monotonic() < give_up, "no webhook came through"
        time.sleep(0.05)
    stall.live.sandbox.wait_until_quiet()


@pytest.mark.parametrize("point", ["in place_order", "before the provider call", "after the provider call"])
def test_pressing_again_after_a_kill_gives_one_order_and_one_charge(
    stall: Stall, buyer: Buyer, point: str
) -> None:
    before, charges = stall.order_ids(), len(stall.charges())
    die_pressing(stall, buyer, point)
    there = stall.order_ids()
    assert len(there) - len(before) == (0 if point == "in place_order" else 1)
    first, second = session_of(buyer.press()), session_of(buyer.press())
    assert first == second
    assert len(stall.order_ids()) == len(before) + 1
    assert set(there) <= set(stall.order_ids())
    stall.live.sandbox.control(f"sessions/{first}/pay")
    wait_until_paid(stall, stall.order_ids()[-1])
    assert stall.charges()[: len(stall.charges()) - charges] == [5790]


@pytest.fixture
def held(stall: Stall) -> Iterator[None]:
    """No webhook comes until they are released."""
    stall.live.sandbox.control("settings", hold_deliveries=True)
    yield
    stall.live.sandbox.control("release")


@pytest.mark.usefixtures("held")
def test_payment_whose_session_we_never_heard_of_is_found_by_reconcile(stall: Stall, buyer: Buyer) -> None:
    """The provider has the session, its answer was lost with the process, and the webhooks are lost as well."""
    charges = len(stall.charges())
    die_pressing(stall, buyer, "after the provider call")
    order_id = stall.order_ids()[-1]
    newest = stall.live.sandbox.look("sessions")["sessions"][0]
    stall.live.sandbox.control(f"sessions/{newest['id']}/pay")
    assert stall.payment_state(order_id) == PaymentState.UNPAID
    assert f"session {newest['id']}: paid" in stall.live.command("payments", "reconcile")
    assert stall.payment_state(order_id) == PaymentState.PAID
    orders = stall.order_ids()
    assert buyer.press().location.startswith("/o/")  # to the order: it is paid
    assert stall.order_ids() == orders
    assert stall.live.command("payments", "reconcile").count("session ") == 0
    stall.live.sandbox.control("release")
    stall.live.sandbox.wait_until_quiet()
    assert len(stall.charges()) == charges + 1


@pytest.mark.parametrize("point", ["in the webhook", "after the webhook"])
def test_webhook_that_was_cut_off_is_taken_when_it_comes_again(
    stall: Stall, buyer: Buyer, point: str
) -> None:
    charges = len(stall.charges())
    session = session_of(buyer.press())
    order_id = stall.order_ids()[-1]
    stall.live.kill_at(point)
    stall.live.sandbox.control(f"sessions/{session}/pay")
    restart(stall)
    wait_until_paid(stall, order_id)
    assert len(stall.charges()) == charges + 1


@pytest.mark.usefixtures("held")
def test_payment_whose_webhook_was_cut_off_is_found_by_reconcile(stall: Stall, buyer: Buyer) -> None:
    charges = len(stall.charges())
    session = session_of(buyer.press())
    order_id = stall.order_ids()[-1]
    stall.live.kill_at("in the webhook")
    stall.live.sandbox.control(f"sessions/{session}/pay")
    event = stall.live.sandbox.look("events")["events"][0]
    stall.live.sandbox.control(f"events/{event['id']}/deliver")
    restart(stall)
    assert stall.payment_state(order_id) == PaymentState.UNPAID
    assert "paid" in stall.live.command("payments", "reconcile")
    assert stall.payment_state(order_id) == PaymentState.PAID
    stall.live.sandbox.control("release")  # and then it comes after all
    stall.live.sandbox.wait_until_quiet()
    assert len(stall.charges()) == charges + 1
