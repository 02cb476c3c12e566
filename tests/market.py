"""Goods and orders made beside a visitor's requests: each act in an application context of its own, as in life."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask
from sqlalchemy import func, select

from marketplace.catalogue import services as catalogue
from marketplace.database import Base, db, run_in_transaction
from marketplace.inventory import services as inventory
from tests import factories
from tests.factories import Goods


class Market:
    """The factories, and what a seller does while a buyer looks on."""

    def __init__(self, app: Flask) -> None:
        self.app = app

    def __getattr__(self, name: str) -> Callable[..., Any]:
        function = getattr(factories, name)

        def inside(*values: Any, **options: Any) -> Any:
            with self.app.app_context():
                return function(*values, **options)

        return inside

    def pause(self, goods: Goods, *, by: str = "coop_owner") -> None:
        """Take a listing off sale."""
        with self.app.app_context():
            who = factories.actor(by)
            run_in_transaction(
                lambda: catalogue.pause(who, seller_id=goods.seller_id, product_id=goods.product_id)
            )

    def change_price(self, goods: Goods, price_amount: int, *, by: str = "coop_owner") -> None:
        """Another price for the first pack."""
        with self.app.app_context():
            who = factories.actor(by)
            run_in_transaction(
                lambda: catalogue.change_price(
                    who, seller_id=goods.seller_id, variant_id=goods.variants[0], price_amount=price_amount
                )
            )

    def receive(self, goods: Goods, amount: int, *, by: str = "coop_owner") -> None:
        """More of what there is, in the pool's unit."""
        with self.app.app_context():
            who = factories.actor(by)
            run_in_transaction(
                lambda: inventory.receive(
                    who, seller_id=goods.seller_id, pool_id=goods.pool_id, amount=amount
                )
            )

    def count(self, model: type[Base]) -> int:
        """How many rows a table has."""
        with self.app.app_context():
            return int(db.session.execute(select(func.count()).select_from(model)).scalar_one())
