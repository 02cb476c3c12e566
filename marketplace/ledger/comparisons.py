"""The shop's own records against each other and against the books: orders, refunds, payments, stock."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import (
    LABEL_STYLE_TABLENAME_PLUS_COL,
    Row,
    Select,
    Subquery,
    and_,
    case,
    cast,
    func,
    or_,
    select,
)
from sqlalchemy.types import String

from marketplace.database import db
from marketplace.ledger.models import PLATFORM_BOOK, Account, JournalEntry, Posting
from marketplace.ledger.records import (
    dispute_parts,
    disputes,
    holds,
    order_lines,
    orders,
    payment_parts,
    payments,
    refunds,
    seller_orders,
    stock_movements,
    stock_pools,
)
from marketplace.money import format_fen

# Kinds of entries, and the column that says whether there must be one.
DISPUTE_FEES = {
    "dispute_fee": "disputes_fee_amount",
    "dispute_fee_returned": "disputes_fee_returned_amount",
}
DISPUTE_MOVEMENTS = {
    "dispute_withdrawn": "disputes_withdrawn_at",
    "dispute_reinstated": "disputes_reinstated_at",
}


def order_sums() -> Iterator[str]:
    """An order is the sum of its seller orders, a seller order the sum of its lines; refunds too."""
    parts = (
        select(
            seller_orders.c.order_id,
            func.sum(seller_orders.c.goods_amount).label("goods"),
            func.sum(seller_orders.c.freight_amount).label("freight"),
        )
        .group_by(seller_orders.c.order_id)
        .subquery()
    )
    query = (
        select(orders.c.code)
        .outerjoin(parts, parts.c.order_id == orders.c.id)
        .where(
            (orders.c.goods_amount != func.coalesce(parts.c.goods, 0))
            | (orders.c.freight_amount != func.coalesce(parts.c.freight, 0))
        )
    )
    for (code,) in db.session.execute(query):
        yield f"order {code} is not the sum of its seller orders"
    lines = (
        select(
            order_lines.c.seller_order_id,
            func.sum(order_lines.c.amount).label("amount"),
            func.sum(order_lines.c.refunded_amount).label("refunded"),
        )
        .group_by(order_lines.c.seller_order_id)
        .subquery()
    )
    query = (
        select(seller_orders.c.code)
        .outerjoin(lines, lines.c.seller_order_id == seller_orders.c.id)
        .where(
            (seller_orders.c.goods_amount != func.coalesce(lines.c.amount, 0))
            | (seller_orders.c.refunded_goods_amount != func.coalesce(lines.c.refunded, 0))
        )
    )
    for (code,) in db.session.execute(query):
        yield f"seller order {code} is not the sum of its lines"


def refund_sums() -> Iterator[str]:
    """What was refunded of a seller order is the sum of its refunds; a cancelled one that was paid, the whole."""
    back = (
        select(
            refunds.c.seller_order_id,
            func.sum(refunds.c.goods_amount).label("goods"),
            func.sum(refunds.c.freight_amount).label("freight"),
        )
        .where(refunds.c.seller_order_id.is_not(None))
        .group_by(refunds.c.seller_order_id)
        .subquery()
    )
    query = (
        select(seller_orders.c.code)
        .outerjoin(back, back.c.seller_order_id == seller_orders.c.id)
        .where(
            (seller_orders.c.refunded_goods_amount != func.coalesce(back.c.goods, 0))
            | (seller_orders.c.refunded_freight_amount != func.coalesce(back.c.freight, 0))
        )
    )
    for (code,) in db.session.execute(query):
        yield f"seller order {code}: the refunded amounts are not the sum of its refunds"
    kept = (
        select(seller_orders.c.code)
        .join(orders, orders.c.id == seller_orders.c.order_id)
        .where(
            orders.c.payment_state == "paid",
            seller_orders.c.status == "cancelled",
            seller_orders.c.refunded_goods_amount + seller_orders.c.refunded_freight_amount
            != seller_orders.c.goods_amount + seller_orders.c.freight_amount,
        )
    )
    for (code,) in db.session.execute(kept):
        yield f"seller order {code} was paid and cancelled, and its money is not on the way back"


def payments_booked() -> Iterator[str]:
    """Each succeeded payment is booked once and whole, for its order or as unmatched; a paid order has its own."""
    for_order = func.sum(case((JournalEntry.kind == "payment", Posting.amount)))
    unmatched_ = func.sum(case((JournalEntry.kind == "unmatched_payment", Posting.amount)))
    booked = (
        select(JournalEntry.reference, for_order.label("for_order"), unmatched_.label("unmatched"))
        .join(Posting, Posting.entry_id == JournalEntry.id)
        .where(
            JournalEntry.kind.in_(("payment", "unmatched_payment")),
            Posting.account == Account.PROVIDER_CLEARING,
        )
        .group_by(JournalEntry.reference)
        .subquery()
    )
    parts = (
        select(payment_parts.c.payment_id, func.sum(payment_parts.c.amount).label("amount"))
        .group_by(payment_parts.c.payment_id)
        .subquery()
    )
    compared = (
        select(
            payments,
            func.coalesce(parts.c.amount, 0).label("parts"),
            booked.c.for_order,
            booked.c.unmatched,
            booked.c.reference,
        )
        .outerjoin(parts, parts.c.payment_id == payments.c.id)
        .outerjoin(booked, booked.c.reference == cast(payments.c.id, String))
        .subquery()
    )
    for row in db.session.execute(_differing(compared)):
        yield from _payment_sentences(row)
    strangers = (
        select(booked.c.reference)
        .outerjoin(payments, booked.c.reference == cast(payments.c.id, String))
        .where(payments.c.id.is_(None))
        .order_by(booked.c.reference)
    )
    for (reference,) in db.session.execute(strangers):
        yield f"payment {reference} is booked and does not exist"
    matched = (
        select(compared.c.order_id, func.sum(compared.c.amount).label("amount"))
        .where(compared.c.for_order.is_not(None))
        .group_by(compared.c.order_id)
        .subquery()
    )
    total, paid = orders.c.goods_amount + orders.c.freight_amount, func.coalesce(matched.c.amount, 0)
    wrong = (
        select(orders.c.code, total, paid)
        .outerjoin(matched, matched.c.order_id == orders.c.id)
        .where(orders.c.payment_state == "paid", paid != total)
        .order_by(orders.c.id)
    )
    for code, amount, is_ in db.session.execute(wrong):
        yield f"order {code} of {format_fen(amount)} is paid by {format_fen(int(is_))}"
    unpaid = (
        select(matched.c.order_id)
        .outerjoin(orders, (orders.c.id == matched.c.order_id) & (orders.c.payment_state == "paid"))
        .where(orders.c.id.is_(None))
        .order_by(matched.c.order_id)
    )
    for (order_id,) in db.session.execute(unpaid):
        yield f"order {order_id} has a payment booked and is not paid"


def _differing(compared: Subquery) -> Select[Any]:
    """Payments whose booking is not theirs: only they leave the database."""
    row = compared.c
    whole = func.coalesce(row.for_order, 0) + func.coalesce(row.unmatched, 0)
    is_once = or_(row.for_order.is_(None), row.unmatched.is_(None)) & row.reference.is_not(None)
    differs = or_(
        (row.status == "succeeded") & or_(whole != row.amount, ~is_once),
        row.status.not_in(("succeeded", "unexpected")) & (whole != 0),
        row.parts != row.for_order,
    )
    return select(compared).where(differs).order_by(row.id)


def _payment_sentences(row: Row[Any]) -> Iterator[str]:
    found: list[int] = [int(amount) for amount in (row.for_order, row.unmatched) if amount is not None]
    if row.status == "succeeded" and (sum(found) != row.amount or len(found) != 1):
        amount = format_fen(sum(found))
        yield f"payment {row.id} of {format_fen(row.amount)} succeeded and {amount} of it is booked"
    elif row.status not in {"succeeded", "unexpected"} and sum(found) != 0:
        yield f"payment {row.id} is booked and did not succeed"
    if row.for_order is not None and row.parts != row.for_order:
        booked = format_fen(int(row.for_order))
        yield f"payment {row.id}: its parts are {format_fen(int(row.parts))}, booked {booked}"


def fees_booked() -> Iterator[str]:
    """Each fee that the provider told is the platform's expense, once."""
    fee = and_(
        JournalEntry.book == PLATFORM_BOOK,
        JournalEntry.kind == "provider_fee",
        JournalEntry.reference == cast(payments.c.id, String),
    )
    query = (
        select(payments.c.id)
        .outerjoin(JournalEntry, fee)
        .outerjoin(
            Posting, and_(Posting.entry_id == JournalEntry.id, Posting.account == Account.PROVIDER_FEE)
        )
        .where(func.coalesce(payments.c.fee_amount, 0) != func.coalesce(Posting.amount, 0))
    )
    for (payment_id,) in db.session.execute(query):
        yield f"payment {payment_id}: the provider's fee is not booked as it was told"


