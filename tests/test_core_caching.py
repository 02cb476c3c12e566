"""Kept pages: answered with one statement, never stale in any process, and the same for everybody (D3)."""

from __future__ import annotations

import multiprocessing
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from multiprocessing.connection import Connection

import pytest
from flask import Flask
from sqlalchemy import update

from marketplace import caching, changes, clock
from marketplace.caching import Kept, Store
from marketplace.catalogue import cards
from marketplace.catalogue import services as catalogue
from marketplace.database import db, run_in_transaction
from marketplace.inventory import services as inventory
from marketplace.media.models import Image, ImageState
from marketplace.sellers import services as sellers
from marketplace.sellers.models import SellerStatus
from tests import factories
from tests.browsing import Visitor
from tests.conftest import NOON
from tests.factories import Goods
from tests.market import Market

Statements = Callable[[], AbstractContextManager[list[str]]]
OWN = {"Sec-Fetch-Site": "same-origin"}
TODAY = NOON.date()
PATHS = ["/", "/products", "/c/navel", "/search?q=山里", "/shop/{shop}"]


@pytest.fixture
def market(app: Flask) -> Market:
    return Market(app)


@pytest.fixture
def goods(market: Market) -> Goods:
    market.make_freight()
    return market.make_goods(title="山里的橙", packs=[(5000, 4990)], stock=100_000)


@pytest.fixture
def buyer(app: Flask, goods: Goods) -> Visitor:
    """Somebody with a cookie and something in the basket."""
    return _with_basket(Visitor(app), goods)


def _with_basket(visitor: Visitor, goods: Goods) -> Visitor:
    visitor.post(
        "/basket/add",
        {"product": goods.product_code, "pack": str(goods.variants[0]), "count": "1"},
        headers=OWN,
    )
    visitor.get("/basket")  # says what was just done
    return visitor


def _address(market: Market, path: str) -> str:
    return path.format(shop=market.shop("coop_owner").code)


@pytest.mark.parametrize("path", PATHS)
def test_the_second_request_for_a_page_costs_one_statement(
    visitor: Visitor, market: Market, buyer: Visitor, count_statements: Statements, path: str
) -> None:
    address = _address(market, path)
    first = visitor.get(address)
    with count_statements() as seen:
        second = visitor.get(address)
    assert [changes.TABLE in statement for statement in seen] == [True]
    assert second.answer.data == first.answer.data
    kept = {name for name, _value in first.answer.headers} - {"X-Request-Id"}
    assert {name: second.answer.headers[name] for name in kept} == {n: first.answer.headers[n] for n in kept}
    assert first.answer.headers["X-Request-Id"] != second.answer.headers["X-Request-Id"]
    assert second.answer.headers["Cache-Control"] == "no-cache"
    assert second.answer.headers["Vary"] == "Cookie"
    with count_statements() as seen:
        own = buyer.get(address)
    # The kept part serves those with a basket; the foot of the home page asks for the settings as well.
    assert len(seen) == (2 if path == "/" else 1)
    assert "果篮，1 件" in str(own.soup)
    assert own.answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("prefix", ["", "W/"])
def test_a_browser_that_has_the_page_is_told_so(visitor: Visitor, goods: Goods, prefix: str) -> None:
    tag = visitor.get("/products").answer.headers["ETag"]
    answer = visitor.client.get("/products", headers={"If-None-Match": prefix + tag})
    assert (answer.status_code, answer.data) == (304, b"")
    assert answer.headers["ETag"] == tag
    assert answer.headers["Vary"] == "Cookie"
    assert visitor.client.get("/en/products", headers={"If-None-Match": tag}).status_code == 200


def _sell_out(goods: Goods) -> None:
    run_in_transaction(
        lambda: inventory.hold(
            order_id=1,
            seller_id=goods.seller_id,
            amounts={goods.pool_id: 100_000},
            expires_at=clock.now() + timedelta(minutes=30),
        )
    )


def _leave_three(goods: Goods) -> None:
    who = factories.actor("coop_owner")
    run_in_transaction(
        lambda: inventory.correct(
            who, seller_id=goods.seller_id, pool_id=goods.pool_id, on_hand=15_000, note=""
        )
    )


def _change_price(goods: Goods) -> None:
    who = factories.actor("coop_owner")
    run_in_transaction(
        lambda: catalogue.change_price(
            who, seller_id=goods.seller_id, variant_id=goods.variants[0], price_amount=6660
        )
    )


def _suspend(goods: Goods) -> None:
    who = factories.actor("admin")
    run_in_transaction(
        lambda: sellers.set_status(
            who, seller_id=goods.seller_id, status=SellerStatus.SUSPENDED, reason="试"
        )
    )


def _pause(goods: Goods) -> None:
    who = factories.actor("coop_owner")
    run_in_transaction(lambda: catalogue.pause(who, seller_id=goods.seller_id, product_id=goods.product_id))


