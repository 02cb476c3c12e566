"""How the databases carry out the queries that a large market asks most: by an index, never through a whole table.

Each query runs as the pages run it, on a loaded market; every statement that it sends is explained with its values.
Small tables (categories, areas, …) may be read whole. Plans and times of a full market: docs/performance.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, select
from sqlalchemy.engine import Connection, Engine

from config import Config
from marketplace import clock
from marketplace.awards import queries as awards
from marketplace.catalogue import cards, categories, facets, queries
from marketplace.catalogue.browsing import Browse, Order
from marketplace.catalogue.models import Product, Variant
from marketplace.catalogue.selling import sale_items
from marketplace.database import db
from marketplace.demo import bulk
from marketplace.logistics.queries import templates_for
from marketplace.orders import queries as orders
from marketplace.orders import work
from marketplace.orders.models import Order as WholeOrder
from marketplace.orders.models import SellerOrderStatus
from marketplace.permissions import Grant, Role, Viewer
from marketplace.revenue import queries as revenue
from marketplace.sellers.models import Seller
from tests.conftest import NOON, copied_app

LINES, SELLERS, PRODUCTS = 6_000, 100, 2_000
LARGE = {*bulk.LARGE, "products", "variants", "stock_pools", "batches", "certificates", "daily_revenue"}
ANFU = "360726"


@pytest.fixture(scope="module")
def market(
    tmp_path_factory: pytest.TempPathFactory, database_server: str, prepared: Config
) -> Iterator[Flask]:
    with copied_app(tmp_path_factory.mktemp("plans"), database_server, prepared) as app:
        with app.app_context(), clock.at(NOON):
            bulk.load(lines=LINES, sellers=SELLERS, products=PRODUCTS)
            db.session.remove()
            if db.engine.dialect.name == "postgresql":
                event.listen(db.engine, "connect", _as_in_a_large_market)
                db.engine.dispose()
        yield app


def _as_in_a_large_market(connection: Any, _record: Any) -> None:
    """Tables of this size are hashed whole in a few milliseconds, and rightly so; those of a large market are not.

    What is left to the planner here is the way by an index, if there is one.
    """
    for way in ("seqscan", "hashjoin", "mergejoin"):
        connection.execute(f"SET enable_{way} = off")
    connection.commit()


def whole_tables(connection: Connection, statement: str, parameters: Any) -> list[str]:
    """Large tables that the plan of a statement reads from one end to the other.

    An index read in its own order by what stops after so many rows is no such reading.
    """
    cursor = connection.connection.cursor()
    if connection.dialect.name == "sqlite":
        plan = [row[3] for row in cursor.execute(f"EXPLAIN QUERY PLAN {statement}", parameters).fetchall()]
        in_order = "LIMIT" in statement and "USE TEMP B-TREE FOR ORDER BY" not in plan
        found = [match for row in plan if (match := re.match(r"SCAN (\w+)( USING (?:COVERING )?INDEX)?", row))]
        names = [re.sub(r"_[0-9]+$", "", match[1]) for match in found if not (match[2] and in_order)]
        return [name for name in names if name in LARGE]
    cursor.execute(f"EXPLAIN (FORMAT JSON) {statement}", parameters)
    return [name for name in _read_whole(cursor.fetchone()[0][0]["Plan"]) if name in LARGE]


def _read_whole(node: dict[str, Any], *, stops: bool = False) -> Iterator[str]:
    kind = node["Node Type"]
    if kind == "Seq Scan" or (kind.startswith("Index") and "Index Cond" not in node and not stops):
        yield node.get("Relation Name", "")
    stops = kind == "Limit" or (stops and "Sort" not in kind and "Aggregate" not in kind)
    for child in node.get("Plans", ()):
        yield from _read_whole(child, stops=stops)


def explain(ask: Callable[[], object]) -> list[str]:
    """Carry something out and name every table that one of its statements read whole."""
    wrong: list[str] = []

    def look(connection: Connection, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        if statement.lstrip().startswith(("SELECT", "WITH")):
            wrong.extend(f"{name}: {statement}" for name in whole_tables(connection, statement, parameters))

    event.listen(Engine, "before_cursor_execute", look)
    try:
        ask()
    finally:
        event.remove(Engine, "before_cursor_execute", look)
        db.session.rollback()
    return wrong


def browses() -> dict[str, Browse]:
    found = {}
    for order in (Order.NEWEST, Order.PRICE, Order.UNIT_PRICE):
        found |= {
            f"{order}": Browse(order=order),
            f"{order}, deep": Browse(order=order, after=(1 << 40, 1)),
            f"{order}, category": Browse(order=order, categories=("navel",)),
            f"{order}, rare category": Browse(order=order, categories=("duck",)),
            f"{order}, county": Browse(order=order, county=(ANFU,)),
            f"{order}, category and county": Browse(order=order, categories=("duck",), county=(ANFU,)),
        }
    found["price, pack"] = Browse(order=Order.PRICE, pack=("mass-2500",))
    found |= {words: Browse(words=words, order=Order.BEST) for words in ("脐橙", "信丰 茶油", "香蕉", "orange 000123")}
    return found


@pytest.mark.parametrize("name", browses())
def test_lists_and_searches_read_no_table_whole(market: Flask, name: str) -> None:
    with market.test_request_context("/"), clock.at(NOON):
        assert explain(lambda: cards.list_cards(browses()[name])) == []


@pytest.mark.parametrize("name", ["newest", "newest, category", "脐橙"])
def test_counts_of_filters_read_no_table_whole(market: Flask, name: str) -> None:
    with market.test_request_context("/"), clock.at(NOON):
        assert explain(lambda: facets.count_facets(browses()[name])) == []


def test_pages_of_the_shop_read_no_table_whole(market: Flask) -> None:
    with market.test_request_context("/"), clock.at(NOON):
        columns = select(Product.code, Product.id, Product.seller_id)
        product, product_id, seller_id = db.session.execute(columns.limit(1)).tuples().one()
        variant = db.session.execute(select(Variant.id).limit(1)).scalar_one()
        token = db.session.execute(select(WholeOrder.access_token).limit(1)).scalar_one()
        asked: dict[str, Callable[[], object]] = {
            "home": lambda: (categories.list_categories(), queries.list_shops(4)),
            "product": lambda: queries.get_product_page(product),
            "pack": lambda: sale_items([variant]),
            "pictures": lambda: queries.list_pictures(product_id),
            "freight": lambda: templates_for([seller_id]),
            "guest's order": lambda: orders.get_by_token(token),
            "orders of a phone": lambda: orders.list_for_phone("13900000001"),
            "due": lambda: orders.due_for_confirmation(clock.now(), 200),
            "lapsed": lambda: orders.lapsed_unpaid(clock.now(), 200),
        }
        assert {name: found for name, ask in asked.items() if (found := explain(ask))} == {}


def test_pages_of_sellers_and_staff_read_no_table_whole(market: Flask) -> None:
    with market.test_request_context("/"), clock.at(NOON):
        seller = db.session.execute(select(Seller).limit(1)).scalar_one()
        code = db.session.execute(select(WholeOrder.code).limit(1)).scalar_one()
        centre = Viewer(1, (Grant(Role.FINANCE),))
        asked: dict[str, Callable[[], object]] = {
            "seller's orders": lambda: orders.list_for_seller(seller.id),
            "completed": lambda: orders.list_for_seller(seller.id, SellerOrderStatus.COMPLETED),
            "to ship": lambda: orders.list_to_ship(seller.id),
            "work": lambda: work.count_work(seller.id),
            "staff's orders": lambda: orders.list_for_staff(centre),
            "by status": lambda: orders.list_for_staff(centre, status=SellerOrderStatus.TO_SHIP),
            "by code": lambda: orders.list_for_staff(centre, text=code),
            "by phone": lambda: orders.list_for_staff(centre, text="13900000001"),
            "award page": lambda: awards.get_comparison(
                seller.id, kind=seller.kind, registered_as=seller.registered_as, year=2025
            ),
            "lines of a figure": lambda: awards.list_lines(seller.id, 2025, None, ()),
            "lines of a season": lambda: awards.list_season_lines(seller.id, 2024),
            "revenue": lambda: (revenue.year_facts(seller.id), revenue.parts_of(seller.id, 2025)),
            "year": lambda: awards.list_year(centre, 2025),
        }
        assert {name: found for name, ask in asked.items() if (found := explain(ask))} == {}


def test_control_a_query_without_an_index_is_noticed(market: Flask) -> None:
    with market.test_request_context("/"):
        asked = select(WholeOrder.id).where(WholeOrder.note == "nobody wrote this")
        assert len(explain(lambda: db.session.execute(asked).all())) == 1
