"""What the books say: of one seller's sales, of a whole book, entry by entry."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import case, func, select

from marketplace.database import db
from marketplace.ledger.models import Account, JournalEntry, Posting
from marketplace.ledger.rules import SaleMoney
from marketplace.paging import page_of

PAGE = 20
PAID_IN = ("payment", "collected")


@dataclass(frozen=True)
class Entry:
    """A journal entry with its postings."""

    id: int
    book: int
    kind: str
    reference: str
    seller_order_id: int | None
    transfer_id: int | None
    at: datetime
    postings: tuple[tuple[Account, int], ...]


@dataclass(frozen=True)
class Summary:
    """What of a seller's money waits for what."""

    unearned_amount: int  # paid, receipt not yet confirmed
    payable_amount: (
        int  # 待结算: the provider settles it; less cash collected and disputes lost, so it may be negative
    )
    refunds_due_amount: int  # on the way back to buyers
    disputed_amount: int  # taken back by buyers' banks, not decided


def statement(
    seller_id: int, after: int | None = None, *, limit: int = PAGE
) -> tuple[list[SaleMoney], int | None]:
    """A seller's paid seller orders, newest first, and the id after which the next page starts."""
    paid = select(JournalEntry.seller_order_id).where(
        JournalEntry.book == seller_id, JournalEntry.kind.in_(PAID_IN)
    )
    page, following = page_of(paid, JournalEntry.seller_order_id, after, limit)
    found = [sale_id for sale_id in page if sale_id is not None]
    rows = money_of(seller_id, found)
    return [rows[sale_id] for sale_id in found], following


def money_of(seller_id: int, seller_order_ids: Collection[int]) -> dict[int, SaleMoney]:
    """The money facts of some of a seller's seller orders; those without a booking are left out."""

    def credit(account: Account, *kinds: str) -> Any:
        chosen = Posting.account == account
        if kinds:
            chosen &= JournalEntry.kind.in_(kinds)
        return -func.sum(case((chosen, Posting.amount), else_=0))

    query = (
        select(
            JournalEntry.seller_order_id,
            credit(Account.UNEARNED_GOODS, *PAID_IN).label("goods"),
            credit(Account.UNEARNED_FREIGHT, *PAID_IN).label("freight"),
            credit(Account.BOOK_TRANSFER).label("commission"),
            credit(Account.REFUNDS_DUE, "refund_decided").label("refunded"),
            credit(Account.COD_COLLECTED).label("cash"),
            credit(Account.DISPUTED).label("disputed"),
            credit(Account.DISPUTE_LOST).label("lost"),
            func.max(case((JournalEntry.kind == "completion", JournalEntry.at))).label("completed_at"),
        )
        .join(Posting, Posting.entry_id == JournalEntry.id)
        .where(JournalEntry.book == seller_id, JournalEntry.seller_order_id.in_(seller_order_ids))
        .group_by(JournalEntry.seller_order_id)
    )
    return {
        row.seller_order_id: SaleMoney(
            seller_order_id=row.seller_order_id,
            goods_amount=int(row.goods),
            freight_amount=int(row.freight),
            commission_amount=int(row.commission),
            refunded_amount=int(row.refunded),
            cash_amount=-int(row.cash),
            completed_at=row.completed_at,
            disputed_amount=-int(row.disputed),
            dispute_lost_amount=-int(row.lost),
        )
        for row in db.session.execute(query)
    }


def balances(seller_id: int) -> dict[Account, int]:
    """Each account of a book, debit positive; an account without postings is left out."""
    query = (
        select(Posting.account, func.sum(Posting.amount))
        .where(Posting.book == seller_id)
        .group_by(Posting.account)
    )
    return {account: int(amount) for account, amount in db.session.execute(query)}


def seller_summary(seller_id: int) -> Summary:
    """A seller's money in three figures, in fen."""
    found = balances(seller_id)
    unearned = found.get(Account.UNEARNED_GOODS, 0) + found.get(Account.UNEARNED_FREIGHT, 0)
    return Summary(
        unearned_amount=-unearned,
        payable_amount=-found.get(Account.SELLER_PAYABLE, 0)
        - found.get(Account.COD_COLLECTED, 0)
        - found.get(Account.DISPUTE_LOST, 0),
        refunds_due_amount=-found.get(Account.REFUNDS_DUE, 0),
        disputed_amount=found.get(Account.DISPUTED, 0),
    )


def list_entries(
    *, book: int | None = None, after: int | None = None, limit: int = PAGE
) -> tuple[list[Entry], int | None]:
    """The journal of one book or of all, newest first, and the id after which the next page starts."""
    query = select(JournalEntry)
    if book is not None:
        query = query.where(JournalEntry.book == book)
    page, following = page_of(query, JournalEntry.id, after, limit)
    postings: dict[int, list[tuple[Account, int]]] = {row.id: [] for row in page}
    for entry_id, account, amount in db.session.execute(
        select(Posting.entry_id, Posting.account, Posting.amount)
        .where(Posting.entry_id.in_(postings))
        .order_by(Posting.id)
    ):
        postings[entry_id].append((account, amount))
    return [
        Entry(
            row.id,
            row.book,
            row.kind,
            row.reference,
            row.seller_order_id,
            row.transfer_id,
            row.at,
            tuple(postings[row.id]),
        )
        for row in page
    ], following
