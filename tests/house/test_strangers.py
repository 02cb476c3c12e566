"""Strangers' words stay text on every page; another's are in no list; fields nobody asked for are not stored."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete, select, update

from marketplace.accounts import services as accounts
from marketplace.accounts.models import Address, BuyerCompany, RoleGrant, User
from marketplace.audit import SYSTEM, record
from marketplace.cart.models import CartItem
from marketplace.catalogue.models import Product, Variant
from marketplace.database import db, run_in_transaction
from marketplace.logistics.models import Shipment
from marketplace.orders.models import Order, OrderLine, SellerOrder
from marketplace.payments.models import Refund
from marketplace.permissions import access_of
from marketplace.provenance.models import Batch, Certificate, Season
from marketplace.sellers.models import Seller, SellerMember
from tests import factories
from tests.browsing import Visitor
from tests.house import everything
from tests.page import Page
from tests.people import PEOPLE

SignIn = Callable[[str], Visitor]

# Short enough for every column; closes attributes, opens an element, asks for a template.
HOSTILE = "<i onclick=x>\"'&{{7*191}}</i>"
FREE_WORDS: tuple[tuple[Any, tuple[str, ...]], ...] = (
    (User, ("name",)),
    (Address, ("name", "detail")),
    (BuyerCompany, ("name",)),
    (Seller, ("name", "legal_name", "story")),
    (Product, ("title", "description")),
    (Batch, ("orchard",)),
    (Certificate, ("product", "origin", "promised_by", "contact")),
    (Season, ("source",)),
    (Order, ("recipient_name", "address_detail", "note", "invoice_title")),
    (OrderLine, ("title",)),
    (Refund, ("reason", "last_error")),
    (Shipment, ("waybill",)),
)


def open_pages(app: Flask, visitor: Visitor, things: dict[str, object], prefix: str = "") -> list[Page]:
    """Every page that this visitor may open, each checked as it comes (nothing inline, no handler, unique ids)."""
    found = []
    for endpoint in sorted({rule.endpoint for rule in app.url_map.iter_rules()}):
        path, methods = everything.path_of(app, endpoint, things)
        if "GET" not in methods or endpoint in {"static_file", "media.derivative"}:
            continue
        with visitor.client.get(prefix + path) as answer:
            page = Page(answer)
        assert page.status < 500 or endpoint == "health.readyz", f"{path}: {page.status}"
        if page.is_html and page.status == 200:
            page.check()
            found.append(page)
    return found


# Pages that are sure to show the words, for each reader.
SHOWN_TO = {
    None: ("/p/", "/shop/", "/batch/"),
    "buyer": ("/orders/", "/account/addresses", "/account"),
    "company_buyer": ("/account/company",),
    "coop_owner": ("/seller/orders/", "/seller/products/", "/seller/"),
    "staff_xinfeng": ("/staff/sellers/", "/staff/orders/"),
    "bureau": ("/staff/awards/",),
    "finance": ("/staff/payments/refunds", "/staff/people/companies"),
    "admin": ("/staff/people/",),
}


@pytest.mark.nodatabase  # templates say the same on either
@pytest.mark.parametrize("key", SHOWN_TO)
def test_hostile_words_stay_text_on_every_page(app: Flask, sign_in: SignIn, key: str | None) -> None:
    things = everything.make(app)
    visitor = sign_in(key) if key else Visitor(app)
    with app.app_context():

        def spoil() -> None:
            for model, columns in FREE_WORDS:
                db.session.execute(update(model).values(dict.fromkeys(columns, HOSTILE)))
            for line in db.session.execute(select(OrderLine)).scalars():
                line.snapshot = {
                    name: HOSTILE if isinstance(value, str) else value for name, value in line.snapshot.items()
                }
            record(SYSTEM, "test.done", "user", things["user_id"], changes={"name": [HOSTILE, HOSTILE]})

        run_in_transaction(spoil)
    pages = open_pages(app, visitor, things) + open_pages(app, visitor, things, "/en")
    for page in pages:
        assert not page.soup.find("i", onclick=True), page.path
        body = page.answer.get_data(as_text=True)
        assert "<i onclick" not in body, page.path
        assert "&amp;1337" not in body, page.path
        for script in page.soup.find_all("script", type="application/ld+json"):
            json.loads(script.get_text())
    showing = [page.path for page in pages if HOSTILE in page.soup.get_text() or page.soup.find(value=HOSTILE)]
    for start in SHOWN_TO[key]:
        assert [path for path in showing if path.startswith(start)], f"{start} does not show what was typed"


OURS, THEIRS = "咱家的词", "别家的词"


@pytest.fixture
def two_shops(app: Flask) -> dict[str, object]:
    """The cooperative and the second farmer each sold something; every free word of theirs is a word of their own."""
    things = everything.make(app)
    with app.app_context():
        factories.make_freight("second_farmer")
        goods = factories.make_goods("second_farmer")
        order_id = factories.place_order({goods.variants[0]: 2}, buyer="company_buyer")
        factories.pay(order_id)
        seller_id, company = goods.seller_id, factories.user_id("company_buyer")

        def name() -> None:
            for model in (Product, Batch, Certificate, Refund):
                column = {Product: "title", Batch: "orchard", Certificate: "product", Refund: "reason"}[model]
                for word, owner in ((OURS, model.seller_id != seller_id), (THEIRS, model.seller_id == seller_id)):
                    db.session.execute(update(model).where(owner).values({column: word}))
            for word, owner in ((OURS, Seller.id != seller_id), (THEIRS, Seller.id == seller_id)):
                db.session.execute(update(Seller).where(owner).values(name=word, legal_name=word, story=word))
            for word, owner in ((OURS, OrderLine.seller_id != seller_id), (THEIRS, OrderLine.seller_id == seller_id)):
                db.session.execute(update(OrderLine).where(owner).values(title=word))
            for word, owner in ((OURS, Order.buyer_id != company), (THEIRS, Order.buyer_id == company)):
                db.session.execute(
                    update(Order).where(owner).values(recipient_name=word, address_detail=word, note=word)
                )
            for word, owner in ((OURS, User.id != company), (THEIRS, User.id == company)):
                db.session.execute(update(Address).where(Address.user_id == User.id, owner).values(detail=word))

        run_in_transaction(name)
    return things


@pytest.mark.parametrize(
    ("key", "area", "sees", "never"),
    [
        ("coop_owner", "/seller/", OURS, THEIRS),
        ("second_farmer", "/seller/", THEIRS, OURS),
        ("farmer", "/seller/", OURS, THEIRS),
        ("staff_xinfeng", "/staff/", OURS, THEIRS),
        ("staff_anyuan", "/staff/", THEIRS, OURS),
        ("buyer", "/orders", OURS, THEIRS),
        ("company_buyer", "/orders", THEIRS, OURS),
        ("buyer", "/account", OURS, THEIRS),
        ("company_buyer", "/account", THEIRS, OURS),
    ],
)
def test_no_list_or_sum_of_pages_holds_anothers_words(
    app: Flask, sign_in: SignIn, two_shops: dict[str, object], key: str, area: str, sees: str, never: str
) -> None:
    """The farmer shares the county of the cooperative, so its word may be the same; the other county's never is."""
    pages = [page for page in open_pages(app, sign_in(key), two_shops) if page.path.startswith(area)]
    assert [page.path for page in pages if sees in page.soup.get_text()]
    assert [page.path for page in pages if never in str(page.soup)] == []


