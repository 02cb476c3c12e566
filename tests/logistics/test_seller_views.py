"""A seller's freight and parcels on the page."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import select

from marketplace.database import db
from marketplace.logistics import rules
from marketplace.logistics.models import FreightRule, Shipment
from marketplace.notifications.models import OutboxMessage
from marketplace.orders.models import SellerOrder
from tests.browsing import Visitor
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
