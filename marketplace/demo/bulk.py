"""A market of any size, written set by set inside the database: sellers, goods and three years of completed sales.

The demo's market goes through the services and is small. This one is for measuring: every row is made by a statement
that makes all of its kind, as the services would have left it, so that the books, the stock and the revenue agree.
All of it is invented. While it loads, indexes and foreign keys of the large tables are away, so the shop stands still.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from flask import current_app
from sqlalchemy import ForeignKeyConstraint, UniqueConstraint, select, text
from sqlalchemy.schema import AddConstraint

from marketplace import audit, clock, places, settings
from marketplace.catalogue import rules, search
from marketplace.catalogue.models import Category, Grade, Measure, ReturnRule, SizeClass, Variety
from marketplace.database import EPOCH_MS, db, new_id, run_in_transaction
from marketplace.demo import bulk_goods, bulk_sales
from marketplace.demo.bulk_dialect import CODE_LENGTH, Dialect
from marketplace.demo.bulk_size import DESCRIPTION, LINES, SHOP, Size
from marketplace.errors import DomainError
from marketplace.places import Level, Place

YEARS = 3
HALF_A_DAY_MS = 12 * 3600 * 1000
TOWNS_OF_A_COUNTY = 2
NAVEL_KINDS = 14  # of 24: more than half of what Gannan sells
NETS = {
    (Measure.MASS, True): (5000, 2500, 10_000),
    (Measure.MASS, False): (500, 250, 1000),
    (Measure.VOLUME, False): (1000, 500, 5000),
    (Measure.COUNT, True): (4, 2, 8),
    (Measure.COUNT, False): (2, 1, 10),
}
FEN_OF_1000 = {Measure.MASS: 1000, Measure.VOLUME: 9000, Measure.COUNT: 900_000}
LARGE = (
    *("orders", "seller_orders", "order_lines", "order_events", "payments", "payment_parts", "holds"),
    *("stock_movements", "shipments", "journal_entries", "postings", "revenue_entries", "search_terms"),
)


def load(*, lines: int, sellers: int, products: int) -> str:
    """So many order lines of so many sellers' products, added to a demo's database in one transaction."""
    if not current_app.config["SETTINGS"].demo:
        raise DomainError("demo data belongs into a demo only: DEMO is 0 here")
    if not (1 <= sellers <= 999_999 and products >= sellers and lines >= 0):
        raise DomainError("at least one seller, fewer than a million, and a product for each of them")
    run_in_transaction(lambda: settings.claim_installation("demo"))
    orders = -(-lines // LINES)
    run_in_transaction(lambda: _load(orders, sellers, products))
    return f"{sellers} sellers, {products} products and {orders} orders of {orders * LINES} lines loaded"


def _load(orders: int, sellers: int, products: int) -> None:
    d = Dialect(db.session.get_bind().dialect.name)
    end = clock.start_of_day(clock.today())
    start = end - timedelta(days=365 * YEARS)
    offers = _offers()
    size = Size(
        sellers=sellers,
        products=products,
        orders=orders,
        towns=len({offer["town"] for offer in offers}),
        kinds=len({offer["kind"] for offer in offers}),
        start=int(start.timestamp()),
        end=int(end.timestamp()),
        # Some moment of the day before, another one for each load: its first ids meet nobody's.
        base=int((start - timedelta(days=1)).timestamp() * 1000) - EPOCH_MS + secrets.randbelow(HALF_A_DAY_MS) << 22,
        listed=new_id(),
        salt=secrets.randbelow(31**CODE_LENGTH),
    )
    with _bare(d):
        d.tune()
        _put("load_terms", _take_terms(offers))
        _put("load_offers", offers)
        _put("load_cities", bulk_sales.cities())
        for statement in bulk_goods.statements(d, size):
            d.run(statement)
        bulk_sales.load(d, size)
        for name in ("terms", "offers", "cities", "goods"):
            d.run(f"DROP TABLE load_{name}")
    d.look_again()
    audit.record(audit.SYSTEM, "demo.loaded", "demo", 0, changes={"orders": orders, "products": products})


@contextmanager
def _bare(d: Dialect) -> Iterator[None]:
    """Take indexes, unique and foreign keys of the large tables away and make them again: each row is checked then.

    SQLite cannot take a key away and checks it row by row. Unique keys that others point at stay.
    """
    connection = db.session.connection()
    tables = [db.metadata.tables[name] for name in LARGE]
    indexes = [index for table in tables for index in sorted(table.indexes, key=lambda one: str(one.name))]
    foreign = [key for table in tables for key in table.constraints if isinstance(key, ForeignKeyConstraint)]
    pointed_at = {
        (key.referred_table.name, *(element.column.name for element in key.elements))
        for table in db.metadata.tables.values()
        for key in table.foreign_key_constraints
        if key not in foreign
    }
    unique = [
        key
        for table in tables
        for key in table.constraints
        if isinstance(key, UniqueConstraint) and (table.name, *key.columns.keys()) not in pointed_at
    ]
    keys = [] if d.is_sqlite else [*foreign, *unique]
    for key in keys:
        connection.execute(text(f"ALTER TABLE {key.table.name} DROP CONSTRAINT {key.name}"))
    for index in indexes:
        index.drop(connection)
    yield
    for index in indexes:
        index.create(connection)
    for key in reversed(keys):
        connection.execute(AddConstraint(key, isolate_from_table=False))


def _offers() -> list[dict[str, Any]]:
    """What may be sold where: each kind of goods in some towns of each county, with its words and packs."""
    categories = {row.code: row for row in db.session.execute(select(Category)).scalars()}
    varieties = list(db.session.execute(select(Variety).order_by(Variety.position)).scalars())
    grades = list(db.session.execute(select(Grade).order_by(Grade.position)).scalars())
    sizes = list(db.session.execute(select(SizeClass).order_by(SizeClass.position)).scalars())
    navels = [variety for variety in varieties if variety.category_code == rules.NAVEL]
    kinds: list[tuple[Category, Variety | None]] = [
        (categories[rules.NAVEL], navels[number % len(navels)]) for number in range(NAVEL_KINDS)
    ]
    others = [row for code, row in sorted(categories.items()) if code not in {rules.NAVEL, "packaging"}]
    kinds += [(row, next((one for one in varieties if one.category_code == row.code), None)) for row in others]
    return [
        _offer(town, area, kind, category, variety, grades[kind % 3], sizes[(kind + town) % len(sizes)])
        for town, area in enumerate(_towns())
        for kind, (category, variety) in enumerate(kinds)
    ]


def _towns() -> list[Place]:
    found = []
    for county in places.list_ganzhou_counties():
        small = [area for area in places.list_children(county.code) if area.level == Level.TOWNSHIP]
        found += small[:TOWNS_OF_A_COUNTY]
    return found


def _offer(
    town: int, area: Place, kind: int, category: Category, variety: Variety | None, grade: Grade, size: SizeClass
) -> dict[str, Any]:
    county = places.find(places.county_of(area.code))
    assert county is not None
    graded = grade if category.code in rules.GRADED else None
    sized = size if category.code in rules.SIZED else None
    is_fresh = category.return_rule == ReturnRule.EXEMPT
    nets = NETS[category.measure, is_fresh]
    title = rules.make_title(
        county=county.name,
        category=category.name,
        variety=variety.name if variety else "",
        grade=graded.name if graded else "",
        size_mm=(sized.min_mm, sized.max_mm) if sized else None,
    )
    origin = places.full_name(area.code)
    snapshot = {
        "category": category.name,
        "variety": variety.name if variety else None,
        "grade": graded.name if graded else None,
        "size": [sized.min_mm, sized.max_mm] if sized else None,
        "origin": origin,
        "area_code": area.code,
        "return_rule": category.return_rule.value,
        "scene": category.scene,
    }
    found = {
        "town": town,
        "kind": kind,
        "county_code": county.code,
        "area_code": area.code,
        "origin": origin,
        "category_code": category.code,
        "variety_code": variety.code if variety else None,
        "grade_code": graded.code if graded else None,
        "size_code": sized.code if sized else None,
        "sc_number": "SC00000000000000" if category.needs_sc_licence else None,
        "title": title,
        "description": DESCRIPTION.format(origin=origin),
        "measure": category.measure.value,
        "unit": rules.UNIT_OF[category.measure].value,
        "agri_class": category.agri_class.value,
        "measure_rank": rules.unit_rank(category.measure, 1, 1) - 1000,
        "snapshot": json.dumps(snapshot, ensure_ascii=False),
        "terms": _terms(title, sized, category, variety, graded, county, area),
    }
    for number, net in enumerate(nets):
        gross = rules.usual_gross(category.measure, net)
        pack = {"measure": category.measure.value, "net_amount": net, "pieces": None, "gross_grams": gross}
        found |= {
            f"net{number}": net,
            f"gross{number}": gross,
            f"price{number}": FEN_OF_1000[category.measure] * net // 1000,
            f"pack{number}": json.dumps(pack | {"dry": not is_fresh}),
        }
    return found


def _terms(title: str, sized: SizeClass | None, *named: Any) -> dict[str, int]:
    """The terms of a product of the offer, but for its shop's number: what search.index() finds in the rows."""
    texts = [f"{thing.name} {thing.name_en or ''}" for thing in named if thing]
    if sized:
        texts.append(f"{sized.min_mm} {sized.max_mm} mm")
    return search.weigh(
        [(title, search.TITLE), *((words, search.PLACE) for words in texts), (SHOP, search.SELLER)]
    )


def _take_terms(offers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {"town": offer["town"], "kind": offer["kind"], "term": term, "weight": weight}
        for offer in offers
        for term, weight in offer.pop("terms").items()
    ]


def _put(table: str, rows: list[dict[str, Any]]) -> None:
    """A temporary table of what only the application knows."""
    kinds = {name: "BIGINT" if isinstance(value, int) else "TEXT" for name, value in rows[0].items()}
    columns = ", ".join(f"{name} {kind}" for name, kind in kinds.items())
    db.session.execute(text(f"CREATE TEMP TABLE {table} ({columns})"))
    names, marks = ", ".join(kinds), ", ".join(f":{name}" for name in kinds)
    db.session.execute(text(f"INSERT INTO {table} ({names}) VALUES ({marks})"), rows)
