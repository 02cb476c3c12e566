"""The same comparison for the seller itself: its own only, read only, by those members who may."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask

from tests import factories
from tests.awards import sales
from tests.browsing import Visitor

SignIn = Callable[[str], Visitor]


@pytest.fixture(autouse=True)
def _sold(app: Flask) -> None:
    with app.app_context():
        sales.establish()
        sales.sell(25_000_000_01)
        sales.sell(99_80, seller="farmer")


def test_a_seller_sees_how_far_its_own_sales_are(sign_in: SignIn) -> None:
    page = sign_in("coop_owner").get("/seller/awards/")
    assert "信丰石坳脐橙专业合作社（演示）" in page.text
    assert "可能符合（门槛未公布）" in page.text
    assert "最高可达 ¥50,000.00" in page.text
    assert "平台不发放奖励；奖励资金由受益财政安排" in page.text
    assert not page.soup.select("main form")
    farmer = sign_in("farmer").get("/seller/awards/")
    assert "尚差 ¥9,999,900.21" in farmer.text
    assert "25,000,000" not in farmer.text


@pytest.mark.parametrize(
    ("member", "status"), [("coop_owner", 200), ("coop_clerk", 403), ("coop_grower", 403)]
)
def test_only_members_with_the_right_read_it(sign_in: SignIn, member: str, status: int) -> None:
    visitor = sign_in(member)
    visitor.get("/seller/awards/", status)
    visitor.get("/seller/awards/2026/lines", status)


def test_a_figure_opens_to_the_sellers_own_orders(app: Flask, sign_in: SignIn) -> None:
    visitor = sign_in("farmer")
    page = visitor.get("/seller/awards/2026/lines?mode=c2c&class=primary")
    assert "明细合计 ¥99.80 报告里的数字 ¥99.80 差额 ¥0.00 对得上" in page.text
    order = next(link for link in page.links() if "/seller/orders/" in link)
    visitor.get(order)
    assert "这一年没有明细" in visitor.get("/seller/awards/2026/lines?mode=b2b").text
    visitor.get("/seller/awards/1999/lines", 404)


def test_a_buyer_has_no_such_page(sign_in: SignIn) -> None:
    sign_in("buyer").get("/seller/awards/", 403)


def test_another_shops_code_is_of_no_use(app: Flask, sign_in: SignIn) -> None:
    with app.app_context():
        code = factories.shop("coop_owner").code
    assert "25,000,000" not in sign_in("farmer").get(f"/seller/awards/?code={code}&seller={code}").text
