"""A seller's orders in a browser: its own part only, the list for packing, and who may do what."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta

import pytest
from sqlalchemy import select

from marketplace import clock
from marketplace.database import db, run_in_transaction
from marketplace.orders import services
from marketplace.orders.models import SellerOrder
from marketplace.orders.queries import list_to_ship
from tests.browsing import Visitor
from tests.factories import Goods
from tests.market import Market


@pytest.fixture
def goods(market: Market) -> Goods:
    market.make_freight(first=600, following=40)
    return market.make_goods(title="石坳脐橙", packs=[(5000, 4990), (2500, 2790)])


@pytest.fixture
def other(market: Market) -> Goods:
    market.make_freight("farmer", free_from=5000)
    return market.make_goods("farmer", title="大阿脐橙", price=5800)


@pytest.fixture
def order_id(market: Market, goods: Goods, other: Goods) -> int:
    """One paid order of two sellers: 99.80 + 10.00, and 58.00."""
    order_id: int = market.place_order({goods.variants[0]: 2, other.variants[0]: 1})
    market.pay(order_id)
    return order_id


def _sale(market: Market, order_id: int, goods: Goods) -> SellerOrder:
    with market.app.app_context():
        query = select(SellerOrder).where(
            SellerOrder.order_id == order_id, SellerOrder.seller_id == goods.seller_id
        )
        return db.session.execute(query).scalar_one()


def test_seller_gets_404_on_the_other_sellers_part(
    sign_in: Callable[[str], Visitor], market: Market, order_id: int, goods: Goods, other: Goods
) -> None:
    mine, theirs = _sale(market, order_id, goods), _sale(market, order_id, other)
    coop = sign_in("coop_owner")
    coop.get(f"/seller/orders/{mine.code}")
    missing = coop.get("/seller/orders/ABCDEFGHJKMN", 404)
    for page in (
        f"/seller/orders/{theirs.code}",
        f"/seller/refunds/{theirs.code}",
        f"/seller/refunds/{theirs.code}/cancel",
        f"/seller/parcels/ship/{theirs.code}",
    ):
        assert coop.get(page, 404).text == missing.text
    token = coop.get(f"/seller/refunds/{mine.code}").form().fields["csrf_token"]
    for act in (
        f"/seller/refunds/{theirs.code}",
        f"/seller/refunds/{theirs.code}/cancel",
        f"/seller/parcels/ship/{theirs.code}",
        f"/seller/parcels/delivered/{theirs.code}",
    ):
        coop.post(act, {"csrf_token": token, "reason": "x", "goods_amount": "1"}, 404)


def test_seller_sees_its_own_part_and_nothing_of_the_others(
    sign_in: Callable[[str], Visitor], market: Market, order_id: int, goods: Goods
) -> None:
    page = sign_in("coop_owner").get(f"/seller/orders/{_sale(market, order_id, goods).code}")
    assert "石坳脐橙" in page.text
    assert "大阿脐橙" not in page.text
    assert "109.80" in page.text.replace(" ", "")
    assert "167.80" not in page.text.replace(" ", "")
    assert "示例路 1 号" in page.text
    assert "填快递单号" in page.text


def test_list_to_ship_has_the_earliest_deadline_first(
    sign_in: Callable[[str], Visitor], market: Market, goods: Goods
) -> None:
    placed_first, placed_last = (market.place_order({goods.variants[0]: 1}) for _number in range(2))
    market.pay(placed_last)
    with clock.at(clock.now() + timedelta(minutes=20)):
        market.pay(placed_first)
    urgent, later = (_sale(market, one, goods).code for one in (placed_last, placed_first))
    page = sign_in("coop_owner").get("/seller/orders/")
    assert page.text.index(urgent) < page.text.index(later)


def test_list_to_ship_has_each_part_on_one_of_its_pages(market: Market, goods: Goods) -> None:
    codes = []
    start = clock.now()
    for number in range(5):
        placed = market.place_order({goods.variants[0]: 1})
        with clock.at(start + timedelta(minutes=number // 2)):  # some deadlines are the same
            market.pay(placed)
    with market.app.app_context():
        whole, none = list_to_ship(goods.seller_id, limit=100)
        following: int | None = None
        while True:
            page, following = list_to_ship(goods.seller_id, following, limit=2)
            codes += [part.seller_order.code for part in page]
            if following is None:
                break
    assert none is None
    assert len(codes) >= 5
    assert codes == [part.seller_order.code for part in whole]


def test_tabs_tell_each_status_and_empty_ones_say_so(
    sign_in: Callable[[str], Visitor], market: Market, order_id: int, goods: Goods
) -> None:
    coop = sign_in("coop_owner")
    code = _sale(market, order_id, goods).code
    assert code in coop.get("/seller/orders/").text
    assert "这里还没有订单" in coop.get("/seller/orders/?status=completed").text
    market.ship(order_id)
    assert "没有要发的货" in coop.get("/seller/orders/").text
    assert code in coop.get("/seller/orders/?status=shipped").text
    assert code in coop.get("/seller/orders/?status=all").text
    coop.get("/seller/orders/?status=nonsense")


def test_packing_list_sums_by_product_and_pack_and_has_a_slip_for_each(
    sign_in: Callable[[str], Visitor], market: Market, order_id: int, goods: Goods
) -> None:
    second = market.place_order({goods.variants[0]: 3, goods.variants[1]: 1})
    market.pay(second)
    page = sign_in("coop_owner").get("/seller/orders/packing")
    rows = [row.get_text(" ", strip=True) for row in page.soup.select("tbody tr")]
    assert rows[0].startswith("石坳脐橙")
    assert rows[0].endswith("5")
    assert rows[1].endswith("1")
    assert len(page.soup.select("li.slip")) == 2
    assert "示例路 1 号" in page.text
    assert "大阿脐橙" not in page.text


def test_an_empty_packing_list_says_so(sign_in: Callable[[str], Visitor]) -> None:
    assert "没有要打包的" in sign_in("coop_owner").get("/seller/orders/packing").text


@pytest.mark.parametrize(
    ("key", "status"), [("coop_owner", 200), ("coop_clerk", 200), ("coop_grower", 403), ("buyer", 403)]
)
def test_who_may_see_the_orders(sign_in: Callable[[str], Visitor], key: str, status: int) -> None:
    sign_in(key).get("/seller/orders/", status)


def test_a_clerk_ships_and_does_not_give_money_back(
    sign_in: Callable[[str], Visitor], market: Market, order_id: int, goods: Goods
) -> None:
    code = _sale(market, order_id, goods).code
    clerk = sign_in("coop_clerk")
    page = clerk.get(f"/seller/orders/{code}")
    assert "填快递单号" in page.text
    assert "退款给买家" not in page.text
    clerk.get(f"/seller/refunds/{code}", 403)
    clerk.get(f"/seller/refunds/{code}/cancel", 403)


def test_address_is_open_from_payment_until_thirty_days_after_completion(
    sign_in: Callable[[str], Visitor], market: Market, goods: Goods
) -> None:
    order_id = market.place_order({goods.variants[0]: 1})
    code = _sale(market, order_id, goods).code
    coop = sign_in("coop_owner")
    path = f"/seller/orders/{code}"
    assert "示例路 1 号" not in coop.get(path).text
    market.pay(order_id)
    assert "示例路 1 号" in coop.get(path).text
    market.ship(order_id)
    market.complete(order_id)
    completed = clock.now()
    with clock.at(completed + timedelta(days=29)):
        assert "示例路 1 号" in coop.get(path).text
    with clock.at(completed + timedelta(days=30)):
        page = sign_in("coop_owner").get(path)
        assert "示例路 1 号" not in page.text
        assert "13900000000" not in page.text
        assert "完成 30 天以后" in page.text


def test_a_cancelled_part_shows_no_address(
    sign_in: Callable[[str], Visitor], market: Market, order_id: int, goods: Goods
) -> None:
    sale = _sale(market, order_id, goods)
    with market.app.app_context():
        who = market.actor("coop_owner")
        run_in_transaction(
            lambda: services.withdraw_part(
                who, seller_id=goods.seller_id, seller_order_id=sale.id, reason="sold_out"
            )
        )
    page = sign_in("coop_owner").get(f"/seller/orders/{sale.code}")
    assert "示例路 1 号" not in page.text
    assert "取消了：货卖完了" in page.text


def test_statements_do_not_grow_with_the_list(
    sign_in: Callable[[str], Visitor],
    market: Market,
    order_id: int,
    goods: Goods,
    count_statements: Callable[[], AbstractContextManager[list[str]]],
) -> None:
    coop = sign_in("coop_owner")
    paths = (
        "/seller/orders/",
        "/seller/orders/packing",
        f"/seller/orders/{_sale(market, order_id, goods).code}",
    )
    counts = []
    for path in paths:
        with count_statements() as seen:
            coop.get(path)
        counts.append(len(seen))
    for _number in range(3):
        market.pay(market.place_order({goods.variants[0]: 1, goods.variants[1]: 1}))
    for path, count in zip(paths, counts, strict=True):
        with count_statements() as seen:
            coop.get(path)
        assert len(seen) == count, seen
    assert counts == [8, 7, 11]


def test_the_buyers_name_stands_nowhere_but_in_the_address(
    sign_in: Callable[[str], Visitor], market: Market, order_id: int, goods: Goods
) -> None:
    path = f"/seller/orders/{_sale(market, order_id, goods).code}"
    coop = sign_in("coop_owner")
    assert coop.get(path).text.count("陈晓") == 1
    coop.submit(f"/seller/parcels/ship/{path[-12:]}", {"carrier_code": "ZTO", "waybills": "75123456789012"})
    assert "钟建平" in coop.get(path).text  # people of the shop are named