def unmatched() -> Iterator[str]:
    """What the platform's book owes for payments without an order is what its open refunds say."""
    query = select(func.coalesce(func.sum(Posting.amount), 0)).where(
        Posting.book == PLATFORM_BOOK, Posting.account == Account.REFUNDS_DUE
    )
    booked = -int(db.session.execute(query).scalar_one())
    owed = select(func.coalesce(func.sum(refunds.c.goods_amount + refunds.c.freight_amount), 0)).where(
        refunds.c.seller_order_id.is_(None), refunds.c.status.in_(("requested", "pending", "failed"))
    )
    due = int(db.session.execute(owed).scalar_one())
    if booked != due:
        yield f"refunds of payments without an order: {format_fen(due)} due, {format_fen(booked)} booked"


def disputes_booked() -> Iterator[str]:
    """Each dispute is the sum of its parts, each part one of its payment's; it and its fee are booked as told.

    The state of a part's money is compared with its sale; here that it moved at all, also where there is no sale.
    """
    paid = and_(
        payment_parts.c.payment_id == disputes.c.payment_id,
        payment_parts.c.seller_id == dispute_parts.c.seller_id,
    )
    query = (
        select(dispute_parts, disputes, payment_parts.c.seller_order_id.label("paid_sale_id"))
        .set_label_style(LABEL_STYLE_TABLENAME_PLUS_COL)
        .select_from(disputes)
        .outerjoin(dispute_parts, dispute_parts.c.dispute_id == disputes.c.id)
        .outerjoin(payment_parts, paid)
    )
    wanted: dict[tuple[int, str, str], int] = {}
    left: dict[int, int] = {}
    for row in db.session.execute(query):
        dispute_id, part = row.disputes_id, row.dispute_parts_amount or 0
        left[dispute_id] = left.get(dispute_id, row.disputes_amount) - part
        if row.dispute_parts_seller_order_id not in {None, row.paid_sale_id}:
            yield f"dispute {dispute_id} concerns a seller order that its payment did not pay"
        for kind, fee in DISPUTE_FEES.items():
            wanted[PLATFORM_BOOK, kind, str(dispute_id)] = getattr(row, fee)
        for kind, moment in DISPUTE_MOVEMENTS.items():
            if getattr(row, moment) is not None and part:
                wanted[row.dispute_parts_seller_id, kind, str(row.dispute_parts_id)] = part
    for dispute_id, amount in left.items():
        if amount:
            yield f"dispute {dispute_id} is not the sum of its parts"
    booked = (
        select(JournalEntry.book, JournalEntry.kind, JournalEntry.reference, func.sum(Posting.amount))
        .join(Posting, and_(Posting.entry_id == JournalEntry.id, Posting.amount > 0))
        .where(JournalEntry.kind.in_((*DISPUTE_FEES, *DISPUTE_MOVEMENTS)))
        .group_by(JournalEntry.book, JournalEntry.kind, JournalEntry.reference)
    )
    found = {(book, kind, ref): int(amount) for book, kind, ref, amount in db.session.execute(booked)}
    for key in sorted(wanted.keys() | found.keys()):
        told, is_ = wanted.get(key, 0), found.get(key, 0)
        if told != is_:
            book, kind, reference = key
            yield f"{kind} {reference} of book {book}: {format_fen(told)} told, {format_fen(is_)} booked"


