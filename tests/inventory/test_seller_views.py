"""A seller's stock on the page: counted, corrected, written down."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask

from marketplace import clock
from marketplace.audit import SYSTEM
from marketplace.database import new_id, run_in_transaction
from marketplace.inventory import services
from tests.browsing import Visitor
from tests.factories import Goods, make_goods

SignIn = Callable[[str], Visitor]


@pytest.fixture
def goods(app: Flask) -> Goods:
    with app.app_context():
        return make_goods("coop_owner", stock=100_000)


@pytest.fixture
def coop(goods: Goods, sign_in: SignIn) -> Visitor:
    return sign_in("coop_owner")


def test_pool_is_shown_with_its_movements_and_set_to_what_was_counted(coop: Visitor, goods: Goods) -> None:
    page = coop.get("/seller/stock/")
    assert "纽荷尔 一等 75–80mm" in page.text
    assert "100 kg" in page.text
    pool = f"/seller/stock/{goods.pool_id}"
    assert coop.get(pool).form().fields["on_hand"] == "100"
    page = coop.follow(coop.submit(pool, {"on_hand": "92.5", "note": "坏了一箱半"}))
    assert "92.5 kg" in page.text
    assert "−7.5 kg" in page.text
    assert "坏了一箱半" in page.text


def test_a_count_sent_again_does_not_undo_what_was_sold_since(
    app: Flask, coop: Visitor, goods: Goods
) -> None:
    pool = f"/seller/stock/{goods.pool_id}"
    fields = coop.get(pool).form().fields | {"on_hand": "90"}
    coop.post(pool, fields)
    with app.app_context():
        run_in_transaction(
            lambda: services.receive(SYSTEM, seller_id=goods.seller_id, pool_id=goods.pool_id, amount=7_000)
        )
    coop.post(pool, fields)
    assert coop.get(pool).form().fields["on_hand"] == "97"
    assert "已经提交过" in coop.post(pool, fields | {"on_hand": "80"}, 422).text


@pytest.mark.parametrize("typed", ["", "许多", "-5", "1.2345"])
def test_count_that_cannot_be_read_is_refused_at_the_field(coop: Visitor, goods: Goods, typed: str) -> None:
    refused = coop.submit(f"/seller/stock/{goods.pool_id}", {"on_hand": typed}, 422)
    assert refused.errors()["on_hand"]
    assert refused.form().fields["on_hand"] == typed


def test_count_below_what_unpaid_orders_keep_is_refused(app: Flask, coop: Visitor, goods: Goods) -> None:
    with app.app_context():
        run_in_transaction(
            lambda: services.hold(
                order_id=new_id(),
                seller_id=goods.seller_id,
                amounts={goods.pool_id: 10_000},
                expires_at=clock.now() + timedelta(minutes=30),
            )
        )
    pool = f"/seller/stock/{goods.pool_id}"
    assert "10 kg" in coop.get(pool).text
    refused = coop.submit(pool, {"on_hand": "9.9"}, 422)
    assert "不能改到这个数以下" in refused.errors()["on_hand"]
    coop.submit(pool, {"on_hand": "10"})


def test_another_sellers_pool_is_404(goods: Goods, sign_in: SignIn) -> None:
    stranger = sign_in("farmer")
    stranger.get(f"/seller/stock/{goods.pool_id}", 404)
    assert "纽荷尔" not in stranger.get("/seller/stock/").text


@pytest.mark.parametrize("key", ["coop_clerk"])
def test_clerk_may_count(goods: Goods, sign_in: SignIn, key: str) -> None:
    sign_in(key).submit(f"/seller/stock/{goods.pool_id}", {"on_hand": "50"})
