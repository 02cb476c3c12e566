"""Recognised sales: written once on completion, taken back by refunds, summed in the same transaction (D1)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from typing import Any, Protocol

from sqlalchemy import BigInteger, cast, delete, func, insert, select

from marketplace import clock
from marketplace.database import db, dialect_insert, insert_once, new_id
from marketplace.revenue.checks import verify as verify
from marketplace.revenue.models import AgriClass, DailyRevenue, Mode, RevenueEntry, RevenueKind, YearRevenue
from marketplace.revenue.rules import Placement, line_revenue, place_refund

COMPLETED = "completed"

FreezeLookup = Callable[[int, int], date | None]
_freeze_lookup: FreezeLookup | None = None


class CompletedSale(Protocol):
    """What revenue needs to know of a completed seller order."""

    @property
    def id(self) -> int: ...
    @property
    def seller_id(self) -> int: ...
    @property
    def mode(self) -> Mode: ...
    @property
    def completed_at(self) -> datetime | None: ...


class SoldLine(Protocol):
    """What revenue needs to know of its lines; amounts in fen."""

    @property
    def agri_class(self) -> AgriClass: ...
    @property
    def amount(self) -> int: ...
    @property
    def vat_amount(self) -> int: ...
    @property
    def refunded_amount(self) -> int: ...


def set_freeze_lookup(lookup: FreezeLookup) -> None:
    """Who knows when a seller's year was frozen: the awards package, which stands above this one."""
    global _freeze_lookup
    _freeze_lookup = lookup


def frozen_on(seller_id: int, year: int) -> date | None:
    """The day on which a seller's year was first frozen; None while it is open."""
    return _freeze_lookup(seller_id, year) if _freeze_lookup else None


def recognise(sale: CompletedSale, lines: Iterable[SoldLine]) -> None:
    """Write the revenue of a seller order completed just now, one entry per class; a repeat changes nothing."""
    assert sale.completed_at is not None
    amounts: dict[AgriClass, int] = {}
    for line in lines:
        revenue = line_revenue(line.amount, line.vat_amount, line.refunded_amount)
        amounts[line.agri_class] = amounts.get(line.agri_class, 0) + revenue
    day = clock.shanghai_date(sale.completed_at)
    for agri_class, amount in sorted(amounts.items()):
        _write(
            sale, RevenueKind.COMPLETED, COMPLETED, agri_class, amount, sale.completed_at, Placement(day.year)
        )


def reverse(sale: CompletedSale, refund_id: int, by_class: Mapping[AgriClass, int], at: datetime) -> None:
    """Take refunded revenue back, in fen above zero by class; a repeat for the same refund changes nothing.

    It restates the year of completion while that is not frozen, else it adjusts the refund's own year (policy 4).
    """
    assert sale.completed_at is not None
    sold_on = clock.shanghai_date(sale.completed_at)
    placement = place_refund(
        sold_on=sold_on,
        refunded_on=clock.shanghai_date(at),
        frozen_on=frozen_on(sale.seller_id, sold_on.year),
    )
    for agri_class, amount in sorted(by_class.items()):
        _write(sale, RevenueKind.REFUND, f"refund:{refund_id}", agri_class, -amount, at, placement)


def rebuild(seller_id: int | None = None) -> None:
    """Make the daily and yearly sums again from the entries, of one seller or of all."""
    for table, period in ((DailyRevenue, RevenueEntry.day), (YearRevenue, RevenueEntry.year)):
        old = delete(table)
        query = select(
            RevenueEntry.seller_id,
            period,
            RevenueEntry.mode,
            RevenueEntry.agri_class,
            cast(func.sum(RevenueEntry.amount), BigInteger),
        ).group_by(RevenueEntry.seller_id, period, RevenueEntry.mode, RevenueEntry.agri_class)
        if seller_id is not None:
            old, query = (
                old.where(table.seller_id == seller_id),
                query.where(RevenueEntry.seller_id == seller_id),
            )
        db.session.execute(old, execution_options={"synchronize_session": False})
        # From the database into the database: no row of it comes here, however many there are.
        columns = ["seller_id", period.key, "mode", "agri_class", "amount"]
        db.session.execute(insert(table).from_select(columns, query))


def _write(
    sale: CompletedSale,
    kind: RevenueKind,
    reference: str,
    agri_class: AgriClass,
    amount: int,
    at: datetime,
    placement: Placement,
) -> None:
    if not amount:
        return
    day = clock.shanghai_date(at)
    written = insert_once(
        RevenueEntry,
        id=new_id(),
        seller_id=sale.seller_id,
        seller_order_id=sale.id,
        kind=kind,
        reference=reference,
        mode=sale.mode,
        agri_class=agri_class,
        amount=amount,
        at=at,
        day=day,
        year=placement.year,
        is_adjustment=placement.is_adjustment,
        adjusts_year=placement.adjusts_year,
    )
    if not written:
        return
    _add(DailyRevenue, amount, seller_id=sale.seller_id, day=day, mode=sale.mode, agri_class=agri_class)
    _add(
        YearRevenue,
        amount,
        seller_id=sale.seller_id,
        year=placement.year,
        mode=sale.mode,
        agri_class=agri_class,
    )


def _add(table: type[DailyRevenue] | type[YearRevenue], amount: int, **key: Any) -> None:
    """Add to a sum, or start it, in one statement."""
    insert = dialect_insert(table).values(amount=amount, **key)
    db.session.execute(
        insert.on_conflict_do_update(
            index_elements=list(key), set_={"amount": table.amount + insert.excluded.amount}
        )
    )
