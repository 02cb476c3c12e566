"""The seller's money page: three facts of each sale, and no word of keeping money."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask

from marketplace import clock
from tests.browsing import Visitor
from tests.orders.sales import Box, Wish, make_pool, pay, place, refund, sell, shop_of

SignIn = Callable[[str], Visitor]
CUSTODY = ("余额", "提现", "保管", "充值", "钱包")


def test_owner_sees_what_each_sale_brings_and_from_when(app: Flask, sign_in: SignIn) -> None:
    with app.app_context():
        coop = shop_of("coop_owner")
        pool = make_pool(coop)
        sell(coop, [Box(pool, 4990, count=2)], freight=1000)
        returned = sell(coop, [Box(pool, 5800)])
        refund(returned, coop, goods=5800)
        sell(coop, [Box(pool, 700)], cash=True)
        pay(place([Wish(coop, [Box(pool, 333)])]))
    page = sign_in("coop_owner").get("/seller/money/")
    rows = [row.get_text(" ", strip=True) for row in page.soup.select("tbody tr")]
    assert ["等买家确认收货" in rows[0], "¥3.33" in rows[0]] == [True, True]
    assert "货到付款，您已收" in rows[1]
    assert "已退给买家" in rows[2]
    assert "¥109.80" in rows[3]
    assert "¥10.00" in rows[3]
    day = clock.shanghai_date(clock.now() + timedelta(hours=48))
    assert f"最早 {day.month}月{day.day}日" in rows[3]
    assert not [word for word in CUSTODY if word in page.soup.get_text()]


def test_a_day_of_another_year_is_written_with_its_year(app: Flask, sign_in: SignIn) -> None:
    with app.app_context(), clock.at(clock.now() - timedelta(days=400)):
        coop = shop_of("coop_owner")
        sell(coop, [Box(make_pool(coop), 4990)])
    assert "最早 2025年10月" in sign_in("coop_owner").get("/seller/money/").text


def test_a_shop_that_sold_nothing_is_told_what_will_stand_here(sign_in: SignIn) -> None:
    page = sign_in("farmer").get("/seller/money/")
    assert "还没有买家付款" in page.text


def test_older_sales_are_on_the_next_page(app: Flask, sign_in: SignIn) -> None:
    with app.app_context():
        farm = shop_of("farmer")
        pool = make_pool(farm)
        for number in range(21):
            pay(place([Wish(farm, [Box(pool, 1000 + number)])]))
    visitor = sign_in("farmer")
    first = visitor.get("/seller/money/")
    assert len(first.soup.select("tbody tr")) == 20
    (older,) = (link["href"] for link in first.soup.select("nav.pager a[rel=next]"))
    assert "¥10.00" in visitor.get(str(older)).text


@pytest.mark.parametrize(("person", "status"), [("coop_clerk", 403), ("coop_grower", 403), ("buyer", 403)])
def test_who_may_not_see_the_money(sign_in: SignIn, person: str, status: int) -> None:
    assert "待结算" not in sign_in(person).get("/seller/money/", status).text


def test_signed_out_is_asked_to_sign_in(visitor: Visitor) -> None:
    assert visitor.get("/seller/money/", 303).location.startswith("/sign-in")
