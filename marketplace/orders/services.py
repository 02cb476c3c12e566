"""The orders' verbs: each is one guarded status move with everything that belongs to it, in the caller's transaction.

A move that lies behind already changes nothing and answers False; one that is not allowed raises MoveRefusedError.
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import Any

from flask_babel import force_locale
from sqlalchemy import select, update

from marketplace import audit, clock, settings
from marketplace.accounts.queries import company_of
from marketplace.audit import SYSTEM, Actor
from marketplace.database import count_changed, db, dialect_insert, new_code, run_in_transaction
from marketplace.errors import DomainError, NotFoundError
from marketplace.i18n import LOCALES
from marketplace.inventory import services as inventory
from marketplace.inventory.rules import OutOfStockError
from marketplace.ledger import services as ledger
from marketplace.ledger.rules import commission_of
from marketplace.logs import log
from marketplace.notifications.services import notify
from marketplace.orders import queries, rules
from marketplace.orders.models import (
    BuyerKind,
    Order,
    OrderEvent,
    OrderLine,
    PaymentMethod,
    PaymentState,
    SellerOrder,
    SellerOrderStatus,
)
from marketplace.orders.rules import Move
from marketplace.revenue import services as revenue
from marketplace.revenue.models import AgriClass
from marketplace.revenue.rules import line_revenue
from marketplace.sellers import queries as sellers
from marketplace.sellers.models import Seller


def create(actor: Actor, new: rules.NewOrder) -> Order:
    """Write a new order with its seller orders and lines; its stock is held already, under new.order_id.

    Prices are those of the draft, totals are summed from its lines. Seller kind, buyer kind, credit code, mode and
    commission rate are taken as they are at this moment (D16). Cash on delivery is confirmed at once and goes to the
    sellers; an online order waits for mark_paid(). EmptyOrderError; OrderExistsError when the form was sent before.
    """
    if not new.parts or not all(part.lines for part in new.parts):
        raise rules.EmptyOrderError
    moment = clock.now()
    is_cash = new.payment_method == PaymentMethod.ON_DELIVERY
    kind, credit_code, title = _buyer_of(new)
    written = count_changed(
        dialect_insert(Order)
        .values(
            id=new.order_id,
            code=new_code(),
            form_key=new.form_key,
            access_token=secrets.token_urlsafe(24),
            buyer_id=new.buyer_id,
            contact_phone=new.contact_phone,
            buyer_kind=kind,
            buyer_credit_code=credit_code,
            invoice_title=title,
            mode_rule=rules.MODE_RULE,
            payment_method=new.payment_method,
            payment_state=PaymentState.ON_DELIVERY if is_cash else PaymentState.UNPAID,
            goods_amount=new.goods_amount,
            freight_amount=new.freight_amount,
            recipient_name=new.recipient_name,
            recipient_phone=new.recipient_phone,
            county_code=new.county_code,
            area_name=new.area_name,
            address_detail=new.address_detail,
            note=new.note,
            language=new.language,
            placed_at=moment,
            hold_until=new.hold_until,
        )
        .on_conflict_do_nothing(index_elements=["form_key"])
    )
    if not written:
        raise rules.OrderExistsError
    _add_parts(new, kind, is_cash=is_cash, moment=moment)
    _tell(new.order_id, None, "placed", actor)
    audit.record(actor, "order.placed", "order", new.order_id)
    order = queries.get_order(new.order_id)
    if is_cash:
        for sale in queries.sellers_of(order.id):
            inventory.confirm(order_id=order.id, seller_id=sale.seller_id, actor=actor)
            _notify_seller(sale)
        notify(
            "order_placed",
            phone=order.contact_phone,
            parameters={"code": order.code},
            language=order.language,
        )
    return order


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
        _move(sale.id, Move.PAY, ship_by=ship_by)
        inventory.confirm(order_id=order_id, seller_id=sale.seller_id, actor=SYSTEM)
        _tell(order_id, sale.seller_id, "paid", SYSTEM)
        _notify_seller(sale)
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
        _move(sale.id, Move.CANCEL_UNPAID, cancelled_at=clock.now())
        inventory.release(order_id=order_id, seller_id=sale.seller_id)
    _tell(order_id, None, "cancelled", actor, reason=reason)
    audit.record(actor, "order.cancelled", "order", order_id, changes={"reason": reason})
    order = queries.get_order(order_id)
    _notify_cancelled(order, order.code, reason)
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
                _move(sale.id, Move.REVIVE, cancelled_at=None)
                by_seller[sale.seller_id] = rules.pool_amounts(queries.lines_of(sale.seller_id, sale.id))
            inventory.hold_all(order_id=order_id, by_seller=by_seller, expires_at=hold_until)
            _tell(order_id, None, "revived", SYSTEM)
    except OutOfStockError:
        return False
    return True


def ship(actor: Actor, *, seller_id: int, seller_order_id: int, carrier: str = "", waybill: str = "") -> bool:
    """The seller handed its part to a carrier; the buyer is told. NotFoundError for another's, MoveRefusedError."""
    moment = clock.now()
    due = _confirm_at(shipped_at=moment)
    if not _move(seller_order_id, Move.SHIP, seller_id=seller_id, shipped_at=moment, confirm_at=due):
        return False
    sale = _load(seller_order_id)
    _tell(sale.order_id, seller_id, "shipped", actor, carrier=carrier, waybill=waybill)
    audit.record(actor, "order.shipped", "seller_order", sale.id, seller_id=seller_id)
    order = queries.get_order(sale.order_id)
    notify(
        "order_shipped",
        phone=order.contact_phone,
        parameters={"code": order.code, "carrier": carrier, "waybill": waybill},
        language=order.language,
    )
    return True