def _reword(goods: Goods) -> None:
    who = factories.actor("coop_owner")
    run_in_transaction(
        lambda: catalogue.change_words(
            who, seller_id=goods.seller_id, product_id=goods.product_id, title="换了名字", description=""
        )
    )


def _rename_shop(goods: Goods) -> None:
    who = factories.actor("coop_owner")
    run_in_transaction(
        lambda: sellers.change_shop(
            who, seller_id=goods.seller_id, name="换了店名", story="", phone="13900000000"
        )
    )


def _encode_picture(goods: Goods) -> None:
    ready = {"state": ImageState.READY, "width": 1200, "height": 900}
    run_in_transaction(lambda: db.session.execute(update(Image).values(**ready)))


def _add_picture(goods: Goods) -> None:
    who = factories.actor("coop_owner")

    def add() -> None:
        image = Image(
            seller_id=goods.seller_id,
            name="0" * 32,
            upload_key="one",
            state=ImageState.PROCESSING,
            created_at=clock.now(),
        )
        db.session.add(image)
        db.session.flush()
        catalogue.set_pictures(
            who, seller_id=goods.seller_id, product_id=goods.product_id, image_ids=[image.id]
        )

    run_in_transaction(add)


@pytest.mark.parametrize(
    ("change", "before", "after"),
    [
        (_change_price, "49 .90", "66 .60"),
        (_sell_out, "山里的橙", None),
        (_leave_three, None, "只剩 3 箱"),
        (_suspend, "山里的橙", None),
        (_pause, "山里的橙", None),
        (_reword, "山里的橙", "换了名字"),
        (_rename_shop, None, "换了店名"),
    ],
)
def test_what_changes_is_on_the_next_page(
    app: Flask,
    visitor: Visitor,
    buyer: Visitor,
    goods: Goods,
    change: Callable[[Goods], None],
    before: str | None,
    after: str | None,
) -> None:
    for reader in (visitor, buyer):
        for path in ("/", "/products"):
            shown = reader.get(path).text
            assert before is None or before in shown
            assert after is None or after not in shown
    with app.app_context():
        change(goods)
    for reader in (visitor, buyer):
        for path in ("/", "/products"):
            shown = reader.get(path).text
            assert before is None or before not in shown, path
            assert after is None or after in shown, path


def test_a_picture_is_shown_when_it_is_ready(app: Flask, visitor: Visitor, goods: Goods) -> None:
    with app.app_context():
        _add_picture(goods)
    assert not visitor.get("/products").soup.select(".grid picture source[srcset*='/media/']")
    with app.app_context():
        _encode_picture(goods)
    assert "0" * 32 in str(visitor.get("/products").soup)


def test_the_day_is_on_the_page(visitor: Visitor, goods: Goods) -> None:
    assert "今天采摘" in visitor.get("/products").text
    with clock.at(NOON + timedelta(days=1)):
        assert "今天采摘" not in visitor.get("/products").text


def test_orders_of_goods_that_are_plenty_keep_the_pages(
    app: Flask, visitor: Visitor, goods: Goods, count_statements: Statements
) -> None:
    with app.app_context():
        visitor.get("/products")
        before = caching.version()
        factories.place_order({goods.variants[0]: 2})
        assert caching.version() == before
        assert caching.version() == before
        factories.place_order({goods.variants[0]: 8})  # ten are left: cards say so
        assert caching.version() > before
    assert changes.MANY == cards.FEW + 1


# What is kept is nobody's


@pytest.mark.parametrize("path", PATHS)
def test_a_kept_page_is_the_same_whoever_asked_before(
    app: Flask, market: Market, buyer: Visitor, sign_in: Callable[[str], Visitor], path: str
) -> None:
    address = _address(market, path)
    signed_in = sign_in("farmer")
    fresh = Visitor(app).get(address).answer.data
    for who in (signed_in, buyer):
        app.extensions["kept_pages"].clear()
        who.get(address)
        who.get("/basket?province=310000")
        assert Visitor(app).get(address).answer.data == fresh


def test_what_is_kept_for_guests_shows_each_their_own(
    app: Flask, goods: Goods, buyer: Visitor, count_statements: Statements
) -> None:
    two = _with_basket(_with_basket(Visitor(app), goods), goods)
    ordered = _with_basket(Visitor(app), goods)
    with ordered.client.session_transaction() as session:
        session["order"] = "a token"
    for turn in range(2):
        for guest, count, finds in ((buyer, 1, False), (two, 2, False), (ordered, 1, True)):
            with count_statements() as seen:
                page = str(guest.get("/products").soup)
            assert f"果篮，{count} 件" in page
            assert ("/orders/find" in page) is finds
            assert turn == 0 or len(seen) == 1


