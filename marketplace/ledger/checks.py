"""What must always be true of the books, of the shop's records beside them, and of the stock.

check() is carried out by `flask ledger check` and at the end of every test that touched money. It only reads.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter

from sqlalchemy import case, func, select

from marketplace.database import db
from marketplace.ledger import comparisons
from marketplace.ledger.models import Account, JournalEntry, Posting
from marketplace.ledger.records import dispute_parts, disputes, orders, refunds, seller_orders
from marketplace.ledger.rules import SIDES, SaleFacts, expected_accounts
from marketplace.money import format_fen

STREAMED = 2000  # rows that are here at once
OPEN_REFUNDS = ("requested", "pending", "failed")  # a failed one is still owed


def check() -> list[str]:
    """Every invariant; one sentence for each that does not hold, nothing when all is sound."""
    return [
        *_entries(),
        *_transfers(),
        *_sides(),
        *_sales(),
        *comparisons.order_sums(),
        *comparisons.refund_sums(),
        *comparisons.payments_booked(),
        *comparisons.fees_booked(),
        *comparisons.unmatched(),
        *comparisons.disputes_booked(),
        *comparisons.pools(),
        *comparisons.holds_of_orders(),
    ]


def _entries() -> Iterator[str]:
    total = func.coalesce(func.sum(Posting.amount), 0)
    strangers = func.coalesce(func.sum(case((Posting.book != JournalEntry.book, 1), else_=0)), 0)
    query = (
        select(JournalEntry.id, JournalEntry.book, JournalEntry.kind, JournalEntry.reference, total)
        .outerjoin(Posting, Posting.entry_id == JournalEntry.id)
        .group_by(JournalEntry.id, JournalEntry.book, JournalEntry.kind, JournalEntry.reference)
        .having((total != 0) | (func.count(Posting.id) < 2) | (strangers != 0))
    )
    for entry_id, book, kind, reference, amount in db.session.execute(query):
        yield f"entry {entry_id} ({kind} {reference}) of book {book} does not balance: {format_fen(int(amount))}"


def _transfers() -> Iterator[str]:
    carried = func.sum(case((Posting.account == Account.BOOK_TRANSFER, Posting.amount), else_=0))
    query = (
        select(JournalEntry.transfer_id, carried)
        .join(Posting, Posting.entry_id == JournalEntry.id)
        .where(JournalEntry.transfer_id.is_not(None))
        .group_by(JournalEntry.transfer_id)
        .having(
            (func.count(JournalEntry.id.distinct()) != 2)
            | (func.count(JournalEntry.book.distinct()) != 2)
            | (carried != 0)
        )
    )
    for transfer_id, amount in db.session.execute(query):
        yield f"transfer {transfer_id} is not two entries of two books that cancel out: {format_fen(int(amount))}"
    loose = (
        select(JournalEntry.id)
        .join(Posting, Posting.entry_id == JournalEntry.id)
        .where(Posting.account == Account.BOOK_TRANSFER, JournalEntry.transfer_id.is_(None))
    )
    for (entry_id,) in db.session.execute(loose):
        yield f"entry {entry_id} carries money to another book without a transfer id"


def _sides() -> Iterator[str]:
    query = select(Posting.book, Posting.account, func.sum(Posting.amount)).group_by(
        Posting.book, Posting.account
    )
    for book, account, amount in db.session.execute(query):
        if amount * SIDES.get(account, 0) < 0:
            yield f"{account} of book {book} stands on the wrong side: {format_fen(int(amount))}"


def _sales() -> Iterator[str]:
    """Each seller order: what the books say of it is what its own record says; both are read as streams, by its id."""
    recorded = _recorded_sales()
    record = next(recorded, None)
    for sale_id, rows in groupby(_booked_sales(), key=itemgetter(0)):
        while record is not None and record[0] < sale_id:
            yield from _compare(record, set(), {})
            record = next(recorded, None)
        books: set[int] = set()
        found: dict[Account, int] = {}
        for _sale_id, book, account, amount in rows:
            books.add(book)
            found[account] = found.get(account, 0) + amount
        if record is None or record[0] != sale_id:
            yield f"seller order {sale_id} is booked and does not exist"
            continue
        yield from _compare(record, books, found)
        record = next(recorded, None)
    while record is not None:
        yield from _compare(record, set(), {})
        record = next(recorded, None)


def _booked_sales() -> Iterator[tuple[int, int, Account, int]]:
    query = (
        select(JournalEntry.seller_order_id, JournalEntry.book, Posting.account, func.sum(Posting.amount))
        .join(Posting, Posting.entry_id == JournalEntry.id)
        .where(JournalEntry.seller_order_id.is_not(None), JournalEntry.book != 0)
        .group_by(JournalEntry.seller_order_id, JournalEntry.book, Posting.account)
        .order_by(JournalEntry.seller_order_id)
    )
    for sale_id, book, account, amount in db.session.execute(query.execution_options(yield_per=STREAMED)):
        yield sale_id, book, account, int(amount)


def _compare(
    record: tuple[int, str, int, SaleFacts], books: set[int], found: dict[Account, int]
) -> Iterator[str]:
    sale_id, code, seller_id, facts = record
    expected = expected_accounts(facts)
    if len(books) > 1:
        yield f"seller order {sale_id} is booked in two sellers' books"
    elif books - {seller_id}:
        yield f"seller order {code} is booked in the book of {min(books)}, not of its seller {seller_id}"
    for account in sorted(found.keys() | expected.keys()):
        is_, should = found.get(account, 0), expected.get(account, 0)
        if is_ != should:
            yield f"seller order {code}: {account} is {format_fen(is_)}, should be {format_fen(should)}"


def _recorded_sales() -> Iterator[tuple[int, str, int, SaleFacts]]:
    amount = refunds.c.goods_amount + refunds.c.freight_amount
    back = (
        select(
            refunds.c.seller_order_id,
            func.sum(case((refunds.c.status.in_(OPEN_REFUNDS), amount), else_=0)).label("still_open"),
            func.sum(case((refunds.c.status.in_(OPEN_REFUNDS), 0), else_=amount)).label("done"),
        )
        .group_by(refunds.c.seller_order_id)
        .subquery()
    )
    is_held = disputes.c.withdrawn_at.is_not(None) & disputes.c.reinstated_at.is_(None)
    is_lost = disputes.c.status == "lost"
    taken = (
        select(
            dispute_parts.c.seller_order_id,
            func.sum(case((is_held & ~is_lost, dispute_parts.c.amount), else_=0)).label("disputed"),
            func.sum(case((is_held & is_lost, dispute_parts.c.amount), else_=0)).label("lost"),
        )
        .join(disputes, disputes.c.id == dispute_parts.c.dispute_id)
        .group_by(dispute_parts.c.seller_order_id)
        .subquery()
    )
    query = (
        select(
            seller_orders,
            orders.c.payment_state,
            orders.c.payment_method,
            func.coalesce(back.c.still_open, 0).label("still_open"),
            func.coalesce(back.c.done, 0).label("done"),
            func.coalesce(taken.c.disputed, 0).label("disputed"),
            func.coalesce(taken.c.lost, 0).label("lost"),
        )
        .join(orders, orders.c.id == seller_orders.c.order_id)
        .outerjoin(back, back.c.seller_order_id == seller_orders.c.id)
        .outerjoin(taken, taken.c.seller_order_id == seller_orders.c.id)
        .order_by(seller_orders.c.id)
    )
    for row in db.session.execute(query.execution_options(yield_per=STREAMED)):
        is_cash = row.payment_method == "on_delivery"
        is_completed = row.status == "completed"
        yield (
            row.id,
            row.code,
            row.seller_id,
            SaleFacts(
                is_paid=is_completed if is_cash else row.payment_state == "paid",
                is_cash=is_cash,
                is_completed=is_completed,
                goods_amount=row.goods_amount,
                freight_amount=row.freight_amount,
                commission_amount=row.commission_amount,
                refunded_goods_amount=row.refunded_goods_amount,
                refunded_freight_amount=row.refunded_freight_amount,
                refunds_open_amount=int(row.still_open),
                refunds_done_amount=int(row.done),
                disputed_amount=int(row.disputed),
                dispute_lost_amount=int(row.lost),
            ),
        )
