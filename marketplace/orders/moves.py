"""What every verb of the orders needs: the guarded status move, the row as it stands, and telling people."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask_babel import force_locale
from sqlalchemy import select, update

from marketplace import clock, settings
from marketplace.audit import Actor
from marketplace.database import count_changed, db
from marketplace.errors import NotFoundError
from marketplace.i18n import LOCALES
from marketplace.notifications.services import notify
from marketplace.orders import queries, rules
from marketplace.orders.models import Order, OrderEvent, SellerOrder
from marketplace.orders.rules import Move
from marketplace.sellers import queries as sellers


def move(seller_order_id: int, name: Move, *guards: Any, seller_id: int | None = None, **values: Any) -> bool:
    """Carry out one move of the table, guarded by the status it starts from; seller_id limits it to its owner.

    False when it lies behind already; MoveRefusedError, NotFoundError.
    """
    starts, end = rules.MOVES[name]
    change = update(SellerOrder).where(
        SellerOrder.id == seller_order_id, SellerOrder.status.in_(starts), *guards
    )
    if seller_id is not None:
        change = change.where(SellerOrder.seller_id == seller_id)
    if count_changed(change.values(status=end, **values)):
        return True
    if load(seller_order_id, seller_id=seller_id).status in rules.PASSED.get(name, frozenset()):
        return False
    raise rules.MoveRefusedError(name)


def load(seller_order_id: int, *, seller_id: int | None = None, lock: bool = False) -> SellerOrder:
    """The seller order as it stands now; NotFoundError when there is none, or it is another's."""
    query = select(SellerOrder).where(SellerOrder.id == seller_order_id)
    if seller_id is not None:
        query = query.where(SellerOrder.seller_id == seller_id)
    if lock:
        query = query.with_for_update()
    sale = db.session.execute(query.execution_options(populate_existing=True)).scalar_one_or_none()
    if sale is None:
        raise NotFoundError
    return sale


def confirm_at(*, shipped_at: datetime, delivered_at: datetime | None = None) -> datetime:
    """When receipt counts as confirmed, by the settings in force (D18)."""
    return rules.confirm_at(
        shipped_at=shipped_at,
        delivered_at=delivered_at,
        days_after_delivery=settings.get("orders.confirm_days_after_delivery"),
        days_after_dispatch=settings.get("orders.confirm_days_after_dispatch"),
    )


def tell(order_id: int, seller_id: int | None, kind: str, actor: Actor, **data: Any) -> None:
    """Write what happened for the people of the order to read; seller_id None concerns the whole order."""
    db.session.add(
        OrderEvent(
            order_id=order_id,
            seller_id=seller_id,
            kind=kind,
            at=clock.now(),
            actor_label=actor.label,
            data=data,
        )
    )


def notify_seller(sale: SellerOrder) -> None:
    """Tell a shop's owner that there is something to send."""
    count = sum(line.count for line in queries.lines_of(sale.seller_id, sale.id))
    notify("new_order", phone=_phone_of(sale.seller_id), parameters={"code": sale.code, "count": count})


def notify_withdrawn(sale: SellerOrder) -> None:
    """Tell a shop's owner that the buyer cancelled what was to be sent."""
    notify("order_withdrawn", phone=_phone_of(sale.seller_id), parameters={"code": sale.code})


def _phone_of(seller_id: int) -> str:
    return sellers.owners_phone(seller_id) or sellers.get_seller(seller_id).phone


def notify_cancelled(order: Order, reason: str) -> None:
    """Tell the buyer that an order was cancelled, and why, in the order's language."""
    parameters = {"code": order.code, "reason": _reason(order, reason)}
    notify("order_cancelled", phone=order.contact_phone, parameters=parameters, language=order.language)


def notify_part_cancelled(order: Order, sale: SellerOrder, reason: str) -> None:
    """Tell the buyer which parcel was cancelled: by the shop's name, as the order has one number for its buyer."""
    if len(queries.sellers_of(order.id)) == 1:
        notify_cancelled(order, reason)
        return
    shop = sellers.get_seller(sale.seller_id).name
    parameters = {"code": order.code, "shop": shop, "reason": _reason(order, reason)}
    notify("parcel_cancelled", phone=order.contact_phone, parameters=parameters, language=order.language)


def _reason(order: Order, reason: str) -> str:
    with force_locale(LOCALES[order.language]):
        return str(rules.CANCEL_REASONS.get(reason, reason))
