"""Orders as finance, operations and centre staff see them: of their counties, personal data masked."""

from __future__ import annotations

from flask import Blueprint, g, render_template, request, url_for
from flask.typing import ResponseReturnValue

from marketplace.forms import normal_phone
from marketplace.logistics import queries as logistics
from marketplace.orders import queries
from marketplace.orders.models import SellerOrderStatus
from marketplace.orders.story import pack_words, timeline
from marketplace.payments import queries as payments
from marketplace.permissions import requires
from marketplace.routing import row_id

bp = Blueprint("orders", __name__)


@bp.get("/")
@requires("orders:read")
def index() -> ResponseReturnValue:
    """Seller orders by code or phone, and by status, newest first."""
    text = request.args.get("q", "").strip()[:40]
    asked = request.args.get("status", "")
    status = SellerOrderStatus(asked) if asked in set(SellerOrderStatus) else None
    parts, after = queries.list_for_staff(
        g.viewer,
        text=normal_phone(text) or text,
        status=status,
        after=request.args.get("after", type=row_id),
    )
    return render_template(
        "orders/staff/index.html",
        parts=parts,
        text=text,
        status_chosen=status,
        statuses=list(SellerOrderStatus),
        next_url=url_for(".index", q=text or None, status=asked or None, after=after) if after else None,
    )


@bp.get("/<code>")
@requires("orders:read")
def detail(code: str) -> ResponseReturnValue:
    """One seller order with its money and what happened; another county's is not found."""
    part = queries.get_for_staff(g.viewer, code)
    sale = part.seller_order
    carriers = logistics.shown_carriers()
    may_see_payments = g.viewer.can("payments:read")
    return render_template(
        "orders/staff/detail.html",
        part=part,
        sale=sale,
        order=part.order,
        shipments=logistics.shipments_of(sale.seller_id, sale.id),
        carriers=carriers,
        payments=payments.payments_of(part.order.id) if may_see_payments else [],
        refunds=payments.refunds_by_order([sale.id]).get(sale.id, []),
        timeline_events=timeline(part.events, carriers, named=True),
        pack_label=pack_words,
    )
