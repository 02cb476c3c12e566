"""The stock's verbs: every change of a pool is one guarded UPDATE whose row count is checked (D2).

Pools are taken in the order of their ids, sellers in the order of theirs, so that two baskets never wait for each
other in a circle. Amounts are in the pool's unit: grams, millilitres or pieces.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import ColumnElement, select, update

from marketplace import audit, clock
from marketplace.audit import Actor
from marketplace.database import count_changed, db, insert_once, new_id
from marketplace.inventory.models import Hold, HoldState, MovementKind, StockMovement, StockPool, Unit
from marketplace.inventory.queries import get_pool
from marketplace.inventory.rules import BelowHeldError, HoldLapsedError, OutOfStockError, WrongAmountError


def create_pool(
    actor: Actor,
    *,
    seller_id: int,
    batch_id: int,
    grade_code: str | None,
    size_code: str | None,
    unit: Unit,
    amount: int,
) -> StockPool:
    """A new pool with its first amount, which may be zero; WrongAmountError at "amount" when negative."""
    if amount < 0:
        raise WrongAmountError("amount")
    pool = StockPool(
        seller_id=seller_id,
        batch_id=batch_id,
        grade_code=grade_code,
        size_code=size_code,
        unit=unit,
        on_hand=amount,
        held=0,
    )
    db.session.add(pool)
    db.session.flush()
    if amount:
        _move(MovementKind.RECEIVED, pool.id, amount, seller_id=seller_id, actor_id=actor.user_id)
    audit.record(
        actor, "pool.created", "pool", pool.id, seller_id=seller_id, changes={"on_hand": [0, amount]}
    )
    return pool


def receive(actor: Actor, *, seller_id: int, pool_id: int, amount: int) -> None:
    """Add what came in; WrongAmountError at "amount" unless above zero, NotFoundError for another's pool."""
    if amount <= 0:
        raise WrongAmountError("amount")
    if not _change(seller_id, pool_id, on_hand=amount):
        get_pool(seller_id, pool_id)
    _move(MovementKind.RECEIVED, pool_id, amount, seller_id=seller_id, actor_id=actor.user_id)
    audit.record(actor, "pool.received", "pool", pool_id, seller_id=seller_id, changes={"amount": amount})


def correct(actor: Actor, *, seller_id: int, pool_id: int, on_hand: int, note: str) -> None:
    """Set a pool to what was counted; BelowHeldError below what unpaid orders keep."""
    if on_hand < 0:
        raise WrongAmountError("on_hand")
    db.session.execute(
        select(StockPool.id)
        .where(StockPool.seller_id == seller_id, StockPool.id == pool_id)
        .with_for_update()
    )
    before = get_pool(seller_id, pool_id).on_hand
    if before == on_hand:
        return
    if not _change(seller_id, pool_id, StockPool.held <= on_hand, on_hand=on_hand - before):
        raise BelowHeldError
    _move(
        MovementKind.CORRECTED,
        pool_id,
        on_hand - before,
        seller_id=seller_id,
        actor_id=actor.user_id,
        note=note,
    )
    audit.record(
        actor, "pool.corrected", "pool", pool_id, seller_id=seller_id, changes={"on_hand": [before, on_hand]}
    )


def hold(*, order_id: int, seller_id: int, amounts: Mapping[int, int], expires_at: datetime) -> None:
    """Keep amounts of one seller's pools for an unpaid order: all of them, or the act (its savepoint) ends.

    OutOfStockError names every pool that has too little. A repeat for the same order changes nothing; what the order
    had kept and was released is taken again.
    """
    hold_all(order_id=order_id, by_seller={seller_id: amounts}, expires_at=expires_at)


def hold_all(*, order_id: int, by_seller: Mapping[int, Mapping[int, int]], expires_at: datetime) -> None:
    """hold() for several sellers in the order of their ids; OutOfStockError names pools of all of them."""
    missing = [
        pool_id
        for seller_id, amounts in sorted(by_seller.items())
        for pool_id, amount in sorted(amounts.items())
        if not _hold_one(order_id, seller_id, pool_id, amount, expires_at)
    ]
    if missing:
        raise OutOfStockError(missing)


def prolong(*, order_id: int, seller_id: int, expires_at: datetime) -> None:
    """Keep what an unpaid order has of one seller until a later moment."""
    count_changed(
        update(Hold)
        .where(Hold.seller_id == seller_id, Hold.order_id == order_id, Hold.state == HoldState.HELD)
        .values(expires_at=expires_at)
    )


