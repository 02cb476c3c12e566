"""The checkout in a browser: guests, accounts, companies, step by step without scripts, and what is told when."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from marketplace import settings
from marketplace.audit import SYSTEM
from marketplace.cart.models import CartItem
from marketplace.database import db, run_in_transaction
from marketplace.orders import queries as orders
from marketplace.orders.models import BuyerKind, Order, PaymentState
from tests.browsing import Visitor
from tests.factories import Goods
from tests.market import Market
from tests.page import Page
from tests.payments.provider import PAY_HOST, Provider
from tests.people import PEOPLE

OWN = {"Sec-Fetch-Site": "same-origin"}
SHANGHAI = {"province_code": "310000", "city_code": "310100", "county_code": "310115"}
TO = {"name": "橙子收", "phone": "139 0000 0000", "detail": "漕溪路 88 弄 6 号 502 室"} | SHANGHAI
PHONE = {"User-Agent": "Mozilla/5.0 (Linux; Android 12) Chrome/114 Mobile Safari/537.36"}
WECHAT = {"User-Agent": "Mozilla/5.0 (iPhone) Mobile/15E148 MicroMessenger/8.0.30"}

pytestmark = pytest.mark.usefixtures("provider")


@pytest.fixture
def goods(market: Market) -> Goods:
    market.make_freight(first=600, following=40)
    return market.make_goods(title="石坳脐橙", packs=[(5000, 4990)], stock=50_000)


@pytest.fixture
def other(market: Market) -> Goods:
    market.make_freight("second_farmer", free_from=5000)
    return market.make_goods(
        "second_farmer", title="安远白莲", category="lotus", grade=None, packs=[(500, 5800)]
    )


def _fill(visitor: Visitor, *wanted: tuple[Goods, int]) -> None:
    for goods, count in wanted:
        data = {"product": goods.product_code, "pack": goods.variants[0], "count": count}
        visitor.post("/basket/add", data, headers=OWN)


def _order(market: Market) -> Order:
    with market.app.app_context():
        return db.session.execute(select(Order).order_by(Order.id.desc()).limit(1)).scalar_one()


def _total(page: Page) -> int:
    return int(page.soup.select_one("[name=expected_total]")["value"])  # type: ignore[index]


def _chosen(visitor: Visitor, **fields: Any) -> dict[str, Any]:
    """The form filled, with the freight of its place on the screen."""
    page = visitor.submit("/checkout", TO | fields | {"list_areas": "1"}, 200, form="/checkout")
    return page.form("/checkout").fields


def _told(page: Page) -> list[str]:
    """The items of the summary above the form."""
    return [item.get_text(strip=True) for item in page.soup.select(".errsum li")]


def test_an_empty_basket_goes_back_to_the_basket(visitor: Visitor) -> None:
    assert visitor.get("/checkout", 303).location == "/basket"


def test_a_guest_orders_without_a_code_and_goes_to_the_pay_page(
    visitor: Visitor, market: Market, goods: Goods, other: Goods, provider: Provider
) -> None:
    _fill(visitor, (goods, 2), (other, 1))
    page = visitor.get("/checkout")
    assert "不用注册" in page.text
    assert "确认收货、又过了 48 小时坏果包赔期，由支付机构结算给卖家。" in page.text
    assert "模拟支付" in page.text
    answer = visitor.post("/checkout", _chosen(visitor))
    assert answer.location.startswith(PAY_HOST)
    order = _order(market)
    assert (order.buyer_id, order.contact_phone, order.total_amount) == (None, "13900000000", 16780)
    assert order.payment_state == PaymentState.UNPAID
    assert sorted(amount for _words, amount in provider.wishes[0].lines) == [5800, 10980]
    words = " ".join(words for words, _amount in provider.wishes[0].lines)
    shop = market.shop("second_farmer")
    assert (shop.name in words, shop.legal_name in words) == (True, False)  # the name that the buyer knows
    assert "果篮还空着" in visitor.get("/basket").text


def test_the_total_with_freight_stands_on_the_page_before_paying(visitor: Visitor, goods: Goods) -> None:
    _fill(visitor, (goods, 2))
    assert _total(visitor.get("/checkout")) == 9980
    page = visitor.submit("/checkout", TO | {"list_areas": "1"}, 200, form="/checkout")
    assert _total(page) == 10980
    assert "109.80" in page.text.replace(" ", "")


def test_freight_that_was_not_shown_yet_is_shown_before_anything_is_ordered(
    visitor: Visitor, market: Market, goods: Goods
) -> None:
    _fill(visitor, (goods, 2))
    page = visitor.submit("/checkout", TO, 422, form="/checkout")
    assert "运费算好了，看一眼再下单" in page.text
    assert not page.title.startswith("要改：")  # the buyer did nothing wrong
    assert _told(page) == []
    assert market.count(Order) == 0
    visitor.post("/checkout", page.form("/checkout").fields)
    assert market.count(Order) == 1


def test_places_are_listed_step_by_step_without_scripts_and_what_was_typed_stays(
    visitor: Visitor, goods: Goods
) -> None:
    _fill(visitor, (goods, 1))
    typed = {"name": "橙子收", "note": "放门口", "province_code": "360000", "list_areas": "1"}
    page = visitor.submit("/checkout", typed, 200, form="/checkout")
    cities = [option["value"] for option in page.soup.select("#city_code option")]
    assert "360700" in cities
    fields = page.form("/checkout").fields
    assert (fields["name"], fields["note"].strip()) == ("橙子收", "放门口")
    page = visitor.post("/checkout", fields | {"city_code": "360700", "list_areas": "1"}, 200)
    counties = [option["value"] for option in page.soup.select("#county_code option")]
    assert "360722" in counties
    assert page.errors() == {}


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("name", " ", "请填收件人"),
        ("phone", "12345", "手机号是 11 位数字"),
        ("phone", "", "请填手机号"),
        ("detail", "", "请填街道"),
        ("county_code", "", "请选到县"),
        ("pay_by", "barter", "请选一种付法"),
    ],
)
def test_errors_stand_at_their_fields_and_nothing_typed_is_lost(
    visitor: Visitor, market: Market, goods: Goods, field: str, value: str, sentence: str
) -> None:
    _fill(visitor, (goods, 1))
    page = visitor.post("/checkout", _chosen(visitor, note="放门口") | {field: value}, 422)
    assert sentence in page.text
    assert page.form("/checkout").fields["note"].strip() == "放门口"
    assert market.count(Order) == 0


def test_a_price_that_changed_is_told_and_the_new_total_shown(
    visitor: Visitor, market: Market, goods: Goods
) -> None:
    _fill(visitor, (goods, 2))
    fields = _chosen(visitor)
    market.change_price(goods, 5190)
    page = visitor.post("/checkout", fields, 422)
    sentence = "“石坳脐橙”涨价了：原来 ¥49.90，现在 ¥51.90"
    assert _told(page) == []
    assert not page.title.startswith("要改：")
    [notice] = page.soup.select("[role=alert] .note.gold")
    assert "价钱变了，看一眼再下单" in notice.get_text()
    assert "再按一次下面的按钮，就是按现在的价钱买" in notice.get_text()
    [link] = notice.select("a")
    assert (link.get_text(), link["class"]) == (sentence, ["down"])
    place = page.soup.select_one(str(link["href"]))
    assert place is not None
    assert "石坳脐橙" in place.get_text()
    assert sentence in [one.get_text() for one in page.soup.select("#quote .down")]
    assert _total(page) == 11380
    assert market.count(CartItem) == 1
    visitor.post("/checkout", page.form("/checkout").fields)
    assert _order(market).total_amount == 11380


def test_freight_that_changed_is_told_with_before_and_after(
    visitor: Visitor, market: Market, goods: Goods
) -> None:
    _fill(visitor, (goods, 2))
    fields = _chosen(visitor)
    market.make_freight(first=900, following=40)
    page = visitor.post("/checkout", fields, 422)
    [sentence] = [link.get_text() for link in page.soup.select(".note.gold a")]
    assert "的运费变了：原来 ¥10.00，现在 ¥13.00" in sentence
    assert market.count(Order) == 0


def test_another_place_has_another_freight_and_that_is_no_news(visitor: Visitor, goods: Goods) -> None:
    _fill(visitor, (goods, 2))
    fields = _chosen(visitor)
    page = visitor.post("/checkout", fields | {"province_code": "", "list_areas": "1"}, 200)
    page = visitor.post("/checkout", page.form("/checkout").fields | SHANGHAI | {"list_areas": "1"}, 200)
    assert "变了" not in page.text


def test_what_the_browser_says_it_saw_is_never_charged(
    visitor: Visitor, market: Market, goods: Goods
) -> None:
    _fill(visitor, (goods, 2))
    seen = f"v{goods.variants[0]}:1 s{goods.seller_id}:0 rubbish v:: v{'9' * 30}:1"
    visitor.post("/checkout", _chosen(visitor) | {"seen": seen})
    assert _order(market).total_amount == 10980


def test_a_price_that_changed_since_it_was_put_in_is_told_at_the_checkout_too(
    visitor: Visitor, market: Market, goods: Goods
) -> None:
    _fill(visitor, (goods, 2))
    market.change_price(goods, 4590)
    page = visitor.get("/checkout")
    [news] = page.soup.select(".note.gold a")
    assert (news.get_text(), news["class"]) == ("“石坳脐橙”降价了：原来 ¥49.90，现在 ¥45.90", ["leafy"])


def test_the_button_pays_online_and_otherwise_places_the_order(visitor: Visitor, goods: Goods) -> None:
    _fill(visitor, (goods, 2))
    first = visitor.get("/checkout").soup.select("button.buy")
    assert {button.get_text(strip=True) for button in first} == {"下单"}  # the freight is not known yet
    page = visitor.submit("/checkout", TO | {"list_areas": "1"}, 200, form="/checkout")
    words = [[one.get_text() for one in button.select("span span")] for button in page.soup.select("button.buy")]
    assert words == [["付 109.80 元", "下单"]] * 2
    style = (Path(__file__).parents[2] / "static" / "css" / "app.css").read_text(encoding="utf-8")
    for way in ("on_delivery", "elsewhere"):  # with these the order is placed, and nothing paid yet
        assert f"[value={way}]" in style


def test_shanghais_only_city_is_chosen_by_itself(visitor: Visitor, goods: Goods) -> None:
    _fill(visitor, (goods, 1))
    typed = {"province_code": "310000", "city_code": "", "county_code": "", "list_areas": "1"}
    page = visitor.submit("/checkout", typed, 200, form="/checkout")
    assert page.form("/checkout").fields["city_code"] == "310100"
    assert "310115" in [option["value"] for option in page.soup.select("#county_code option")]


def test_back_from_the_pay_page_the_order_that_waits_is_found_by_its_browser_alone(
    app: Any, visitor: Visitor, market: Market, goods: Goods, provider: Provider
) -> None:
    _fill(visitor, (goods, 2))
    visitor.post("/checkout", _chosen(visitor))
    order = _order(market)
    for path in ("/basket", "/orders/find"):
        page = visitor.get(path)
        assert f"订单 {order.code} 还没付款" in page.text
        assert f"/o/{order.access_token}#pay" in page.links()
    assert "/orders/find" in visitor.get("/basket").links()  # where the tab of orders leads this guest
    stranger = Visitor(app)
    assert order.code not in stranger.get("/basket").text + stranger.get("/orders/find").text
    _fill(stranger, (goods, 1))
    assert order.code not in stranger.get("/orders/find").text
    provider.pay()
    visitor.get(f"/pay/{order.access_token}/return")
    assert order.code not in visitor.get("/basket").text


def test_an_account_finds_its_own_order_that_waits_and_nobody_elses(
    sign_in: Callable[[str], Visitor],
    market: Market,
    goods: Goods,
    count_statements: Callable[[], AbstractContextManager[list[str]]],
) -> None:
    market.place_order({goods.variants[0]: 1}, buyer="company_buyer")
    buyer = sign_in("buyer")
    with count_statements() as before:
        assert "还没付款" not in buyer.get("/basket").text
    market.place_order({goods.variants[0]: 1})
    order = _order(market)
    with count_statements() as after:
        page = buyer.get("/basket")
    assert f"/orders/{order.code}#pay" in page.links()
    assert len(before) == len(after), after  # one of them looks for what is unpaid


def test_what_is_gone_is_told_at_its_line_and_leads_to_the_basket(
    visitor: Visitor, market: Market, goods: Goods, other: Goods
) -> None:
    _fill(visitor, (goods, 2), (other, 1))
    fields = _chosen(visitor)
    market.pause(goods)
    page = visitor.post("/checkout", fields, 422)
    assert "“石坳脐橙”已经下架了" in page.text
    assert "回果篮改一下" in page.text
    assert market.count(Order) == 0


def test_a_place_that_is_not_served_is_told_by_parcel(visitor: Visitor, goods: Goods) -> None:
    _fill(visitor, (goods, 1))
    page = visitor.submit(
        "/checkout",
        TO | {"province_code": "540000", "city_code": "", "county_code": "", "list_areas": "1"},
        200,
        form="/checkout",
    )
    assert "不送这个地方" in page.text
    unserved = {"province_code": "540000", "city_code": "540100", "county_code": "540102"}
    page = visitor.post("/checkout", _chosen(visitor) | unserved, 422)
    [sentence] = _told(page)
    assert "不送这个地方" in sentence
    assert "有 1 处要改" in page.text


def test_parcels_have_the_same_numbers_on_every_page(
    app: Any, market: Market, goods: Goods, other: Goods
) -> None:
    for wanted in ((goods, other), (other, goods)):
        visitor = Visitor(app)
        _fill(visitor, *((one, 1) for one in wanted))
        basket = [head.get_text(strip=True) for head in visitor.get("/basket").soup.select("section h2[id]")]
        visitor.post("/checkout", _chosen(visitor))
        page = visitor.get(f"/o/{_order(market).access_token}")
        order = [head.get_text(strip=True) for head in page.soup.select("section[id^=parcel] h2")]
        assert order == basket
        assert len(order) == 2


def test_pressing_twice_makes_one_order_and_opens_the_same_page(
    visitor: Visitor, market: Market, goods: Goods
) -> None:
    _fill(visitor, (goods, 2))
    fields = _chosen(visitor)
    first = visitor.post("/checkout", fields)
    second = visitor.post("/checkout", fields)
    assert second.location == first.location
    assert market.count(Order) == 1


def test_somebody_elses_form_text_opens_nothing_of_mine(app: Any, market: Market, goods: Goods) -> None:
    mine, theirs = Visitor(app), Visitor(app)
    for one in (mine, theirs):
        _fill(one, (goods, 1))
    fields = _chosen(mine)
    mine.post("/checkout", fields)
    token = _chosen(theirs)["csrf_token"]
    theirs.post("/checkout", fields | {"csrf_token": token})
    assert market.count(Order) == 2


def test_a_saved_address_is_chosen_with_one_tap(
    sign_in: Callable[[str], Visitor], market: Market, goods: Goods
) -> None:
    buyer = sign_in("buyer")
    _fill(buyer, (goods, 2))
    page = buyer.get("/checkout")
    assert "上海市浦东新区" in page.text
    assert _total(page) == 10980  # the saved address is chosen, so its freight is known
    buyer.submit("/checkout", {}, form="/checkout")
    order = _order(market)
    assert (order.recipient_name, order.county_code) == (PEOPLE["buyer"].name, "310115")
    assert order.contact_phone == PEOPLE["buyer"].phone


def test_a_new_address_may_be_kept(sign_in: Callable[[str], Visitor], goods: Goods) -> None:
    buyer = sign_in("buyer")
    _fill(buyer, (goods, 2))
    buyer.post("/checkout", _chosen(buyer, address="new", keep="y"))
    assert "漕溪路 88 弄 6 号 502 室" in buyer.get("/account/addresses").text


def test_another_persons_address_is_refused(
    sign_in: Callable[[str], Visitor], market: Market, goods: Goods
) -> None:
    company = sign_in("company_buyer")
    _fill(company, (goods, 1))
    foreign = company.get("/checkout").soup.select_one("input[name=address]")["value"]  # type: ignore[index]
    buyer = sign_in("buyer")
    _fill(buyer, (goods, 1))
    page = buyer.submit("/checkout", {"address": foreign}, 422, form="/checkout")
    assert "这个地址没有了" in page.text
    assert market.count(Order) == 0


def test_only_a_verified_company_is_asked_whether_it_buys_as_one(
    sign_in: Callable[[str], Visitor], market: Market, goods: Goods
) -> None:
    buyer, company = sign_in("buyer"), sign_in("company_buyer")
    for one in (buyer, company):
        _fill(one, (goods, 1))
    assert not buyer.get("/checkout").soup.select("[name=as_company]")
    page = company.get("/checkout")
    tick = page.soup.select_one("[name=as_company]")
    assert tick is not None
    assert not tick.has_attr("checked")
    company.submit("/checkout", {"as_company": "y"}, form="/checkout")
    assert _order(market).buyer_kind == BuyerKind.ENTERPRISE
    buyer.submit("/checkout", {"as_company": "y"}, form="/checkout")
    assert _order(market).buyer_kind == BuyerKind.CONSUMER


def test_blemished_fruit_is_ticked_by_hand_every_time(visitor: Visitor, market: Market) -> None:
    market.make_freight(first=600, following=0)
    juice = market.make_goods(title="榨汁果", grade="blemished", price=1990)
    _fill(visitor, (juice, 1))
    fields = _chosen(visitor)
    assert "confirm" not in fields
    page = visitor.post("/checkout", fields, 422)
    assert "请勾选知道了再买" in page.text
    visitor.post("/checkout", page.form("/checkout").fields | {"confirm": str(juice.variants[0])})
    assert market.count(Order) == 1


def test_a_phone_prefers_alipay_and_wechats_browser_leaves_it_out(
    visitor: Visitor, goods: Goods, provider: Provider, market: Market
) -> None:
    _fill(visitor, (goods, 1))
    on_phone = visitor.get("/checkout", headers=PHONE)
    assert on_phone.form("/checkout").fields["pay_by"] == "alipay"
    assert "用另一台设备扫码" in on_phone.text
    in_wechat = visitor.get("/checkout", headers=WECHAT)
    assert [tag["value"] for tag in in_wechat.soup.select("[name=pay_by]")] == [
        "elsewhere",
        "card",
        "on_delivery",
    ]
    page = visitor.post("/checkout", _chosen(visitor) | {"pay_by": "elsewhere"}, headers=WECHAT)
    assert page.location.startswith("/o/")
    assert not provider.wishes
    assert "复制链接" in visitor.follow(page).text


def test_the_chosen_way_stands_first_at_the_provider(
    visitor: Visitor, goods: Goods, provider: Provider
) -> None:
    _fill(visitor, (goods, 1))
    visitor.post("/checkout", _chosen(visitor) | {"pay_by": "wechat_pay"})
    assert provider.wishes[0].channels[0] == "wechat_pay"


def test_cash_on_delivery_goes_straight_to_the_order(
    visitor: Visitor, goods: Goods, provider: Provider
) -> None:
    _fill(visitor, (goods, 1))
    page = visitor.follow(visitor.post("/checkout", _chosen(visitor) | {"pay_by": "on_delivery"}))
    assert "下单好了" in page.text
    assert "货到付款" in page.text
    assert not provider.wishes


def test_a_guest_orders_for_cash_three_times_a_day_and_no_more(visitor: Visitor, goods: Goods) -> None:
    for status in (303, 303, 303, 422):
        _fill(visitor, (goods, 1))
        visitor.post("/checkout", _chosen(visitor) | {"pay_by": "on_delivery"}, status)


def test_a_changed_form_sent_again_says_that_the_order_stands_already(visitor: Visitor, goods: Goods) -> None:
    _fill(visitor, (goods, 1))
    fields = _chosen(visitor) | {"pay_by": "on_delivery"}
    visitor.post("/checkout", fields)
    again = visitor.follow(visitor.post("/checkout", fields | {"detail": "另一个地址 99 号"}))
    assert "已经下过了" in again.text


def test_a_file_in_place_of_a_text_is_as_good_as_nothing(visitor: Visitor, goods: Goods) -> None:
    _fill(visitor, (goods, 1))
    fields = _chosen(visitor) | {"name": (BytesIO(b"x"), "x.txt")}
    page = visitor.post("/checkout", fields, 422, content_type="multipart/form-data")
    assert "name" in page.errors()


def test_cash_on_delivery_is_not_offered_when_switched_off(
    visitor: Visitor, market: Market, goods: Goods
) -> None:
    _fill(visitor, (goods, 1))
    with market.app.app_context():
        run_in_transaction(lambda: settings.put(SYSTEM, "cod.enabled", "0"))
    assert "货到付款" not in visitor.get("/checkout").text


def test_tonnes_that_cannot_be_paid_at_once_are_told_in_basket_and_checkout(
    sign_in: Callable[[str], Visitor], market: Market, provider: Provider
) -> None:
    market.make_freight(free_from=100)
    bulk = market.make_goods(title="整吨采购", packs=[(1_000_000, 620_000)], stock=9_000_000_000)
    company = sign_in("company_buyer")
    _fill(company, (bulk, 400))
    sentence = "一次最多付 999,999.99 元，这里一共 2,480,000.00 元：“整吨采购”这一单最多 161 份，其余的再下一单。"
    basket = company.get("/basket")
    assert [message.get_text() for message in basket.soup.select(".lineitem .msg")] == [sentence]
    assert not basket.soup.select("button[value=buy]")
    assert "货到付款" not in [tile.get_text() for tile in company.get("/checkout").soup.select(".tile")]
    page = company.submit("/checkout", {}, 422, form="/checkout")
    assert _told(page) == [sentence]
    assert not page.soup.select("[name=pay_by][value=on_delivery]")
    assert (market.count(Order), market.pool(bulk.pool_id).held, provider.wishes) == (0, 0, [])


def test_a_silent_provider_leaves_an_order_that_can_be_paid_later(
    visitor: Visitor, market: Market, goods: Goods, provider: Provider
) -> None:
    _fill(visitor, (goods, 1))
    fields = _chosen(visitor)
    provider.is_silent = True
    page = visitor.follow(visitor.post("/checkout", fields))
    assert "正在确认" in page.text
    provider.is_silent = False
    assert visitor.post(page.form("/pay").action, page.form("/pay").fields).location.startswith(PAY_HOST)
    assert market.count(Order) == 1


def test_the_script_gets_the_sums_of_another_place(visitor: Visitor, goods: Goods) -> None:
    path = f"/checkout/quote?items={goods.variants[0]}:2&place="
    for place, total in (("310000", 10980), ("310115", 10980), ("", 9980), ("nowhere", 9980)):
        answer = visitor.client.get(path + place)
        assert f'value="{total}"' in answer.get_json()["html"]
    assert visitor.client.get("/checkout/quote?items=x").status_code == 200


def test_statements_do_not_grow_with_the_basket(
    visitor: Visitor,
    market: Market,
    goods: Goods,
    other: Goods,
    count_statements: Callable[[], AbstractContextManager[list[str]]],
) -> None:
    _fill(visitor, (goods, 1))
    with count_statements() as few:
        visitor.get("/checkout")
    _fill(visitor, (other, 1), (market.make_goods(title="别的脐橙"), 1))
    with count_statements() as many:
        visitor.get("/checkout")
    assert len(few) == len(many)
    assert len(many) == 6, many


def test_the_order_remembers_the_language_of_its_buyer(
    visitor: Visitor, market: Market, goods: Goods
) -> None:
    _fill(visitor, (goods, 1))
    page = visitor.submit("/en/checkout", TO | {"list_areas": "1"}, 200, form="/checkout")
    visitor.post("/en/checkout", page.form("/checkout").fields)
    assert _order(market).language == "en"
    with market.app.app_context():
        assert orders.get_by_token(_order(market).access_token)
