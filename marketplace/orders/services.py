"""The orders' verbs: each is one guarded status move with everything that belongs to it, in the caller's transaction.

A move that lies behind already changes nothing and answers False; one that is not allowed raises MoveRefusedError.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from sqlalchemy import update

from marketplace import audit, clock, settings
from marketplace.audit import SYSTEM, Actor
from marketplace.database import count_changed, db, run_in_transaction
from marketplace.errors import DomainError, NotFoundError
from marketplace.inventory import services as inventory
from marketplace.inventory.rules import OutOfStockError
from marketplace.ledger import services as ledger
from marketplace.ledger.rules import commission_of
from marketplace.logs import log
from marketplace.notifications.services import notify
from marketplace.orders import queries, rules
from marketplace.orders.models import (
    Order,
    PaymentMethod,
    PaymentState,
    SellerOrder,
    SellerOrderStatus,
)
from marketplace.orders.moves import (
    confirm_at,
    load,
    move,
    notify_cancelled,
    notify_part_cancelled,
    notify_seller,
    notify_withdrawn,
    tell,
)
from marketplace.orders.placing import create as create
from marketplace.orders.rules import Move
from marketplace.revenue import services as revenue
from marketplace.revenue.models import AgriClass
from marketplace.revenue.rules import line_revenue


def prolong(order_id: int, *, hold_until: datetime) -> bool:
    """Keep an unpaid order's stock longer, since paying begins again; False when it is unpaid no more."""
    later = (
        update(Order)
        .where(Order.id == order_id, Order.payment_state == PaymentState.UNPAID)
        .values(hold_until=hold_until)
    )
    if not count_changed(later):
        return False
    for sale in queries.sellers_of(order_id):
        inventory.prolong(order_id=order_id, seller_id=sale.seller_id, expires_at=hold_until)
    return True


def mark_paid(order_id: int, *, at: datetime) -> bool:
    """The whole order was paid at that moment, its parts go to their sellers; False when it was paid or cancelled.

    The caller writes the payment's parts and books them in the same transaction.
    """
    paid = (
        update(Order)
        .where(Order.id == order_id, Order.payment_state == PaymentState.UNPAID)
        .values(payment_state=PaymentState.PAID, paid_at=at)
    )
    if not count_changed(paid):
        queries.get_order(order_id)
        return False
    ship_by = at + timedelta(hours=settings.get("orders.ship_hours"))
    order = queries.get_order(order_id)
    for sale in queries.sellers_of(order_id):
        move(sale.id, Move.PAY, ship_by=ship_by)
        inventory.confirm(order_id=order_id, seller_id=sale.seller_id, actor=SYSTEM)
        tell(order_id, sale.seller_id, "paid", SYSTEM)
        notify_seller(sale)
    notify(
        "order_paid",
        phone=order.contact_phone,
        parameters={"code": order.code, "amount": order.total_amount},
        language=order.language,
    )
    return True


def cancel_unpaid(actor: Actor, order_id: int, reason: str) -> bool:
    """Cancel a whole unpaid order and give back all it kept; False when it was paid or cancelled before.

    reason is a key of rules.CANCEL_REASONS, or words. The caller has ended the provider's session before (D8).
    """
    cancelled = (
        update(Order)
        .where(Order.id == order_id, Order.payment_state == PaymentState.UNPAID)
        .values(payment_state=PaymentState.CANCELLED, cancelled_at=clock.now())
    )
    if not count_changed(cancelled):
        queries.get_order(order_id)
        return False
    for sale in queries.sellers_of(order_id):
        move(sale.id, Move.CANCEL_UNPAID, cancelled_at=clock.now())
        inventory.release(order_id=order_id, seller_id=sale.seller_id)
    tell(order_id, None, "cancelled", actor, reason=reason)
    audit.record(actor, "order.cancelled", "order", order_id, changes={"reason": reason})
    order = queries.get_order(order_id)
    notify_cancelled(order, reason)
    return True


