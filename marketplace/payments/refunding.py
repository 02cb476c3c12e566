"""Giving back: a refund is decided and booked with its key, sent by the worker, and its answer recorded."""

from __future__ import annotations

from functools import partial

from flask_babel import gettext as _
from sqlalchemy import update

from marketplace import audit, clock
from marketplace.audit import SYSTEM, Actor
from marketplace.database import count_changed, db, new_id, run_in_transaction
from marketplace.errors import DomainError
from marketplace.ledger import services as ledger
from marketplace.logs import log
from marketplace.notifications.services import notify
from marketplace.orders import queries as order_queries
from marketplace.orders import services as orders
from marketplace.orders.models import PaymentMethod, SellerOrderStatus
from marketplace.orders.moves import load
from marketplace.orders.rules import PartChangedError
from marketplace.payments import queries, rules
from marketplace.payments.answers import ProviderRefund
from marketplace.payments.gateway import (
    ProviderRefusedError,
    ProviderRestingError,
    ProviderUnsureError,
    gateway,
)
from marketplace.payments.models import Payment, Refund, RefundStatus


def request_refund(
    actor: Actor,
    *,
    seller_id: int,
    seller_order_id: int,
    line_id: int | None,
    goods_amount: int,
    freight_amount: int,
    reason: str,
    form_key: str,
    seen: str | None = None,
) -> Refund:
    """Decide and book a refund in the caller's transaction; the worker sends it. The same form makes it once.

    Amounts in fen; seen is the part's mark as the page showed it. Refusals of orders.deduct_refund, PartChangedError,
    OtherRefundError, DisputedPaymentError. Cash on delivery goes back by hand and is only recorded.
    """
    sale = load(seller_order_id, seller_id=seller_id, lock=True)  # a second press waits, and then finds the first
    found = queries.find_refund_by_form(seller_id, form_key)
    if found is not None:
        made = (found.seller_order_id, found.order_line_id, found.goods_amount, found.freight_amount)
        if made != (seller_order_id, line_id, goods_amount, freight_amount):
            raise rules.OtherRefundError(found.amount)
        return found
    if seen not in {None, sale.mark}:
        raise PartChangedError
    payment = queries.paid_payment_of(seller_id, seller_order_id)
    # A dispute that opens at this very moment is the provider's to see: it refuses the refund, and a person looks.
    if payment and queries.is_disputed(payment.id):
        raise rules.DisputedPaymentError
    refund_id = new_id()
    orders.deduct_refund(
        actor,
        refund_id=refund_id,
        seller_id=seller_id,
        seller_order_id=seller_order_id,
        line_id=line_id,
        goods_amount=goods_amount,
        freight_amount=freight_amount,
        reason=reason,
    )
    refund = Refund(
        id=refund_id,
        seller_id=seller_id,
        seller_order_id=seller_order_id,
        order_line_id=line_id,
        payment_id=payment.id if payment else None,
        form_key=form_key,
        idempotency_key=f"refund-{refund_id}",
        goods_amount=goods_amount,
        freight_amount=freight_amount,
        reason=reason,
        status=RefundStatus.REQUESTED if payment else RefundStatus.RECORDED,
        requested_by=actor.user_id,
        requested_at=clock.now(),
    )
    db.session.add(refund)
    db.session.flush()
    if payment is None:
        ledger.book_refund_done(refund)
    return refund


def cancel_part(actor: Actor, *, seller_id: int, seller_order_id: int, reason: str) -> None:
    """Cancel one seller's part before dispatch: goods back into the pool, the money that is left to the buyer.

    The part is locked before it is read: once it was sent, MoveRefusedError and no money goes back.
    """
    sale = load(seller_order_id, seller_id=seller_id, lock=True)
    order = order_queries.get_order(sale.order_id)
    goods = sale.goods_amount - sale.refunded_goods_amount
    freight = sale.freight_amount - sale.refunded_freight_amount
    if order.payment_method == PaymentMethod.ON_DELIVERY or sale.status != SellerOrderStatus.TO_SHIP:
        orders.withdraw_part(actor, seller_id=seller_id, seller_order_id=seller_order_id, reason=reason)
        return
    request_refund(
        actor,
        seller_id=seller_id,
        seller_order_id=seller_order_id,
        line_id=None,
        goods_amount=goods,
        freight_amount=freight,
        reason=reason,
        form_key=f"cancel:{seller_order_id}",
    )


