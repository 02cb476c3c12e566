"""A buyer's orders in a browser: whose they are, what they say in each state, and finding a guest's."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta

import pytest
from sqlalchemy import select

from marketplace import clock, limits, settings
from marketplace.audit import SYSTEM
from marketplace.database import db, run_in_transaction
from marketplace.ledger import checks
from marketplace.notifications.models import OutboxMessage
from marketplace.orders import queries, services
from marketplace.orders.models import Order, PaymentMethod
from marketplace.orders.records import Whole
from marketplace.payments import refunding
from tests import factories
from tests.browsing import Visitor
from tests.factories import Goods
from tests.market import Market
from tests.page import Page

GUEST_PHONE = "13900000000"

pytestmark = pytest.mark.usefixtures("provider")


@pytest.fixture
def goods(market: Market) -> Goods:
    market.make_freight(first=600, following=40)
    return market.make_goods(title="石坳脐橙", price=4990)


@pytest.fixture
def other(market: Market) -> Goods:
    market.make_freight("farmer", free_from=5000)
    return market.make_goods("farmer", title="大阿脐橙", price=5800)


def _whole(market: Market, order_id: int) -> Whole:
    with market.app.app_context():
        order = db.session.execute(select(Order).where(Order.id == order_id)).scalar_one()
        return queries.get_by_token(order.access_token)


def _code(market: Market) -> str:
    """The last code that was sent."""
    with market.app.app_context():
        query = (
            select(OutboxMessage).where(OutboxMessage.template == "code").order_by(OutboxMessage.id.desc())
        )
        return str(db.session.execute(query.limit(1)).scalar_one().parameters["code"])


def test_list_shows_ones_own_orders_only(
    sign_in: Callable[[str], Visitor], market: Market, goods: Goods
) -> None:
    mine = _whole(market, market.place_order({goods.variants[0]: 2}))
    theirs = _whole(market, market.place_order({goods.variants[0]: 1}, buyer="company_buyer"))
    page = sign_in("buyer").get("/orders")
    assert mine.order.code in page.text
    assert theirs.order.code not in page.text
    assert "待付款" in page.text


def test_an_empty_list_leads_to_the_goods(sign_in: Callable[[str], Visitor]) -> None:
    page = sign_in("buyer").get("/orders")
    assert "还没有订单" in page.text
    assert "/products" in page.links()


def test_signed_out_list_goes_to_sign_in(visitor: Visitor) -> None:
    assert visitor.get("/orders", 303).location == "/sign-in?next=/orders"


def test_list_is_paged_by_key(
    sign_in: Callable[[str], Visitor], market: Market, goods: Goods, monkeypatch: pytest.MonkeyPatch
) -> None:
    codes = [_whole(market, market.place_order({goods.variants[0]: 1})).order.code for _number in range(3)]
    monkeypatch.setattr(queries.list_for_buyer, "__kwdefaults__", {"limit": 2})
    buyer = sign_in("buyer")
    page = buyer.get("/orders")
    assert [code in page.text for code in codes] == [False, True, True]
    following = next(link for link in page.links() if "after=" in link)
    page = buyer.get(following)
    assert [code in page.text for code in codes] == [True, False, False]


def test_anothers_order_answers_like_one_that_is_not_there(
    sign_in: Callable[[str], Visitor], market: Market, goods: Goods
) -> None:
    theirs = _whole(market, market.place_order({goods.variants[0]: 1}, buyer="company_buyer"))
    buyer = sign_in("buyer")
    foreign = buyer.get(f"/orders/{theirs.order.code}", 404)
    missing = buyer.get("/orders/ABCDEFGHJKMN", 404)
    assert foreign.text == missing.text
    assert buyer.get(f"/o/{theirs.order.access_token}", 404).text == missing.text
    for act in ("pay", "cancel", f"confirm/{theirs.parts[0].seller_order.code}"):
        token = _csrf(buyer)
        assert buyer.post(f"/orders/{theirs.order.code}/{act}", {"csrf_token": token}, 404)
        assert buyer.post(f"/o/{theirs.order.access_token}/{act}", {"csrf_token": token}, 404)
    assert _whole(market, theirs.order.id).status == "to_pay"


def _csrf(visitor: Visitor) -> str:
    return str(visitor.get("/orders/find").form().fields["csrf_token"])


def test_a_link_of_an_accounts_order_asks_to_sign_in(visitor: Visitor, market: Market, goods: Goods) -> None:
    whole = _whole(market, market.place_order({goods.variants[0]: 1}))
    assert visitor.get(f"/o/{whole.order.access_token}", 303).location.startswith("/sign-in")


def test_order_says_until_when_the_goods_are_kept(
    sign_in: Callable[[str], Visitor], market: Market, goods: Goods
) -> None:
    whole = _whole(market, market.place_order({goods.variants[0]: 2}))
    page = sign_in("buyer").get(f"/orders/{whole.order.code}")
    assert "还没付款" in page.text
    assert "2026年11月20日 12:30" in page.text
    assert "109.80" in page.text.replace(" ", "")
    assert page.form("/pay").action == f"/orders/{whole.order.code}/pay"


def test_each_state_says_what_comes_next(
    sign_in: Callable[[str], Visitor], market: Market, goods: Goods, other: Goods
) -> None:
    order_id = market.place_order({goods.variants[0]: 2, other.variants[0]: 1})
    market.pay(order_id)
    whole = _whole(market, order_id)
    buyer, path = sign_in("buyer"), f"/orders/{whole.order.code}"
    page = buyer.get(path)
    assert "等卖家发货" in page.text
    assert "最晚 2026年11月22日 12:00 发出" in page.text
    assert "包裹 2" in page.text
    market.ship(order_id)
    page = buyer.get(path)
    assert "在路上" in page.text
    assert "中通" in page.text
    assert len([form for form in page.soup.find_all("form") if "/confirm/" in str(form.get("action"))]) == 2
    market.complete(order_id)
    page = buyer.get(path)
    assert "已完成" in page.text
    assert not page.soup.select("form[action*=confirm]")


def test_an_unpaid_order_has_its_link_for_another_device(
    sign_in: Callable[[str], Visitor], market: Market, goods: Goods
) -> None:
    whole = _whole(market, market.place_order({goods.variants[0]: 2}))
    page = sign_in("buyer").get(f"/orders/{whole.order.code}")
    page.check()
    box = page.soup.select_one("#pay input[readonly]")
    assert box is not None
    assert str(box["value"]).endswith(f"/o/{whole.order.access_token}")
    [button] = page.soup.select("#pay button.buy")
    assert button.get_text(strip=True) == "付 109.80 元"


def test_cash_is_asked_for_until_it_was_paid(
    sign_in: Callable[[str], Visitor], market: Market, goods: Goods
) -> None:
    order_id = market.place_order({goods.variants[0]: 2}, method=PaymentMethod.ON_DELIVERY)
    path = f"/orders/{_whole(market, order_id).order.code}"
    buyer = sign_in("buyer")
    assert "货送到再付 109.80 元" in buyer.get(path).text
    market.ship(order_id)
    market.complete(order_id)
    assert "货送到再付" not in buyer.get(path).text


def test_receipt_of_an_order_that_was_never_paid_shows_nothing_paid(
    sign_in: Callable[[str], Visitor], market: Market, goods: Goods
) -> None:
    whole = _whole(market, market.place_order({goods.variants[0]: 2}))
    buyer = sign_in("buyer")
    path = f"/orders/{whole.order.code}"
    buyer.submit(path, form="/cancel")
    receipt = buyer.get(path).soup.select("section[aria-labelledby=receipt] .tot")
    assert [one.get_text("", strip=True) for one in receipt] == ["没有付款", "¥0.00"]


def _receipt(page: Page) -> list[tuple[str, str]]:
    """Title, and each sum with its words, from top to bottom."""
    section = page.soup.select_one("section[aria-labelledby=receipt]")
    assert section is not None
    terms = [(one.get_text(strip=True), one.find_next("dd")) for one in section.select("dl.sum dt")]
    title = section.select_one("h2")
    assert title is not None
    return [(title.get_text(), "")] + [(words, dd.get_text("", strip=True)) for words, dd in terms if dd]


def test_receipt_adds_up_after_a_refund(
    sign_in: Callable[[str], Visitor], market: Market, goods: Goods
) -> None:
    order_id = market.place_order({goods.variants[0]: 2})
    path = f"/orders/{_whole(market, order_id).order.code}"
    buyer = sign_in("buyer")
    sums = [("商品", "¥99.80"), ("运费", "¥10.00")]
    assert _receipt(buyer.get(path)) == [("订单金额", ""), *sums, ("应付", "¥109.80")]
    market.pay(order_id)
    assert _receipt(buyer.get(path)) == [("收据", ""), *sums, ("已付", "¥109.80")]
    with market.app.app_context():
        (sale,) = queries.sellers_of(order_id)
        run_in_transaction(
            lambda: refunding.request_refund(
                SYSTEM,
                seller_id=sale.seller_id,
                seller_order_id=sale.id,
                line_id=None,
                goods_amount=624,
                freight_amount=0,
                reason="坏果",
                form_key="refund-of-one",
            )
        )
    assert _receipt(buyer.get(path)) == [
        ("收据", ""),
        *sums,
        ("已付", "¥109.80"),
        ("退款", "−¥6.24"),
        ("退后还剩", "¥103.56"),
    ]


def test_parcels_paid_in_cash_are_paid_each_to_its_own_courier(
    sign_in: Callable[[str], Visitor], market: Market, goods: Goods, other: Goods
) -> None:
    order_id = market.place_order(
        {goods.variants[0]: 1, other.variants[0]: 1}, method=PaymentMethod.ON_DELIVERY
    )
    whole = _whole(market, order_id)
    path, buyer = f"/orders/{whole.order.code}", sign_in("buyer")
    page = buyer.get(path)
    dues = [f"包裹 {number}：{amount / 100:.2f} 元" for number, amount in whole.cash_due_parts]
    assert [one.get_text() for one in page.soup.select(".note.or li")] == dues
    assert "每个包裹送到时各付各的" in page.text
    assert "货送到再付" not in page.text
    assert "支付机构结算" not in page.text
    first, second = whole.parts
    with market.app.app_context():
        run_in_transaction(
            lambda: services.withdraw_part(
                SYSTEM, seller_id=first.seller_order.seller_id, seller_order_id=first.id, reason="没货了"
            )
        )
    page = buyer.get(path)
    due = second.seller_order.total_amount
    assert f"货送到再付 {due / 100:.2f} 元给送货人" in page.text
    assert _receipt(page)[-2:] == [
        ("取消的包裹", f"−¥{first.seller_order.total_amount / 100:.2f}"),
        ("货到付款", f"¥{due / 100:.2f}"),
    ]
    market.ship_part(order_id, second.id)
    with market.app.app_context():
        run_in_transaction(lambda: services.complete(SYSTEM, seller_order_id=second.id))
    assert _receipt(buyer.get(path))[-1] == ("已付", f"¥{due / 100:.2f}")


def test_a_buyer_who_pays_in_cash_cancels_before_dispatch(
    sign_in: Callable[[str], Visitor], market: Market, goods: Goods, other: Goods
) -> None:
    before = market.pool(goods.pool_id).on_hand
    order_id = market.place_order(
        {goods.variants[0]: 1, other.variants[0]: 1}, method=PaymentMethod.ON_DELIVERY
    )
    order, buyer = _whole(market, order_id).order, sign_in("buyer")
    path = f"/orders/{order.code}"
    page = buyer.follow(buyer.submit(path, form="/cancel"))
    assert "还没发货的都取消了" in page.text
    assert "取消了：买家取消了" in page.text
    assert _receipt(page)[-1] == ("没有付款", "¥0.00")
    assert not page.soup.select("form[action$='/cancel']")
    assert market.pool(goods.pool_id).on_hand == before
    told = _told(market, "order_cancelled", "parcel_cancelled", "order_withdrawn")
    codes = [part.code for part in _whole(market, order_id).parts]
    assert told == [
        *(("order_withdrawn", {"code": code}) for code in codes),
        ("order_cancelled", {"code": order.code, "reason": "买家取消了"}),
    ]
    buyer.post(f"{path}/cancel", {"csrf_token": _csrf(buyer)})  # again: nothing more
    assert _told(market, "order_cancelled", "parcel_cancelled", "order_withdrawn") == told
    with market.app.app_context():
        assert checks.check() == []


def test_what_was_sent_for_cash_stays_when_the_rest_is_cancelled(
    visitor: Visitor, market: Market, goods: Goods, other: Goods
) -> None:
    order_id = market.place_order(
        {goods.variants[0]: 1, other.variants[0]: 1}, buyer=None, method=PaymentMethod.ON_DELIVERY
    )
    first, second = _whole(market, order_id).parts
    market.ship_part(order_id, first.id)
    order = _whole(market, order_id).order
    path = f"/o/{order.access_token}"
    assert "取消还没发货的包裹" in visitor.get(path).text
    page = visitor.follow(visitor.submit(path, form="/cancel"))
    assert [part.status for part in _whole(market, order_id).parts] == ["shipped", "cancelled"]
    assert not page.soup.select("form[action$='/cancel']")
    # One number in every message to the buyer; the parcel by its shop's name.
    [(_name, values)] = _told(market, "parcel_cancelled")
    assert values == {"code": order.code, "shop": second.seller_name, "reason": "买家取消了"}
    token = page.form().fields["csrf_token"]
    page = visitor.follow(visitor.post(f"{path}/cancel", {"csrf_token": token}))
    assert "已经发货了，不能取消" in page.text


def _told(market: Market, *names: str) -> list[tuple[str, dict[str, object]]]:
    """The messages of these names so far."""
    with market.app.app_context():
        query = select(OutboxMessage).where(OutboxMessage.template.in_(names)).order_by(OutboxMessage.id)
        return [(one.template, one.parameters) for one in db.session.execute(query).scalars()]


@pytest.mark.parametrize("language", ["", "/en"])
def test_a_parcel_under_way_is_not_shown_as_signed_for(
    sign_in: Callable[[str], Visitor], market: Market, goods: Goods, language: str
) -> None:
    order_id = market.place_order({goods.variants[0]: 2})
    path, buyer = f"{language}/orders/{_whole(market, order_id).order.code}", sign_in("buyer")

    def stops() -> list[list[str]]:
        return [item.get("class") or [] for item in buyer.get(path).soup.select(".route li")]

    assert stops() == [["todo"], ["todo"], ["todo"], ["todo"]]
    market.pay(order_id)
    assert stops() == [["now"], ["todo"], ["todo"], ["todo"]]
    market.ship(order_id)
    assert stops() == [["done"], ["now"], ["todo"], ["todo"]]
    market.complete(order_id)
    assert stops() == [["done"]] * 4


def test_an_order_sent_in_part_is_called_so_with_one_word(
    sign_in: Callable[[str], Visitor], market: Market, goods: Goods, other: Goods
) -> None:
    order_id = market.place_order({goods.variants[0]: 1, other.variants[0]: 1})
    market.pay(order_id)
    whole, buyer = _whole(market, order_id), sign_in("buyer")
    market.ship_part(order_id, whole.parts[0].id)
    path = f"/orders/{whole.order.code}"
    heading = buyer.get(path).soup.select_one("h1")
    assert heading is not None
    assert heading.get_text(strip=True) == "部分发货"
    assert "部分发货" in buyer.get("/orders").text
    receipt = buyer.get(path).soup.select_one("section[aria-labelledby=receipt]")
    assert receipt is not None
    for part in whole.parts:
        assert f"包裹号 {part.code}" in receipt.get_text()


def test_receipt_names_the_shop_first(
    sign_in: Callable[[str], Visitor], market: Market, other: Goods
) -> None:
    whole = _whole(market, market.place_order({other.variants[0]: 1}))
    shop = market.shop("farmer")
    page = sign_in("buyer").get(f"/orders/{whole.order.code}")
    assert f"{shop.name}（{shop.legal_name}）" in page.text


def test_carrier_has_one_name_on_an_english_page(
    sign_in: Callable[[str], Visitor], market: Market, goods: Goods
) -> None:
    order_id = market.place_order({goods.variants[0]: 2})
    market.pay(order_id)
    market.ship(order_id)
    page = sign_in("buyer").get(f"/en/orders/{_whole(market, order_id).order.code}")
    assert page.text.count("ZTO") == 2
    assert "中通" not in page.text


def test_confirming_one_parcel_completes_only_that_one(
    sign_in: Callable[[str], Visitor], market: Market, goods: Goods, other: Goods
) -> None:
    order_id = market.place_order({goods.variants[0]: 2, other.variants[0]: 1})
    market.pay(order_id)
    market.ship(order_id)
    whole = _whole(market, order_id)
    first, second = whole.parts
    buyer = sign_in("buyer")
    path = f"/orders/{whole.order.code}"
    answer = buyer.submit(path, form=f"/confirm/{first.seller_order.code}")
    assert "确认收货了" in buyer.follow(answer).text
    statuses = {part.seller_order.id: part.seller_order.status for part in _whole(market, order_id).parts}
    assert statuses == {first.seller_order.id: "completed", second.seller_order.id: "shipped"}
    buyer.post(
        f"{path}/confirm/{first.seller_order.code}", {"csrf_token": _csrf(buyer)}
    )  # again: nothing more
    with market.app.app_context():
        assert checks.check() == []


def test_a_parcel_cannot_be_confirmed_before_dispatch(
    sign_in: Callable[[str], Visitor], market: Market, goods: Goods
) -> None:
    order_id = market.place_order({goods.variants[0]: 2})
    market.pay(order_id)
    whole = _whole(market, order_id)
    buyer = sign_in("buyer")
    path = f"/orders/{whole.order.code}/confirm/{whole.parts[0].seller_order.code}"
    page = buyer.post(path, {"csrf_token": _csrf(buyer)}, 409)
    assert "卖家发货以后才能确认收货" in page.text


def test_a_guest_reads_by_the_link_with_the_address_masked(
    visitor: Visitor, market: Market, goods: Goods
) -> None:
    whole = _whole(market, market.place_order({goods.variants[0]: 2}, buyer=None))
    page = visitor.get(f"/o/{whole.order.access_token}")
    assert "139****0000" in page.text
    assert GUEST_PHONE not in page.text
    assert "示例路 1 号" not in page.text
    assert page.form("/pay").action == f"/o/{whole.order.access_token}/pay"


def test_a_guest_finds_orders_by_phone_and_code(visitor: Visitor, market: Market, goods: Goods) -> None:
    mine = _whole(market, market.place_order({goods.variants[0]: 2}, buyer=None))
    signed_in = _whole(market, market.place_order({goods.variants[0]: 1}))
    answer = visitor.submit("/orders/find", {"phone": "139 0000 0000"})
    assert answer.location == "/orders/find/code"
    page = visitor.follow(visitor.submit("/orders/find/code", {"code": _code(market)}))
    assert mine.order.code in page.text
    assert signed_in.order.code not in page.text
    page = visitor.get(f"/o/{mine.order.access_token}")
    assert "示例路 1 号" in page.text
    visitor.submit("/orders/found", form="/orders/found/close")
    assert visitor.get("/orders/found", 303).location == "/orders/find"


def test_looking_ends_after_an_hour(visitor: Visitor, market: Market, goods: Goods) -> None:
    market.place_order({goods.variants[0]: 2}, buyer=None)
    visitor.submit("/orders/find", {"phone": GUEST_PHONE})
    visitor.submit("/orders/find/code", {"code": _code(market)})
    visitor.get("/orders/found")
    with clock.at(clock.now() + timedelta(minutes=61)):
        assert visitor.get("/orders/found", 303).location == "/orders/find"


def test_finding_says_the_same_for_a_phone_without_orders(visitor: Visitor, market: Market) -> None:
    assert visitor.submit("/orders/find", {"phone": "13912345678"}).location == "/orders/find/code"
    page = visitor.follow(visitor.submit("/orders/find/code", {"code": _code(market)}))
    assert "没有查到订单" in page.text


def test_a_wrong_code_is_said_at_the_field_and_guessing_ends(visitor: Visitor, market: Market) -> None:
    visitor.submit("/orders/find", {"phone": GUEST_PHONE})
    right = _code(market)
    wrong = "000000" if right != "000000" else "111111"
    for _number in range(limits.CODE_TRIES.most):
        page = visitor.submit("/orders/find/code", {"code": wrong}, 422)
        assert page.errors() == {"code": "验证码不对，或者过期了"}
    visitor.submit("/orders/find/code", {"code": right}, 429)


def test_codes_to_one_phone_are_limited(visitor: Visitor) -> None:
    for _number in range(limits.CODE_SENDS_PHONE.most):
        visitor.submit("/orders/find", {"phone": GUEST_PHONE})
    page = visitor.submit("/orders/find", {"phone": GUEST_PHONE}, 429)
    assert "次数太多了" in page.text


def test_a_signed_in_person_stays_signed_in_when_finding_guest_orders(
    sign_in: Callable[[str], Visitor], market: Market, goods: Goods
) -> None:
    mine = _whole(market, market.place_order({goods.variants[0]: 2}, buyer=None))
    buyer = sign_in("buyer")
    buyer.submit("/orders/find", {"phone": GUEST_PHONE})
    page = buyer.follow(buyer.submit("/orders/find/code", {"code": _code(market)}))
    assert mine.order.code in page.text
    buyer.get("/orders")


def test_cash_on_delivery_says_when_to_pay(
    sign_in: Callable[[str], Visitor], market: Market, goods: Goods
) -> None:
    order_id = market.place_order({goods.variants[0]: 2}, method=PaymentMethod.ON_DELIVERY)
    page = sign_in("buyer").get(f"/orders/{_whole(market, order_id).order.code}")
    assert "货到付款：货送到再付 109.80 元给送货人" in page.text
    assert not page.soup.select("form[action$='/pay']")


def test_statements_of_the_pages_do_not_grow(
    sign_in: Callable[[str], Visitor],
    market: Market,
    goods: Goods,
    other: Goods,
    count_statements: Callable[[], AbstractContextManager[list[str]]],
) -> None:
    small = _whole(market, market.place_order({goods.variants[0]: 1}))
    buyer = sign_in("buyer")
    counts = []
    for path in ("/orders", f"/orders/{small.order.code}"):
        with count_statements() as seen:
            buyer.get(path)
        counts.append(len(seen))
    large = _whole(market, market.place_order({goods.variants[0]: 2, other.variants[0]: 1}))
    for number, path in enumerate(("/orders", f"/orders/{large.order.code}")):
        with count_statements() as seen:
            buyer.get(path)
        assert len(seen) == counts[number], seen
    assert counts == [7, 13]


def test_an_order_tells_whom_to_call_and_promises_no_application(
    sign_in: Callable[[str], Visitor], market: Market, goods: Goods
) -> None:
    """There is no form for spoiled fruit yet: the seller's phone of the licence block stands on the order."""
    order_id = market.place_order({goods.variants[0]: 1})
    market.pay(order_id)
    page = sign_in("buyer").get(f"/orders/{_whole(market, order_id).order.code}")
    with market.app.app_context():
        phone = factories.shop("coop_owner").phone
    assert phone in page.text
    assert f"tel:{phone}" in page.links()
    assert "服务电话" not in page.text  # none is set
    assert "申请" not in page.text


def test_the_platforms_service_phone_stands_on_the_order_once_it_is_set(
    sign_in: Callable[[str], Visitor], market: Market, goods: Goods
) -> None:
    with market.app.app_context():
        admin = factories.actor("admin")
        run_in_transaction(lambda: settings.put(admin, "contact.phone", "0797 000 0001"))
    order_id = market.place_order({goods.variants[0]: 1})
    market.pay(order_id)
    page = sign_in("buyer").get(f"/orders/{_whole(market, order_id).order.code}")
    assert "tel:07970000001" in page.links()
