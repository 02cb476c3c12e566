"""Lists and pages: what is in them, in which order, and in how many statements."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from sqlalchemy import update

from marketplace.catalogue import browsing, cards, categories, facets, queries, search
from marketplace.catalogue import services as catalogue
from marketplace.catalogue.browsing import Browse, Order
from marketplace.catalogue.models import Measure
from marketplace.database import db, run_in_transaction
from marketplace.errors import NotFoundError
from marketplace.inventory import services as inventory
from marketplace.sellers.models import Seller, SellerStatus
from tests import factories

pytestmark = pytest.mark.usefixtures("app_context")

Statements = Callable[[], AbstractContextManager[list[str]]]


def _titles(**asked: object) -> list[str]:
    return [card.title for card in cards.list_cards(Browse(**asked))[0]]  # type: ignore[arg-type]


def test_newest_comes_first_and_drafts_stay_out() -> None:
    factories.make_goods(title="第一个")
    factories.make_goods(title="第二个")
    factories.make_goods(title="草稿", is_published=False)
    assert _titles() == ["第二个", "第一个"]


def test_a_list_shows_only_what_can_be_bought_now() -> None:
    goods = factories.make_goods(title="卖完了", stock=4_999)
    assert _titles() == []
    by = factories.actor("coop_owner")
    run_in_transaction(
        lambda: inventory.receive(by, seller_id=goods.seller_id, pool_id=goods.pool_id, amount=1)
    )
    assert _titles() == ["卖完了"]


def test_what_is_held_for_others_is_not_left() -> None:
    factories.make_freight()
    goods = factories.make_goods(stock=10_000)
    factories.place_order({goods.variants[0]: 2})
    assert _titles() == []


def test_a_card_shows_the_first_pack_that_is_left() -> None:
    factories.make_goods(packs=[(10_000, 9200), (2500, 2790)], stock=5000)
    card = cards.list_cards(Browse())[0][0]
    assert (card.net_amount, card.price_amount, card.left) == (2500, 2790, 2)


def test_goods_of_a_suspended_seller_are_nowhere() -> None:
    goods = factories.make_goods(title="停用的店")
    run_in_transaction(
        lambda: db.session.execute(
            update(Seller).where(Seller.id == goods.seller_id).values(status=SellerStatus.SUSPENDED)
        )
    )
    assert _titles() == []
    assert facets.count_facets(Browse()).count == 0
    with pytest.raises(NotFoundError):
        queries.get_product_page(goods.product_code)


def test_unit_price_orders_within_a_measure_and_measures_follow_each_other() -> None:
    factories.make_goods(title="贵的", packs=[(2500, 2790)])
    factories.make_goods(title="便宜的大箱", packs=[(10_000, 9200)])
    factories.make_goods(title="茶油", category="tea_oil", grade=None, packs=[(1000, 1)])
    factories.make_goods(title="柚子", category="pomelo", grade=None, packs=[(2, 1)], stock=10)
    assert _titles(order=Order.UNIT_PRICE) == ["便宜的大箱", "贵的", "茶油", "柚子"]
    assert _titles(order=Order.PRICE)[2:] == ["贵的", "便宜的大箱"]


def test_a_page_by_price_rises_also_where_the_first_pack_is_sold_out() -> None:
    factories.make_goods(title="只剩小箱", packs=[(10_000, 9200), (2500, 2790)], stock=5000)
    factories.make_goods(title="中间", packs=[(5000, 4990)])
    assert _titles(order=Order.PRICE) == ["只剩小箱", "中间"]
    shop_id = factories.shop("coop_owner").id
    assert _titles(order=Order.PRICE, seller_id=shop_id) == ["只剩小箱", "中间"]
    assert _titles(order=Order.PRICE, pack=("mass-2500", "mass-5000")) == ["只剩小箱", "中间"]


def test_a_new_price_moves_a_product_in_both_orders() -> None:
    first = factories.make_goods(title="甲", packs=[(5000, 4990)])
    factories.make_goods(title="乙", packs=[(5000, 4000)])
    by = factories.actor("coop_owner")
    run_in_transaction(
        lambda: catalogue.change_price(
            by, seller_id=first.seller_id, variant_id=first.variants[0], price_amount=3000
        )
    )
    for order in (Order.PRICE, Order.UNIT_PRICE):
        assert _titles(order=order) == ["甲", "乙"]


def test_counts_of_a_long_list_say_that_there_may_be_more(monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(4):
        factories.make_goods(title=f"脐橙 {number}", grade="first" if number else "blemished")
    assert facets.count_facets(Browse()).count_label == "4"
    assert facets.count_facets(Browse(words="脐橙")).count_label == "4"
    monkeypatch.setattr(facets, "MOST_COUNTED", 3)
    monkeypatch.setattr(search, "CANDIDATES", 3)
    facets._groups.cache_clear()
    assert facets.count_facets(Browse()).count_label == "3+"
    assert facets.count_facets(Browse(grade=("first",))).count_label == "3+"
    assert facets.count_facets(Browse(words="脐橙")).count_label == "3+"
    facets._groups.cache_clear()
    assert _titles(words="脐橙", order=Order.BEST) == ["脐橙 3", "脐橙 2", "脐橙 1"]


def test_older_goods_count_once_the_newest_are_sold_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the season's end a thousand listings may be empty: the list still says what it holds."""
    monkeypatch.setattr(facets, "MOST_COUNTED", 2)
    facets._groups.cache_clear()
    factories.make_freight()
    factories.make_goods(title="还有的脐橙")
    for number in range(3):
        factories.place_order({factories.make_goods(title=f"卖完的脐橙 {number}", stock=5_000).variants[0]: 1})
    found = facets.count_facets(Browse())
    assert (found.count, found.is_part) == (1, False)
    facets._groups.cache_clear()


