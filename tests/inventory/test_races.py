"""One pool, many buyers at the same moment, on a database that really commits."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, text, true
from sqlalchemy.exc import IntegrityError

from marketplace.database import db
from marketplace.inventory import services
from marketplace.inventory.queries import available, get_pool
from marketplace.inventory.rules import OutOfStockError
from marketplace.ledger import checks
from tests.orders.sales import Box, Wish, make_pool, place, shop_of
from tests.racing import at_once

SIZES = (2_500, 5_000, 10_000)
STOCK = 100_000
BUYERS = 20


@pytest.fixture
def shop(fresh_app: Flask) -> Iterator[Flask]:
    with fresh_app.app_context():
        yield fresh_app


@pytest.fixture
def without_guard(shop: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: the one clause that forbids overselling is switched off."""
    monkeypatch.setattr(services, "_guard", lambda _amount: true())


@pytest.fixture
def without_constraint(shop: Flask) -> None:
    """The control: the database's own check of the pool is switched off too."""
    if db.engine.dialect.name == "sqlite":

        def ignore(connection: Any, *_rest: Any) -> None:
            connection.execute("PRAGMA ignore_check_constraints=ON")

        event.listen(db.engine, "checkout", ignore)
        db.session.remove()
    else:
        with db.engine.begin() as connection:
            connection.execute(
                text("ALTER TABLE stock_pools DROP CONSTRAINT ck_stock_pools_never_below_zero")
            )


def buy(seller_id: int, pool_id: int, *sizes: int) -> int:
    """One basket of one box of each size; its grams."""
    place([Wish(seller_id, [Box(pool_id, size, grams=size) for size in sizes])])
    return sum(sizes)


def rush(app: Flask, seller_id: int, pool_id: int) -> dict[int, list[Any]]:
    """Twenty buyers of each size at once: what each got, by size."""
    buyers = [(size, partial(buy, seller_id, pool_id, size)) for size in SIZES for _ in range(BUYERS)]
    results = at_once(app, [act for _size, act in buyers])
    found: dict[int, list[Any]] = {size: [] for size in SIZES}
    for (size, _act), result in zip(buyers, results, strict=True):
        found[size].append(result)
    return found


def sold(results: dict[int, list[Any]]) -> int:
    return sum(result for row in results.values() for result in row if isinstance(result, int))


def test_sixty_buyers_of_three_sizes_never_get_more_than_the_pool_and_none_is_refused_what_is_left(
    shop: Flask,
) -> None:
    seller_id = shop_of("coop_owner")
    pool_id = make_pool(seller_id, STOCK)
    results = rush(shop, seller_id, pool_id)
    refusals = [result for row in results.values() for result in row if not isinstance(result, int)]
    assert all(isinstance(refusal, OutOfStockError) for refusal in refusals), refusals
    left = available([pool_id])[pool_id]
    assert sold(results) == STOCK - left <= STOCK
    for size, row in results.items():
        # Stock only shrinks here, so whoever was refused saw no more than what is left in the end plus what was
        # sold later: a refusal is right only if the size no longer fits now.
        if any(not isinstance(result, int) for result in row):
            assert left < size
    # One basket of all three sizes draws from the one pool: sold whole or not at all.
    basket = sum(SIZES)
    if left < basket:
        with pytest.raises(OutOfStockError):
            buy(seller_id, pool_id, *SIZES)
        assert available([pool_id])[pool_id] == left
    assert checks.check() == []


def test_baskets_of_all_three_sizes_are_summed_over_the_pool(shop: Flask) -> None:
    seller_id = shop_of("coop_owner")
    pool_id = make_pool(seller_id, STOCK)
    results = at_once(shop, [partial(buy, seller_id, pool_id, *SIZES) for _ in range(BUYERS)])
    assert sum(isinstance(result, int) for result in results) == STOCK // sum(SIZES)
    assert sum(isinstance(result, OutOfStockError) for result in results) == BUYERS - STOCK // sum(SIZES)
    assert available([pool_id])[pool_id] == STOCK % sum(SIZES)
    assert checks.check() == []


def test_the_last_box_is_sold_once(shop: Flask) -> None:
    seller_id = shop_of("coop_owner")
    for _round in range(3):
        pool_id = make_pool(seller_id, 5_000)
        results = at_once(shop, [partial(buy, seller_id, pool_id, 5_000) for _ in range(BUYERS)])
        assert [result for result in results if isinstance(result, int)] == [5_000]
        assert available([pool_id]) == {pool_id: 0}
    assert checks.check() == []


def test_baskets_in_opposite_orders_all_come_through(shop: Flask) -> None:
    first, second = shop_of("coop_owner"), shop_of("farmer")
    pools = {seller: [make_pool(seller), make_pool(seller)] for seller in (first, second)}

    def basket(sellers: tuple[int, int]) -> int:
        return place([Wish(seller, [Box(pool, 1000) for pool in pools[seller]]) for seller in sellers])

    acts = [partial(basket, (first, second)), partial(basket, (second, first))] * 10
    results = at_once(shop, acts)
    assert all(isinstance(result, int) for result in results), results
    left = available([pool for row in pools.values() for pool in row])
    assert set(left.values()) == {1_000_000 - 20 * 5_000}
    assert checks.check() == []


@pytest.mark.usefixtures("without_guard", "without_constraint")
def test_control_without_the_guard_the_same_rush_oversells(shop: Flask) -> None:
    seller_id = shop_of("coop_owner")
    pool_id = make_pool(seller_id, STOCK)
    results = rush(shop, seller_id, pool_id)
    assert sold(results) > STOCK
    assert get_pool(seller_id, pool_id).held > STOCK
    assert any("pool" in sentence for sentence in checks.check())


@pytest.mark.usefixtures("without_guard")
def test_without_the_guard_the_database_itself_still_refuses(shop: Flask) -> None:
    seller_id = shop_of("coop_owner")
    pool_id = make_pool(seller_id, 5_000)
    buy(seller_id, pool_id, 5_000)
    with pytest.raises(IntegrityError):
        buy(seller_id, pool_id, 2_500)
    assert checks.check() == []
