"""A shop's public page: what it sells and who stands behind it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select, update

from marketplace import clock
from marketplace.audit import SYSTEM
from marketplace.database import db, run_in_transaction
from marketplace.jobs.services import run_due
from marketplace.orders import services as orders
from marketplace.orders.models import SellerOrder
from marketplace.permissions import MemberRole, member_can
from marketplace.sellers import services
from marketplace.sellers.models import SellerMember, SellerStatus
from tests.browsing import Visitor
from tests.factories import user_id
from tests.market import Market


@pytest.fixture
def market(app: Flask) -> Market:
    return Market(app)


def test_a_registered_shop_shows_its_licence_and_its_own_goods(visitor: Visitor, market: Market) -> None:
    market.make_goods(title="石坳脐橙")
    market.make_goods("farmer", title="大阿脐橙")
    shop = market.shop("coop_owner")
    page = visitor.get(f"/shop/{shop.code}")
    assert page.soup.select_one("#licence") is not None
    assert shop.legal_name in page.text
    assert "93360722MA" in page.text
    assert "石坳脐橙" in page.text
    assert "大阿脐橙" not in page.text
    assert "演示数据" in page.text


def test_a_natural_person_shows_the_declaration_and_not_the_name(visitor: Visitor, market: Market) -> None:
    shop = market.shop("farmer")
    page = visitor.get(f"/shop/{shop.code}")
    assert "不需要办理市场主体登记" in page.text
    assert "自产农产品承诺" in page.text
    assert shop.legal_name not in page.text


def test_an_empty_shop_leads_to_the_others(visitor: Visitor, market: Market) -> None:
    page = visitor.get(f"/shop/{market.shop('coop_owner').code}")
    assert "这家现在没有货" in page.text


def test_the_page_is_public_without_cookie_or_token(visitor: Visitor, market: Market) -> None:
    page = visitor.get(f"/shop/{market.shop('coop_owner').code}")
    assert "Set-Cookie" not in page.answer.headers
    assert not page.soup.select("[name=csrf_token]")


def test_a_suspended_or_unknown_shop_is_not_found(visitor: Visitor, market: Market) -> None:
    shop = market.shop("coop_owner")
    with market.app.app_context():
        run_in_transaction(
            lambda: services.set_status(SYSTEM, seller_id=shop.id, status=SellerStatus.SUSPENDED, reason="x")
        )
    visitor.get(f"/shop/{shop.code}", 404)
    visitor.get("/shop/NOTHING1", 404)


def test_a_new_name_is_found_by_search_and_the_old_one_is_not(
    visitor: Visitor, market: Market, sign_in: Callable[[str], Visitor]
) -> None:
    market.make_goods(title="石坳脐橙")
    fields = {"name": "云雾岭果园"}
    sign_in("coop_owner").submit("/seller/account", fields)
    with market.app.app_context():
        assert run_due() == 1
    assert "石坳脐橙" in visitor.get("/search?q=云雾岭").text
    market.make_goods("farmer", title="大阿脐橙")
    assert "大阿脐橙" not in visitor.get("/search?q=云雾岭").text


@pytest.mark.parametrize("status", [None, "", "pending", "closed", "Approved", "suspended "])
def test_a_shop_is_suspended_by_that_word_alone(
    market: Market, sign_in: Callable[[str], Visitor], status: str | None
) -> None:
    shop, admin = market.shop("coop_owner"), sign_in("admin")
    form = admin.get(f"/staff/sellers/{shop.code}").form("/status")
    fields = form.fields | {"reason": "x"} | ({} if status is None else {"status": status})
    admin.post(form.action, fields, 400)
    assert market.shop("coop_owner").is_open
    admin.post(form.action, fields | {"status": "suspended"})
    assert not market.shop("coop_owner").is_open


def test_statements_do_not_grow_with_the_goods(
    visitor: Visitor, market: Market, count_statements: Callable[[], AbstractContextManager[list[str]]]
) -> None:
    market.make_goods(title="一号脐橙")
    path = f"/shop/{market.shop('coop_owner').code}"
    with count_statements() as few:
        visitor.get(path)
    market.make_goods(title="二号脐橙")
    market.make_goods(title="三号脐橙")
    with count_statements() as many:
        visitor.get(path)
    assert len(few) == len(many) <= 6, many


@pytest.mark.parametrize("role", list(MemberRole))
def test_a_member_is_shown_only_what_the_role_opens(
    app: Flask, sign_in: Callable[[str], Visitor], role: MemberRole
) -> None:
    """Every link of the seller's own pages answers, whatever the role; the tabs are those of the rights."""
    with app.app_context():
        run_in_transaction(lambda: _take_role("coop_clerk", role))
    member = sign_in("coop_clerk")
    for start in ("/seller/", "/seller/account"):
        page = member.get(start)
        for link in {link for link in page.links() if link.startswith("/seller")}:
            member.get(link)
    tabs = [str(link["href"]) for link in member.get("/seller/").soup.select("nav.tabs a")]
    assert tabs == [
        address
        for address, right in (
            ("/seller/", "shop:read"),
            ("/seller/orders/", "orders:read"),
            ("/seller/products/new", "listing:write"),
            ("/seller/money/", "money:read"),
            ("/seller/account", "shop:read"),
        )
        if member_can(role, right)
    ]


def _take_role(key: str, role: MemberRole) -> None:
    db.session.execute(update(SellerMember).where(SellerMember.user_id == user_id(key)).values(role=role))


def test_the_first_page_shows_what_is_on_sale_and_when_money_comes_free(
    sign_in: Callable[[str], Visitor], market: Market
) -> None:
    """Design 4: stock and a way to change it, and a date on each row of money."""
    market.make_freight()
    goods = market.make_goods(title="石坳脐橙", price=4990)
    order_id = market.place_order({goods.variants[0]: 1})
    market.pay(order_id)
    market.ship(order_id)
    coop = sign_in("coop_owner")
    page = coop.get("/seller/")
    assert "正在卖的" in page.text
    assert "石坳脐橙" in page.text
    assert f"/seller/products/{goods.product_code}#packs-h" in page.links()
    assert "最早 12月5日 自动确认" in page.text  # fifteen days after dispatch
    with market.app.app_context():
        sale_id = db.session.execute(select(SellerOrder.id)).scalar_one()
        run_in_transaction(lambda: orders.complete(SYSTEM, seller_order_id=sale_id))
    assert "下一笔 11月22日 起结算" in coop.get("/seller/").text  # 48 hours after the confirmation
    with clock.at(clock.now() + timedelta(days=3)):
        assert "都已到结算的日子" in coop.get("/seller/").text


def test_the_first_page_costs_the_same_for_one_listing_and_for_many(
    sign_in: Callable[[str], Visitor],
    market: Market,
    count_statements: Callable[[], AbstractContextManager[list[str]]],
) -> None:
    coop = sign_in("coop_owner")
    costs = []
    for _more in range(2):
        market.make_goods()
        coop.get("/seller/")
        with count_statements() as seen:
            coop.get("/seller/")
        costs.append(len(seen))
        for _number in range(4):
            market.make_goods()
    assert costs[0] == costs[1]
