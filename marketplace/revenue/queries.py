"""Recognised revenue as the award report and the seller read it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select
from sqlalchemy.orm import aliased

from marketplace.database import db
from marketplace.paging import page_of
from marketplace.revenue.models import AgriClass, Mode, RevenueEntry, RevenueKind, YearRevenue
from marketplace.revenue.rules import season_of

PAGE = 50


@dataclass(frozen=True)
class YearFact:
    """Revenue of one year, mode and class in fen; adjustments are refunds of a year that was frozen before."""

    year: int
    mode: Mode
    agri_class: AgriClass
    amount: int  # without the adjustments
    adjustment_amount: int  # zero or negative

    @property
    def total_amount(self) -> int:
        return self.amount + self.adjustment_amount


@dataclass(frozen=True)
class RevenueLine:
    """One entry behind a figure; the entries of a figure sum to it."""

    id: int
    seller_order_id: int
    kind: RevenueKind
    reference: str
    amount: int
    at: datetime
    day: date
    is_adjustment: bool
    adjusts_year: int | None


def year_facts(seller_id: int) -> list[YearFact]:
    """A seller's figures of all years, oldest first."""
    return year_facts_of([seller_id]).get(seller_id, [])


def year_facts_of(seller_ids: Collection[int] | None) -> dict[int, list[YearFact]]:
    """The figures of some sellers, or with None of all, oldest first; a seller without revenue is left out."""
    sums = select(
        YearRevenue.seller_id, YearRevenue.year, YearRevenue.mode, YearRevenue.agri_class, YearRevenue.amount
    ).order_by(YearRevenue.seller_id, YearRevenue.year, YearRevenue.mode, YearRevenue.agri_class)
    adjusted = (
        select(
            RevenueEntry.seller_id,
            RevenueEntry.year,
            RevenueEntry.mode,
            RevenueEntry.agri_class,
            func.sum(RevenueEntry.amount),
        )
        .where(RevenueEntry.adjusts_year.is_not(None))
        .group_by(RevenueEntry.seller_id, RevenueEntry.year, RevenueEntry.mode, RevenueEntry.agri_class)
    )
    if seller_ids is not None:
        sums = sums.where(YearRevenue.seller_id.in_(seller_ids))
        adjusted = adjusted.where(RevenueEntry.seller_id.in_(seller_ids))
    adjustments = {tuple(row[:4]): int(row[4]) for row in db.session.execute(adjusted)}
    found: dict[int, list[YearFact]] = {}
    for seller_id, year, mode, agri_class, amount in db.session.execute(sums):
        adjustment = adjustments.get((seller_id, year, mode, agri_class), 0)
        found.setdefault(seller_id, []).append(
            YearFact(year, mode, agri_class, amount - adjustment, adjustment)
        )
    return found


def adjusted_years_of(seller_ids: Collection[int]) -> dict[int, dict[int, int]]:
    """By seller, each frozen year that had refunds afterwards with their sum in fen, below zero."""
    query = (
        select(RevenueEntry.seller_id, RevenueEntry.adjusts_year, func.sum(RevenueEntry.amount))
        .where(RevenueEntry.seller_id.in_(seller_ids), RevenueEntry.adjusts_year.is_not(None))
        .group_by(RevenueEntry.seller_id, RevenueEntry.adjusts_year)
    )
    found: dict[int, dict[int, int]] = {}
    for seller_id, year, amount in db.session.execute(query):
        found.setdefault(seller_id, {})[year] = int(amount)
    return found


def has_season_sales(seller_id: int, year: int) -> bool:
    """Whether primary produce was completed in the season months of a calendar year."""
    january, march = date(year, 1, 1), date(year, 3, 1)
    november, next_year = date(year, 11, 1), date(year + 1, 1, 1)
    query = select(RevenueEntry.id).where(
        RevenueEntry.seller_id == seller_id,
        RevenueEntry.year == year,
        RevenueEntry.agri_class == AgriClass.PRIMARY,
        RevenueEntry.kind == RevenueKind.COMPLETED,
        or_(
            (RevenueEntry.day >= january) & (RevenueEntry.day < march),
            (RevenueEntry.day >= november) & (RevenueEntry.day < next_year),
        ),
    )
    return db.session.execute(query.limit(1)).first() is not None


@dataclass(frozen=True)
class FigureParts:
    """What a year's figure of one mode and class is made of, in fen; refunds and adjustments are below zero."""

    mode: Mode
    agri_class: AgriClass
    sold_amount: int
    refunded_amount: int
    adjustment_amount: int

    @property
    def amount(self) -> int:
        return self.sold_amount + self.refunded_amount + self.adjustment_amount


