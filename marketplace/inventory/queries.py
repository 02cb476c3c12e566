"""What pools hold, what can be bought from them, and what moved."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import select

from marketplace.database import db
from marketplace.errors import NotFoundError
from marketplace.inventory.models import StockMovement, StockPool
from marketplace.paging import page_of

PAGE = 30


def available(pool_ids: Collection[int]) -> dict[int, int]:
    """What can still be bought of each pool, in the pool's unit; an unknown pool is left out."""
    rows = db.session.execute(
        select(StockPool.id, StockPool.on_hand - StockPool.held).where(StockPool.id.in_(pool_ids))
    )
    return dict(rows.tuples().all())


def get_pool(seller_id: int, pool_id: int) -> StockPool:
    """A seller's own pool as it stands now; NotFoundError for another's."""
    pool = db.session.execute(
        select(StockPool)
        .where(StockPool.seller_id == seller_id, StockPool.id == pool_id)
        .execution_options(populate_existing=True)
    ).scalar_one_or_none()
    if pool is None:
        raise NotFoundError
    return pool


def list_pools(seller_id: int, after: int | None = None) -> tuple[list[StockPool], int | None]:
    """A seller's pools, newest first, and the id after which the next page starts."""
    return page_of(select(StockPool).where(StockPool.seller_id == seller_id), StockPool.id, after, PAGE)


def list_movements(seller_id: int, pool_id: int, *, limit: int = 50) -> list[StockMovement]:
    """What moved in a seller's pool, newest first."""
    query = (
        select(StockMovement)
        .where(StockMovement.seller_id == seller_id, StockMovement.pool_id == pool_id)
        .order_by(StockMovement.id.desc())
        .limit(limit)
    )
    return list(db.session.execute(query).scalars())