def revive(order_id: int, *, hold_until: datetime) -> bool:
    """Take a cancelled unpaid order back, since its payment came late: holds everything again, or nothing (D8).

    True when the order is unpaid and held now, so that mark_paid() may follow; False when some of it is sold out or
    the order was paid by another payment.
    """
    try:
        with db.session.begin_nested():
            taken_back = (
                update(Order)
                .where(Order.id == order_id, Order.payment_state == PaymentState.CANCELLED)
                .values(payment_state=PaymentState.UNPAID, cancelled_at=None, hold_until=hold_until)
            )
            if not count_changed(taken_back):
                return queries.get_order(order_id).payment_state == PaymentState.UNPAID
            by_seller = {}
            for sale in queries.sellers_of(order_id):
                move(sale.id, Move.REVIVE, cancelled_at=None)
                by_seller[sale.seller_id] = rules.pool_amounts(queries.lines_of(sale.seller_id, sale.id))
            inventory.hold_all(order_id=order_id, by_seller=by_seller, expires_at=hold_until)
            tell(order_id, None, "revived", SYSTEM)
    except OutOfStockError:
        return False
    return True


def ship(
    actor: Actor,
    *,
    seller_id: int,
    seller_order_id: int,
    carrier: str = "",
    carrier_en: str | None = None,
    waybill: str = "",
    seen: str | None = None,
) -> bool:
    """The seller handed its part to a carrier; the buyer is told. NotFoundError for another's, MoveRefusedError.

    The event keeps the carrier's Chinese name, by which a page finds the reader's; the message takes the order's.

    seen is the part's mark as the page showed it: PartChangedError when money went back meanwhile.
    """
    sale = load(seller_order_id, seller_id=seller_id, lock=True)
    if sale.status == SellerOrderStatus.TO_SHIP and seen not in {None, sale.mark}:
        raise rules.PartChangedError
    moment = clock.now()
    due = confirm_at(shipped_at=moment)
    if not move(seller_order_id, Move.SHIP, seller_id=seller_id, shipped_at=moment, confirm_at=due):
        return False
    sale = load(seller_order_id)
    tell(sale.order_id, seller_id, "shipped", actor, carrier=carrier, waybill=waybill)
    audit.record(actor, "order.shipped", "seller_order", sale.id, seller_id=seller_id)
    order = queries.get_order(sale.order_id)
    notify(
        "order_shipped",
        phone=order.contact_phone,
        parameters={
            "code": order.code,
            "carrier": (carrier_en if order.language == "en" else None) or carrier,
            "waybill": waybill,
        },
        language=order.language,
    )
    return True


def lock_on_the_way(*, seller_id: int, seller_order_id: int) -> SellerOrder:
    """The part while its parcels are on their way, locked. NotFoundError for another's, ParcelsClosedError."""
    sale = load(seller_order_id, seller_id=seller_id, lock=True)
    if sale.status != SellerOrderStatus.SHIPPED:
        raise rules.ParcelsClosedError
    return sale


def note_parcels(
    actor: Actor,
    sale: SellerOrder,
    *,
    corrected: Sequence[tuple[str, str]],
    added: Sequence[str],
    numbers: Sequence[str],
) -> None:
    """Parcels of a dispatched part have other numbers, or are more: told to its people, and to the buyer by message."""
    changes = {"corrected": [list(pair) for pair in corrected], "added": list(added)}
    tell(sale.order_id, sale.seller_id, "parcels_changed", actor, **changes)
    audit.record(
        actor, "order.parcels_changed", "seller_order", sale.id, seller_id=sale.seller_id, changes=changes
    )
    order = queries.get_order(sale.order_id)
    notify(
        "order_parcels_changed",
        phone=order.contact_phone,
        parameters={"code": order.code, "waybills": " ".join(numbers[:3])},
        language=order.language,
    )