# --- rights that end ---


def test_a_role_that_is_taken_away_is_gone_at_the_next_request(app: Flask, sign_in: SignIn) -> None:
    staff = sign_in("staff_xinfeng")
    staff.get("/staff/sellers/")
    with app.app_context():
        user_id = factories.user_id("staff_xinfeng")
        grant = db.session.execute(select(RoleGrant.id).where(RoleGrant.user_id == user_id)).scalar_one()
        actor = factories.actor("admin")
        run_in_transaction(lambda: accounts.revoke_role(actor, user_id, grant))
    # Signed in still or not: the page is shown to nobody without the right.
    assert staff.client.get("/staff/sellers/").status_code in {303, 403}


def test_a_member_who_left_is_out_at_the_next_request(app: Flask, sign_in: SignIn) -> None:
    clerk = sign_in("coop_clerk")
    clerk.get("/seller/orders/")
    with app.app_context():
        user_id = factories.user_id("coop_clerk")
        run_in_transaction(lambda: db.session.execute(delete(SellerMember).where(SellerMember.user_id == user_id)))
    assert "怎么开店" in clerk.get("/seller/orders/", 403).text


# --- an order's link ---


def test_an_orders_link_cannot_be_guessed(app: Flask, visitor: Visitor) -> None:
    things = everything.make(app)
    with app.app_context():
        goods = factories.make_goods("farmer")
        factories.make_freight("farmer")
        order_id = factories.place_order({goods.variants[0]: 1}, buyer=None)
        token = db.session.get_one(Order, order_id).access_token
        db.session.remove()
    assert len(token) >= 22  # 128 bits in base64
    assert token != things["token"]
    page = visitor.get(f"/o/{token}")
    assert "13900000000" not in page.answer.get_data(as_text=True)
    for wrong in (token[:-1], token + "A", token.swapcase(), token[::-1], "A" * len(token)):
        assert visitor.client.get(f"/o/{wrong}").status_code == 404