def parts_of(seller_id: int, year: int) -> list[FigureParts]:
    """Sales, refunds and adjustments behind each figure of a year, summed from the entries themselves."""
    is_sale = RevenueEntry.kind == RevenueKind.COMPLETED
    is_adjustment = RevenueEntry.adjusts_year.is_not(None)
    query = (
        select(
            RevenueEntry.mode,
            RevenueEntry.agri_class,
            func.sum(case((is_sale, RevenueEntry.amount), else_=0)),
            func.sum(case((~is_sale & ~is_adjustment, RevenueEntry.amount), else_=0)),
            func.sum(case((is_adjustment, RevenueEntry.amount), else_=0)),
        )
        .where(RevenueEntry.seller_id == seller_id, RevenueEntry.year == year)
        .group_by(RevenueEntry.mode, RevenueEntry.agri_class)
        .order_by(RevenueEntry.mode, RevenueEntry.agri_class)
    )
    return [
        FigureParts(mode, agri_class, *(int(amount) for amount in amounts))
        for mode, agri_class, *amounts in db.session.execute(query)
    ]


def season_facts(seller_id: int) -> dict[int, int]:
    """Primary revenue completed from 1 November to the end of February, by the season's first year, in fen.

    Refunds of its orders are taken off whenever they came. Information only: no award reads it.
    """
    sale = aliased(RevenueEntry)
    query = (
        select(sale.day, func.sum(RevenueEntry.amount))
        .join(
            RevenueEntry,
            (RevenueEntry.seller_id == sale.seller_id)
            & (RevenueEntry.seller_order_id == sale.seller_order_id)
            & (RevenueEntry.agri_class == sale.agri_class),
        )
        .where(
            sale.seller_id == seller_id,
            sale.kind == RevenueKind.COMPLETED,
            sale.agri_class == AgriClass.PRIMARY,
        )
        .group_by(sale.day)
    )
    found: dict[int, int] = {}
    for day, amount in db.session.execute(query):
        if (season := season_of(day)) is not None:
            found[season] = found.get(season, 0) + int(amount)
    return found


def lines_of(
    seller_id: int,
    year: int,
    mode: Mode | None,
    agri_classes: Collection[AgriClass],
    after: int | None = None,
    *,
    limit: int = PAGE,
) -> tuple[list[RevenueLine], int | None]:
    """The entries that sum to a figure of the report, newest first, and the id after which the next page starts.

    None for the mode, or no class, means all of them, as in the report's sums.
    """
    query = select(RevenueEntry).where(RevenueEntry.seller_id == seller_id, RevenueEntry.year == year)
    if mode is not None:
        query = query.where(RevenueEntry.mode == mode)
    if agri_classes:
        query = query.where(RevenueEntry.agri_class.in_(agri_classes))
    return _lines(query, after, limit)


def season_lines_of(
    seller_id: int, season: int, after: int | None = None, *, limit: int = PAGE
) -> tuple[list[RevenueLine], int | None]:
    """The entries that sum to a season's figure, as lines_of: its sales, and their refunds whenever they came."""
    return _lines(select(RevenueEntry).where(_is_of_season(seller_id, season)), after, limit)


def season_sum_of(seller_id: int, season: int) -> int:
    """All entries of a season together, in fen."""
    query = select(func.coalesce(func.sum(RevenueEntry.amount), 0)).where(_is_of_season(seller_id, season))
    return int(db.session.execute(query).scalar_one())


def _is_of_season(seller_id: int, season: int) -> ColumnElement[bool]:
    sale = aliased(RevenueEntry)
    sales = select(sale.seller_order_id).where(
        sale.seller_id == seller_id,
        sale.kind == RevenueKind.COMPLETED,
        sale.agri_class == AgriClass.PRIMARY,
        sale.day >= date(season, 11, 1),
        sale.day < date(season + 1, 3, 1),
    )
    return and_(
        RevenueEntry.seller_id == seller_id,
        RevenueEntry.agri_class == AgriClass.PRIMARY,
        RevenueEntry.seller_order_id.in_(sales),
    )


def _lines(
    query: Select[tuple[RevenueEntry]], after: int | None, limit: int
) -> tuple[list[RevenueLine], int | None]:
    rows, following = page_of(query, RevenueEntry.id, after, limit)
    return [
        RevenueLine(
            row.id,
            row.seller_order_id,
            row.kind,
            row.reference,
            row.amount,
            row.at,
            row.day,
            row.is_adjustment,
            row.adjusts_year,
        )
        for row in rows
    ], following


def figure(seller_id: int, year: int, mode: Mode, agri_class: AgriClass) -> int:
    """One figure of the report in fen; zero when nothing was recognised."""
    query = select(YearRevenue.amount).where(
        YearRevenue.seller_id == seller_id,
        YearRevenue.year == year,
        YearRevenue.mode == mode,
        YearRevenue.agri_class == agri_class,
    )
    return int(db.session.execute(query).scalar_one_or_none() or 0)
