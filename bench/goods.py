"""Many products for a shop to show: listings made by the services, and copies of them made row by row."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import insert, select

from marketplace import clock
from marketplace.catalogue.models import Product, ProductImage, SearchTerm, Variant
from marketplace.database import Base, db, new_code, new_id, run_in_transaction
from marketplace.inventory.models import StockPool
from marketplace.media.models import Image, ImageState
from marketplace.provenance.models import Batch
from tests import factories
from tests.factories import Goods

SELLERS = ("coop_owner", "farmer", "second_farmer")
WORDS = 20  # titles differ in one word of so many: a search finds one product of twenty
WITH_PICTURE = 5  # one of so many has a picture
BOX = 5_000
PLENTY = 10**9
COPIED_AT_ONCE = 500

Rows = dict[type[Base], list[dict[str, Any]]]


def make(count: int) -> list[Goods]:
    """So many products in the lists; returns those that can be put into a basket: one of each title."""
    for seller in SELLERS:
        factories.make_freight(seller, first=600, following=0)
    made = [
        factories.make_goods(
            SELLERS[number % len(SELLERS)], packs=[(2_500, 2_790), (BOX, 4_990)], stock=PLENTY, title=title(number)
        )
        for number in range(WORDS)
    ]
    left = count - len(made)
    while left > 0:
        some = min(left, COPIED_AT_ONCE)
        numbers = range(left - some, left)
        run_in_transaction(lambda numbers=numbers: _copy(made, numbers))  # type: ignore[misc]
        left -= some
    return made


def title(number: int) -> str:
    return f"山里的橙 {word(number)}"


def word(number: int) -> str:
    """One of the words to search for."""
    return f"果园{number % WORDS:02d}号"


def _copy(made: list[Goods], numbers: range) -> None:
    rows: Rows = {}
    known = {goods.product_id: dict(_rows_of(goods)) for goods in made}
    for number in numbers:
        goods = made[number % len(made)]
        ids: dict[int, int] = {}
        for model, found in known[goods.product_id].items():
            rows.setdefault(model, []).extend(_renewed(model, row, ids) for row in found)
        if number % WITH_PICTURE == 0:
            _add_picture(rows, goods.seller_id, ids[goods.product_id])
    for model in (Batch, StockPool, Product, Variant, SearchTerm, Image, ProductImage):
        if rows.get(model):
            db.session.execute(insert(model), rows[model])


def _rows_of(goods: Goods) -> Iterator[tuple[type[Base], list[dict[str, Any]]]]:
    product = db.session.get_one(Product, goods.product_id)
    for model, condition in (
        (Batch, Batch.id == product.batch_id),
        (StockPool, StockPool.id == goods.pool_id),
        (Product, Product.id == goods.product_id),
        (Variant, Variant.product_id == goods.product_id),
        (SearchTerm, SearchTerm.product_id == goods.product_id),
    ):
        names = [attribute.key for attribute in model.__mapper__.column_attrs]
        found = db.session.execute(select(model).where(condition)).scalars()
        yield model, [{name: getattr(row, name) for name in names} for row in found]


def _renewed(model: type[Base], row: dict[str, Any], ids: dict[int, int]) -> dict[str, Any]:
    """A row under a new id, with its references to what was copied before; ids remembers."""
    copied = {name: ids.get(value, value) if name.endswith("_id") else value for name, value in row.items()}
    if "id" in row:
        copied["id"] = ids[row["id"]] = new_id()
    if model is Product:
        copied |= {"code": new_code(9), "client_id": None, "listed_rank": copied["id"]}
    if model is Batch:
        copied["code"] = new_code(9)
    return copied


def _add_picture(rows: Rows, seller_id: int, product_id: int) -> None:
    image_id = new_id()
    rows.setdefault(Image, []).append(
        {
            "id": image_id,
            "seller_id": seller_id,
            "name": f"{image_id:032x}",
            "upload_key": f"bench-{image_id}",
            "state": ImageState.READY,
            "width": 1080,
            "height": 810,
            "credit": "",
            "created_at": clock.now(),
        }
    )
    rows.setdefault(ProductImage, []).append(
        {"seller_id": seller_id, "product_id": product_id, "image_id": image_id, "position": 0}
    )


def codes() -> list[str]:
    """The codes of all products."""
    return list(db.session.execute(select(Product.code).order_by(Product.id)).scalars())