# --- fields that nobody asked for ---

EXTRA = {
    "id": "1", "user_id": "1", "seller_id": "1", "role": "admin", "is_admin": "1", "is_staff": "1",
    "status": "verified", "verified_at": "2026-01-01", "is_verified": "1", "county_code": "360726",
    "price_amount": "1", "total_amount": "1", "kind": "enterprise", "credit_code": "x", "is_demo": "0",
    "code": "AAAAAAAA", "grant": "admin", "phone": "13999999999",
}  # fmt: skip


def test_fields_that_a_form_does_not_have_change_nothing(app: Flask, sign_in: SignIn) -> None:
    things = everything.make(app)

    def state() -> dict[str, Any]:
        with app.app_context():
            columns = {
                "user": select(User.phone, User.status, User.is_demo).where(User.id == things["user_id"]),
                "grants": select(RoleGrant.user_id, RoleGrant.role),
                "seller": select(Seller.code, Seller.kind, Seller.status, Seller.county_code, Seller.is_demo),
                "company": select(BuyerCompany.id, BuyerCompany.user_id),
                "address": select(Address.id, Address.user_id),
                "variant": select(Variant.id, Variant.price_amount),
                "order": select(Order.id, Order.goods_amount, Order.freight_amount, Order.payment_state),
                "sale": select(SellerOrder.id, SellerOrder.seller_id, SellerOrder.status),
            }
            found = {name: sorted(map(str, db.session.execute(query))) for name, query in columns.items()}
            db.session.remove()
            return found

    before = state()
    buyer, owner = sign_in("buyer"), sign_in("coop_owner")
    hidden = EXTRA.copy()
    buyer.submit("/account/name", hidden | {"name": "陈晓晓"})
    del hidden["county_code"], hidden["phone"]  # an address has these itself
    buyer.submit(f"/account/addresses/{things['address_id']}", hidden | {"detail": "另一条路 3 号"})
    hidden = {name: value for name, value in EXTRA.items() if name not in {"status", "phone"}}
    owner.submit("/seller/account", hidden | {"story": "新写的故事"})
    owner.submit(f"/seller/products/{things['product']}", EXTRA | {"title": "赣南脐橙 自家摘"}, form="/words")
    assert state() == before
    with app.app_context():
        assert db.session.get_one(User, things["user_id"]).name == "陈晓晓"
        db.session.remove()


def test_a_price_that_is_posted_is_not_the_price(app: Flask, visitor: Visitor) -> None:
    things = everything.make(app)
    fields = {"product": things["product"], "pack": things["variant_id"], "count": "1"} | {
        "price": "0.01", "price_amount": "1", "seen_price_amount": "1", "total_amount": "1"
    }  # fmt: skip
    answer = visitor.client.post("/basket/add", data=fields, headers={"Sec-Fetch-Site": "same-origin"})
    assert answer.status_code == 303
    with app.app_context():
        item = db.session.execute(select(CartItem)).scalar_one()
        assert item.seen_price_amount == 4990
        db.session.remove()
    assert "49.90" in visitor.get("/basket").text


def test_every_unsafe_route_belongs_to_somebody(app: Flask) -> None:
    """Who may only read (the bureau) has no route that writes but those named."""
    named = {"staff.awards"}
    for rule in app.url_map.iter_rules():
        access = access_of(app, rule.endpoint)
        assert access
        if "POST" in (rule.methods or set()) and access.kind == "role":
            assert access.permission
            readers_only = access.permission.endswith(":read")
            assert not readers_only or rule.endpoint.rpartition(".")[0] in named, rule.endpoint
    assert PEOPLE["bureau"]