@pytest.mark.parametrize("order", [Order.NEWEST, Order.PRICE, Order.UNIT_PRICE])
def test_pages_follow_each_other_without_gap_or_repeat(order: Order) -> None:
    for number in range(5):
        factories.make_goods(title=f"橙 {number}", price=4990 if number < 3 else 5990)
    seen: list[str] = []
    after = None
    for _page in range(3):
        page, after = cards.list_cards(Browse(order=order, after=after), 2)
        seen += [card.title for card in page]
    assert after is None
    assert sorted(seen) == [f"橙 {number}" for number in range(5)]


def test_filters_narrow_and_their_counts_keep_the_other_choices() -> None:
    factories.make_goods(title="信丰一等", packs=[(2500, 2790), (5000, 4990)])
    factories.make_goods(title="信丰次果", grade="blemished")
    factories.make_goods("second_farmer", title="安远一等")
    assert _titles(county=("360726",)) == ["安远一等"]
    assert _titles(grade=("first",), county=("360722",)) == ["信丰一等"]
    assert _titles(pack=("mass-2500",)) == ["信丰一等"]
    found = facets.count_facets(Browse(grade=("first",)))
    assert found.count == 2
    assert {choice.code: choice.count for choice in found.choices["grade"]} == {"first": 2, "blemished": 1}
    assert {choice.code: choice.count for choice in found.choices["county"]} == {"360722": 1, "360726": 1}
    assert {choice.code: choice.count for choice in found.choices["pack"]} == {"mass-2500": 1, "mass-5000": 2}
    assert found.choices["size"][0].name == "75–80"


def test_addresses_are_read_and_what_cannot_be_read_is_left_out() -> None:
    found = browsing.read(
        {"sort": "unit", "after": "12.34", "q": " 脐橙 "},
        {"county": ["360722", "'; --"], "pack": ["mass-5000", "mass-x"]},
    )
    assert (found.order, found.after, found.words) == (Order.UNIT_PRICE, (12, 34), "脐橙")
    assert (found.county, found.packs) == (("360722",), [(Measure.MASS, 5000)])
    wild = browsing.read({"sort": "best", "after": "9999999999999999999.1"}, {})
    assert (wild.order, wild.after) == (Order.NEWEST, None)
    assert found.without("county", "360722") == {"pack": ["mass-5000"], "q": "脐橙", "sort": "unit"}


def test_lists_cost_the_same_for_one_card_as_for_many(count_statements: Statements) -> None:
    costs = []
    for _round in range(2):
        with count_statements() as seen:
            categories.list_categories()
            cards.list_cards(Browse(words="脐橙", order=Order.BEST))
            facets.count_facets(Browse(words="脐橙", order=Order.BEST))
        costs.append(len(seen))
        for number in range(6):
            factories.make_goods(title=f"脐橙 {number}", packs=[(2500, 2790), (5000, 4990)])
        db.session.rollback()
    assert costs == [3, 3]


def test_a_product_page_has_its_packs_batch_and_certificate(count_statements: Statements) -> None:
    goods = factories.make_goods(packs=[(2500, 2790), (5000, 4990), (10_000, 9200)], stock=9_000)
    with count_statements() as seen:
        page = queries.get_product_page(goods.product_code)
    assert len(seen) == 1
    assert [(pack.net_amount, pack.left) for pack in page.packs] == [(2500, 3), (5000, 1), (10_000, 0)]
    assert page.batch.certificate_number
    assert page.origin == "江西省赣州市信丰县" + page.origin.removeprefix("江西省赣州市信丰县")
    assert page.origin.endswith(("镇", "乡", "街道"))


def test_a_paused_product_is_shown_and_a_draft_is_not() -> None:
    goods = factories.make_goods()
    by = factories.actor("coop_owner")
    run_in_transaction(lambda: catalogue.pause(by, seller_id=goods.seller_id, product_id=goods.product_id))
    assert not queries.get_product_page(goods.product_code).is_published
    draft = factories.make_goods(is_published=False)
    with pytest.raises(NotFoundError):
        queries.get_product_page(draft.product_code)


def test_a_batch_page_is_found_by_both_codes_only() -> None:
    goods = factories.make_goods(title="这一批")
    page = queries.get_product_page(goods.product_code)
    trace = queries.get_trace_page(page.shop.code, page.batch.code)
    assert [certificate.number for certificate in trace.certificates] == [page.batch.certificate_number]
    assert queries.list_products_of_batch(trace.seller_id, trace.batch_id) == [(goods.product_code, "这一批")]
    other = factories.shop("second_farmer")
    with pytest.raises(NotFoundError):
        queries.get_trace_page(other.code, page.batch.code)


def test_shops_of_the_home_page_have_something_to_sell() -> None:
    assert queries.list_shops(6) == []
    factories.make_goods("second_farmer")
    factories.make_goods()
    factories.make_goods()
    assert [(shop.name, count) for shop, _story, count in queries.list_shops(6)] == [
        (factories.shop("coop_owner").name, 2),
        (factories.shop("second_farmer").name, 1),
    ]
