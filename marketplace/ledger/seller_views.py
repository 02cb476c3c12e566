"""The seller's money: of each seller order what the buyer paid, the freight in it, and what the seller gets."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, g, render_template, request, url_for
from flask.typing import ResponseReturnValue

from marketplace import settings
from marketplace.ledger import queries
from marketplace.ledger.rules import SaleMoney, settlement_from
from marketplace.orders import queries as orders
from marketplace.orders.models import SellerOrder, SellerOrderStatus
from marketplace.permissions import requires_member
from marketplace.routing import row_id

bp = Blueprint("ledger", __name__)


@dataclass(frozen=True)
class Row:
    """A seller order's money with its code and where it stands: waiting, due, cash, refunded, disputed, lost."""

    money: SaleMoney
    code: str
    state: str
    settles_from: datetime | None


@bp.get("/")
@requires_member("money:read")
def index() -> ResponseReturnValue:
    """Each paid seller order, newest first."""
    page, more = queries.statement(g.seller.id, request.args.get("after", type=row_id))
    parts = orders.parts_by_id(g.seller.id, [money.seller_order_id for money in page])
    return render_template(
        "ledger/seller/index.html",
        tab="money",
        summary=queries.seller_summary(g.seller.id),
        rows=[_row(money, parts[money.seller_order_id].seller_order) for money in page],
        claim_hours=settings.get("aftersales.claim_hours"),
        next_url=url_for("seller.ledger.index", after=more) if more else None,
        first_url=url_for("seller.ledger.index") if request.args.get("after") else None,
    )


def _row(money: SaleMoney, sale: SellerOrder) -> Row:
    if money.disputed_amount:
        return Row(money, sale.code, "disputed", None)
    if money.dispute_lost_amount:
        return Row(money, sale.code, "lost", None)
    if money.net_amount <= 0:
        return Row(money, sale.code, "refunded", None)
    if sale.status != SellerOrderStatus.COMPLETED or sale.completed_at is None:
        return Row(money, sale.code, "waiting", None)
    if money.cash_amount:
        return Row(money, sale.code, "cash", None)
    hours = settings.get("aftersales.claim_hours")
    return Row(money, sale.code, "due", settlement_from(sale.completed_at, sale.delivered_at, hours))
