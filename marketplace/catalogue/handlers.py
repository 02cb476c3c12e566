"""The job that makes a shop's goods found by its new name."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from sqlalchemy import select

from marketplace.catalogue import search
from marketplace.catalogue.models import Product, ProductStatus
from marketplace.database import db, run_in_transaction
from marketplace.jobs.registry import handler

BATCH = 200


@handler("catalogue.index_shop")
def index_shop(payload: dict[str, Any]) -> None:
    """Write the terms of every published product of a shop afresh, some in each transaction; safe to repeat."""
    seller_id, last = int(payload["seller_id"]), 0
    while True:
        query = (
            select(Product.id)
            .where(Product.seller_id == seller_id, Product.status == ProductStatus.PUBLISHED, Product.id > last)
            .order_by(Product.id)
            .limit(BATCH)
        )
        found = db.session.execute(query).scalars().all()
        if not found:
            return
        run_in_transaction(partial(_index, found))
        last = found[-1]


def _index(product_ids: Sequence[int]) -> None:
    for product_id in product_ids:
        search.index(product_id)