def test_what_was_just_done_is_said_to_one_person_once(app: Flask, visitor: Visitor, goods: Goods) -> None:
    visitor.post(
        "/basket/add", {"product": goods.product_code, "pack": str(goods.variants[0]), "count": "1"}, headers=OWN
    )
    assert "放进果篮了" in visitor.get("/").text
    assert "放进果篮了" not in visitor.get("/").text
    assert "放进果篮了" not in Visitor(app).get("/").text


@pytest.mark.parametrize(
    "path", ["/nowhere", "/c/nothing", "/basket", "/sign-in", "/orders/find", "/healthz", "/shop/NOTHING"]
)
def test_refusals_forms_and_personal_pages_are_not_kept(app: Flask, visitor: Visitor, path: str) -> None:
    store: Store = app.extensions["kept_pages"]
    visitor.client.get(path)
    assert not any(path in key for key in store._kept)
    assert "ETag" not in visitor.client.get(path).headers


def test_a_page_is_kept_for_its_own_host_and_language_alone(app: Flask, visitor: Visitor, goods: Goods) -> None:
    chinese = visitor.get("/products")
    assert visitor.client.get("/products", base_url="http://evil.example").status_code == 400
    assert visitor.get("/en/products").answer.data != chinese.answer.data
    assert visitor.get("/products").answer.data == chinese.answer.data
    assert visitor.client.post("/products").status_code == 405


# Every process


def _answer(app: Flask, line: Connection) -> None:
    with app.app_context():
        db.engine.dispose(close=False)  # the parent's connections are not ours
    while path := line.recv():
        line.send(app.test_client().get(path).get_data(as_text=True))


@contextmanager
def other_process(app: Flask) -> Iterator[Callable[[str], str]]:
    """A process of its own that answers requests."""
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe()
    child = context.Process(target=_answer, args=(app, there))
    child.start()

    def ask(path: str) -> str:
        here.send(path)
        assert here.poll(60)
        return str(here.recv())

    try:
        yield ask
    finally:
        here.send("")
        child.join(20)


@pytest.mark.parametrize("is_guarded", [True, False], ids=["", "control"])
def test_a_price_change_is_seen_by_the_next_request_of_every_process(
    fresh_app: Flask, monkeypatch: pytest.MonkeyPatch, is_guarded: bool
) -> None:
    """Control: without the version a process goes on with what it has."""
    if not is_guarded:
        monkeypatch.setattr(caching, "version", lambda *_reader: 1)
    market = Market(fresh_app)
    with clock.at(NOON):
        goods = market.make_goods(title="山里的橙", packs=[(5000, 4990)])
        with other_process(fresh_app) as first, other_process(fresh_app) as second:
            for price in (6660, 7770, 8880):
                assert f"{price // 100}</b>" not in first("/products") + second("/products")
                market.change_price(goods, price)
                shown = [f"{price // 100}" in re.sub(r"<[^>]+>", " ", ask("/products")) for ask in (first, second)]
                assert shown == [is_guarded, is_guarded]


# The mechanism


def test_every_table_that_kept_pages_read_is_watched(
    app: Flask, market: Market, visitor: Visitor, goods: Goods, count_statements: Statements
) -> None:
    addresses = [_address(market, path) for path in PATHS]
    with count_statements() as seen:
        for address in addresses:
            visitor.get(address)
    read = {name for statement in seen for name in re.findall(r"(?:FROM|JOIN|,) ([a-z_]+)\b", statement)}
    read &= set(db.metadata.tables)
    assert read - {changes.TABLE} <= set(changes.WATCHED)
    assert {"products", "variants", "stock_pools", "sellers", "search_terms"} <= read
    assert set(changes.WATCHED) <= set(db.metadata.tables)


def test_folding_keeps_the_sum(app_context: None) -> None:
    before = caching.version()
    for _number in range(3):
        run_in_transaction(lambda: db.session.execute(update(Image).values(width=1)))
        factories.make_goods()
    counted = caching.version()
    assert counted > before
    run_in_transaction(caching.fold)
    assert caching.version() == counted
    assert db.session.query(caching.CatalogueVersion).count() == 1


def test_memory_is_bounded_and_what_was_used_last_stays() -> None:
    store = Store(1000)
    for number in range(9):
        store.put(number, Kept((1, TODAY), str(number), 120))
        store.get(0)
    assert store._size <= 1000
    assert store.get(0) is not None
    assert store.get(1) is None
    store.put(0, Kept((2, TODAY), "anew", 100))
    store.put("huge", Kept((1, TODAY), "", 999))
    assert store.get("huge") is None
    assert store._size == sum(kept.size for kept in store._kept.values())


def test_pages_of_endless_addresses_are_not_kept(app: Flask, visitor: Visitor, goods: Goods) -> None:
    store: Store = app.extensions["kept_pages"]
    for length in (1, caching.LONGEST_ADDRESS):
        visitor.get(f"/products?x={'1' * length}")
        assert sum("/products" in str(key) for key in store._kept) == 2  # the page and its part
