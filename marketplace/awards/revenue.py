"""Recognised revenue: which mode a sale is, which year it counts in, and the figures of a year."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Context, Decimal
from enum import StrEnum

from marketplace.awards.facts import (
    AgriClass,
    Buyer,
    Facts,
    Mode,
    OrderYear,
    RevenueFact,
    RevenueSource,
    SellerKind,
)
from marketplace.awards.parameters import Readings

# Sums of fen times a share of six decimals stay far below this many digits, so products are exact.
EXACT = Context(prec=60)


class Sham(StrEnum):
    """刷单: what staff found out about an order."""

    SUSPECTED = "suspected"
    CONFIRMED = "confirmed"


@dataclass(frozen=True, slots=True)
class Refund:
    """Goods money given back, in fen; a chargeback is one too."""

    on: date
    fen: int


@dataclass(frozen=True, slots=True)
class Sale:
    """One class of goods of one order: `fen` is goods − the seller's own discounts − VAT, before refunds.

    `counts_on` is the Shanghai day of completion (of payment under `recognition_event=paid`), None while there is
    none. Freight is left out, coupons paid by the platform are in.
    """

    counts_on: date | None
    mode: Mode
    fen: int
    agri_class: AgriClass = AgriClass.NOT_AGRI
    refunds: tuple[Refund, ...] = ()
    platform_coupon_fen: int = 0
    sham: Sham | None = None
    is_offline: bool = False


@dataclass(frozen=True, slots=True)
class Recognised:
    """What sales amount to: the matching fields of `Facts`."""

    revenue: tuple[RevenueFact, ...]
    order_years: tuple[OrderYear, ...]
    seasons: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class YearFigures:
    """The revenue of one year in fen; `by_mode` has a mode only where a row counts."""

    by_mode: Mapping[Mode, Mapping[AgriClass, int]]

    def measured(self, mode: Mode) -> int:
        return sum(self.by_mode.get(mode, {}).values())

    def produce(self, mode: Mode, readings: Readings) -> int:
        by_class = self.by_mode.get(mode, {})
        return sum(by_class.get(agri_class, 0) for agri_class in produce_classes(readings))

    def of_class(self, agri_class: AgriClass) -> int:
        return sum(by_class.get(agri_class, 0) for by_class in self.by_mode.values())

    @property
    def total(self) -> int:
        return sum(self.measured(mode) for mode in self.by_mode)

    def total_produce(self, readings: Readings) -> int:
        return sum(self.produce(mode, readings) for mode in self.by_mode)

    def is_agri_seller(self, readings: Readings) -> bool:
        """An enterprise selling produce: total and produce above 0, produce at least `agri_share_min` × total."""
        total, produce = self.total, self.total_produce(readings)
        least = EXACT.multiply(readings.agri_share_min, Decimal(total))
        return total > 0 and produce > 0 and Decimal(produce) >= least

    def agri_share(self, readings: Readings) -> Decimal | None:
        """Produce ÷ total to four decimals, halves up, for display only; None when the total is not above 0."""
        total, produce = self.total, self.total_produce(readings)
        if total <= 0:
            return None
        steps = (2 * abs(produce) * 10_000 + total) // (2 * total)
        return Decimal(-steps if produce < 0 else steps).scaleb(-4, EXACT)


def decide_mode(kind: SellerKind, buyer: Buyer, sole_trader_side: str) -> Mode:
    """The mode by the parties, 四（二）1, not by platform type; person → enterprise is in none of the three."""
    is_person = kind is SellerKind.PERSON or (kind is SellerKind.SOLE_TRADER and sole_trader_side == "person")
    if is_person:
        return Mode.C2C if buyer is Buyer.CONSUMER else Mode.UNCLASSIFIED
    return Mode.B2C if buyer is Buyer.CONSUMER else Mode.B2B


def produce_classes(readings: Readings) -> tuple[AgriClass, ...]:
    """What counts as 农产品."""
    if readings.agri_scope == "primary_and_processed":
        return (AgriClass.PRIMARY, AgriClass.PROCESSED)
    return (AgriClass.PRIMARY,)


def season_of(day: date) -> int | None:
    """The season from 1 November to the end of February, named by its first year; None between seasons."""
    if day.month >= 11:
        return day.year
    return day.year - 1 if day.month <= 2 else None


def recognise(sales: Iterable[Sale], frozen_on: Mapping[int, date], as_of: date | None = None) -> Recognised:
    """Revenue by the year of the day that counts.

    Refunds restate that year until its freeze date; a later one is a negative adjustment of its own calendar year
    and flags the frozen year. Confirmed sham orders and offline sales are excluded and shown as excluded. What is
    dated after `as_of` is unknown.
    """
    amounts: dict[tuple[int, Mode, AgriClass, bool], int] = defaultdict(int)
    seen: dict[int, _OrderYearSum] = defaultdict(_OrderYearSum)
    seasons: dict[int, int] = defaultdict(int)
    for sale in sales:
        day = sale.counts_on
        if day is None or (as_of is not None and day > as_of):
            continue
        year = seen[day.year]
        refunds = [refund for refund in sale.refunds if as_of is None or refund.on <= as_of]
        refunded = sum(refund.fen for refund in refunds)
        if sale.sham is Sham.CONFIRMED or sale.is_offline:
            year.excluded_fen += sale.fen - refunded
            year.has_confirmed_sham |= sale.sham is Sham.CONFIRMED
            year.has_offline |= sale.is_offline
            continue
        year.has_suspected_sham |= sale.sham is Sham.SUSPECTED
        year.platform_coupon_fen += sale.platform_coupon_fen
        row = (sale.mode, sale.agri_class)
        amounts[day.year, *row, False] += sale.fen
        for refund in refunds:
            frozen = frozen_on.get(day.year)
            if frozen is None or refund.on <= frozen:
                amounts[day.year, *row, False] -= refund.fen
            elif refund.fen:
                amounts[refund.on.year, *row, True] -= refund.fen
                year.is_adjusted = True
        season = season_of(day)
        if season is not None and sale.agri_class is AgriClass.PRIMARY:
            seasons[season] += sale.fen - refunded
            year.has_season_sales = True
    return Recognised(
        revenue=tuple(
            RevenueFact(year_, mode, fen, agri_class, adjustment=adjustment)
            for (year_, mode, agri_class, adjustment), fen in sorted(amounts.items())
        ),
        order_years=tuple(year_sum.row(number) for number, year_sum in sorted(seen.items())),
        seasons=dict(sorted(seasons.items())),
    )


@dataclass(slots=True)
class _OrderYearSum:
    platform_coupon_fen: int = 0
    excluded_fen: int = 0
    has_confirmed_sham: bool = False
    has_suspected_sham: bool = False
    has_offline: bool = False
    has_season_sales: bool = False
    is_adjusted: bool = False

    def row(self, year: int) -> OrderYear:
        return OrderYear(
            year=year,
            platform_coupon_fen=self.platform_coupon_fen,
            excluded_fen=self.excluded_fen,
            has_confirmed_sham=self.has_confirmed_sham,
            has_suspected_sham=self.has_suspected_sham,
            has_offline=self.has_offline,
            has_season_sales=self.has_season_sales,
            is_adjusted=self.is_adjusted,
        )


@dataclass(frozen=True, slots=True)
class RevenueSummary:
    """The revenue of an assessed year as shown beside the award; fen. Amounts by mode keep declared revenue apart."""

    verified_fen: Mapping[Mode, int]
    declared_fen: Mapping[Mode, int]
    total_fen: int
    agri_fen: int
    agri_share: Decimal | None
    is_agri_seller: bool
    by_class_fen: Mapping[AgriClass, int]
    platform_coupon_fen: int
    excluded_fen: int
    adjustment_fen: int


def figures_of(facts: Facts, year: int, *, declared: bool) -> YearFigures:
    """The entity's own, historical and inherited revenue of a year, with or without declared revenue."""
    rows = [
        row
        for row in (*facts.revenue, *facts.inherited)
        if row.year == year and row.counts and (declared or not row.is_declared)
    ]
    return _figures(rows)


