"""The storefront as people see it: what is on the pages, what they cost, and that they stay the same for all."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlencode

import pytest
from flask import Flask

from marketplace import clock
from tests.browsing import Visitor
from tests.factories import Goods
from tests.market import Market

Statements = Callable[[], AbstractContextManager[list[str]]]
OWN = {"Sec-Fetch-Site": "same-origin"}
CSS = Path(__file__).parents[2] / "static/css/app.css"


@pytest.fixture
def market(app: Flask) -> Market:
    return Market(app)


@pytest.fixture
def goods(market: Market) -> Goods:
    market.make_freight(free_from=99_00)
    return market.make_goods(
        title="石坳脐橙", packs=[(2500, 2790), (5000, 4990), (10_000, 9200)], stock=100_000
    )


def test_an_empty_market_says_so_and_shows_the_calendar(visitor: Visitor) -> None:
    page = visitor.get("/")
    assert "果子还在树上" in page.text
    assert "果期日历" in page.text
    assert "纽荷尔、龙回红、赣福" in page.text or "纽荷尔" in page.text
    assert "谁种的" not in page.text


def test_home_shows_season_categories_fresh_goods_promises_and_shops(visitor: Visitor, goods: Goods) -> None:
    page = visitor.get("/")
    for words in (
        "时节",
        "脐橙",
        "刚上架的",
        "石坳脐橙",
        "¥ 27 .90",
        "今天采摘",
        "坏果包赔",
        "产地看得见",
        "谁种的",
    ):
        assert words in page.text, words
    assert f"/p/{goods.product_code}" in page.links()
    assert "/c/navel" in page.links()
    assert [str(link["href"]) for link in page.soup.select(".hero a.btn")] == ["/c/navel"]


def test_one_busy_shop_does_not_fill_the_home_page(visitor: Visitor, market: Market, goods: Goods) -> None:
    market.make_goods("second_farmer", title="安远的橙")
    for number in range(9):
        market.make_goods(title=f"石坳 {number}")
    assert "安远的橙" in visitor.get("/").text


def test_tonnes_stay_in_the_lists(visitor: Visitor, market: Market, goods: Goods) -> None:
    market.make_goods(title="石坳整吨", packs=[(1_000_000, 600_000)], stock=5_000_000)
    market.make_goods(title="石坳大小都有", packs=[(1_000_000, 600_000), (5000, 4990)], stock=5_000_000)
    home = visitor.get("/").text
    assert "石坳整吨" not in home
    assert "石坳大小都有" in home
    assert "¥ 6,000" not in home
    assert "石坳整吨" in visitor.get("/products").text


def test_packs_of_fresh_and_dry_goods_are_named_in_one_form(
    visitor: Visitor, market: Market, goods: Goods
) -> None:
    market.make_goods("second_farmer", category="lotus", grade=None, packs=[(2500, 9900)])
    page = visitor.get("/products/filter")
    assert "5斤装（2.5 kg）" in page.text
    assert "kg 装" not in page.text


@pytest.mark.parametrize(
    "path", ["/", "/products", "/c/navel", "/c/navel/filter", "/search?q=脐橙", "/p/{code}"]
)
def test_public_pages_set_no_cookie_and_hold_no_token(visitor: Visitor, goods: Goods, path: str) -> None:
    page = visitor.get(path.format(code=goods.product_code))
    assert "Set-Cookie" not in page.answer.headers
    assert "csrf" not in page.answer.get_data(as_text=True)


@pytest.mark.parametrize(
    ("path", "most"),
    [
        ("/products", 4),
        ("/c/navel?size=d75_80&grade=first&sort=unit", 4),
        ("/search?q=石坳脐橙", 4),
        ("/p/{code}?province=310000", 5),
    ],
)
def test_pages_cost_few_statements_however_much_is_on_them(
    visitor: Visitor, market: Market, goods: Goods, count_statements: Statements, path: str, most: int
) -> None:
    path = path.format(code=goods.product_code)
    costs = []
    for _round in range(2):
        with count_statements() as seen:
            visitor.get(path)
        costs.append(len(seen))
        for number in range(5):
            market.make_goods(title=f"石坳脐橙 {number}", packs=[(2500, 2790), (5000, 4990)])
    assert costs[0] == costs[1] <= most


@pytest.mark.parametrize(
    ("path", "budget"),
    [("/", 40_000), ("/products", 40_000), ("/search?q=橙", 40_000), ("/p/{code}", 30_000)],
)
def test_html_and_css_stay_within_their_budget(
    visitor: Visitor, market: Market, goods: Goods, path: str, budget: int
) -> None:
    for number in range(25):
        market.make_goods(title=f"橙 {number}")
    page = visitor.get(path.format(code=goods.product_code))
    assert len(gzip.compress(page.answer.get_data())) + len(gzip.compress(CSS.read_bytes())) <= budget


def test_cards_load_the_smallest_picture_on_a_phone_and_only_the_first_at_once(
    visitor: Visitor, market: Market, goods: Goods
) -> None:
    for number in range(12):
        market.make_goods(title=f"橙 {number}")
    images = visitor.get("/c/navel").soup.select(".grid img")
    assert all(str(image["sizes"]).endswith("168px") for image in images)
    assert [image.get("loading") for image in images].count("lazy") == len(images) - 4


def test_a_category_has_its_list_and_an_unknown_one_is_missing(visitor: Visitor, goods: Goods) -> None:
    page = visitor.get("/c/navel")
    assert "脐橙 1 种" in page.text
    assert "石坳脐橙" in page.text
    assert "5斤装（2.5 kg）" in page.text
    assert "合 5.58 元/斤" in page.text
    assert "11.16 元/kg" in page.text
    visitor.get("/c/nothing", 404)
    assert "这里还没有货" in visitor.get("/c/lotus").text


def test_filters_are_an_address_and_a_page_of_their_own(
    visitor: Visitor, market: Market, goods: Goods
) -> None:
    market.make_goods("second_farmer", title="安远次果", grade="blemished")
    page = visitor.get("/c/navel/filter?grade=blemished")
    assert "看 1 种" in page.text
    form = page.form("/c/navel")
    assert form.fields == {"grade": "blemished"}
    found = visitor.get("/c/navel?grade=blemished&county=360726")
    assert "安远次果" in found.text
    assert "石坳脐橙" not in found.text
    assert "/c/navel?county=360726" in found.links()
    empty = visitor.get("/c/navel?grade=special")
    assert "这样的现在没有" in empty.text


def test_further_pages_are_reached_by_a_link(visitor: Visitor, market: Market, goods: Goods) -> None:
    for number in range(25):
        market.make_goods(title=f"橙 {number}")
    first = visitor.get("/c/navel?sort=price")
    link = next(link for link in first.links() if "after=" in link)
    second = visitor.get(link)
    titles = [card.get_text(strip=True) for page in (first, second) for card in page.soup.select(".p h3")]
    assert len(titles) == len(set(titles)) == 26
    assert "后面没有了" in visitor.get("/c/navel?sort=price&after=99999999.1").text
    visitor.get("/c/navel?after=drop-table&county=%27%27")


def test_a_search_without_an_answer_helps_on(visitor: Visitor, goods: Goods) -> None:
    page = visitor.get("/search?q=香蕉")
    assert "没找到“香蕉”" in page.text
    assert "/c/navel" in page.links()
    assert "石坳脐橙" in visitor.get("/search?q=石坳").text
    assert "没找到" in visitor.get("/search?q=!!!").text
    visitor.get("/search?q=<script>alert(1)</script>")
    visitor.get("/search")


def test_a_product_page_says_what_a_buyer_has_to_know(visitor: Visitor, goods: Goods) -> None:
    page = visitor.get(f"/p/{goods.product_code}")
    for words in (
        "石坳脐橙",
        "合 5.58 元/斤",
        "4.60 元/斤",
        "还剩 40 箱",
        "还剩 10 箱",
        "鲜活易腐，不支持7天无理由退货",
        "坏果包赔",
        "承诺达标合格证",
        "江西省赣州市信丰县",
        "75–80 mm",
        "付款后 48 小时内发出",
        "店铺资质",
        "这家满 99 元包邮",
    ):
        assert words in page.text, words
    assert page.soup.select('input[name="pack"][checked]')[0]["value"] == str(goods.variants[0])
    batch = page.soup.select_one(".pd-more .batch")  # below the photo on a desk
    assert batch is not None
    assert not batch.select("svg")  # no sign that looks like a code and cannot be scanned


def test_dry_goods_may_be_returned(visitor: Visitor, market: Market, goods: Goods) -> None:
    dry = market.make_goods(category="lotus", grade=None, packs=[(500, 5800)], stock=5000)
    page = visitor.get(f"/p/{dry.product_code}")
    assert "支持7天无理由退货" in page.text
    assert "不支持7天" not in page.text
    assert "合 58.00 元/500g" in page.text


def test_blemished_fruit_is_announced_before_it_is_bought(
    visitor: Visitor, market: Market, goods: Goods
) -> None:
    blemished = market.make_goods(grade="blemished")
    assert "这是次果" in visitor.get(f"/p/{blemished.product_code}").text


def test_freight_to_the_chosen_province_stands_beside_the_price(visitor: Visitor, goods: Goods) -> None:
    page = visitor.get(f"/p/{goods.product_code}?province=310000")
    assert "发到 上海市" in page.text
    assert "5斤运费 ¥8.00" in page.text
    assert "10斤运费 ¥11.00" in page.text
    assert "Set-Cookie" not in page.answer.headers
    assert "西藏自治区现在不送" in visitor.get(f"/p/{goods.product_code}?province=540000").text
    assert "运费看送到哪" in visitor.get(f"/p/{goods.product_code}?province=abc").text


def test_asking_for_the_freight_keeps_the_chosen_pack_and_count(visitor: Visitor, goods: Goods) -> None:
    page = visitor.get(f"/p/{goods.product_code}")
    box, ask = page.soup.select_one("#province"), page.soup.select_one("button[formmethod=get]")
    assert box is not None
    assert ask is not None
    # Both belong to the buy form, whose other fields a browser sends along, with scripts and without.
    assert [box["form"], ask["form"], ask["formaction"]] == ["buy", "buy", f"/p/{goods.product_code}"]
    fields = page.form("/basket/add").fields
    wanted = {"pack": goods.variants[1], "count": 3, "province": "310000"}
    assert {"pack", "count"} <= set(fields)
    page = visitor.get(f"{ask['formaction']}?{urlencode(fields | wanted)}")
    chosen = page.form("/basket/add").fields
    assert (chosen["pack"], chosen["count"]) == (str(goods.variants[1]), "3")
    assert "发到 上海市" in page.text


def test_the_province_is_remembered_by_who_has_a_basket(visitor: Visitor, goods: Goods) -> None:
    visitor.post("/basket/add", {"pack": goods.variants[0], "count": 1}, headers=OWN)
    visitor.get(f"/p/{goods.product_code}?province=310000")
    assert "发到 上海市" in visitor.get(f"/p/{goods.product_code}").text


def test_what_is_sold_out_or_paused_cannot_be_put_into_the_basket(
    visitor: Visitor, market: Market, goods: Goods
) -> None:
    sold_out = market.make_goods(stock=1000)
    page = visitor.get(f"/p/{sold_out.product_code}")
    assert "卖完了" in page.text
    assert not page.soup.select("button[name=then]")
    market.pause(goods)
    assert "现在不卖了" in visitor.get(f"/p/{goods.product_code}").text


def test_a_draft_and_a_made_up_code_are_missing(visitor: Visitor, market: Market, goods: Goods) -> None:
    draft = market.make_goods(is_published=False)
    for path in (f"/p/{draft.product_code}", "/p/NOTACODE", "/p/%00", "/batch/NOPE/1"):
        visitor.get(path, 404)


def test_a_batch_page_traces_without_naming_the_grower(
    visitor: Visitor, market: Market, goods: Goods
) -> None:
    link = next(
        link for link in visitor.get(f"/p/{goods.product_code}").links() if link.startswith("/batch/")
    )
    page = visitor.get(link)
    assert "承诺达标合格证" in page.text
    assert "石坳脐橙" in page.text
    assert page.soup.select(".qr-box svg")
    farmers = market.make_goods("farmer")
    link = next(
        link for link in visitor.get(f"/p/{farmers.product_code}").links() if link.startswith("/batch/")
    )
    page = visitor.get(link)
    assert "法律鼓励、不强制开合格证" in page.text
    person = market.shop("farmer")
    assert person.legal_name not in page.text
    assert person.phone not in page.text


def test_every_page_is_there_in_english_and_links_stay_in_it(visitor: Visitor, goods: Goods) -> None:
    for path in (
        "/",
        "/c/navel",
        "/search?q=navel",
        f"/p/{goods.product_code}",
        "/c/navel/filter",
        "/basket",
    ):
        page = visitor.get("/en" + path)
        assert page.soup.html["lang"] == "en"  # type: ignore[index]
        own = [link for link in page.links() if link.startswith("/") and not link.startswith("/en")]
        assert len(own) <= 2, own  # only the ways to the other language
    assert "Xinfeng" in visitor.get("/en/c/navel").text


def test_a_fortnight_later_the_picking_day_is_no_news(visitor: Visitor, goods: Goods) -> None:
    flags = [flag.get_text() for flag in visitor.get("/c/navel").soup.select(".flag")]
    assert flags == ["今天采摘"]
    with clock.at(clock.now() + timedelta(days=15)):
        assert not visitor.get("/c/navel").soup.select(".flag")


def test_titles_cannot_carry_markup(visitor: Visitor, market: Market, goods: Goods) -> None:
    market.make_goods(title="<b>橙</b><script>alert(1)</script>")
    html = visitor.get("/c/navel").answer.get_data(as_text=True)
    assert not re.search(r"<script>alert", html)
    assert "&lt;b&gt;" in html