def deliver(actor: Actor, *, seller_id: int, seller_order_id: int, at: datetime | None = None) -> bool:
    """The carrier recorded the delivery; from now on the shorter time for confirmation runs (D18)."""
    moment = at or clock.now()
    due = confirm_at(shipped_at=moment, delivered_at=moment)
    if not move(seller_order_id, Move.DELIVER, seller_id=seller_id, delivered_at=moment, confirm_at=due):
        return False
    sale = load(seller_order_id)
    tell(sale.order_id, seller_id, "delivered", actor)
    audit.record(actor, "order.delivered", "seller_order", sale.id, seller_id=seller_id)
    return True


def complete(actor: Actor, *, seller_order_id: int, due_by: datetime | None = None) -> bool:
    """Receipt is confirmed: the sale is revenue and the money is the seller's, booked in this transaction, once.

    The caller has made sure that the actor is the buyer, or that time is over: due_by also asks that confirm_at is
    not later. MoveRefusedError before dispatch.
    """
    moment = clock.now()
    guards = [SellerOrder.confirm_at <= due_by] if due_by else []
    if not move(seller_order_id, Move.COMPLETE, *guards, completed_at=moment, confirm_at=None):
        return False
    sale = load(seller_order_id)
    lines = queries.lines_of(sale.seller_id, sale.id)
    sale.commission_amount = commission_of(
        sale.goods_amount - sale.refunded_goods_amount, sale.commission_ppm
    )
    db.session.flush()
    if queries.get_order(sale.order_id).payment_method == PaymentMethod.ON_DELIVERY:
        ledger.book_collected(sale)
    ledger.book_completion(sale)
    revenue.recognise(sale, lines)
    tell(sale.order_id, sale.seller_id, "completed", actor)
    audit.record(actor, "order.completed", "seller_order", sale.id, seller_id=sale.seller_id)
    return True


def confirm_due(limit: int = 200) -> int:
    """Complete seller orders whose time for confirmation is over, each in a transaction of its own; how many (D18)."""
    moment, done = clock.now(), 0
    for seller_order_id in queries.due_for_confirmation(moment, limit):
        try:
            done += run_in_transaction(
                lambda sale_id=seller_order_id: complete(SYSTEM, seller_order_id=sale_id, due_by=moment)  # type: ignore[misc]
            )
        except DomainError:
            continue  # somebody was faster: delivered later than thought, or cancelled
        except Exception:
            # One order that cannot be completed must not keep all others waiting.
            log().exception("confirmation.failed", seller_order_id=seller_order_id)
    return done


def withdraw_part(actor: Actor, *, seller_id: int, seller_order_id: int, reason: str) -> bool:
    """Cancel one seller's part before dispatch and put its goods back; the buyer is told.

    An order paid online needs its whole refund in the same transaction: payments.refunding.cancel_part does both.
    reason is a key of rules.CANCEL_REASONS, or words. NotFoundError for another's, MoveRefusedError after dispatch.
    """
    if not _withdraw(actor, seller_id, seller_order_id, reason):
        return False
    sale = load(seller_order_id)
    notify_part_cancelled(queries.get_order(sale.order_id), sale, reason)
    return True


def _withdraw(actor: Actor, seller_id: int, seller_order_id: int, reason: str) -> bool:
    if not move(seller_order_id, Move.WITHDRAW, seller_id=seller_id, cancelled_at=clock.now()):
        return False
    sale = load(seller_order_id)
    amounts = rules.pool_amounts(queries.lines_of(seller_id, sale.id))
    inventory.restock(actor, seller_id=seller_id, order_id=sale.order_id, amounts=amounts)
    tell(sale.order_id, seller_id, "cancelled", actor, reason=reason)
    audit.record(
        actor, "order.cancelled", "seller_order", sale.id, seller_id=seller_id, changes={"reason": reason}
    )
    return True


