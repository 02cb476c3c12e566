"""The journal: finance reads all books, nobody else any, and nothing can be changed there."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from flask import Flask

from marketplace.sellers.queries import get_seller
from tests.browsing import Visitor
from tests.orders.sales import Box, make_pool, sell, set_commission, shop_of

SignIn = Callable[[str], Visitor]


def test_finance_reads_the_journal_of_all_books_and_of_one(app: Flask, sign_in: SignIn) -> None:
    with app.app_context():
        coop, farm = shop_of("coop_owner"), shop_of("farmer")
        code, other = get_seller(coop).code, get_seller(farm).name
        set_commission(10_000)
        sell(coop, [Box(make_pool(coop), 4990)], freight=1000)
        sell(farm, [Box(make_pool(farm), 5800)])
    visitor = sign_in("finance")
    everything = visitor.get("/staff/books/")
    assert len(everything.soup.select("tbody tr")) == 6
    assert other in everything.text
    one = visitor.get(f"/staff/books/?book={code.lower()}")
    assert len(one.soup.select("tbody tr")) == 2
    assert other not in one.text
    assert "¥59.90" in one.text
    platform = visitor.get("/staff/books/?book=platform")
    assert "服务费收入 ¥0.50" in platform.text
    for row in everything.soup.select("tbody tr"):
        link = row.select_one("td.num a")
        assert link is not None, row.get_text(" ", strip=True)
        assert link.get_text(strip=True) in visitor.get(str(link["href"])).text
    assert not re.search(r"[0-9]{15,}", everything.text)
    visitor.get("/staff/books/?book=NOSUCH", 404)


def test_an_empty_journal_says_so(sign_in: SignIn) -> None:
    assert "还没有记账" in sign_in("finance").get("/staff/books/").text


@pytest.mark.parametrize("person", ["bureau", "admin", "staff_xinfeng", "coop_owner", "buyer"])
def test_nobody_else_reads_the_journal(sign_in: SignIn, person: str) -> None:
    sign_in(person).get("/staff/books/", 403)