def deliver(actor: Actor, *, seller_id: int, seller_order_id: int, at: datetime | None = None) -> bool:
    """The carrier recorded the delivery; from now on the shorter time for confirmation runs (D18)."""
    moment = at or clock.now()
    due = _confirm_at(shipped_at=moment, delivered_at=moment)
    if not _move(seller_order_id, Move.DELIVER, seller_id=seller_id, delivered_at=moment, confirm_at=due):
        return False
    sale = _load(seller_order_id)
    _tell(sale.order_id, seller_id, "delivered", actor)
    audit.record(actor, "order.delivered", "seller_order", sale.id, seller_id=seller_id)
    return True


def complete(actor: Actor, *, seller_order_id: int, due_by: datetime | None = None) -> bool:
    """Receipt is confirmed: the sale is revenue and the money is the seller's, booked in this transaction, once.

    The caller has made sure that the actor is the buyer, or that time is over: due_by also asks that confirm_at is
    not later. MoveRefusedError before dispatch.
    """
    moment = clock.now()
    guards = [SellerOrder.confirm_at <= due_by] if due_by else []
    if not _move(seller_order_id, Move.COMPLETE, *guards, completed_at=moment, confirm_at=None):
        return False
    sale = _load(seller_order_id)
    lines = queries.lines_of(sale.seller_id, sale.id)
    sale.commission_amount = commission_of(
        sale.goods_amount - sale.refunded_goods_amount, sale.commission_ppm
    )
    db.session.flush()
    if queries.get_order(sale.order_id).payment_method == PaymentMethod.ON_DELIVERY:
        ledger.book_collected(sale)
    ledger.book_completion(sale)
    revenue.recognise(sale, lines)
    _tell(sale.order_id, sale.seller_id, "completed", actor)
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


def cancel_paid(actor: Actor, *, seller_id: int, seller_order_id: int, reason: str) -> bool:
    """Cancel one seller's part before dispatch and put its goods back; the buyer is told.

    An order paid online needs its whole refund in the same transaction: payments.services.cancel_paid does both.
    reason is a key of rules.CANCEL_REASONS, or words. NotFoundError for another's, MoveRefusedError after dispatch.
    """
    if not _move(seller_order_id, Move.CANCEL_PAID, seller_id=seller_id, cancelled_at=clock.now()):
        return False
    sale = _load(seller_order_id)
    amounts = rules.pool_amounts(queries.lines_of(seller_id, sale.id))
    inventory.restock(actor, seller_id=seller_id, order_id=sale.order_id, amounts=amounts)
    _tell(sale.order_id, seller_id, "cancelled", actor, reason=reason)
    audit.record(
        actor, "order.cancelled", "seller_order", sale.id, seller_id=seller_id, changes={"reason": reason}
    )
    _notify_cancelled(queries.get_order(sale.order_id), sale.code, reason)
    return True


