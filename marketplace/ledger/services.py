"""Bookings: each act of the shop as one balanced entry in one book, once (D6, D17).

Buyers' money stands on provider_clearing until the provider settles it; nothing here is ever the platform's cash.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from sqlalchemy import insert, select

from marketplace import clock
from marketplace.database import db, insert_once, new_id
from marketplace.ledger.models import PLATFORM_BOOK, Account, JournalEntry, Posting
from marketplace.ledger.rules import balanced


class Sale(Protocol):
    """What the books need to know of a seller order; amounts in fen."""

    @property
    def id(self) -> int: ...
    @property
    def seller_id(self) -> int: ...
    @property
    def goods_amount(self) -> int: ...
    @property
    def freight_amount(self) -> int: ...
    @property
    def refunded_goods_amount(self) -> int: ...
    @property
    def refunded_freight_amount(self) -> int: ...
    @property
    def commission_amount(self) -> int: ...


class MoneyTaken(Protocol):
    """What the books need to know of a part of a dispute; seller_order_id None is a payment that no order took."""

    @property
    def id(self) -> int: ...
    @property
    def seller_id(self) -> int: ...
    @property
    def seller_order_id(self) -> int | None: ...
    @property
    def amount(self) -> int: ...


class MoneyBack(MoneyTaken, Protocol):
    """What the books need to know of a refund; seller_order_id None gives a whole payment back."""

    @property
    def payment_id(self) -> int | None: ...
    @property
    def provider_ref(self) -> str | None: ...


class MoneyIn(Protocol):
    """What the books need to know of a payment."""

    @property
    def id(self) -> int: ...
    @property
    def amount(self) -> int: ...
    @property
    def fee_amount(self) -> int | None: ...


class DisputeCost(Protocol):
    """What the provider takes for a dispute, and what of it came back."""

    @property
    def id(self) -> int: ...
    @property
    def fee_amount(self) -> int: ...
    @property
    def fee_returned_amount(self) -> int: ...


def post(
    *,
    book: int,
    kind: str,
    reference: str,
    postings: Sequence[tuple[Account, int]],
    seller_order_id: int | None = None,
    at: datetime | None = None,
    transfer_id: int | None = None,
) -> bool:
    """Write one entry; debit is positive, credit negative. False when this (book, kind, reference) stands already.

    UnbalancedEntryError unless the postings sum to zero. An entry of zeros only is not written: False.
    """
    kept = balanced(postings)
    if not kept:
        return False
    entry_id = new_id()
    written = insert_once(
        JournalEntry,
        id=entry_id,
        book=book,
        kind=kind,
        reference=reference,
        seller_order_id=seller_order_id,
        transfer_id=transfer_id,
        at=at or clock.now(),
    )
    if not written:
        return False
    db.session.execute(
        insert(Posting),
        [
            {"entry_id": entry_id, "book": book, "account": account, "amount": amount}
            for account, amount in kept
        ],
    )
    return True


def book_payment(sale: Sale, payment_id: int) -> bool:
    """The buyer's money for one seller order arrived at the provider; not yet earned."""
    return post(
        book=sale.seller_id,
        kind="payment",
        reference=str(payment_id),
        seller_order_id=sale.id,
        postings=[
            (Account.PROVIDER_CLEARING, sale.goods_amount + sale.freight_amount),
            (Account.UNEARNED_GOODS, -sale.goods_amount),
            (Account.UNEARNED_FREIGHT, -sale.freight_amount),
        ],
    )


def book_collected(sale: Sale) -> bool:
    """Cash on delivery: the seller's courier collected it; recorded, never handled by the platform."""
    return post(
        book=sale.seller_id,
        kind="collected",
        reference=str(sale.id),
        seller_order_id=sale.id,
        postings=[
            (Account.COD_COLLECTED, sale.goods_amount + sale.freight_amount),
            (Account.UNEARNED_GOODS, -sale.goods_amount),
            (Account.UNEARNED_FREIGHT, -sale.freight_amount),
        ],
    )


def book_completion(sale: Sale, *, at: datetime | None = None) -> bool:
    """The buyer has the goods: what was unearned and not refunded is the seller's, less the commission."""
    goods = sale.goods_amount - sale.refunded_goods_amount
    freight = sale.freight_amount - sale.refunded_freight_amount
    return _post_with_platform(
        sale.commission_amount,
        seller_id=sale.seller_id,
        seller_order_id=sale.id,
        kind="completion",
        reference=str(sale.id),
        at=at,
        postings=[
            (Account.UNEARNED_GOODS, goods),
            (Account.UNEARNED_FREIGHT, freight),
            (Account.SELLER_PAYABLE, sale.commission_amount - goods - freight),
        ],
    )


def book_refund_decided(
    *,
    seller_id: int,
    seller_order_id: int,
    refund_id: int,
    goods_amount: int,
    freight_amount: int,
    is_earned: bool,
    commission_back: int = 0,
) -> bool:
    """A refund is owed to the buyer: from what is unearned, or once completed from the seller's due.

    commission_back is what the platform gives up of its commission on refunded goods.
    """
    amount = goods_amount + freight_amount
    taken = (
        [(Account.SELLER_PAYABLE, amount - commission_back)]
        if is_earned
        else [(Account.UNEARNED_GOODS, goods_amount), (Account.UNEARNED_FREIGHT, freight_amount)]
    )
    return _post_with_platform(
        -commission_back,
        seller_id=seller_id,
        seller_order_id=seller_order_id,
        kind="refund_decided",
        reference=str(refund_id),
        postings=[*taken, (Account.REFUNDS_DUE, -amount)],
    )


