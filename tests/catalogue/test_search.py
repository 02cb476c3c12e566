"""What is indexed, what a query asks for, in which order answers come."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from marketplace.catalogue import cards, search
from marketplace.catalogue import services as catalogue
from marketplace.catalogue.browsing import Browse, Order
from marketplace.catalogue.models import SearchTerm
from marketplace.database import db, run_in_transaction
from tests import factories

pytestmark = pytest.mark.usefixtures("app_context")


@pytest.mark.parametrize(
    ("text", "required", "pairs"),
    [
        ("脐橙", ["脐", "橙"], ["脐橙"]),
        ("橙", ["橙"], []),
        ("信丰 脐橙", ["信", "丰", "脐", "橙"], ["信丰", "脐橙"]),
        ("75–80mm", ["75", "80", "mm"], []),
        ("７５ ＭＭ", ["75", "mm"], []),
        ("Navel Oranges", ["navel", "orange"], []),
        ("glass", ["glass"], []),
        ("10斤装", ["10", "斤", "装"], ["斤装"]),
        ("！！ …", [], []),
        ("", [], []),
    ],
)
def test_texts_are_split_into_characters_pairs_words_and_numbers(
    text: str, required: list[str], pairs: list[str]
) -> None:
    assert search.split(text) == (required, pairs)


def test_a_term_in_title_and_place_counts_both() -> None:
    weights = search.weigh([("信丰脐橙", search.TITLE), ("信丰县", search.PLACE)])
    assert weights["信丰"] == search.TITLE + search.PLACE
    assert weights["脐橙"] == search.TITLE


def _found(words: str) -> list[str]:
    return [card.title for card in cards.list_cards(Browse(words=words, order=Order.BEST))[0]]


def test_title_variety_category_county_township_and_seller_are_found_in_both_languages() -> None:
    factories.make_goods(title="山顶甜橙")
    for words in (
        "山顶",
        "橙",
        "纽荷尔",
        "脐橙",
        "信丰",
        "石坳",
        "newhall",
        "Navel oranges",
        "xinfeng",
        "75 80",
    ):
        assert _found(words) == ["山顶甜橙"], words
    assert _found("香蕉") == []


def test_every_character_of_the_query_is_required() -> None:
    factories.make_goods(title="高山脐橙")
    factories.make_goods(title="平地脐橙")
    assert _found("高山脐橙") == ["高山脐橙"]
    assert _found("高山脐橙 安远") == []


def test_words_that_stand_apart_in_the_title_are_found_together() -> None:
    factories.make_goods(title="信丰纽荷尔脐橙")
    assert _found("信丰脐橙") == ["信丰纽荷尔脐橙"]


def test_a_hit_in_the_title_comes_before_one_in_the_county() -> None:
    factories.make_goods(title="信丰山里的橙")
    factories.make_goods(title="新鲜甜橙")
    assert _found("信丰") == ["信丰山里的橙", "新鲜甜橙"]


def test_a_paused_product_is_not_found_and_has_no_terms() -> None:
    goods = factories.make_goods(title="要下架的橙")
    by = factories.actor("coop_owner")
    run_in_transaction(lambda: catalogue.pause(by, seller_id=goods.seller_id, product_id=goods.product_id))
    assert _found("下架") == []
    assert db.session.execute(select(SearchTerm)).first() is None
    run_in_transaction(lambda: catalogue.resume(by, seller_id=goods.seller_id, product_id=goods.product_id))
    assert _found("下架") == ["要下架的橙"]


def test_indexing_twice_changes_nothing() -> None:
    goods = factories.make_goods()
    query = select(SearchTerm.term, SearchTerm.weight).order_by(SearchTerm.term)
    before = db.session.execute(query).all()
    run_in_transaction(lambda: search.index(goods.product_id))
    assert db.session.execute(query).all() == before


def test_a_very_long_query_is_cut_and_answered() -> None:
    factories.make_goods(title="脐橙")
    assert _found("脐橙" * 500) == ["脐橙"]
    assert search.matches("，。！") is None


def test_pages_of_a_search_follow_each_other_without_gap_or_repeat() -> None:
    for number in range(5):
        factories.make_goods(title=f"脐橙 {number}")
    browse, seen = Browse(words="脐橙", order=Order.BEST), []
    page, after = cards.list_cards(browse, 2)
    while page:
        seen += [card.title for card in page]
        page, after = (
            cards.list_cards(Browse(words="脐橙", order=Order.BEST, after=after), 2) if after else ([], None)
        )
    assert sorted(seen) == [f"脐橙 {number}" for number in range(5)]