def record_refund(
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
    sale = _load(seller_order_id, seller_id=seller_id, lock=True)
    order = queries.get_order(sale.order_id)
    is_earned = sale.status == SellerOrderStatus.COMPLETED
    if not (order.payment_state == PaymentState.PAID or is_earned):
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
        cancel_paid(actor, seller_id=seller_id, seller_order_id=sale.id, reason=reason)
    _tell(
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


def _buyer_of(new: rules.NewOrder) -> tuple[BuyerKind, str | None, str]:
    """Buyer kind, credit code and invoice title; only a verified code makes an enterprise (D16)."""
    if not new.buys_as_company or new.buyer_id is None:
        return BuyerKind.CONSUMER, None, new.invoice_title
    company = company_of(new.buyer_id)
    if company is None:
        return BuyerKind.CONSUMER, None, new.invoice_title
    title = new.invoice_title or company.name
    if company.verified_at is None:
        return BuyerKind.CONSUMER, None, title
    return BuyerKind.ENTERPRISE, company.credit_code, title


def _add_parts(new: rules.NewOrder, kind: BuyerKind, *, is_cash: bool, moment: datetime) -> None:
    rate = sellers.rate_on(clock.shanghai_date(moment))
    ship_by = moment + timedelta(hours=settings.get("orders.ship_hours")) if is_cash else None
    query = select(Seller).where(Seller.id.in_([part.seller_id for part in new.parts]))
    known = {seller.id: seller for seller in db.session.execute(query).scalars()}
    for part in sorted(new.parts, key=lambda part: part.seller_id):
        seller = known[part.seller_id]
        sale = SellerOrder(
            seller_id=seller.id,
            order_id=new.order_id,
            code=new_code(),
            status=SellerOrderStatus.TO_SHIP if is_cash else SellerOrderStatus.WAITING,
            seller_kind=seller.kind,
            mode=rules.mode_of(seller.is_enterprise, kind),
            goods_amount=part.goods_amount,
            freight_amount=part.freight_amount,
            freight_reason=part.freight_reason,
            commission_ppm=rate,
            ship_by=ship_by,
        )
        db.session.add(sale)
        db.session.flush()
        db.session.add_all(_line(line, sale) for line in part.lines)
    db.session.flush()


def _line(line: rules.NewLine, sale: SellerOrder) -> OrderLine:
    return OrderLine(
        seller_id=sale.seller_id,
        seller_order_id=sale.id,
        product_id=line.product_id,
        variant_id=line.variant_id,
        pool_id=line.pool_id,
        pool_amount=line.pool_amount,
        count=line.count,
        price_amount=line.price_amount,
        amount=line.amount,
        vat_amount=line.vat_amount,
        agri_class=line.agri_class,
        needs_confirmation=line.needs_confirmation,
        title=line.title,
        pack=line.pack,
        snapshot=line.snapshot,
    )


def _move(
    seller_order_id: int, move: Move, *guards: Any, seller_id: int | None = None, **values: Any
) -> bool:
    """Carry out one move of the table, guarded by the status it starts from; seller_id limits it to its owner."""
    starts, end = rules.MOVES[move]
    change = update(SellerOrder).where(
        SellerOrder.id == seller_order_id, SellerOrder.status.in_(starts), *guards
    )
    if seller_id is not None:
        change = change.where(SellerOrder.seller_id == seller_id)
    if count_changed(change.values(status=end, **values)):
        return True
    if _load(seller_order_id, seller_id=seller_id).status in rules.PASSED.get(move, frozenset()):
        return False
    raise rules.MoveRefusedError(move)


def _load(seller_order_id: int, *, seller_id: int | None = None, lock: bool = False) -> SellerOrder:
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


def _confirm_at(*, shipped_at: datetime, delivered_at: datetime | None = None) -> datetime:
    return rules.confirm_at(
        shipped_at=shipped_at,
        delivered_at=delivered_at,
        days_after_delivery=settings.get("orders.confirm_days_after_delivery"),
        days_after_dispatch=settings.get("orders.confirm_days_after_dispatch"),
    )


def _tell(order_id: int, seller_id: int | None, kind: str, actor: Actor, **data: Any) -> None:
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


def _notify_seller(sale: SellerOrder) -> None:
    count = sum(line.count for line in queries.lines_of(sale.seller_id, sale.id))
    notify(
        "new_order",
        phone=sellers.owners_phone(sale.seller_id) or sellers.get_seller(sale.seller_id).phone,
        parameters={"code": sale.code, "count": count},
    )


def _notify_cancelled(order: Order, code: str, reason: str) -> None:
    with force_locale(LOCALES[order.language]):
        words = str(rules.CANCEL_REASONS.get(reason, reason))
    notify(
        "order_cancelled",
        phone=order.contact_phone,
        parameters={"code": code, "reason": words},
        language=order.language,
    )
