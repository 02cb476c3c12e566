"""The least that each kind of page could cost: a small Flask application with Core rows, on the product's own server.

No session, no person, no translation, no menu: what the product is measured against, not what it should become. It
has tables of its own in a database of its own on the same server, as durable as the product's.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import sys
import time
from collections.abc import Iterator
from typing import Any

from flask import Flask, redirect, request
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Engine,
    Integer,
    MetaData,
    String,
    Table,
    create_engine,
    insert,
    select,
    update,
)
from waitress import serve

from marketplace.connections import writing
from marketplace.database import WAIT_MS, engine_options

META = MetaData()
SELLERS = Table(
    "sellers", META, Column("id", Integer, primary_key=True), Column("name", String(40)), Column("county", String(40))
)
PRODUCTS = Table(
    "products",
    META,
    Column("id", Integer, primary_key=True),
    Column("seller_id", Integer, index=True),
    Column("title", String(60)),
    Column("description", String(600)),
    Column("price_amount", BigInteger),
    Column("stock", BigInteger),
    Column("picture", String(60)),
)
TERMS = Table(
    "terms",
    META,
    Column("term", String(30), primary_key=True),
    Column("product_id", Integer, primary_key=True),
    Column("weight", Integer),
)
LINES = Table(
    "lines",
    META,
    Column("id", Integer, primary_key=True),
    Column("basket", String(40), index=True),
    Column("product_id", Integer),
    Column("count", Integer),
)
ORDERS = Table(
    "orders", META, Column("id", Integer, primary_key=True), Column("code", String(20)), Column("amount", BigInteger)
)
ORDER_LINES = Table(
    "order_lines",
    META,
    Column("id", Integer, primary_key=True),
    Column("order_id", BigInteger, index=True),
    Column("product_id", Integer),
    Column("amount", BigInteger),
)
REVENUE = Table(
    "revenue",
    META,
    Column("seller_id", Integer, primary_key=True),
    Column("day", String(10), primary_key=True),
    Column("amount", BigInteger),
)

CARDS = """<!doctype html><html lang="zh-CN"><head><meta charset="utf-8"><title>脐橙</title></head><body><main>
{% for card in cards %}<article class="p"><img src="/media/{{ card.picture }}" alt="" width="360" height="270"
 loading="lazy"><h3><a href="/p/{{ card.id }}">{{ card.title }}</a></h3><p class="price">¥
 {{ '%d.%02d'|format(card.price_amount // 100, card.price_amount % 100) }}</p><p>{{ card.county }} ·
 {{ card.name }}</p></article>{% endfor %}</main></body></html>"""
PRODUCT = """<!doctype html><html lang="zh-CN"><head><meta charset="utf-8"><title>{{ one.title }}</title></head><body>
<main><h1>{{ one.title }}</h1><img src="/media/{{ one.picture }}" alt=""><p>{{ one.description }}</p><p>¥
 {{ '%d.%02d'|format(one.price_amount // 100, one.price_amount % 100) }}</p><p>{{ one.county }} · {{ one.name }}</p>
<form method="post" action="/basket"><input name="product" value="{{ one.id }}"></form></main></body></html>"""
REPORT = """<!doctype html><html lang="zh-CN"><head><meta charset="utf-8"><title>销售</title></head><body><table>
{% for row in rows %}<tr><td>{{ row.day }}</td><td>{{ row.amount }}</td></tr>{% endfor %}</table></body></html>"""

PAGE = 24
DAYS = 365
_numbers = itertools.count(time.time_ns() // 1000)


def make_engine(url: str) -> Engine:
    """As durable as the product's: marketplace/database.py prepares its connections as well."""
    return create_engine(url, **engine_options(url, 6))


@contextlib.contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """One that writes: on SQLite it says so first, as the product does."""
    token = writing.set(WAIT_MS)
    try:
        with engine.begin() as connection:
            yield connection
    finally:
        writing.reset(token)


def fill(engine: Engine, products: int) -> None:
    """The tables and rows; a term is found in one product of twenty."""
    META.create_all(engine)
    words = "山里的橙子在十一月下旬熟透，甜度高，皮薄，现摘现发。" * 8
    with transaction(engine) as connection:
        connection.execute(insert(SELLERS), [{"id": n, "name": f"合作社{n}", "county": "信丰县"} for n in range(1, 41)])
        rows = [
            {
                "id": number,
                "seller_id": number % 40 + 1,
                "title": f"赣南脐橙 {number}",
                "description": words,
                "price_amount": 2990 + number % 900,
                "stock": 10_000_000,
                "picture": f"{number:032x}-360.webp",
            }
            for number in range(1, products + 1)
        ]
        connection.execute(insert(PRODUCTS), rows)
        terms = [{"term": f"词{row['id'] % 20}", "product_id": row["id"], "weight": 8} for row in rows]
        connection.execute(insert(TERMS), terms)
        days = [f"2026-{n // 31 + 1:02d}-{n % 31 + 1:02d}" for n in range(DAYS)]
        connection.execute(insert(REVENUE), [{"seller_id": 1, "day": day, "amount": 1} for day in days])


def place(engine: Engine, product_id: int) -> None:
    """The raw order: four statements, one transaction; the stock is taken by a guarded UPDATE."""
    number = next(_numbers)
    with transaction(engine) as connection:
        taken = update(PRODUCTS).where(PRODUCTS.c.id == product_id, PRODUCTS.c.stock >= 1)
        assert connection.execute(taken.values(stock=PRODUCTS.c.stock - 1)).rowcount == 1
        connection.execute(insert(ORDERS).values(id=number % 2**31, code=str(number), amount=4990))
        connection.execute(
            insert(ORDER_LINES).values(id=number % 2**31, order_id=number, product_id=product_id, amount=4990)
        )
        connection.execute(select(PRODUCTS.c.stock).where(PRODUCTS.c.id == product_id)).scalar_one()


def make_app(engine: Engine) -> Flask:
    app = Flask("ceiling")
    sources = {"cards": CARDS, "product": PRODUCT, "report": REPORT}
    pages = {name: app.jinja_env.from_string(source) for name, source in sources.items()}
    columns = (PRODUCTS.c.id, PRODUCTS.c.title, PRODUCTS.c.price_amount, PRODUCTS.c.picture)
    cards = select(*columns, SELLERS.c.name, SELLERS.c.county).join(SELLERS, SELLERS.c.id == PRODUCTS.c.seller_id)

    @app.get("/hello")
    def hello() -> str:
        return "hello"

    @app.get("/cards")
    def list_cards() -> str:
        before = request.args.get("before", 2**31 - 1, int)
        query = cards.where(PRODUCTS.c.id < before).order_by(PRODUCTS.c.id.desc()).limit(PAGE)
        with engine.connect() as connection:
            return pages["cards"].render(cards=connection.execute(query).all())

    @app.get("/product/<int:number>")
    def product(number: int) -> str:
        query = cards.add_columns(PRODUCTS.c.description).where(PRODUCTS.c.id == number)
        with engine.connect() as connection:
            return pages["product"].render(one=connection.execute(query).one())

    @app.get("/search")
    def search() -> str:
        query = cards.join(TERMS, TERMS.c.product_id == PRODUCTS.c.id).where(TERMS.c.term == request.args["q"])
        with engine.connect() as connection:
            found = connection.execute(query.order_by(TERMS.c.weight.desc(), PRODUCTS.c.id.desc()).limit(PAGE)).all()
            return pages["cards"].render(cards=found)

    @app.post("/basket")
    def basket() -> Any:
        with transaction(engine) as connection:
            number = int(request.form["product"])
            connection.execute(select(PRODUCTS.c.price_amount).where(PRODUCTS.c.id == number)).scalar_one()
            line = {"id": next(_numbers) % 2**31, "basket": request.form["basket"], "product_id": number, "count": 1}
            connection.execute(insert(LINES).values(line))
        return redirect("/basket", 303)

    @app.post("/order")
    def order() -> Any:
        place(engine, int(request.form["product"]))
        return redirect("/ordered", 303)

    @app.get("/report")
    def report() -> str:
        query = select(REVENUE.c.day, REVENUE.c.amount).where(REVENUE.c.seller_id == 1).order_by(REVENUE.c.day)
        with engine.connect() as connection:
            return pages["report"].render(rows=connection.execute(query).all())

    return app


def main(url: str, port: str) -> None:
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    serve(make_app(make_engine(url)), host="127.0.0.1", port=int(port), threads=6, ident="", asyncore_use_poll=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
