"""A seller's freight and parcels on the page."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from marketplace import clock
from marketplace.audit import AuditEntry
from marketplace.database import db
from marketplace.logistics import rules
from marketplace.logistics.models import FreightRule, Shipment
from marketplace.notifications.models import OutboxMessage
from marketplace.orders.models import SellerOrder
from tests.browsing import Visitor
from tests.conftest import NOON
from tests.market import Market

SignIn = Callable[[str], Visitor]
FREIGHT = "/seller/parcels/freight"
BEIJING = "110000"


@pytest.fixture
def coop(sign_in: SignIn) -> Visitor:
    return sign_in("coop_owner")


def rates(app: Flask) -> list[tuple[str, int]]:
    with app.app_context():
        query = select(FreightRule.province_code, FreightRule.first_amount)
        return [tuple(row) for row in db.session.execute(query)]  # type: ignore[misc]


def ship_page(app: Flask, order_id: int) -> str:
    """Where the cooperative sends its part of an order."""
    with app.app_context():
        code = db.session.execute(
            select(SellerOrder.code).where(SellerOrder.order_id == order_id)
        ).scalar_one()
    return f"/seller/parcels/ship/{code}"


def paid_order(app: Flask) -> int:
    """One box of the cooperative's, paid."""
    market = Market(app)
    market.make_freight()
    order_id = market.place_order({market.make_goods().variants[0]: 1})
    market.pay(order_id)
    return order_id


def waybills(app: Flask) -> list[str]:
    with app.app_context():
        return list(db.session.execute(select(Shipment.waybill).order_by(Shipment.id)).scalars())


def fields(coop: Visitor, **changes: str) -> dict[str, str]:
    """Beijing alone is served, for 6.00 the first kilogram."""
    found = coop.get(FREIGHT).form().fields
    shown = {name: "" for name in found if name.endswith("-group")}
    first = next(name[:-5] for name, value in found.items() if value == BEIJING)
    group = {f"{first}-group": "0", "groups-0-first_amount": "6", "groups-0-next_amount": "1"}
    return found | shown | group | {"free_from": ""} | changes


def test_freight_is_saved(app: Flask, coop: Visitor) -> None:
    coop.post(FREIGHT, fields(coop))
    assert rates(app) == [(BEIJING, 600)]


@pytest.mark.parametrize("group", ["0", "1"])
def test_a_province_that_stands_twice_is_refused(app: Flask, coop: Visitor, group: str) -> None:
    twice = {"provinces-39-code": BEIJING, "provinces-39-group": group}
    second = {"groups-1-first_amount": "6", "groups-1-next_amount": "1"}
    assert "同一个省份" in coop.post(FREIGHT, fields(coop, **twice, **second), 422).text
    assert rates(app) == []


@pytest.mark.parametrize("name", ["first", "next"])
def test_an_amount_beyond_reason_is_refused(app: Flask, coop: Visitor, name: str) -> None:
    most = rules.MOST_AMOUNT // 100
    refused = coop.post(FREIGHT, fields(coop, **{f"groups-0-{name}_amount": f"{most}.01"}), 422)
    assert "小数点" in refused.text
    coop.post(FREIGHT, fields(coop, **{f"groups-0-{name}_amount": str(most)}))
    assert len(rates(app)) == 1


@pytest.mark.parametrize("row", ["²", "٣", "9" * 5000, "-1", "999999999999", "a", ""])
def test_a_row_by_another_name_is_no_row(coop: Visitor, row: str) -> None:
    strange = {
        f"groups-{row}-first_amount": "5",
        f"provinces-{row}-code": BEIJING,
        f"provinces-{row}-group": "0",
    }
    coop.post(FREIGHT, fields(coop, **strange))


@pytest.mark.parametrize(("language", "name"), [("zh", "顺丰速运"), ("en", "SF Express")])
def test_the_carrier_is_named_in_the_buyers_language(
    app: Flask, coop: Visitor, language: str, name: str
) -> None:
    market = Market(app)
    market.make_freight()
    order_id = market.place_order({market.make_goods().variants[0]: 1}, language=language)
    market.pay(order_id)
    path = ship_page(app, order_id)
    coop.submit(path, {"waybills": "SF1001", "carrier_code": "SF"})
    with app.app_context():
        told = db.session.execute(
            select(OutboxMessage).where(OutboxMessage.template == "order_shipped")
        ).scalar_one()
        assert (told.language, told.parameters["carrier"]) == (language, name)


@pytest.mark.parametrize(
    "typed", ["SF123\nＳＦ１２３", "sf 1-23\r\nSF123", "SF１２３\u200b\n\n", "SF–123", "　ｓｆ１２３"]
)
def test_one_number_in_several_spellings_is_one_parcel(app: Flask, coop: Visitor, typed: str) -> None:
    path = ship_page(app, paid_order(app))
    coop.submit(path, {"waybills": typed, "carrier_code": "SF"})
    assert waybills(app) == ["SF123"]


@pytest.mark.parametrize("typed", ["<b>x", "SF123, SF456", "SF123/2", "顺丰SF123", "S" * 41, "SF１２３４²x!"])
def test_a_number_with_other_signs_is_refused_at_its_field(app: Flask, coop: Visitor, typed: str) -> None:
    path = ship_page(app, paid_order(app))
    refused = coop.submit(path, {"waybills": f"SF1001\n{typed}", "carrier_code": "SF"}, 422)
    assert "只有字母和数字" in refused.errors()["waybills"]
    assert typed in refused.form().fields["waybills"]
    assert waybills(app) == []