def pools() -> Iterator[str]:
    """A pool is the sum of its movements, and holds what its unpaid orders keep; never less than nothing."""
    moved = (
        select(stock_movements.c.pool_id, func.sum(stock_movements.c.amount).label("amount"))
        .group_by(stock_movements.c.pool_id)
        .subquery()
    )
    kept = (
        select(holds.c.pool_id, func.sum(holds.c.amount).label("amount"))
        .where(holds.c.state == "held")
        .group_by(holds.c.pool_id)
        .subquery()
    )
    pool = stock_pools.c
    query = (
        select(
            pool.id,
            pool.on_hand,
            pool.held,
            func.coalesce(moved.c.amount, 0),
            func.coalesce(kept.c.amount, 0),
        )
        .outerjoin(moved, moved.c.pool_id == pool.id)
        .outerjoin(kept, kept.c.pool_id == pool.id)
        .where(
            or_(
                pool.on_hand != func.coalesce(moved.c.amount, 0),
                pool.held != func.coalesce(kept.c.amount, 0),
                pool.held < 0,
                pool.on_hand < pool.held,
            )
        )
    )
    for pool_id, on_hand, held, by_movements, by_holds in db.session.execute(query):
        yield (
            f"pool {pool_id}: {on_hand} on hand and {held} held,"
            f" by its movements {int(by_movements)}, by its holds {int(by_holds)}"
        )


def holds_of_orders() -> Iterator[str]:
    """Each pool of an order has one hold of the lines' amount, in the state that the order's payment asks for."""
    state = case(
        (orders.c.payment_state == "unpaid", "held"),
        (orders.c.payment_state == "cancelled", "released"),
        else_="confirmed",
    )
    drawn = (
        select(
            seller_orders.c.order_id,
            order_lines.c.pool_id,
            func.sum(order_lines.c.pool_amount).label("amount"),
        )
        .join(seller_orders, seller_orders.c.id == order_lines.c.seller_order_id)
        .group_by(seller_orders.c.order_id, order_lines.c.pool_id)
        .subquery()
    )
    query = (
        select(orders.c.code, drawn.c.pool_id, drawn.c.amount, holds.c.amount, holds.c.state)
        .join(drawn, drawn.c.order_id == orders.c.id)
        .outerjoin(holds, and_(holds.c.order_id == orders.c.id, holds.c.pool_id == drawn.c.pool_id))
        .where(or_(holds.c.amount.is_(None), holds.c.amount != drawn.c.amount, holds.c.state != state))
    )
    for code, pool_id, amount, held, found in db.session.execute(query):
        yield f"order {code} drew {amount} from pool {pool_id}; its hold says {held} {found}"
    stray = (
        select(holds.c.order_id, holds.c.pool_id)
        .outerjoin(orders, orders.c.id == holds.c.order_id)
        .where(orders.c.id.is_(None), holds.c.state != "released")
    )
    for order_id, pool_id in db.session.execute(stray):
        yield f"pool {pool_id} keeps something for order {order_id}, which does not exist"
