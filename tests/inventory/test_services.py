"""Pools, movements and holds: what each verb does, refuses, and does not do twice."""

from __future__ import annotations

import pytest
from sqlalchemy.exc import IntegrityError

from marketplace import clock
from marketplace.audit import SYSTEM
from marketplace.database import db, new_id, run_in_transaction
from marketplace.errors import NotFoundError
from marketplace.inventory import services
from marketplace.inventory.models import MovementKind
from marketplace.inventory.queries import available, get_pool, list_movements, list_pools
from marketplace.inventory.rules import BelowHeldError, HoldLapsedError, OutOfStockError, WrongAmountError
from marketplace.ledger import comparisons
from tests.orders.sales import make_pool, shop_of

pytestmark = pytest.mark.usefixtures("app_context")


@pytest.fixture
def farm() -> int:
    return shop_of("farmer")


def hold(order_id: int, seller_id: int, amounts: dict[int, int]) -> None:
    run_in_transaction(
        lambda: services.hold(order_id=order_id, seller_id=seller_id, amounts=amounts, expires_at=clock.now())
    )


def release(order_id: int, seller_id: int) -> None:
    run_in_transaction(lambda: services.release(order_id=order_id, seller_id=seller_id))


def confirm(order_id: int, seller_id: int) -> None:
    run_in_transaction(lambda: services.confirm(order_id=order_id, seller_id=seller_id, actor=SYSTEM))


def figures(seller_id: int, pool_id: int) -> tuple[int, int]:
    pool = get_pool(seller_id, pool_id)
    return pool.on_hand, pool.held


def moved(seller_id: int, pool_id: int) -> list[tuple[MovementKind, int]]:
    return [(row.kind, row.amount) for row in reversed(list_movements(seller_id, pool_id))]


def test_a_hold_is_kept_once_per_order_and_confirmed_once(farm: int) -> None:
    pool, order_id = make_pool(farm, 10_000), new_id()
    for _repeat in range(2):
        hold(order_id, farm, {pool: 4_000})
    assert figures(farm, pool) == (10_000, 4_000)
    for _repeat in range(2):
        confirm(order_id, farm)
    assert figures(farm, pool) == (6_000, 0)
    release(order_id, farm)
    assert figures(farm, pool) == (6_000, 0)
    hold(order_id, farm, {pool: 4_000})
    assert figures(farm, pool) == (6_000, 0)
    assert moved(farm, pool) == [(MovementKind.RECEIVED, 10_000), (MovementKind.SOLD, -4_000)]
    assert list(comparisons.pools()) == []


def test_a_released_hold_can_be_taken_again_but_not_confirmed(farm: int) -> None:
    pool, order_id = make_pool(farm, 10_000), new_id()
    hold(order_id, farm, {pool: 4_000})
    for _repeat in range(2):
        release(order_id, farm)
    assert figures(farm, pool) == (10_000, 0)
    with pytest.raises(HoldLapsedError):
        confirm(order_id, farm)
    hold(order_id, farm, {pool: 4_000})
    confirm(order_id, farm)
    assert figures(farm, pool) == (6_000, 0)


def test_a_hold_takes_all_pools_or_none_and_names_each_that_has_too_little(farm: int) -> None:
    plenty, scarce, empty = make_pool(farm, 10_000), make_pool(farm, 999), make_pool(farm, 0)
    with pytest.raises(OutOfStockError) as refusal:
        hold(new_id(), farm, {empty: 1, plenty: 10_000, scarce: 1_000})
    assert refusal.value.pool_ids == tuple(sorted((scarce, empty)))
    assert available([plenty, scarce, empty]) == {plenty: 10_000, scarce: 999, empty: 0}


def test_what_was_refused_leaves_nothing_once_its_savepoint_ended(farm: int) -> None:
    plenty, scarce = make_pool(farm, 10_000), make_pool(farm, 999)

    def try_and_go_on() -> bool:
        wanted = {farm: {plenty: 5_000, scarce: 1_000}}
        try:
            with db.session.begin_nested():
                services.hold_all(order_id=new_id(), by_seller=wanted, expires_at=clock.now())
        except OutOfStockError:
            return False
        return True

    assert not run_in_transaction(try_and_go_on)
    assert available([plenty, scarce]) == {plenty: 10_000, scarce: 999}


def test_another_sellers_pool_is_never_touched(farm: int) -> None:
    stranger = shop_of("coop_owner")
    pool = make_pool(farm, 10_000)
    with pytest.raises(IntegrityError):
        hold(new_id(), stranger, {pool: 1})
    for act in (
        lambda: services.receive(SYSTEM, seller_id=stranger, pool_id=pool, amount=1),
        lambda: services.correct(SYSTEM, seller_id=stranger, pool_id=pool, on_hand=1, note=""),
        lambda: get_pool(stranger, pool),
    ):
        with pytest.raises(NotFoundError):
            run_in_transaction(act)
    assert figures(farm, pool) == (10_000, 0)
    assert [row.id for row in list_pools(farm)[0]][:1] == [pool]
    assert list_movements(stranger, pool) == []


def test_counting_may_not_fall_below_what_unpaid_orders_keep(farm: int) -> None:
    pool, order_id = make_pool(farm, 10_000), new_id()
    hold(order_id, farm, {pool: 4_000})

    def count(on_hand: int) -> None:
        run_in_transaction(
            lambda: services.correct(SYSTEM, seller_id=farm, pool_id=pool, on_hand=on_hand, note="盘点")
        )

    with pytest.raises(BelowHeldError):
        count(3_999)
    count(4_000)
    count(4_000)
    run_in_transaction(lambda: services.receive(SYSTEM, seller_id=farm, pool_id=pool, amount=500))
    run_in_transaction(
        lambda: services.restock(SYSTEM, seller_id=farm, order_id=order_id, amounts={pool: 100})
    )
    assert figures(farm, pool) == (4_600, 4_000)
    assert moved(farm, pool) == [
        (MovementKind.RECEIVED, 10_000),
        (MovementKind.CORRECTED, -6_000),
        (MovementKind.RECEIVED, 500),
        (MovementKind.RETURNED, 100),
    ]
    assert list(comparisons.pools()) == []


@pytest.mark.parametrize("amount", [0, -1])
def test_nothing_and_less_cannot_come_in(farm: int, amount: int) -> None:
    pool = make_pool(farm, 10)
    with pytest.raises(WrongAmountError):
        run_in_transaction(lambda: services.receive(SYSTEM, seller_id=farm, pool_id=pool, amount=amount))
    assert figures(farm, pool) == (10, 0)
