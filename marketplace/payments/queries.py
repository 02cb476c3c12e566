"""Payments and refunds of an order, and those that wait for an answer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import and_, case, func, or_, select

from marketplace.database import db
from marketplace.errors import NotFoundError
from marketplace.ledger.models import PLATFORM_BOOK
from marketplace.orders.models import Order, SellerOrder
from marketplace.paging import page_of, page_of_rows
from marketplace.payments.models import (
    Dispute,
    DisputePart,
    DisputeStatus,
    Payment,
    PaymentPart,
    PaymentStatus,
    Refund,
    RefundStatus,
)
from marketplace.payments.rules import OPEN_DISPUTES, REFUNDABLE_DISPUTES
from marketplace.permissions import Viewer

PAGE = 30


def payments_of(order_id: int) -> list[Payment]:
    """All tries to pay one order, newest first."""
    query = select(Payment).where(Payment.order_id == order_id).order_by(Payment.id.desc())
    return list(db.session.execute(query).scalars())


def unfinished_payments(order_id: int) -> list[Payment]:
    """Tries that may still bring money."""
    query = select(Payment).where(
        Payment.order_id == order_id, Payment.status.in_((PaymentStatus.INTENDED, PaymentStatus.OPEN))
    )
    return list(db.session.execute(query.order_by(Payment.id)).scalars())


def find_payment(*, session_ref: str, payment_id: int | None) -> Payment | None:
    """The payment of a provider's session: by its reference, or by our own id while the answer was lost."""
    query = select(Payment).where(Payment.session_ref == session_ref)
    found = db.session.execute(query).scalar_one_or_none()
    if found is None and payment_id is not None:
        found = db.session.get(Payment, payment_id)
        if found is not None and found.session_ref not in {None, session_ref}:
            return None
    return found


def is_intent_of_another(intent_ref: str | None, payment_id: int) -> bool:
    """Whether the provider's money movement is known already, with another payment."""
    query = select(Payment.id).where(Payment.intent_ref == intent_ref, Payment.id != payment_id)
    return intent_ref is not None and db.session.execute(query).first() is not None


def has_order(order_id: int | None) -> bool:
    """Whether an order that a session of the provider names is here: one of after a restored backup is not."""
    return order_id is not None and db.session.get(Order, order_id) is not None


def is_lost_try(order_id: int | None, payment_id: int) -> bool:
    """Whether an order is here and the try to pay it is not: it was made after the backup that was restored."""
    return has_order(order_id) and db.session.get(Payment, payment_id) is None


def paid_payment_of(seller_id: int, seller_order_id: int) -> Payment | None:
    """The succeeded payment that paid a seller order; None for cash on delivery."""
    query = (
        select(Payment)
        .join(PaymentPart, PaymentPart.payment_id == Payment.id)
        .where(PaymentPart.seller_id == seller_id, PaymentPart.seller_order_id == seller_order_id)
        .where(Payment.status == PaymentStatus.SUCCEEDED)
        .order_by(Payment.id)
        .limit(1)
    )
    return db.session.execute(query).scalar_one_or_none()


def refunds_by_order(seller_order_ids: Iterable[int]) -> dict[int, list[Refund]]:
    """Refunds by seller order, oldest first, in one statement; the caller scoped the orders."""
    found: dict[int, list[Refund]] = defaultdict(list)
    query = select(Refund).where(Refund.seller_order_id.in_(set(seller_order_ids))).order_by(Refund.id)
    for refund in db.session.execute(query).scalars():
        if refund.seller_order_id is not None:
            found[refund.seller_order_id].append(refund)
    return found


def find_refund_by_form(seller_id: int, form_key: str) -> Refund | None:
    """The refund that this form made already."""
    return db.session.execute(
        select(Refund).where(Refund.seller_id == seller_id, Refund.form_key == form_key)
    ).scalar_one_or_none()


def get_refund(refund_id: int) -> Refund:
    refund = db.session.get(Refund, refund_id)
    if refund is None:
        raise NotFoundError
    return refund


def find_refund(provider_ref: str, *, key: str | None = None) -> Refund | None:
    """By the provider's reference; while its answer is lost by the key of our question, which each try has anew."""
    query = select(Refund).where(Refund.provider_ref == provider_ref)
    found = db.session.execute(query).scalar_one_or_none()
    if found is not None or key is None:
        return found
    lost = select(Refund).where(Refund.idempotency_key == key, Refund.provider_ref.is_(None))
    return db.session.execute(lost).scalar_one_or_none()


