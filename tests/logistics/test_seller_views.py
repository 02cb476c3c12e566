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


def test_parcels_sent_again_with_other_numbers_are_told_what_went_out(app: Flask, coop: Visitor) -> None:
    market = Market(app)
    market.make_freight()
    order_id = market.place_order({market.make_goods().variants[0]: 1})
    market.pay(order_id)
    path = ship_page(app, order_id)
    sent = coop.get(path).form().fields | {"waybills": "SF1001", "carrier_code": "SF"}
    for _press in range(2):
        assert "发出 1 个包裹" in coop.follow(coop.post(path, sent)).text
    assert "SF1001" in coop.post(path, sent | {"waybills": "SF2002"}, 422).errors()["waybills"]
    with app.app_context():
        assert list(db.session.execute(select(Shipment.waybill)).scalars()) == ["SF1001"]
