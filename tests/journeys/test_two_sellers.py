"""Two sellers, one payment: over HTTP as a guest, the sandbox's own signed events, and each seller's side of it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from flask import Flask
from sqlalchemy import select

from config import DEMO_WEBHOOK_SECRET
from marketplace import clock
from marketplace.database import db
from marketplace.ledger import checks
from marketplace.orders.models import Order, PaymentState, SellerOrder
from marketplace.payments import gateway
from marketplace.payments.models import Payment, PaymentPart, PaymentStatus
from marketplace.revenue.models import YearRevenue
from sandbox.stripe.webhooks import signature
from tests.browsing import Visitor
from tests.factories import Goods
from tests.market import Market
from tests.sandbox.process import HookReceiver, SandboxProcess

OWN = {"Sec-Fetch-Site": "same-origin"}
ADDRESS = {
    "name": "橙子收",
    "phone": "13900000000",
    "detail": "漕溪路 88 弄 6 号 502 室",
    "province_code": "310000",
    "city_code": "310100",
    "county_code": "310115",
}


@pytest.fixture(scope="module")
def inbox() -> Iterator[HookReceiver]:
    """Where the sandbox delivers; the test takes the letters on to the shop, as often as it likes."""
    receiver = HookReceiver()
    yield receiver
    receiver.stop()


@pytest.fixture(scope="module")
def sandbox(inbox: HookReceiver) -> Iterator[SandboxProcess]:
    with SandboxProcess().start(inbox.url, DEMO_WEBHOOK_SECRET) as process:
        yield process


@pytest.fixture(autouse=True)
def _real_time_and_provider(app: Flask, sandbox: SandboxProcess, inbox: HookReceiver) -> Iterator[None]:
    sandbox.control("reset")
    inbox.clear()
    app.extensions["payment_gateway"] = gateway.StripeGateway(sandbox.key, sandbox.base_url)
    with clock.at(datetime.now(UTC)):
        yield
    app.extensions.pop("payment_gateway")


@pytest.fixture
def market(app: Flask) -> Market:
    return Market(app)


@dataclass
class Bought:
    """One order of two boxes of the cooperative and one of the farmer, placed and not yet paid."""

    market: Market
    guest: Visitor
    oranges: Goods
    own: Goods
    session: str

    def order(self) -> Order:
        with self.market.app.app_context():
            return db.session.execute(select(Order)).scalar_one()

    def part(self, goods: Goods) -> SellerOrder:
        with self.market.app.app_context():
            return db.session.execute(
                select(SellerOrder).where(SellerOrder.seller_id == goods.seller_id)
            ).scalar_one()


@pytest.fixture
def bought(visitor: Visitor, market: Market) -> Bought:
    """2 × 49.90 + freight 10.00 and 1 × 58.00 with free freight, in one basket and one checkout."""
    market.make_freight("coop_owner", first=600, following=40)  # 11 kg gross: 6.00 + 10 × 0.40
    market.make_freight("farmer", first=600, free_from=5000)
    oranges = market.make_goods("coop_owner", price=4990, grams=5000, stock=100_000)
    own = market.make_goods("farmer", price=5800, grams=5000)
    for goods, count in ((oranges, 2), (own, 1)):
        wanted = {"product": goods.product_code, "pack": goods.variants[0], "count": count}
        visitor.post("/basket/add", wanted, headers=OWN)
    page = visitor.submit("/checkout", ADDRESS | {"list_areas": "1"}, 200, form="/checkout")
    fields = page.form("/checkout").fields
    assert fields["expected_total"] == "16780"
    answer = visitor.post("/checkout", fields)
    found = re.search(r"/pay/(cs_\w+)", answer.location)
    assert found
    return Bought(market, visitor, oranges, own, found[1])


@pytest.fixture
def paid(bought: Bought, sandbox: SandboxProcess, inbox: HookReceiver) -> Bought:
    sandbox.control(f"sessions/{bought.session}/pay", method="alipay")
    deliver(bought.guest, inbox.wait_for("checkout.session.completed")[0])
    return bought


def deliver(visitor: Visitor, event: dict[str, object]) -> None:
    """Post an event to the shop as the provider does."""
    body = json.dumps(event, ensure_ascii=False).encode()
    stamp = int(datetime.now(UTC).timestamp())
    headers = {"Stripe-Signature": signature(body, DEMO_WEBHOOK_SECRET, stamp)}
    answer = visitor.client.post("/webhooks/stripe", data=body, headers=headers)
    assert answer.status_code == 200, answer.text


def test_webhook_three_times_and_expired_after_paid_is_one_order_in_two_parts(
    bought: Bought, sandbox: SandboxProcess, inbox: HookReceiver
) -> None:
    sandbox.control(f"sessions/{bought.session}/pay", method="alipay")
    told = inbox.wait_for("checkout.session.completed")[0]
    for _time in range(3):
        deliver(bought.guest, told)
    late = told | {"id": "evt_expired_after_paid", "type": "checkout.session.expired"}
    session = told["data"]["object"] | {"status": "expired", "payment_status": "unpaid"}
    deliver(bought.guest, late | {"data": {"object": session}})
    order = bought.order()
    assert (order.goods_amount, order.freight_amount, order.total_amount) == (15780, 1000, 16780)
    assert order.payment_state == PaymentState.PAID
    assert (bought.part(bought.oranges).total_amount, bought.part(bought.own).total_amount) == (10980, 5800)
    assert bought.market.pool(bought.oranges.pool_id).on_hand == 100_000 - 10_000
    with bought.market.app.app_context():
        payment = db.session.execute(select(Payment)).scalar_one()
        assert (payment.status, payment.amount) == (PaymentStatus.SUCCEEDED, 16780)
        parts = db.session.execute(select(PaymentPart.amount).order_by(PaymentPart.amount)).scalars()
        assert list(parts) == [5800, 10980]
        assert checks.check() == []
    assert [charge["amount"] for charge in sandbox.look("charges")["charges"]] == [16780]


def test_award_facts_are_the_goods_of_each_part_once_they_are_received(
    paid: Bought, sign_in: Callable[[str], Visitor]
) -> None:
    for seller, goods in (("coop_owner", paid.oranges), ("farmer", paid.own)):
        send(sign_in(seller), paid.part(goods).code)
    page = f"/o/{paid.order().access_token}"
    for goods in (paid.oranges, paid.own):
        paid.guest.submit(page, form=f"/confirm/{paid.part(goods).code}")
    assert "确认收货了" in paid.guest.get(page).text
    with paid.market.app.app_context():
        facts = dict(db.session.execute(select(YearRevenue.seller_id, YearRevenue.amount)).tuples().all())
        assert facts == {paid.oranges.seller_id: 9980, paid.own.seller_id: 5800}
        assert checks.check() == []
    bureau = sign_in("bureau")
    report = bureau.get("/staff/awards/").text.replace(" ", "")
    assert "99.80" in report
    assert "58.00" in report


def send(seller: Visitor, code: str) -> None:
    seller.submit(f"/seller/parcels/ship/{code}", {"carrier_code": "ZTO", "waybills": "75123456789012"})


def test_each_seller_gets_404_on_the_others_part(paid: Bought, sign_in: Callable[[str], Visitor]) -> None:
    coop, farmer = sign_in("coop_owner"), sign_in("farmer")
    for seller, own, foreign in ((coop, paid.oranges, paid.own), (farmer, paid.own, paid.oranges)):
        mine, other = paid.part(own).code, paid.part(foreign).code
        assert mine in seller.get("/seller/orders/").text
        assert other not in seller.get("/seller/orders/?status=all").text
        assert other not in seller.get("/seller/orders/packing").text
        form = seller.get(f"/seller/parcels/ship/{mine}").form().fields | {"reason": "不是我的"}
        for path in ("orders/{}", "parcels/ship/{}", "refunds/{}", "refunds/{}/cancel"):
            seller.get("/seller/" + path.format(mine))
            seller.get("/seller/" + path.format(other), 404)
        for path in ("parcels/ship/{}", "parcels/delivered/{}", "refunds/{}", "refunds/{}/cancel"):
            seller.post("/seller/" + path.format(other), form, 404)
    assert {paid.part(goods).status for goods in (paid.oranges, paid.own)} == {"to_ship"}
