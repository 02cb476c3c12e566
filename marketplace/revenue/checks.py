"""Whether the sums are those of the entries, and the entries those of the orders.

Compared inside the database: only what differs comes here, however many rows there are.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import String, case, cast, func, literal, select, union_all

from marketplace.database import db
from marketplace.ledger.records import order_lines, seller_orders
from marketplace.money import format_fen
from marketplace.revenue.models import DailyRevenue, RevenueEntry, YearRevenue


def verify() -> list[str]:
    """One sentence for each day, year or seller order whose figure is not what it is the sum of."""
    return [*_sums("day", DailyRevenue), *_sums("year", YearRevenue), *_sales()]


def _sums(period: str, table: Any) -> Iterator[str]:
    column = getattr(RevenueEntry, period)
    entries = select(
        RevenueEntry.seller_id,
        column.label("period"),
        RevenueEntry.mode,
        RevenueEntry.agri_class,
        RevenueEntry.amount.label("should"),
        literal(0).label("kept"),
    )
    sums = select(
        table.seller_id, getattr(table, period), table.mode, table.agri_class, literal(0), table.amount
    )
    both = union_all(entries, sums).subquery()
    key = (both.c.seller_id, both.c.period, both.c.mode, both.c.agri_class)
    should, kept = func.sum(both.c.should), func.sum(both.c.kept)
    query = select(*key, should, kept).group_by(*key).having(should != kept).order_by(*key)
    for seller_id, when, mode, agri_class, by_entries, is_ in db.session.execute(query):
        yield (
            f"seller {seller_id}, {period} {when}, {mode} {agri_class}:"
            f" {format_fen(int(is_))} kept, {format_fen(int(by_entries))} by the entries"
        )


def _sales() -> Iterator[str]:
    """A completed seller order's entries are the revenue of its lines; no other has any."""
    left = order_lines.c.amount - order_lines.c.vat_amount - order_lines.c.refunded_amount
    is_completed = (seller_orders.c.status == "completed") & (left > 0)
    lines = select(
        order_lines.c.seller_order_id.label("sale_id"),
        order_lines.c.agri_class.label("agri_class"),
        case((is_completed, left), else_=0).label("should"),
        literal(0).label("recognised"),
        literal(0).label("entries"),
    ).join(seller_orders, seller_orders.c.id == order_lines.c.seller_order_id)
    entries = select(
        RevenueEntry.seller_order_id,
        cast(RevenueEntry.agri_class, String),
        literal(0),
        RevenueEntry.amount,
        literal(1),
    )
    both = union_all(lines, entries).subquery()
    key = (both.c.sale_id, both.c.agri_class)
    should, recognised = func.sum(both.c.should), func.sum(both.c.recognised)
    query = (
        select(*key, should, recognised, func.sum(both.c.entries))
        .group_by(*key)
        .having(should != recognised)
        .order_by(*key)
    )
    for sale_id, agri_class, by_lines, amount, count in db.session.execute(query):
        found = f"{format_fen(int(amount))} recognised" if count else "nothing recognised"
        yield f"seller order {sale_id}, {agri_class}: {found}, {format_fen(int(by_lines))} by its lines"