def summarise(facts: Facts, year: int, figures: YearFigures, readings: Readings) -> RevenueSummary:
    """The shown revenue of an assessed year, whose measured `figures` are given."""
    verified = figures_of(facts, year, declared=False)
    declared = _figures(
        row
        for row in facts.revenue
        if row.year == year and row.counts and row.source is RevenueSource.DECLARED
    )
    order_years = [row for row in facts.order_years if row.year == year]
    adjustments = [row.fen for row in facts.revenue if row.year == year and row.adjustment]
    return RevenueSummary(
        verified_fen={mode: verified.measured(mode) for mode in Mode},
        declared_fen={mode: declared.measured(mode) for mode in Mode},
        total_fen=figures.total,
        agri_fen=figures.total_produce(readings),
        agri_share=figures.agri_share(readings),
        is_agri_seller=figures.is_agri_seller(readings),
        by_class_fen={agri_class: figures.of_class(agri_class) for agri_class in AgriClass},
        platform_coupon_fen=sum(row.platform_coupon_fen for row in order_years),
        excluded_fen=sum(row.excluded_fen for row in order_years),
        adjustment_fen=sum(adjustments),
    )


def _figures(rows: Iterable[RevenueFact]) -> YearFigures:
    by_mode: dict[Mode, dict[AgriClass, int]] = {}
    for row in rows:
        by_class = by_mode.setdefault(row.mode, {})
        by_class[row.agri_class] = by_class.get(row.agri_class, 0) + row.fen
    return YearFigures(by_mode)
