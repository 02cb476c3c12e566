"""Saving a freight template, sending parcels, recording that they arrived."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from flask_babel import gettext as _
from sqlalchemy import delete, select, update

from marketplace import audit, clock
from marketplace.audit import Actor
from marketplace.database import db
from marketplace.errors import DomainError
from marketplace.logistics import queries, rules
from marketplace.logistics.models import Carrier, FreightRule, FreightTemplate, Shipment
from marketplace.orders import services as orders
from marketplace.orders.models import SellerOrder, SellerOrderStatus
from marketplace.orders.moves import load


class AlreadySentError(DomainError):
    """The parcels went out before, with other numbers than these."""

    def __init__(self, numbers: Sequence[str]) -> None:
        words = _("这一单已经发出去了，单号是 %(numbers)s；这次填的没有记。", numbers="、".join(numbers))
        super().__init__(words, field="waybills")


class ParcelTakenError(DomainError):
    """Two parcels of one order cannot have one number."""

    def __init__(self, number: str) -> None:
        super().__init__(_("这一单里已经有单号 %(number)s", number=number))


class ParcelGoneError(DomainError):
    """Somebody corrected the number after the page was shown."""

    def __init__(self, number: str) -> None:
        super().__init__(_("单号 %(number)s 刚刚改过了，请看看现在的单号", number=number))


class HardlyDeliveredError(DomainError):
    """Delivered so soon after dispatch: the seller has to say that it is no slip."""

    def __init__(self) -> None:
        hours = rules.SOONEST_DELIVERY // timedelta(hours=1)
        super().__init__(
            _("发出还不到 %(hours)s 小时，快递一般送不到。真的签收了，请勾上再点。", hours=hours),
            field="is_sure",
        )


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
    carrier = _carrier(carrier_code)
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
        if {(one.carrier_code, one.waybill) for one in sent} != {
            (carrier_code, number) for number in numbers
        }:
            raise AlreadySentError([one.waybill for one in sent])
        return sent
    sale = load(seller_order_id, seller_id=seller_id)
    shipments = [_add_parcel(sale, carrier, number) for number in numbers]
    db.session.flush()
    return shipments


def _carrier(code: str) -> Carrier:
    carrier = db.session.get(Carrier, code)
    if carrier is None:
        raise DomainError(_("请选快递公司"), field="carrier_code")
    return carrier


def change_parcels(
    actor: Actor, *, seller_id: int, seller_order_id: int, changes: Sequence[rules.ParcelChange]
) -> bool:
    """Correct numbers and add parcels until the order is delivered; the buyer is told once. False: nothing changed.

    Said again it changes nothing. Refuses BadWaybillError, ParcelTakenError, ParcelGoneError, NotFoundError for
    another's order, and what orders.lock_on_the_way refuses.
    """
    sale = orders.lock_on_the_way(seller_id=seller_id, seller_order_id=seller_order_id)
    shipments = {one.waybill: one for one in queries.shipments_of(seller_id, seller_order_id)}
    corrected: list[tuple[str, str]] = []
    added: list[str] = []
    for change in changes:
        number = rules.read_written(change)
        if not number:
            continue
        carrier = _carrier(change.carrier_code)
        shipment, other = shipments.get(change.was), shipments.get(number)
        if shipment is None:
            if other is None and change.was:
                raise ParcelGoneError(change.was)
            if other is None:
                shipments[number] = _add_parcel(sale, carrier, number)
                added.append(number)
        elif other not in {None, shipment}:
            raise ParcelTakenError(number)
        elif (shipment.waybill, shipment.carrier_code) != (number, carrier.code):
            corrected.append((shipment.waybill, number))
            shipment.waybill, shipment.carrier_code = number, carrier.code
            shipments[number] = shipments.pop(change.was)
            db.session.flush()  # the old number is free for the next row
    db.session.flush()
    if corrected or added:
        numbers = [one.waybill for one in shipments.values()]
        orders.note_parcels(actor, sale, corrected=corrected, added=added, numbers=numbers)
    return bool(corrected or added)


def _add_parcel(sale: SellerOrder, carrier: Carrier, number: str) -> Shipment:
    shipment = Shipment(
        seller_id=sale.seller_id,
        seller_order_id=sale.id,
        carrier_code=carrier.code,
        waybill=number,
        shipped_at=clock.now(),
    )
    db.session.add(shipment)
    return shipment


def record_delivery(actor: Actor, *, seller_id: int, seller_order_id: int, is_sure: bool = False) -> None:
    """All parcels of a seller order arrived: the claim window and the wait for confirmation begin.

    HardlyDeliveredError so soon after dispatch, unless the seller is sure; else what orders.deliver refuses.
    """
    sale = load(seller_order_id, seller_id=seller_id, lock=True)
    sent_at = sale.shipped_at if sale.status == SellerOrderStatus.SHIPPED else None
    if sent_at and not is_sure and rules.is_hardly_delivered(sent_at, clock.now()):
        raise HardlyDeliveredError
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
