"""Orders in the office: by county, masked, and only for who may read them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from sqlalchemy import select

from marketplace.database import db
from marketplace.orders.models import SellerOrder
from tests.browsing import Visitor
from tests.factories import Goods
from tests.market import Market


@pytest.fixture
def code(market: Market) -> str:
    """A paid seller order of the cooperative, in 信丰."""
    market.make_freight(first=600, following=40)
    goods: Goods = market.make_goods(title="石坳脐橙")
    order_id = market.place_order({goods.variants[0]: 2})
    market.pay(order_id)
    with market.app.app_context():
        return str(
            db.session.execute(select(SellerOrder.code).where(SellerOrder.order_id == order_id)).scalar_one()
        )


@pytest.mark.parametrize(
    ("key", "listed", "page_status"),
    [
        ("staff_xinfeng", True, 200),
        ("staff_anyuan", False, 404),
        ("finance", True, 200),
        ("admin", True, 200),
    ],
)
def test_staff_see_the_orders_of_their_counties(
    sign_in: Callable[[str], Visitor], code: str, key: str, listed: bool, page_status: int
) -> None:
    staff = sign_in(key)
    assert (code in staff.get("/staff/orders/").text) == listed
    staff.get(f"/staff/orders/{code}", page_status)


def test_the_bureau_has_no_business_with_orders(sign_in: Callable[[str], Visitor], code: str) -> None:
    bureau = sign_in("bureau")
    bureau.get("/staff/orders/", 403)
    bureau.get(f"/staff/orders/{code}", 403)


def test_personal_data_is_masked(sign_in: Callable[[str], Visitor], code: str) -> None:
    for key in ("finance", "staff_xinfeng", "admin"):
        page = sign_in(key).get(f"/staff/orders/{code}")
        assert "13900000000" not in page.text
        assert "示例路 1 号" not in page.text
        assert "陈*" in page.text
        assert "139****0000" in page.text


@pytest.mark.parametrize("text", ["{code}", "138 0000 0001", "{lower}"])
def test_orders_are_found_by_code_and_phone(sign_in: Callable[[str], Visitor], code: str, text: str) -> None:
    words = text.format(code=code, lower=code.lower())
    assert code in sign_in("finance").get("/staff/orders/", query_string={"q": words}).text


def test_a_search_without_result_says_so(sign_in: Callable[[str], Visitor], code: str) -> None:
    page = sign_in("finance").get("/staff/orders/?q=ABCDEFGH&status=completed")
    assert "没有这样的订单" in page.text
    assert code not in page.text


def test_only_finance_is_offered_the_refund(sign_in: Callable[[str], Visitor], code: str) -> None:
    assert "替买家退款" in sign_in("finance").get(f"/staff/orders/{code}").text
    assert "替买家退款" not in sign_in("admin").get(f"/staff/orders/{code}").text


def test_statements_do_not_grow_with_the_list(
    sign_in: Callable[[str], Visitor],
    market: Market,
    code: str,
    count_statements: Callable[[], AbstractContextManager[list[str]]],
) -> None:
    finance = sign_in("finance")
    with count_statements() as few:
        finance.get("/staff/orders/")
    goods = market.make_goods(title="别的脐橙")
    for _number in range(3):
        market.place_order({goods.variants[0]: 1})
    with count_statements() as many:
        finance.get("/staff/orders/")
    assert len(few) == len(many) == 6, many
