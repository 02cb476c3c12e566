"""Saving a freight template, sending parcels, recording that they arrived."""

from __future__ import annotations

from collections.abc import Sequence

from flask_babel import gettext as _
from sqlalchemy import delete, select, update

from marketplace import audit, clock
from marketplace.audit import Actor
from marketplace.database import db
from marketplace.errors import DomainError
from marketplace.logistics import queries, rules
from marketplace.logistics.models import Carrier, FreightRule, FreightTemplate, Shipment
from marketplace.orders import services as orders


class AlreadySentError(DomainError):
    """The parcels went out before, with other numbers than these."""

    def __init__(self, numbers: Sequence[str]) -> None:
        words = _("这一单已经发出去了，单号是 %(numbers)s；这次填的没有记。", numbers="、".join(numbers))
        super().__init__(words, field="waybills")


def save_template(
    actor: Actor, *, seller_id: int, groups: Sequence[rules.Group], free_from_amount: int | None
) -> FreightTemplate:
    """Replace a seller's freight; orders keep what was applied to them. Refuses BadTemplateError."""
    rules.check_groups(groups)
    before, free_before = queries.groups_of(seller_id)
    template = db.session.execute(
        select(FreightTemplate).where(FreightTemplate.seller_id == seller_id)
    ).scalar_one_or_none()
    if template is None:
        template = FreightTemplate(seller_id=seller_id, updated_at=clock.now())
        db.session.add(template)
    template.free_from_amount, template.updated_at = free_from_amount, clock.now()
    db.session.flush()
    db.session.execute(delete(FreightRule).where(FreightRule.seller_id == seller_id))
    for position, group in enumerate(groups):
        for province in group.provinces:
            db.session.add(
                FreightRule(
                    seller_id=seller_id,
                    template_id=template.id,
                    group_position=position,
                    province_code=province,
                    first_amount=group.first_amount,
                    next_amount=group.next_amount,
                )
            )
    db.session.flush()
    audit.record(
        actor,
        "freight.changed",
        "seller",
        seller_id,
        seller_id=seller_id,
        changes={"free_from": [free_before, free_from_amount], "groups": [len(before), len(groups)]},
    )
    return template


def dispatch(
    actor: Actor,
    *,
    seller_id: int,
    seller_order_id: int,
    carrier_code: str,
    waybills: Sequence[str],
    seen: str | None = None,
) -> list[Shipment]:
    """Send a seller order in one or more parcels and move it to shipped; a repeat gives the parcels of then.

    Refuses BadWaybillError, AlreadySentError for a repeat that names other parcels, NotFoundError for another's
    order, and what orders.ship refuses.
    """
    numbers = rules.read_waybills(waybills)
    carrier = db.session.get(Carrier, carrier_code)
    if carrier is None:
        raise DomainError(_("请选快递公司"), field="carrier_code")
    is_new = orders.ship(
        actor,
        seller_id=seller_id,
        seller_order_id=seller_order_id,
        carrier=carrier.name,
        carrier_en=carrier.name_en,
        waybill=" ".join(numbers[:3]),  # the order's page has them all
        seen=seen,
    )
    if not is_new:
        sent = queries.shipments_of(seller_id, seller_order_id)
        if {(one.carrier_code, one.waybill) for one in sent} != {(carrier_code, number) for number in numbers}:
            raise AlreadySentError([one.waybill for one in sent])
        return sent
    shipments = [
        Shipment(
            seller_id=seller_id,
            seller_order_id=seller_order_id,
            carrier_code=carrier_code,
            waybill=number,
            shipped_at=clock.now(),
        )
        for number in numbers
    ]
    db.session.add_all(shipments)
    db.session.flush()
    return shipments


def record_delivery(actor: Actor, *, seller_id: int, seller_order_id: int) -> None:
    """All parcels of a seller order arrived: the claim window and the wait for confirmation begin."""
    orders.deliver(actor, seller_id=seller_id, seller_order_id=seller_order_id)
    db.session.execute(
        update(Shipment)
        .where(
            Shipment.seller_id == seller_id,
            Shipment.seller_order_id == seller_order_id,
            Shipment.delivered_at.is_(None),
        )
        .values(delivered_at=clock.now())
    )