def refunds_to_send(limit: int) -> list[int]:
    query = select(Refund.id).where(Refund.status == RefundStatus.REQUESTED, Refund.payment_id.is_not(None))
    return list(db.session.execute(query.order_by(Refund.requested_at).limit(limit)).scalars())


def refunds_pending(limit: int) -> list[tuple[int, str]]:
    """Refunds at the provider without a final answer: our id and the provider's reference."""
    query = select(Refund.id, Refund.provider_ref).where(
        Refund.status == RefundStatus.PENDING, Refund.provider_ref.is_not(None)
    )
    rows = db.session.execute(query.order_by(Refund.requested_at).limit(limit)).tuples()
    return [(refund_id, str(ref)) for refund_id, ref in rows]


def payments_to_ask(before: datetime, limit: int) -> list[int]:
    """Payments without a final answer that nobody asked about since a moment, the longest unasked first."""
    query = select(Payment.id).where(
        Payment.status.in_((PaymentStatus.INTENDED, PaymentStatus.OPEN)),
        Payment.created_at < before,
        or_(Payment.checked_at.is_(None), Payment.checked_at < before),
    )
    return list(db.session.execute(query.order_by(Payment.checked_at, Payment.id).limit(limit)).scalars())


def payments_without_fee(limit: int) -> list[tuple[int, str]]:
    """Succeeded payments whose fee is not known yet: our id and the provider's intent."""
    query = select(Payment.id, Payment.intent_ref).where(
        Payment.status.in_((PaymentStatus.SUCCEEDED, PaymentStatus.UNEXPECTED)),
        Payment.fee_amount.is_(None),
        Payment.intent_ref.is_not(None),
    )
    rows = db.session.execute(query.order_by(Payment.id).limit(limit)).tuples()
    return [(payment_id, str(ref)) for payment_id, ref in rows]


def count_differences() -> dict[str, int]:
    """How many payments came otherwise than asked for, refunds failed, disputes wait for an answer."""
    unexpected = select(func.count()).where(Payment.status == PaymentStatus.UNEXPECTED)
    failed = select(func.count()).where(Refund.status == RefundStatus.FAILED)
    waiting = select(func.count()).where(Dispute.status == DisputeStatus.NEEDS_RESPONSE)
    return {
        "unexpected": db.session.execute(unexpected).scalar_one(),
        "failed_refunds": db.session.execute(failed).scalar_one(),
        "disputes": db.session.execute(waiting).scalar_one(),
    }


def list_for_staff(
    viewer: Viewer, *, status: PaymentStatus | None = None, after: int | None = None
) -> tuple[list[Payment], int | None]:
    """Payments, newest first, and where the next page starts; only for roles that may read them all."""
    if viewer.counties("payments:read") is not None:
        raise NotFoundError
    query = select(Payment)
    if status:
        query = query.where(Payment.status == status)
    return page_of(query, Payment.id, after, PAGE)


def list_refunds_for_staff(
    viewer: Viewer, *, status: RefundStatus | None = None, after: int | None = None
) -> tuple[list[tuple[Refund, str | None]], int | None]:
    """Refunds with their seller order's code, newest first, and where the next page starts."""
    if viewer.counties("payments:read") is not None:
        raise NotFoundError
    query = select(Refund, SellerOrder.code).outerjoin(SellerOrder, SellerOrder.id == Refund.seller_order_id)
    if status:
        query = query.where(Refund.status == status)
    rows, following = page_of_rows(query, Refund.id, after, PAGE)
    return [(refund, code) for refund, code, _key in rows], following


def find_payment_by_intent(intent_ref: str | None) -> Payment | None:
    """The payment of the provider's money movement; locked, so that what is told of it at once waits in line."""
    query = select(Payment).where(Payment.intent_ref == intent_ref).with_for_update()
    return None if intent_ref is None else db.session.execute(query).scalar_one_or_none()


def find_dispute(provider_ref: str) -> Dispute | None:
    query = select(Dispute).where(Dispute.provider_ref == provider_ref)
    return db.session.execute(query).scalar_one_or_none()


def is_disputed(payment_id: int) -> bool:
    """Whether the buyer's bank has taken a payment back, or may: then nothing of it is given back here."""
    query = select(Dispute.id).where(
        Dispute.payment_id == payment_id, Dispute.status.not_in(REFUNDABLE_DISPUTES)
    )
    return db.session.execute(query).first() is not None


def disputes_of_payment(payment_id: int) -> list[Dispute]:
    query = select(Dispute).where(Dispute.payment_id == payment_id).order_by(Dispute.id)
    return list(db.session.execute(query).scalars())


