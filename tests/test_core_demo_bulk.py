"""A large market written set by set is what the services would have left: books, stock, revenue, search, pages."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from flask_migrate import check
from sqlalchemy import func, inspect, select

from config import Config
from marketplace import clock
from marketplace.catalogue import search
from marketplace.catalogue.models import Product, SearchTerm
from marketplace.database import db, is_code, run_in_transaction
from marketplace.demo import bulk
from marketplace.errors import DomainError
from marketplace.ledger import checks
from marketplace.orders.models import Order, OrderLine, SellerOrder, SellerOrderStatus
from marketplace.revenue import services as revenue
from marketplace.revenue.models import RevenueEntry
from marketplace.sellers.models import Seller
from tests.browsing import Visitor
from tests.conftest import NOON, copied_app

LINES, SELLERS, PRODUCTS = 2_000, 20, 200


@pytest.fixture(scope="module")
def loaded(
    tmp_path_factory: pytest.TempPathFactory, database_server: str, prepared: Config
) -> Iterator[Flask]:
    """A market that the tests of this file look at; the last of them adds to it."""
    with copied_app(tmp_path_factory.mktemp("bulk"), database_server, prepared) as app:
        with app.app_context(), clock.at(NOON):
            bulk.load(lines=LINES, sellers=SELLERS, products=PRODUCTS)
        yield app


def test_a_loaded_market_agrees_with_itself(loaded: Flask) -> None:
    with loaded.app_context(), clock.at(NOON):
        assert db.session.execute(select(func.count()).select_from(OrderLine)).scalar_one() == LINES
        assert checks.check() == []
        assert revenue.verify() == []
        states = set(db.session.execute(select(SellerOrder.status).distinct()).scalars())
        assert {SellerOrderStatus.SHIPPED, SellerOrderStatus.DELIVERED, SellerOrderStatus.COMPLETED} <= states
        assert all(map(is_code, db.session.execute(select(Order.code)).scalars()))
        check()  # every key and index is there again; leaves the process when one is missing
        terms = select(SearchTerm.term, SearchTerm.weight).order_by(SearchTerm.term)
        for product_id in db.session.execute(select(Product.id).limit(30)).scalars().all():
            mine = terms.where(SearchTerm.product_id == product_id)
            before = db.session.execute(mine).all()
            run_in_transaction(lambda product_id=product_id: search.index(product_id))  # type: ignore[misc]
            assert db.session.execute(mine).all() == before


def test_pages_open_on_a_loaded_market(loaded: Flask) -> None:
    with loaded.app_context():
        product = db.session.execute(select(Product.code).limit(1)).scalar_one()
        shop = db.session.execute(select(Seller.code).where(Seller.name.contains("演示果园")).limit(1)).scalar_one()
        token = db.session.execute(select(Order.access_token).limit(1)).scalar_one()
    visitor = Visitor(loaded)
    with clock.at(NOON):
        for path in ("/", "/products?sort=price", "/c/navel?sort=unit", "/search?q=信丰脐橙"):
            assert "演示果园" in visitor.get(path).text, path
        assert "演示果园" in visitor.get(f"/p/{product}").text
        assert "演示果园" in visitor.get(f"/shop/{shop}").text
        assert "演示果园" in visitor.get(f"/o/{token}").text


def test_a_second_load_adds_another_market(loaded: Flask) -> None:
    with loaded.app_context(), clock.at(NOON):
        bulk.load(lines=200, sellers=3, products=30)
        assert checks.check() == []
        assert revenue.verify() == []
        assert inspect(db.engine).get_indexes("order_lines")


def test_a_load_is_refused_where_it_cannot_be(fresh_app: Flask) -> None:
    with fresh_app.app_context(), pytest.raises(DomainError, match="a product for each"):
        bulk.load(lines=10, sellers=5, products=4)


def peak_of(act: Callable[[], object]) -> int:
    """The most bytes that were taken at once beyond what was there before."""
    tracemalloc.start()
    try:
        act()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_revenue_is_rebuilt_and_verified_in_flat_memory(fresh_app: Flask) -> None:
    peaks: list[list[int]] = []
    with fresh_app.app_context(), clock.at(NOON):
        for lines in (300, 4_000):
            bulk.load(lines=lines, sellers=30, products=60)
            db.session.remove()
            revenue.verify()  # what is loaded and compiled once is none of its memory
            peaks.append([peak_of(lambda: run_in_transaction(revenue.rebuild)), peak_of(revenue.verify)])
            assert revenue.verify() == []
        small, large = peaks
        assert all(after < before * 1.5 + 50_000 for before, after in zip(small, large, strict=True)), peaks
        control = peak_of(lambda: db.session.execute(select(RevenueEntry)).all())
        assert control > max(large) * 3
