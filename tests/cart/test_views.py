"""The basket in a browser: who may put something in, what the page tells, how it is changed."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from flask import Flask

from marketplace.cart.models import Cart, CartItem
from tests.browsing import Visitor
from tests.factories import Goods
from tests.market import Market
from tests.page import Page
from tests.people import PEOPLE

OWN = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def market(app: Flask) -> Market:
    return Market(app)


@pytest.fixture
def goods(market: Market) -> Goods:
    market.make_freight()
    return market.make_goods(title="石坳脐橙", packs=[(5000, 4990), (2500, 2790)], stock=50_000)


@pytest.fixture
def other(market: Market) -> Goods:
    market.make_freight("second_farmer", free_from=5000)
    return market.make_goods(
        "second_farmer", title="安远白莲", category="lotus", grade=None, packs=[(500, 5800)]
    )


def _add(visitor: Visitor, goods: Goods, count: object = 1, *, pack: int = 0, **fields: object) -> Page:
    data = {"product": goods.product_code, "pack": goods.variants[pack], "count": count, **fields}
    return visitor.post("/basket/add", data, headers=OWN)


def test_an_empty_basket_points_to_the_goods_and_sets_no_cookie(visitor: Visitor) -> None:
    page = visitor.get("/basket")
    assert "果篮还空着" in page.text
    assert "Set-Cookie" not in page.answer.headers


def test_a_stranger_puts_in_from_the_product_page_without_a_token(visitor: Visitor, goods: Goods) -> None:
    answer = visitor.submit(f"/p/{goods.product_code}", {"count": "２"}, form="/basket/add")
    assert answer.location == "/basket"
    page = visitor.follow(answer)
    assert "放进果篮了" in page.text
    assert "石坳脐橙" in page.text
    assert "¥99.80" in page.text


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ],
)
def test_another_site_cannot_put_anything_in(
    visitor: Visitor, market: Market, goods: Goods, headers: dict[str, str]
) -> None:
    visitor.post("/basket/add", {"pack": goods.variants[0], "count": 1}, 403, headers=headers)
    assert market.count(Cart) == 0


def test_our_own_origin_is_enough_for_browsers_without_fetch_metadata(
    visitor: Visitor, market: Market, goods: Goods
) -> None:
    data = {"pack": goods.variants[0], "count": 1}
    visitor.post("/basket/add", data, headers={"Origin": "http://localhost"})
    assert market.count(Cart) == 1


def test_a_browser_that_says_nothing_is_asked_with_a_token(
    visitor: Visitor, market: Market, goods: Goods
) -> None:
    data = {"product": goods.product_code, "pack": goods.variants[0], "count": 2, "then": "basket"}
    page = visitor.post("/basket/add", data, 200)
    assert "放进果篮？" in page.text
    assert market.count(Cart) == 0
    form = page.form("/basket/confirm")
    visitor.post("/basket/confirm", {**form.fields, "csrf_token": "wrong"}, 400)
    visitor.post("/basket/confirm", {k: v for k, v in form.fields.items() if k != "csrf_token"}, 400)
    assert market.count(Cart) == 0
    assert visitor.post(form.action, form.fields).location == "/basket"
    assert "10斤装（5 kg）" in visitor.get("/basket").text


@pytest.mark.parametrize("count", ["0", "-1", "1.5", "abc", "", "99999999999"])
def test_a_count_that_cannot_be_leads_back_with_the_reason(
    visitor: Visitor, market: Market, goods: Goods, count: str
) -> None:
    answer = _add(visitor, goods, count)
    assert answer.location.startswith(f"/p/{goods.product_code}?pack={goods.variants[0]}")
    assert visitor.follow(answer).soup.select(".flashes .note.red")
    assert market.count(Cart) == 0


def test_more_than_is_left_leads_back_with_what_is_left(visitor: Visitor, goods: Goods) -> None:
    answer = _add(visitor, goods, 11)
    page = visitor.follow(answer)
    assert "只剩 10 箱" in page.text
    assert page.soup.select('input[name="count"]')[0]["value"] == "11"


@pytest.mark.parametrize("pack", ["", "abc", "9" * 19, "9" * 30, "1"])
def test_a_pack_that_does_not_exist_is_refused_quietly(visitor: Visitor, goods: Goods, pack: str) -> None:
    data = {"product": goods.product_code, "pack": pack, "count": 1}
    answer = visitor.post("/basket/add", data, headers=OWN)
    assert answer.location.startswith(f"/p/{goods.product_code}")
    visitor.post("/basket/add", {"pack": pack, "count": 1}, 404, headers=OWN)


def test_buying_at_once_goes_to_the_checkout_with_the_basket(visitor: Visitor, goods: Goods) -> None:
    assert _add(visitor, goods, then="buy").location.startswith("/checkout")
    assert "石坳脐橙" in visitor.get("/basket").text


def test_two_sellers_are_two_parcels_with_freight_reason_and_total(
    visitor: Visitor, goods: Goods, other: Goods
) -> None:
    _add(visitor, goods, 2)
    _add(visitor, other)
    before = visitor.get("/basket")
    assert "商品合计（不含运费）" in before.text
    page = visitor.get("/basket?province=310000")
    for words in (
        "2 个包裹",
        "包裹 1 · 秀兰果园",  # in the order of the sellers' ids, as on every page
        "包裹 2 · 石坳脐橙合作社",
        "信丰县发出",
        "安远县发出",
        "¥99.80",
        "¥58.00",
        "¥16.00",
        "连纸箱按 11 公斤算：首公斤 6 元，续 10 公斤每公斤 1 元",
        "满 50 元包邮",
        "合计（含运费）",
    ):
        assert words in page.text, words
    assert "¥ 173 .80" in page.text
    assert "包裹 1" in visitor.get("/basket").text
    assert "运费到上海市" in visitor.get("/basket").text


def test_an_unserved_province_is_told_and_blocks_paying(visitor: Visitor, goods: Goods) -> None:
    _add(visitor, goods)
    page = visitor.get("/basket?province=540000")
    assert "这家不送西藏自治区" in page.text
    assert page.soup.select("button[aria-disabled=true]")
    assert not page.soup.select('button[value="buy"]')


def test_a_changed_price_is_told_line_by_line_until_it_is_read(
    visitor: Visitor, market: Market, goods: Goods
) -> None:
    _add(visitor, goods)
    market.change_price(goods, 4590)
    assert "降价了：放进来时 ¥49.90，现在 ¥45.90" in visitor.get("/basket").text
    visitor.submit("/basket", {"then": "accept"})
    assert "降价了" not in visitor.get("/basket").text


def test_what_was_sold_meanwhile_is_told_and_can_be_reduced(
    visitor: Visitor, market: Market, goods: Goods
) -> None:
    _add(visitor, goods, 8)
    market.place_order({goods.variants[0]: 5})
    page = visitor.get("/basket")
    assert "只够 5 箱了" in page.text
    assert page.soup.select("button[aria-disabled=true]")
    visitor.submit("/basket", {f"count-{goods.variants[0]}": "5"})
    assert "只够" not in visitor.get("/basket").text


def test_what_was_taken_off_sale_is_told(visitor: Visitor, market: Market, goods: Goods) -> None:
    _add(visitor, goods)
    market.pause(goods)
    assert "已经下架了" in visitor.get("/basket").text


def test_counts_change_lines_go_and_the_dot_counts_along(
    visitor: Visitor, goods: Goods, other: Goods
) -> None:
    _add(visitor, goods, 2)
    _add(visitor, other)
    visitor.submit("/basket", {f"count-{goods.variants[0]}": "3"})
    page = visitor.get("/basket")
    assert "¥149.70" in page.text
    assert page.soup.select(".n-dot")[0].get_text() == "4"
    visitor.submit("/basket", {"remove": str(other.variants[0])})
    page = visitor.get("/basket")
    assert "安远白莲" not in page.text
    visitor.submit("/basket", {f"count-{goods.variants[0]}": "0"})
    assert "果篮还空着" in visitor.get("/basket").text


def test_a_wrong_count_is_shown_again_at_its_line(visitor: Visitor, goods: Goods, other: Goods) -> None:
    _add(visitor, goods, 2)
    _add(visitor, other)
    typed = {f"count-{goods.variants[0]}": "一百", f"count-{other.variants[0]}": "2"}
    page = visitor.submit("/basket", typed, 422)
    assert "有 1 处要改" in page.text
    assert page.soup.select(f"#count-{goods.variants[0]}")[0]["value"] == "一百"
    page = visitor.submit("/basket", {f"count-{goods.variants[0]}": "11"}, 422)
    assert "只剩 10 箱" in page.text
    assert "¥116.00" in visitor.get("/basket").text


def test_paying_saves_the_typed_counts_first(visitor: Visitor, goods: Goods) -> None:
    _add(visitor, goods, 2)
    answer = visitor.submit("/basket", {f"count-{goods.variants[0]}": "4", "then": "buy"})
    assert answer.location.startswith("/checkout")
    assert "¥199.60" in visitor.get("/basket").text


def test_changing_needs_the_token(visitor: Visitor, goods: Goods) -> None:
    _add(visitor, goods, 2)
    visitor.post("/basket", {f"count-{goods.variants[0]}": "9"}, 400, headers=OWN)
    assert "× 2" in visitor.get("/basket").text


def test_a_strangers_change_of_nothing_is_nothing(visitor: Visitor, goods: Goods) -> None:
    other = Visitor(visitor.app)
    _add(other, goods)
    page = other.get("/basket")
    data = page.form().fields | {"remove": "0"}
    other.post("/basket", data | {"count-999": "3", "count-x": "1", "count-": "2"}, headers=OWN)
    assert "石坳脐橙" in other.get("/basket").text
    assert "果篮还空着" in visitor.get("/basket").text


def test_the_basket_follows_into_the_account_and_not_out_of_it(
    visitor: Visitor, market: Market, sign_in: Callable[[str], Visitor], goods: Goods, other: Goods
) -> None:
    at_home = sign_in("buyer")
    _add(at_home, other)
    _add(visitor, goods, 2)
    visitor.sign_in(PEOPLE["buyer"])
    page = visitor.get("/basket")
    assert "石坳脐橙" in page.text
    assert "安远白莲" in page.text
    assert page.soup.select(".n-dot")[0].get_text() == "3"
    assert "石坳脐橙" in at_home.get("/basket").text
    assert market.count(Cart) == 1
    visitor.submit("/account", form="/sign-out")
    assert "果篮还空着" in visitor.get("/basket").text
    assert market.count(CartItem) == 2


def test_the_basket_costs_the_same_for_one_line_as_for_many(
    visitor: Visitor,
    goods: Goods,
    other: Goods,
    count_statements: Callable[[], AbstractContextManager[list[str]]],
) -> None:
    _add(visitor, goods)
    with count_statements() as first:
        visitor.get("/basket?province=310000")
    _add(visitor, goods, pack=1)
    _add(visitor, other)
    with count_statements() as second:
        visitor.get("/basket?province=310000")
    assert len(first) == len(second) <= 7


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("-1", "至少买 1 份"),
        ("1.5", "只能整份买，写 1、2、3 这样的整数"),
        ("999999999999", "只剩 10 箱，改少一点"),
        ("十", "数量写成数字，比如 2"),
    ],
)
def test_a_count_that_cannot_be_is_told_what_is_wrong_with_it(
    visitor: Visitor, goods: Goods, typed: str, sentence: str
) -> None:
    page = visitor.follow(_add(visitor, goods, typed))
    assert sentence in page.text
    _add(visitor, goods, 2)
    page = visitor.submit("/basket", {f"count-{goods.variants[0]}": typed}, 422)
    assert [item.get_text() for item in page.soup.select(".errsum li")] == [sentence]
    assert page.form().fields[f"count-{goods.variants[0]}"] == typed


def test_the_counts_of_what_is_sold_by_the_tonne_are_no_boxes(visitor: Visitor, market: Market) -> None:
    market.make_freight()
    bulk = market.make_goods(title="整吨采购", packs=[(1_000_000, 620_000)], stock=9_000_000_000)
    page = visitor.get(f"/p/{bulk.product_code}")
    assert "还剩 9,000 份" in page.text
    english = visitor.get(f"/en/p/{bulk.product_code}").text
    assert "1 t" in english
    for untrue in ("1,000 kg box", "boxes", "Boxes"):
        assert untrue not in english
    assert "只剩 9,000 份" in visitor.follow(_add(visitor, bulk, 9001)).text