def book_refund_done(refund: MoneyBack) -> bool:
    """The provider gave the money back; for cash on delivery (payment_id None) the seller did."""
    source = Account.COD_COLLECTED if refund.payment_id is None else Account.PROVIDER_CLEARING
    return post(
        book=_book_of(refund),
        kind="refund_done",
        reference=_try_of(refund),
        seller_order_id=refund.seller_order_id,
        postings=[(Account.REFUNDS_DUE, refund.amount), (source, -refund.amount)],
    )


def book_refund_failed(refund: MoneyBack) -> bool:
    """A refund that was booked as done came back: it is owed again. Nothing when it was never booked as done."""
    if not _is_posted(_book_of(refund), "refund_done", _try_of(refund)):
        return False
    return post(
        book=_book_of(refund),
        kind="refund_returned",
        reference=_try_of(refund),
        seller_order_id=refund.seller_order_id,
        postings=[(Account.PROVIDER_CLEARING, refund.amount), (Account.REFUNDS_DUE, -refund.amount)],
    )


def book_provider_fee(payment: MoneyIn) -> bool:
    """The provider's fee on a payment: the platform's expense, never a seller's (D17)."""
    fee = payment.fee_amount or 0
    return post(
        book=PLATFORM_BOOK,
        kind="provider_fee",
        reference=str(payment.id),
        postings=[(Account.PROVIDER_FEE, fee), (Account.PROVIDER_PAYABLE, -fee)],
    )


def book_dispute_withdrawn(part: MoneyTaken) -> bool:
    """The buyer's bank took the money back for now: a claim on the provider instead of money at it."""
    return _post_dispute(part, "dispute_withdrawn", Account.DISPUTED, Account.PROVIDER_CLEARING)


def book_dispute_lost(part: MoneyTaken) -> bool:
    """The bank decided for the buyer: due from the seller, who has earned the sale or will."""
    return _post_dispute(part, "dispute_lost", Account.DISPUTE_LOST, Account.DISPUTED)


def book_dispute_reinstated(part: MoneyTaken) -> bool:
    """The money is back at the provider, even after a decision against us."""
    is_lost = _is_posted(part.seller_id, "dispute_lost", str(part.id))
    source = Account.DISPUTE_LOST if is_lost else Account.DISPUTED
    return _post_dispute(part, "dispute_reinstated", Account.PROVIDER_CLEARING, source)


def book_dispute_fee(dispute: DisputeCost) -> None:
    """The provider's fee for a dispute, and what of it came back: the platform's expense, as every fee."""
    for kind, fee in (
        ("dispute_fee", dispute.fee_amount),
        ("dispute_fee_returned", -dispute.fee_returned_amount),
    ):
        post(
            book=PLATFORM_BOOK,
            kind=kind,
            reference=str(dispute.id),
            postings=[(Account.PROVIDER_FEE, fee), (Account.PROVIDER_PAYABLE, -fee)],
        )


def _post_dispute(part: MoneyTaken, kind: str, debit: Account, credit: Account) -> bool:
    return post(
        book=part.seller_id,
        kind=kind,
        reference=str(part.id),
        seller_order_id=part.seller_order_id,
        postings=[(debit, part.amount), (credit, -part.amount)],
    )


def book_unmatched_payment(payment: MoneyIn, *, amount: int | None = None) -> bool:
    """Money came that no order can take: too late, twice, or of another amount (then `amount` says how much came)."""
    received = payment.amount if amount is None else amount
    return post(
        book=PLATFORM_BOOK,
        kind="unmatched_payment",
        reference=str(payment.id),
        postings=[(Account.PROVIDER_CLEARING, received), (Account.UNMATCHED, -received)],
    )


def book_unmatched_refund(refund: MoneyBack) -> bool:
    """A payment that no order can take is owed back to whoever paid it."""
    return post(
        book=PLATFORM_BOOK,
        kind="refund_decided",
        reference=str(refund.id),
        postings=[(Account.UNMATCHED, refund.amount), (Account.REFUNDS_DUE, -refund.amount)],
    )


def _post_with_platform(
    commission: int,
    *,
    seller_id: int,
    seller_order_id: int,
    kind: str,
    reference: str,
    postings: list[tuple[Account, int]],
    at: datetime | None = None,
) -> bool:
    """Post in the seller's book, and carry the commission into the platform's: two entries with one transfer id."""
    transfer_id = new_id() if commission else None
    done = post(
        book=seller_id,
        kind=kind,
        reference=reference,
        seller_order_id=seller_order_id,
        at=at,
        transfer_id=transfer_id,
        postings=[*postings, (Account.BOOK_TRANSFER, -commission)],
    )
    if done and commission:
        post(
            book=PLATFORM_BOOK,
            kind=kind,
            reference=reference,
            seller_order_id=seller_order_id,
            at=at,
            transfer_id=transfer_id,
            postings=[(Account.BOOK_TRANSFER, commission), (Account.COMMISSION_INCOME, -commission)],
        )
    return done


def _book_of(refund: MoneyBack) -> int:
    return PLATFORM_BOOK if refund.seller_order_id is None else refund.seller_id


def _try_of(refund: MoneyBack) -> str:
    """A refund may be sent again after it came back: each try at the provider is booked by itself."""
    return f"{refund.id}:{refund.provider_ref or ''}"[:80]


def _is_posted(book: int, kind: str, reference: str) -> bool:
    query = select(JournalEntry.id).where(
        JournalEntry.book == book, JournalEntry.kind == kind, JournalEntry.reference == reference
    )
    return db.session.execute(query).first() is not None
