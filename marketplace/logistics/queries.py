"""Carriers, freight templates and shipments."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from sqlalchemy import and_, select

from marketplace.database import db
from marketplace.i18n import choose
from marketplace.logistics.models import Carrier, FreightRule, FreightTemplate, Shipment
from marketplace.logistics.rules import Group, Rate, Template


def list_carriers() -> list[Carrier]:
    return list(db.session.execute(select(Carrier).order_by(Carrier.position)).scalars())


def shown_carriers() -> dict[str, str]:
    """Names in the reader's language by code, and by the Chinese name that an order's story keeps."""
    shown = {}
    for carrier in list_carriers():
        shown[carrier.code] = shown[carrier.name] = choose(carrier.name, carrier.name_en)
    return shown


def templates_for(seller_ids: Iterable[int]) -> dict[int, Template]:
    """Freight templates by seller, in one statement; a seller without one serves nowhere."""
    wanted = set(seller_ids)
    rows = db.session.execute(
        select(
            FreightTemplate.seller_id,
            FreightTemplate.free_from_amount,
            FreightRule.province_code,
            FreightRule.first_amount,
            FreightRule.next_amount,
        )
        .join(
            FreightRule,
            and_(
                FreightRule.seller_id == FreightTemplate.seller_id,  # by the index of its sellers
                FreightRule.template_id == FreightTemplate.id,
            ),
        )
        .where(FreightTemplate.seller_id.in_(wanted))
    )
    rates: dict[int, dict[str, Rate]] = defaultdict(dict)
    free_from: dict[int, int | None] = {}
    for seller_id, free, province, first, following in rows:
        rates[seller_id][province] = Rate(first, following)
        free_from[seller_id] = free
    return {seller_id: Template(rates[seller_id], free_from[seller_id]) for seller_id in free_from}


def groups_of(seller_id: int) -> tuple[list[Group], int | None]:
    """A seller's template as groups of provinces, and the amount from which freight is free."""
    template = db.session.execute(
        select(FreightTemplate).where(FreightTemplate.seller_id == seller_id)
    ).scalar_one_or_none()
    if template is None:
        return [], None
    rows = db.session.execute(
        select(FreightRule)
        .where(FreightRule.seller_id == seller_id)
        .order_by(FreightRule.group_position, FreightRule.province_code)
    ).scalars()
    groups: dict[int, list[FreightRule]] = defaultdict(list)
    for rule in rows:
        groups[rule.group_position].append(rule)
    return [
        Group(tuple(rule.province_code for rule in rules), rules[0].first_amount, rules[0].next_amount)
        for rules in groups.values()
    ], template.free_from_amount


def shipments_of(seller_id: int, seller_order_id: int) -> list[Shipment]:
    """Parcels of one seller order, oldest first."""
    query = select(Shipment).where(
        Shipment.seller_id == seller_id, Shipment.seller_order_id == seller_order_id
    )
    return list(db.session.execute(query.order_by(Shipment.id)).scalars())


def shipments_by_order(seller_order_ids: Iterable[int]) -> dict[int, list[Shipment]]:
    """Parcels by seller order, in one statement; for a buyer's order, whose parts were scoped before."""
    found: dict[int, list[Shipment]] = defaultdict(list)
    query = select(Shipment).where(Shipment.seller_order_id.in_(set(seller_order_ids))).order_by(Shipment.id)
    for shipment in db.session.execute(query).scalars():
        found[shipment.seller_order_id].append(shipment)
    return found


def waybills_elsewhere(seller_id: int, seller_order_id: int, waybills: Iterable[str]) -> list[str]:
    """Those of the numbers that other orders of the seller carry too: a repeat is warned about, not refused."""
    query = select(Shipment.waybill).where(
        Shipment.seller_id == seller_id,
        Shipment.waybill.in_(list(waybills)),
        Shipment.seller_order_id != seller_order_id,
    )
    return sorted(set(db.session.execute(query).scalars()))