def cancel_on_delivery(actor: Actor, order_id: int) -> int:
    """The buyer of a cash order wants nothing any more: each parcel not sent yet is cancelled, its seller told.

    How many; one that was sent, also in this moment, stays, and so do all of an order paid otherwise.
    """
    order = queries.get_order(order_id)
    if order.payment_state != PaymentState.ON_DELIVERY:
        return 0
    withdrawn = []
    for sale in queries.sellers_of(order_id):
        with suppress(rules.MoveRefusedError):
            if _withdraw(actor, sale.seller_id, sale.id, "buyer"):
                withdrawn.append(sale)
                notify_withdrawn(sale)
    if len(withdrawn) == len(queries.sellers_of(order_id)):
        notify_cancelled(order, "buyer")
    else:
        for sale in withdrawn:
            notify_part_cancelled(order, sale, "buyer")
    return len(withdrawn)


def deduct_refund(
    actor: Actor,
    *,
    refund_id: int,
    seller_id: int,
    seller_order_id: int,
    line_id: int | None,
    goods_amount: int,
    freight_amount: int,
    reason: str,
) -> None:
    """Take a decided refund off one seller's part: off its lines, the books, and once completed off its revenue.

    line_id None divides the goods over all lines by what is left of each. Amounts in fen. A refund of everything
    before dispatch cancels the part. NothingPaidError, NothingToRefundError, RefundTooHighError (field goods_amount
    or freight_amount), NotFoundError for another's. Sending the money is the caller's: payments writes the refund
    in the same transaction.
    """
    sale = load(seller_order_id, seller_id=seller_id, lock=True)
    order = queries.get_order(sale.order_id)
    is_earned = sale.status == SellerOrderStatus.COMPLETED
    if not rules.has_money(order.payment_state, sale.status):
        raise rules.NothingPaidError
    if min(goods_amount, freight_amount) < 0 or goods_amount + freight_amount == 0:
        raise rules.NothingToRefundError
    if freight_amount > sale.freight_amount - sale.refunded_freight_amount:
        raise rules.RefundTooHighError("freight_amount")
    lines = [line for line in queries.lines_of(seller_id, sale.id) if line_id in {None, line.id}]
    if not lines:
        raise NotFoundError
    by_class: dict[AgriClass, int] = {}
    for line, share in zip(lines, rules.divide_refund(goods_amount, lines), strict=True):
        before = line_revenue(line.amount, line.vat_amount, line.refunded_amount)
        line.refunded_amount += share
        after = line_revenue(line.amount, line.vat_amount, line.refunded_amount)
        by_class[line.agri_class] = by_class.get(line.agri_class, 0) + before - after
    sale.refunded_goods_amount += goods_amount
    sale.refunded_freight_amount += freight_amount
    commission = (
        commission_of(sale.goods_amount - sale.refunded_goods_amount, sale.commission_ppm) if is_earned else 0
    )
    commission_back, sale.commission_amount = sale.commission_amount - commission, commission
    db.session.flush()
    ledger.book_refund_decided(
        seller_id=seller_id,
        seller_order_id=sale.id,
        refund_id=refund_id,
        goods_amount=goods_amount,
        freight_amount=freight_amount,
        is_earned=is_earned,
        commission_back=commission_back,
    )
    if is_earned:
        revenue.reverse(sale, refund_id, by_class, clock.now())
    elif sale.status == SellerOrderStatus.TO_SHIP and sale.refunded_amount == sale.total_amount:
        withdraw_part(actor, seller_id=seller_id, seller_order_id=sale.id, reason=reason)
    tell(
        sale.order_id,
        seller_id,
        "refund_decided",
        actor,
        goods_amount=goods_amount,
        freight_amount=freight_amount,
        line_id=line_id,
        reason=reason,
    )
    audit.record(
        actor,
        "order.refund_decided",
        "seller_order",
        sale.id,
        seller_id=seller_id,
        changes={"refund": refund_id, "goods": goods_amount, "freight": freight_amount},
    )
