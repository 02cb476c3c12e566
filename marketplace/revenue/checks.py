"""Whether the sums are those of the entries, and the entries those of the orders."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import case, func, select

from marketplace.database import db
from marketplace.ledger.records import order_lines, seller_orders
from marketplace.money import format_fen
from marketplace.revenue.models import DailyRevenue, RevenueEntry, YearRevenue


def verify() -> list[str]:
    """One sentence for each day, year or seller order whose figure is not what it is the sum of."""
    return [*_sums("day", DailyRevenue), *_sums("year", YearRevenue), *_sales()]


def _sums(period: str, table: Any) -> Iterator[str]:
    column = getattr(RevenueEntry, period)
    query = select(
        RevenueEntry.seller_id,
        column,
        RevenueEntry.mode,
        RevenueEntry.agri_class,
        func.sum(RevenueEntry.amount),
    ).group_by(RevenueEntry.seller_id, column, RevenueEntry.mode, RevenueEntry.agri_class)
    entries = {tuple(row[:4]): int(row[4]) for row in db.session.execute(query)}
    kept = {
        tuple(row[:4]): int(row[4])
        for row in db.session.execute(
            select(table.seller_id, getattr(table, period), table.mode, table.agri_class, table.amount)
        )
    }
    for key in sorted(entries.keys() | kept.keys()):
        should, is_ = entries.get(key, 0), kept.get(key, 0)
        if should != is_:
            seller_id, when, mode, agri_class = key
            yield (
                f"seller {seller_id}, {period} {when}, {mode} {agri_class}:"
                f" {format_fen(is_)} kept, {format_fen(should)} by the entries"
            )


def _sales() -> Iterator[str]:
    """A completed seller order's entries are the revenue of its lines; no other has any."""
    left = order_lines.c.amount - order_lines.c.vat_amount - order_lines.c.refunded_amount
    is_completed = (seller_orders.c.status == "completed") & (left > 0)
    should = (
        select(
            order_lines.c.seller_order_id,
            order_lines.c.agri_class,
            func.sum(case((is_completed, left), else_=0)),
        )
        .join(seller_orders, seller_orders.c.id == order_lines.c.seller_order_id)
        .group_by(order_lines.c.seller_order_id, order_lines.c.agri_class)
    )
    recorded = {(row[0], row[1]): int(row[2]) for row in db.session.execute(should)}
    query = select(
        RevenueEntry.seller_order_id, RevenueEntry.agri_class, func.sum(RevenueEntry.amount)
    ).group_by(RevenueEntry.seller_order_id, RevenueEntry.agri_class)
    for sale_id, agri_class, amount in db.session.execute(query):
        expected = recorded.pop((sale_id, str(agri_class)), 0)
        if amount != expected:
            yield (
                f"seller order {sale_id}, {agri_class}: {format_fen(int(amount))} recognised,"
                f" {format_fen(expected)} by its lines"
            )
    for (sale_id, agri_class), amount in recorded.items():
        if amount:
            yield f"seller order {sale_id}, {agri_class}: nothing recognised, {format_fen(amount)} by its lines"