def release(*, order_id: int, seller_id: int) -> None:
    """Give back what an unpaid order kept of one seller; a repeat changes nothing."""
    for kept in _holds(order_id, seller_id):
        if _set_state(kept.id, HoldState.HELD, HoldState.RELEASED):
            _must(_change(seller_id, kept.pool_id, StockPool.held >= kept.amount, held=-kept.amount))


def confirm(*, order_id: int, seller_id: int, actor: Actor) -> None:
    """Turn what an order kept of one seller into a sale; a repeat changes nothing.

    HoldLapsedError when any of it was released before: hold() again first.
    """
    for kept in _holds(order_id, seller_id):
        if kept.state == HoldState.CONFIRMED:
            continue
        if not _set_state(kept.id, HoldState.HELD, HoldState.CONFIRMED):
            raise HoldLapsedError
        _must(
            _change(
                seller_id,
                kept.pool_id,
                StockPool.held >= kept.amount,
                held=-kept.amount,
                on_hand=-kept.amount,
            )
        )
        _move(
            MovementKind.SOLD,
            kept.pool_id,
            -kept.amount,
            seller_id=seller_id,
            actor_id=actor.user_id,
            order_id=order_id,
        )


def restock(actor: Actor, *, seller_id: int, order_id: int, amounts: Mapping[int, int]) -> None:
    """Put back what was sold and never left; the caller's own guarded status move makes it happen once."""
    for pool_id, amount in sorted(amounts.items()):
        _must(_change(seller_id, pool_id, on_hand=amount))
        _move(
            MovementKind.RETURNED,
            pool_id,
            amount,
            seller_id=seller_id,
            actor_id=actor.user_id,
            order_id=order_id,
        )


def _guard(amount: int) -> ColumnElement[bool]:
    """What decides whether a pool still has an amount: the one clause that forbids overselling."""
    return StockPool.on_hand - StockPool.held >= amount


def _hold_one(order_id: int, seller_id: int, pool_id: int, amount: int, expires_at: datetime) -> bool:
    made = insert_once(
        Hold,
        id=new_id(),
        seller_id=seller_id,
        order_id=order_id,
        pool_id=pool_id,
        amount=amount,
        state=HoldState.HELD,
        expires_at=expires_at,
    )
    if not made:
        again = (
            update(Hold)
            .where(
                Hold.seller_id == seller_id,
                Hold.order_id == order_id,
                Hold.pool_id == pool_id,
                Hold.state == HoldState.RELEASED,
            )
            .values(state=HoldState.HELD, amount=amount, expires_at=expires_at)
        )
        if not count_changed(again):
            return True
    return _change(seller_id, pool_id, _guard(amount), held=amount)


def _holds(order_id: int, seller_id: int) -> list[Hold]:
    query = (
        select(Hold)
        .where(Hold.seller_id == seller_id, Hold.order_id == order_id)
        .order_by(Hold.pool_id)
        .execution_options(populate_existing=True)
    )
    return list(db.session.execute(query).scalars())


def _set_state(hold_id: int, before: HoldState, after: HoldState) -> bool:
    change = update(Hold).where(Hold.id == hold_id, Hold.state == before).values(state=after)
    return count_changed(change) == 1


def _change(
    seller_id: int, pool_id: int, *guards: ColumnElement[bool], on_hand: int = 0, held: int = 0
) -> bool:
    """Move a pool's figures by these differences, if it is the seller's and the guards hold."""
    change = (
        update(StockPool)
        .where(StockPool.id == pool_id, StockPool.seller_id == seller_id, *guards)
        .values(on_hand=StockPool.on_hand + on_hand, held=StockPool.held + held)
    )
    return count_changed(change) == 1


def _move(
    kind: MovementKind,
    pool_id: int,
    amount: int,
    *,
    seller_id: int,
    actor_id: int | None,
    order_id: int | None = None,
    note: str = "",
) -> None:
    db.session.add(
        StockMovement(
            seller_id=seller_id,
            pool_id=pool_id,
            kind=kind,
            amount=amount,
            order_id=order_id,
            note=note,
            actor_id=actor_id,
            at=clock.now(),
        )
    )


def _must(done: bool) -> None:
    """A pool and its holds disagree: nothing of this act may stay."""
    if not done:
        raise RuntimeError("a pool holds less than its orders keep")
