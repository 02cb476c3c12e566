"""What waits for a seller today: what has to be sent, what is on its way, and when its money comes free."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import case, func, select

from marketplace import clock, settings
from marketplace.database import db
from marketplace.ledger.rules import settlement_from
from marketplace.orders.models import SellerOrder, SellerOrderStatus

ON_THE_WAY = (SellerOrderStatus.SHIPPED, SellerOrderStatus.DELIVERED)
LOOKED_AT = 300  # completed parts, newest first: more than are completed within one claim window by all but the largest


@dataclass(frozen=True)
class Work:
    """How many of a seller's parts wait to be sent, are on the road or wait for confirmation; what is due first."""

    to_ship: int
    shipped: int
    delivered: int
    earliest_ship_by: datetime | None
    next_confirm_at: datetime | None  # when the first receipt counts as confirmed by itself


def count_work(seller_id: int) -> Work:
    """What a seller has to do, and what is on its way; one statement over what is not finished."""
    open_ones = (SellerOrderStatus.TO_SHIP, *ON_THE_WAY)
    query = select(
        *(func.count(case((SellerOrder.status == status, 1))) for status in open_ones),
        func.min(case((SellerOrder.status == SellerOrderStatus.TO_SHIP, SellerOrder.ship_by))),
        func.min(case((SellerOrder.status.in_(ON_THE_WAY), SellerOrder.confirm_at))),
    ).where(SellerOrder.seller_id == seller_id, SellerOrder.status.in_(open_ones))
    return Work(*db.session.execute(query).one())


def next_settlement(seller_id: int) -> datetime | None:
    """The next moment at which a completed part's money may be settled, among the newest LOOKED_AT; None: all may."""
    query = (
        select(SellerOrder.completed_at, SellerOrder.delivered_at)
        .where(SellerOrder.seller_id == seller_id, SellerOrder.status == SellerOrderStatus.COMPLETED)
        .order_by(SellerOrder.id.desc())
        .limit(LOOKED_AT)
    )
    hours, now = settings.get("aftersales.claim_hours"), clock.now()
    due = [settlement_from(done, delivered, hours) for done, delivered in db.session.execute(query) if done]
    return min((moment for moment in due if moment > now), default=None)