def money_left(payment: Payment) -> list[tuple[int, int | None, int]]:
    """Whose a payment's money is: seller, seller order, and the fen that have not gone back nor are about to.

    A payment that no order took is the platform's, to give back: seller order None.
    """
    gone = Refund.status.in_((RefundStatus.PENDING, RefundStatus.SUCCEEDED))
    amount = Refund.goods_amount + Refund.freight_amount
    whole = (
        select(func.count(), func.sum(case((gone, amount), else_=0)))
        .where(Refund.seller_id == PLATFORM_BOOK, Refund.seller_order_id.is_(None))
        .where(Refund.payment_id == payment.id)
    )
    count, returned = db.session.execute(whole).one()
    if count:
        return [(PLATFORM_BOOK, None, payment.amount - int(returned))]
    back = and_(
        Refund.payment_id == PaymentPart.payment_id,
        Refund.seller_id == PaymentPart.seller_id,
        Refund.seller_order_id == PaymentPart.seller_order_id,
        gone,
    )
    query = (
        select(
            PaymentPart.seller_id,
            PaymentPart.seller_order_id,
            PaymentPart.amount - func.coalesce(func.sum(amount), 0),
        )
        .outerjoin(Refund, back)
        .where(PaymentPart.payment_id == payment.id)
        .group_by(PaymentPart.seller_id, PaymentPart.seller_order_id, PaymentPart.amount)
        .order_by(PaymentPart.seller_id)
    )
    return [(seller_id, sale_id, int(left)) for seller_id, sale_id, left in db.session.execute(query)]


def parts_of_dispute(dispute_id: int) -> list[DisputePart]:
    query = select(DisputePart).where(DisputePart.dispute_id == dispute_id).order_by(DisputePart.seller_id)
    return list(db.session.execute(query).scalars())


def oldest_open_dispute() -> datetime | None:
    query = select(func.min(Dispute.opened_at)).where(Dispute.status.in_(OPEN_DISPUTES))
    return db.session.execute(query).scalar_one_or_none()


def list_disputes_for_staff(
    viewer: Viewer, *, status: DisputeStatus | None = None, after: int | None = None
) -> tuple[list[tuple[Dispute, str]], int | None]:
    """Disputes with their order's code, newest first, and where the next page starts."""
    if viewer.counties("payments:read") is not None:
        raise NotFoundError
    query = (
        select(Dispute, Order.code)
        .join(Payment, Payment.id == Dispute.payment_id)
        .join(Order, Order.id == Payment.order_id)
    )
    if status:
        query = query.where(Dispute.status == status)
    rows, following = page_of_rows(query, Dispute.id, after, PAGE)
    return [(dispute, code) for dispute, code, _key in rows], following


def get_dispute_for_staff(viewer: Viewer, dispute_id: int) -> tuple[Dispute, Payment, str]:
    """A dispute with its payment and its order's code; NotFoundError for who may not read payments of all counties."""
    query = (
        select(Dispute, Payment, Order.code)
        .join(Payment, Payment.id == Dispute.payment_id)
        .join(Order, Order.id == Payment.order_id)
        .where(Dispute.id == dispute_id)
    )
    found = db.session.execute(query).one_or_none()
    if found is None or viewer.counties("payments:read") is not None:
        raise NotFoundError
    return found[0], found[1], found[2]


def order_codes(order_ids: Iterable[int]) -> dict[int, str]:
    """Orders' public codes by id, for a list of payments."""
    query = select(Order.id, Order.code).where(Order.id.in_(set(order_ids)))
    return dict(db.session.execute(query).tuples().all())


def codes_of_parts(seller_order_ids: Iterable[int]) -> dict[int, str]:
    """Public codes of seller orders by id, for lists of the office."""
    query = select(SellerOrder.id, SellerOrder.code).where(SellerOrder.id.in_(set(seller_order_ids)))
    return dict(db.session.execute(query).tuples().all())


def order_codes_of(ids: Iterable[int]) -> dict[int, str]:
    """Public codes of the orders that payments and refunds belong to, by the payment's or refund's id."""
    wanted = set(ids)
    paid = (
        select(Payment.id, Order.code).join(Order, Order.id == Payment.order_id).where(Payment.id.in_(wanted))
    )
    returned = (
        select(Refund.id, Order.code)
        .join(Payment, Payment.id == Refund.payment_id)
        .join(Order, Order.id == Payment.order_id)
        .where(Refund.id.in_(wanted))
    )
    return dict(db.session.execute(paid.union_all(returned)).tuples().all())
