"""The same page sent by two taps at once is one order; different buyers never share a box."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest
from flask import Flask
from sqlalchemy import func, select

from marketplace import clock
from marketplace.audit import SYSTEM
from marketplace.checkout import services
from marketplace.checkout.rules import BasketChangedError
from marketplace.checkout.services import PlacedOrder, Placing
from marketplace.database import db, run_in_transaction
from marketplace.orders.models import Order, PaymentMethod
from marketplace.orders.rules import OrderExistsError
from tests import factories
from tests.conftest import NOON

TAPS = 6


@pytest.fixture
def wanted(fresh_app: Flask) -> Placing:
    with fresh_app.app_context():
        factories.make_freight(first=600, following=0)
        goods = factories.make_goods(price=4990, grams=5000, stock=15_000)
        db.session.remove()
    return Placing(
        form_key="k" * 24,
        owner="basket one",
        counts={goods.variants[0]: 1},
        expected_total=5590,
        payment_method=PaymentMethod.ONLINE,
        contact_phone="13900000000",
        recipient_name="橙子收",
        recipient_phone="13900000000",
        county_code="310115",
        address_detail="示例路 1 号",
    )


def _at_once(app: Flask, presses: list[Placing]) -> list[PlacedOrder | Exception]:
    """Each press in a thread of its own, as the view does it."""
    found: list[PlacedOrder | Exception] = []
    start = threading.Barrier(len(presses))

    def press(placing: Placing) -> None:
        with app.app_context(), clock.at(NOON):
            start.wait()
            try:
                found.append(_place(placing))
            except BasketChangedError as error:
                found.append(error)
            finally:
                db.session.remove()

    threads = [threading.Thread(target=press, args=(placing,)) for placing in presses]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def _place(placing: Placing) -> PlacedOrder:
    def place() -> PlacedOrder:
        return services.place_order(SYSTEM, placing)

    try:
        return run_in_transaction(place)
    except OrderExistsError:
        return run_in_transaction(place)


def _orders(app: Flask) -> int:
    with app.app_context():
        return db.session.execute(select(func.count()).select_from(Order)).scalar_one()


def test_taps_at_once_are_one_order(fresh_app: Flask, wanted: Placing) -> None:
    found = _at_once(fresh_app, [wanted] * TAPS)
    placed = [one for one in found if isinstance(one, PlacedOrder)]
    assert len(placed) == TAPS
    assert len({one.order_id for one in placed}) == 1
    assert sum(one.is_new for one in placed) == 1
    assert _orders(fresh_app) == 1


def test_three_boxes_are_sold_to_three_of_six_buyers(fresh_app: Flask, wanted: Placing) -> None:
    found = _at_once(fresh_app, [replace(wanted, owner=f"basket {number}") for number in range(TAPS)])
    assert sum(isinstance(one, PlacedOrder) for one in found) == 3
    assert sum(isinstance(one, BasketChangedError) for one in found) == 3
    assert _orders(fresh_app) == 3
