"""A seller's orders: what to send, what was sent, one part with what may be done, the list for packing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from flask import Blueprint, g, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from marketplace.logistics import queries as logistics
from marketplace.orders import queries
from marketplace.orders.models import SellerOrderStatus
from marketplace.orders.records import Part
from marketplace.orders.story import address_is_open, pack_words, timeline
from marketplace.payments import queries as payments
from marketplace.permissions import member_can, requires_member
from marketplace.routing import row_id

bp = Blueprint("orders", __name__)

SLIPS = 100  # of one packing list: as many as one prints and packs at once

TABS = (
    SellerOrderStatus.TO_SHIP,
    SellerOrderStatus.SHIPPED,
    SellerOrderStatus.DELIVERED,
    SellerOrderStatus.COMPLETED,
    SellerOrderStatus.CANCELLED,
)


@bp.get("/")
@requires_member("orders:read")
def index() -> ResponseReturnValue:
    """Parts by status; what has to be sent comes first, the earliest deadline on top."""
    asked = request.args.get("status", SellerOrderStatus.TO_SHIP.value)
    status = SellerOrderStatus(asked) if asked in set(TABS) else None
    after = request.args.get("after", type=row_id)
    if status == SellerOrderStatus.TO_SHIP:
        parts, following = queries.list_to_ship(g.seller.id, after)
    else:
        parts, following = queries.list_for_seller(g.seller.id, status, after)
    return render_template(
        "orders/seller/index.html",
        tab="ship",
        parts=parts,
        chosen=status,
        tabs=TABS,
        counts=queries.count_for_seller(g.seller.id),
        pack_label=pack_words,
        next_url=url_for(".index", status=asked, after=following) if following else None,
    )


@bp.get("/packing")
@requires_member("orders:read")
def packing() -> ResponseReturnValue:
    """What to pack, summed by product and pack, and a slip for each parcel; for the printer."""
    after = request.args.get("after", type=row_id)
    parts, following = queries.list_to_ship(g.seller.id, after, limit=SLIPS)
    return render_template(
        "orders/seller/packing.html",
        tab="ship",
        parts=parts,
        piles=piles(parts),
        pack_label=pack_words,
        next_url=url_for(".packing", after=following) if following else None,
    )


@bp.get("/<code>")
@requires_member("orders:read")
def detail(code: str) -> ResponseReturnValue:
    """The shop's own part of an order; another shop's is not found."""
    part = queries.get_seller_order(g.seller.id, code)
    sale = part.seller_order
    carriers = logistics.shown_carriers()
    return render_template(
        "orders/seller/detail.html",
        tab="ship",
        part=part,
        sale=sale,
        order=part.order,
        address_open=address_is_open(sale, part.order),
        shipments=logistics.shipments_of(g.seller.id, sale.id),
        carriers=carriers,
        refunds=payments.refunds_by_order([sale.id]).get(sale.id, []),
        timeline_events=timeline(part.events, carriers, named=True),
        may_ship=member_can(g.member, "orders:ship"),
        may_refund=member_can(g.member, "orders:refund"),
        pack_label=pack_words,
    )


@dataclass(frozen=True)
class Pile:
    """So many of one pack over all parcels."""

    title: str
    pack: str
    detail: str
    count: int


def piles(parts: Iterable[Part]) -> list[Pile]:
    """All lines of the parcels summed by product and pack, the largest first."""
    found: dict[tuple[int, int], Pile] = {}
    for part in parts:
        for line in part.lines:
            key = (line.product_id, line.variant_id)
            before = found[key].count if key in found else 0
            size = line.snapshot.get("size")
            words = [line.snapshot.get("variety"), line.snapshot.get("grade")]
            if size:
                words.append(_("%(least)s–%(most)s 毫米", least=size[0], most=size[1]))
            detail = " · ".join(str(word) for word in words if word)
            found[key] = Pile(line.title, pack_words(line.pack), detail, before + line.count)
    return sorted(found.values(), key=lambda pile: (-pile.count, pile.title))