def send_refunds(limit: int = 20) -> int:
    """Ask the provider for each decided refund, with its stored key; unsure ones are asked again later."""
    sent = 0
    for refund_id in queries.refunds_to_send(limit):
        refund = queries.get_refund(refund_id)
        payment = db.session.get_one(Payment, refund.payment_id)
        amount, key, intent = refund.amount, refund.idempotency_key, payment.intent_ref
        db.session.rollback()
        if intent is None:  # nothing that the provider could give back from: a person has to
            run_in_transaction(partial(_refused, refund_id, "the payment has no reference at the provider"))
            continue
        try:
            answer = gateway().create_refund(intent_ref=intent, amount=amount, key=key, refund_id=refund_id)
        except ProviderRestingError:
            break
        except ProviderUnsureError as error:
            log().warning("refund.unanswered", refund=refund_id, reason=str(error))
        except ProviderRefusedError as error:
            run_in_transaction(partial(_refused, refund_id, str(error)[:300]))
        else:
            run_in_transaction(partial(_record, refund_id, answer))
            sent += 1
    return sent


def record_refund(answer: ProviderRefund) -> str:
    """Take in what the provider says of a refund, in the caller's transaction; what was done, in words.

    It may be told of before our question was answered: then it is known by the question's own key.
    """
    refund = queries.find_refund(answer.ref, key=answer.key)
    return _record(refund.id, answer) if refund else "ignored: unknown refund"


def _record(refund_id: int, answer: ProviderRefund) -> str:
    refund = db.session.get_one(Refund, refund_id, with_for_update=True, populate_existing=True)
    if answer.amount != refund.amount:
        return _fail(refund, f"the provider refunded {answer.amount}")
    refund.provider_ref = refund.provider_ref or answer.ref
    if answer.status in {"failed", "canceled"}:
        return _fail(refund, answer.failure or answer.status)
    if answer.status == "succeeded":
        if refund.status not in {RefundStatus.REQUESTED, RefundStatus.PENDING}:
            return "repeat"
        refund.status, refund.settled_at, refund.last_error = RefundStatus.SUCCEEDED, clock.now(), None
        db.session.flush()
        ledger.book_refund_done(refund)
        _tell(refund, "refund_done")
        return "refunded"
    if refund.status == RefundStatus.REQUESTED:
        refund.status = RefundStatus.PENDING
    return "pending"


def _refused(refund_id: int, why: str) -> str:
    return _fail(db.session.get_one(Refund, refund_id, with_for_update=True, populate_existing=True), why)


def _fail(refund: Refund, why: str) -> str:
    """The provider will not do it, or took it back after all: a person has to look."""
    if refund.status == RefundStatus.FAILED:
        return "repeat"
    refund.status, refund.last_error = RefundStatus.FAILED, why[:300]
    db.session.flush()
    ledger.book_refund_failed(refund)
    audit.record(SYSTEM, "refund.failed", "refund", refund.id, changes={"why": [None, why]})
    _tell(refund, "refund_failed")
    return "failed"


def retry_refund(actor: Actor, refund_id: int) -> None:
    """Send a failed refund again under a new key; refuses one that did not fail."""
    again = count_changed(
        update(Refund)
        .where(Refund.id == refund_id, Refund.status == RefundStatus.FAILED)
        .values(
            status=RefundStatus.REQUESTED, provider_ref=None, idempotency_key=f"refund-{refund_id}-{new_id()}"
        )
    )
    if not again:
        raise DomainError(_("这笔退款没有失败，不用重发"))
    audit.record(actor, "refund.retried", "refund", refund_id)


def _tell(refund: Refund, message: str) -> None:
    payment = db.session.get(Payment, refund.payment_id) if refund.payment_id else None
    if payment is None:
        return
    order = order_queries.get_order(payment.order_id)
    notify(
        message,
        phone=order.contact_phone,
        parameters={"code": order.code, "amount": refund.amount},
        language=order.language,
    )


def ask_about_refund(refund_id: int, ref: str) -> str:
    """Outside of any transaction: one refund as the provider has it now, recorded."""
    answer = gateway().get_refund(ref)
    return run_in_transaction(lambda: _record(refund_id, answer))
