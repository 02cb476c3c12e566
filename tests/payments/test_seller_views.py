"""A seller gives money back or cancels, in a browser."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import select

from marketplace.database import db, run_in_transaction
from marketplace.ledger import checks
from marketplace.orders.models import OrderLine, PaymentMethod, SellerOrder, SellerOrderStatus
from marketplace.payments import refunding
from marketplace.payments.models import Refund, RefundStatus
from tests.browsing import Visitor
from tests.factories import Goods
from tests.market import Market
from tests.payments.provider import Provider


@pytest.fixture
def goods(market: Market) -> Goods:
    market.make_freight(first=600, following=40)
    return market.make_goods(title="石坳脐橙", packs=[(5000, 4990), (2500, 2790)])


@pytest.fixture
def sale(market: Market, goods: Goods) -> SellerOrder:
    """A paid part: 99.80 + 27.90 + freight 11.20."""
    order_id = market.place_order({goods.variants[0]: 2, goods.variants[1]: 1})
    market.pay(order_id)
    return _sale(market, order_id)


def _sale(market: Market, order_id: int) -> SellerOrder:
    with market.app.app_context():
        return db.session.execute(select(SellerOrder).where(SellerOrder.order_id == order_id)).scalar_one()


def _refunds(market: Market) -> list[Refund]:
    with market.app.app_context():
        assert checks.check() == []
        return list(db.session.execute(select(Refund).order_by(Refund.id)).scalars())


def test_a_refund_sent_again_with_another_amount_says_what_was_given_back(
    sign_in: Callable[[str], Visitor], market: Market, sale: SellerOrder, provider: Provider
) -> None:
    coop = sign_in("coop_owner")
    path = f"/seller/refunds/{sale.code}"
    sent = coop.get(path).form().fields | {"goods_amount": "1", "freight_amount": "0", "reason": "坏果"}
    for _press in range(2):
        assert "退款交给支付机构了" in coop.follow(coop.post(path, sent)).text
    assert "1.00 元，没有再退" in coop.post(path, sent | {"goods_amount": "2"}, 422).text
    assert [refund.goods_amount for refund in _refunds(market)] == [100]


def test_a_refund_decided_on_a_page_of_before_dispatch_is_refused_after_it(
    sign_in: Callable[[str], Visitor], market: Market, sale: SellerOrder, provider: Provider
) -> None:
    coop = sign_in("coop_owner")
    path = f"/seller/refunds/{sale.code}"
    sent = coop.get(path).form().fields | {"goods_amount": "127.70", "reason": "没货了"}
    market.ship(sale.order_id)
    refused = coop.post(path, sent, 422)
    assert "刚刚有变化" in refused.text
    assert _refunds(market) == []
    coop.post(path, refused.form().fields | {"reason": "坏果"})
    assert len(_refunds(market)) == 1


def test_nothing_is_offered_before_it_is_typed_and_the_whole_part_given_back(
    sign_in: Callable[[str], Visitor], market: Market, sale: SellerOrder, goods: Goods, provider: Provider
) -> None:
    coop = sign_in("coop_owner")
    path = f"/seller/refunds/{sale.code}"
    asked = coop.get(path)
    fields = asked.form().fields
    assert (fields["goods_amount"], fields["freight_amount"]) == ("", "")
    assert "最多 127.70" in asked.text
    assert "最多 11.20，不退就空着" in asked.text
    assert coop.submit(path, {"reason": "下雨"}, 422).errors()["goods_amount"] == "退款金额要大于 0"
    typed = {"goods_amount": "127.70", "freight_amount": "11.20", "reason": "下雨，采不了"}
    page = coop.follow(coop.submit(path, typed))
    assert "退款交给支付机构了" in page.text
    (refund,) = _refunds(market)
    assert (refund.goods_amount, refund.freight_amount, refund.status) == (12770, 1120, "requested")
    assert _sale(market, sale.order_id).status == SellerOrderStatus.CANCELLED  # everything before dispatch
    with market.app.app_context():
        assert refunding.send_refunds() == 1
    assert provider.refunds[0][1] == 13890
    assert _refunds(market)[0].status == RefundStatus.SUCCEEDED
    assert "已退款" in coop.get(f"/seller/orders/{sale.code}").text


def test_a_line_is_given_back_without_freight(
    sign_in: Callable[[str], Visitor], market: Market, sale: SellerOrder
) -> None:
    with market.app.app_context():
        query = select(OrderLine).where(OrderLine.seller_order_id == sale.id, OrderLine.amount == 2790)
        line_id = db.session.execute(query).scalar_one().id
    coop = sign_in("coop_owner")
    path = f"/seller/refunds/{sale.code}?line={line_id}"
    form = coop.get(path).form()
    assert "最多 27.90" in coop.get(path).text
    coop.post(path, form.fields | {"goods_amount": "10", "reason": "坏了两个"})
    (refund,) = _refunds(market)
    assert (refund.order_line_id, refund.amount) == (line_id, 1000)


def test_another_parts_line_is_not_found(
    sign_in: Callable[[str], Visitor], market: Market, sale: SellerOrder
) -> None:
    coop = sign_in("coop_owner")
    coop.get(f"/seller/refunds/{sale.code}?line=1", 404)


@pytest.mark.parametrize(
    ("fields", "field", "sentence"),
    [
        ({"goods_amount": "127.71"}, "goods_amount", "退款不能多于"),
        ({"freight_amount": "11.21"}, "freight_amount", "退款不能多于"),
        ({"goods_amount": "0", "freight_amount": ""}, "goods_amount", "退款金额要大于 0"),
        ({"goods_amount": "一百"}, "goods_amount", "金额请写成数字"),
        ({"goods_amount": "-5"}, "goods_amount", "金额不能是负数"),
        ({"goods_amount": "12.345"}, "goods_amount", "两位小数"),
        ({"freight_amount": "－1"}, "freight_amount", "金额不能是负数"),
        ({"reason": " "}, "reason", "请写明为什么退"),
    ],
)
def test_wrong_amounts_are_told_at_their_field_and_stay_typed(
    sign_in: Callable[[str], Visitor],
    market: Market,
    sale: SellerOrder,
    fields: dict[str, str],
    field: str,
    sentence: str,
) -> None:
    typed = {"reason": "坏果"} | fields
    page = sign_in("coop_owner").submit(f"/seller/refunds/{sale.code}", typed, 422)
    assert sentence in page.errors()[field]
    if field in fields and field != "reason":
        assert page.form().fields[field] == fields[field]
    assert _refunds(market) == []


def test_pressing_twice_gives_back_once(
    sign_in: Callable[[str], Visitor], market: Market, sale: SellerOrder
) -> None:
    coop = sign_in("coop_owner")
    path = f"/seller/refunds/{sale.code}"
    fields = coop.get(path).form().fields | {"goods_amount": "10", "freight_amount": "0", "reason": "坏果"}
    coop.post(path, fields)
    coop.post(path, fields)
    assert [refund.amount for refund in _refunds(market)] == [1000]


def test_nothing_is_given_back_before_payment(
    sign_in: Callable[[str], Visitor], market: Market, goods: Goods
) -> None:
    sale = _sale(market, market.place_order({goods.variants[0]: 1}))
    page = sign_in("coop_owner").get(f"/seller/refunds/{sale.code}", 409)
    assert "还没有收到钱" in page.text


def test_cash_that_was_not_collected_is_never_offered_back(
    sign_in: Callable[[str], Visitor], market: Market, goods: Goods
) -> None:
    order_id = market.place_order({goods.variants[0]: 1}, method=PaymentMethod.ON_DELIVERY)
    sale = _sale(market, order_id)
    coop, finance = sign_in("coop_owner"), sign_in("finance")
    paths = (f"/seller/orders/{sale.code}", f"/seller/refunds/{sale.code}")

    def offers() -> list[bool]:
        links = coop.get(paths[0]).links()
        return [
            any("/seller/refunds/" in link and "/cancel" not in link for link in links),
            "替买家退款" in finance.get(f"/staff/orders/{sale.code}").text,
        ]

    assert offers() == [False, False]
    coop.get(paths[1], 409)
    market.ship(order_id)
    assert offers() == [False, False]
    market.complete(order_id)
    assert offers() == [True, True]


def test_cancelling_before_dispatch_gives_back_money_and_stock(
    sign_in: Callable[[str], Visitor], market: Market, sale: SellerOrder, goods: Goods
) -> None:
    before = market.pool(goods.pool_id).on_hand
    coop = sign_in("coop_owner")
    path = f"/seller/refunds/{sale.code}/cancel"
    assert coop.submit(path, {"reason": ""}, 422).errors() == {"reason": "请写明为什么取消"}
    page = coop.follow(coop.submit(path, {"reason": "冻坏了"}))
    assert "取消了：冻坏了" in page.text
    assert [refund.amount for refund in _refunds(market)] == [13890]
    assert market.pool(goods.pool_id).on_hand == before + 12_500


def test_cancelling_after_dispatch_is_refused(
    sign_in: Callable[[str], Visitor], market: Market, sale: SellerOrder
) -> None:
    market.ship(sale.order_id)
    page = sign_in("coop_owner").get(f"/seller/refunds/{sale.code}/cancel", 409)
    assert "已经发货，不能取消了" in page.text


def test_cash_on_delivery_is_cancelled_without_a_refund(
    sign_in: Callable[[str], Visitor], market: Market, goods: Goods
) -> None:
    order_id = market.place_order({goods.variants[0]: 1}, method=PaymentMethod.ON_DELIVERY)
    sale = _sale(market, order_id)
    coop = sign_in("coop_owner")
    page = coop.follow(coop.submit(f"/seller/refunds/{sale.code}/cancel", {"reason": "送不到"}))
    assert "取消了，货放回了库存" in page.text
    for untrue in ("原路退", "应收"):
        assert untrue not in page.text
    assert "没有收钱" in page.text
    assert _sale(market, order_id).status == SellerOrderStatus.CANCELLED
    assert _refunds(market) == []


def test_cash_is_given_back_by_hand_and_recorded(
    sign_in: Callable[[str], Visitor], market: Market, goods: Goods
) -> None:
    order_id = market.place_order({goods.variants[0]: 1}, method=PaymentMethod.ON_DELIVERY)
    market.ship(order_id)
    market.complete(order_id)
    sale = _sale(market, order_id)
    coop = sign_in("coop_owner")
    assert "当面退" in coop.get(f"/seller/refunds/{sale.code}").text
    coop.submit(
        f"/seller/refunds/{sale.code}", {"goods_amount": "5", "freight_amount": "0", "reason": "坏果"}
    )
    assert [refund.status for refund in _refunds(market)] == [RefundStatus.RECORDED]


def test_a_failed_refund_is_shown_as_failed(
    sign_in: Callable[[str], Visitor], market: Market, sale: SellerOrder, provider: Provider
) -> None:
    coop = sign_in("coop_owner")
    coop.submit(
        f"/seller/refunds/{sale.code}", {"goods_amount": "10", "freight_amount": "0", "reason": "坏果"}
    )
    provider.is_refusing = True
    with market.app.app_context():
        refunding.send_refunds()
    page = coop.get(f"/seller/orders/{sale.code}")
    assert "没退成" in page.text
    provider.is_refusing = False
    with market.app.app_context():
        (refund,) = db.session.execute(select(Refund)).scalars()
        refund_id = refund.id
        who = market.actor("finance")
        run_in_transaction(lambda: refunding.retry_refund(who, refund_id))
        refunding.send_refunds()
    assert "已退款" in coop.get(f"/seller/orders/{sale.code}").text
