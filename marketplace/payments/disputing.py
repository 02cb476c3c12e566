"""Disputes: the buyer's bank takes a payment back, and later decides. The shop only hears of it, in any order.

What the provider tells is the whole state of a dispute, so each telling moves the row forward, never back, and books
what its movements of money are, each once.
"""

from __future__ import annotations

from datetime import datetime

from marketplace import audit, clock
from marketplace.audit import SYSTEM
from marketplace.database import db
from marketplace.ledger import services as ledger
from marketplace.logs import log
from marketplace.money import allocate, format_fen
from marketplace.notifications.services import notify
from marketplace.payments import queries, rules
from marketplace.payments.answers import ProviderDispute
from marketplace.payments.models import Dispute, DisputePart, DisputeStatus, Payment, PaymentStatus
from marketplace.sellers import queries as sellers


def record_dispute(told: ProviderDispute) -> str:
    """Take in what the provider says of a dispute, in the caller's transaction; what was done, in words.

    One that does not fit its payment (more than is left of it, another currency, other movements than its amount) is
    not booked and waits for a person; payments reconcile names it again until it fits.
    """
    payment = queries.find_payment_by_intent(told.intent_ref)
    if payment is None:
        return "ignored: unknown charge"
    found = queries.find_dispute(told.ref)
    why = _misfit(payment, found, told)
    if why:
        log().error("dispute.unexpected", dispute=told.ref, payment=payment.id, reason=why)
        return f"under review: {why}"
    dispute = found or _open(payment, told)
    before = _state(dispute)
    _advance(dispute, told)
    db.session.flush()
    _book(dispute)
    if found is not None and _state(dispute) == before:
        return "repeat"
    audit.record(
        SYSTEM, "dispute.told", "dispute", dispute.id, changes={"status": [None, dispute.status.value]}
    )
    return f"dispute {dispute.status}"


def _misfit(payment: Payment, found: Dispute | None, told: ProviderDispute) -> str:
    if payment.status != PaymentStatus.SUCCEEDED:
        return "a dispute of a payment that is under review itself"
    if told.currency.lower() != payment.currency:
        return rules.Fit.WRONG_CURRENCY
    if told.withdrawn_amount not in {0, told.amount} or told.reinstated_amount not in {
        0,
        told.withdrawn_amount,
    }:
        return "the money that moved is not the amount in dispute"
    if found is not None:
        return "" if (found.payment_id, found.amount) == (payment.id, told.amount) else rules.Fit.WRONG_AMOUNT
    left = sum(fen for _seller, _sale, fen in queries.money_left(payment))
    left -= sum(one.amount for one in queries.disputes_of_payment(payment.id) if one.reinstated_at is None)
    return "" if 0 < told.amount <= left else f"{format_fen(told.amount)} in dispute, {format_fen(left)} left"


def _open(payment: Payment, told: ProviderDispute) -> Dispute:
    dispute = Dispute(
        payment_id=payment.id,
        provider_ref=told.ref,
        amount=told.amount,
        reason=told.reason,
        status=told.status,
        due_at=told.due_at,
        opened_at=told.opened_at,
        fee_amount=0,
        fee_returned_amount=0,
    )
    db.session.add(dispute)
    db.session.flush()
    parts = _divided(payment, told.amount)
    for seller_id, seller_order_id, amount in parts:
        part = DisputePart(
            seller_id=seller_id, dispute_id=dispute.id, seller_order_id=seller_order_id, amount=amount
        )
        db.session.add(part)
    db.session.flush()
    codes = queries.codes_of_parts(sale_id for _seller, sale_id, _amount in parts if sale_id is not None)
    for seller_id, seller_order_id, amount in parts:
        if seller_order_id is not None and amount:
            phone = sellers.owners_phone(seller_id) or sellers.get_seller(seller_id).phone
            code = codes[seller_order_id]
            notify("payment_disputed", phone=phone, parameters={"code": code, "amount": amount})
    return dispute


def _divided(payment: Payment, amount: int) -> list[tuple[int, int | None, int]]:
    """Seller, seller order and fen: in proportion to what is left of each part."""
    left = queries.money_left(payment)
    shares = allocate(amount, [fen for _seller, _sale, fen in left])
    return [(seller_id, sale_id, share) for (seller_id, sale_id, _), share in zip(left, shares, strict=True)]


def _state(dispute: Dispute) -> tuple[object, ...]:
    return (
        dispute.status,
        dispute.withdrawn_at,
        dispute.reinstated_at,
        dispute.fee_amount,
        dispute.fee_returned_amount,
    )


def _advance(dispute: Dispute, told: ProviderDispute) -> None:
    moment = clock.now()
    if rules.is_later(told.status, dispute.status):
        dispute.status, dispute.due_at = told.status, told.due_at
    if dispute.status not in rules.OPEN_DISPUTES:
        dispute.closed_at = dispute.closed_at or moment
    dispute.withdrawn_at = _first(dispute.withdrawn_at, told.withdrawn_amount, moment)
    dispute.reinstated_at = _first(dispute.reinstated_at, told.reinstated_amount, moment)
    dispute.fee_amount = dispute.fee_amount or told.fee_amount
    dispute.fee_returned_amount = dispute.fee_returned_amount or told.fee_returned_amount


def _first(known: datetime | None, amount: int, moment: datetime) -> datetime | None:
    return known or (moment if amount else None)


def _book(dispute: Dispute) -> None:
    ledger.book_dispute_fee(dispute)
    if dispute.withdrawn_at is None:
        return
    for part in queries.parts_of_dispute(dispute.id):
        ledger.book_dispute_withdrawn(part)
        if dispute.reinstated_at is not None:
            ledger.book_dispute_reinstated(part)
        elif dispute.status == DisputeStatus.LOST:
            ledger.book_dispute_lost(part)