def test_parcels_sent_again_with_other_numbers_are_told_what_went_out(app: Flask, coop: Visitor) -> None:
    path = ship_page(app, paid_order(app))
    sent = coop.get(path).form().fields | {"waybills": "SF1001", "carrier_code": "SF"}
    for _press in range(2):
        assert "发出 1 个包裹" in coop.follow(coop.post(path, sent)).text
    assert "SF1001" in coop.post(path, sent | {"waybills": "SF2002"}, 422).errors()["waybills"]
    assert waybills(app) == ["SF1001"]


@pytest.fixture
def sent(app: Flask, coop: Visitor) -> str:
    """The code of an order that went out as SF1001 by SF at noon."""
    path = ship_page(app, paid_order(app))
    coop.submit(path, {"waybills": "SF1001", "carrier_code": "SF"})
    return path.rsplit("/", 1)[1]


def told(app: Flask, template: str) -> list[dict[str, Any]]:
    with app.app_context():
        query = select(OutboxMessage.parameters).where(OutboxMessage.template == template)
        return list(db.session.execute(query).scalars())


def test_a_mistyped_number_is_corrected_and_a_parcel_added_until_delivery(
    app: Flask, coop: Visitor, sent: str
) -> None:
    page, order = f"/seller/parcels/numbers/{sent}", f"/seller/orders/{sent}"
    assert page in coop.get(order).links()
    form = coop.get(page).form()
    typed = {"parcels-0-waybill": "SF 1002", "parcels-1-waybill": "7500001", "parcels-1-carrier_code": "ZTO"}
    for _press in range(2):
        coop.post(page, form.fields | typed)
    assert waybills(app) == ["SF1002", "7500001"]
    assert [one["waybills"] for one in told(app, "order_parcels_changed")] == ["SF1002 7500001"]
    shown = coop.get(order).text
    assert "单号 SF1001 改成 SF1002；又发了一个包裹，单号 7500001" in shown
    assert "中通快递 7500001" in shown
    with app.app_context():
        entry = db.session.execute(
            select(AuditEntry).where(AuditEntry.action == "order.parcels_changed")
        ).scalar_one()
        assert entry.changes == {"corrected": [["SF1001", "SF1002"]], "added": ["7500001"]}
    coop.submit(f"/seller/parcels/delivered/{sent}", {"is_sure": "y"})
    coop.post(page, form.fields | {"parcels-0-waybill": "SF9"}, 422)
    assert coop.get(page, 303).location == order
    assert page not in coop.get(order).links()
    assert waybills(app) == ["SF1002", "7500001"]


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"parcels-0-waybill": ""}, "不能空着"),
        ({"parcels-0-waybill": "<b>x"}, "只有字母和数字"),
        ({"parcels-0-was": "SF0", "parcels-0-waybill": "SF2"}, "刚刚改过"),
        ({"parcels-0-waybill": "SF2", "parcels-0-carrier_code": ""}, "快递公司"),
    ],
)
def test_a_correction_that_cannot_be_is_refused_whole(
    app: Flask, coop: Visitor, sent: str, typed: dict[str, str], sentence: str
) -> None:
    page = f"/seller/parcels/numbers/{sent}"
    assert sentence in coop.submit(page, typed, 422).text
    assert waybills(app) == ["SF1001"]
    assert told(app, "order_parcels_changed") == []


@pytest.mark.parametrize(("further", "sent_now"), [("SF2", ["SF2"]), ("SF1001", ["SF2", "SF1001"])])
def test_a_corrected_number_is_taken_and_the_old_one_free(
    app: Flask, coop: Visitor, sent: str, further: str, sent_now: list[str]
) -> None:
    page = f"/seller/parcels/numbers/{sent}"
    coop.submit(page, {"parcels-0-waybill": "SF2", "parcels-1-waybill": further})
    assert waybills(app) == sent_now


def test_a_stale_row_takes_no_correction_back(app: Flask, coop: Visitor, sent: str) -> None:
    page = f"/seller/parcels/numbers/{sent}"
    stale = coop.get(page).form().fields
    coop.submit(page, {"parcels-0-waybill": "SF1002"})
    refused = coop.post(page, stale | {"parcels-1-waybill": "SF2001"}, 422)
    assert "刚刚改过" in refused.text
    assert waybills(app) == ["SF1002"]


def test_delivery_in_the_minute_of_dispatch_is_asked_about(coop: Visitor, sent: str) -> None:
    page = f"/seller/parcels/delivered/{sent}"
    assert page in coop.get(f"/seller/orders/{sent}").links()
    asked = coop.get(page)
    assert "48 小时，是买家的坏果包赔时间" in asked.text
    assert "7 天后自动确认收货" in asked.text
    refused = coop.submit(page, {}, 422)
    assert "还不到 4 小时" in refused.errors()["is_sure"]
    assert "在路上" in coop.get(f"/seller/orders/{sent}").text
    coop.submit(page, {"is_sure": "y"})
    assert "已签收" in coop.get(f"/seller/orders/{sent}").text


def test_after_some_hours_delivery_needs_one_press_on_the_asking_page(coop: Visitor, sent: str) -> None:
    page = f"/seller/parcels/delivered/{sent}"
    with clock.at(clock.now() + rules.SOONEST_DELIVERY):
        assert not coop.get(page).soup.find(attrs={"name": "is_sure"})
        coop.submit(page, {})
        assert coop.get(page, 303).location == f"/seller/orders/{sent}"


@pytest.mark.parametrize(("hours", "hardly"), [(0, True), (3.99, True), (4, False), (48, False)])
def test_no_parcel_arrives_within_four_hours(hours: float, hardly: bool) -> None:
    assert rules.is_hardly_delivered(NOON, NOON + timedelta(hours=hours)) is hardly
