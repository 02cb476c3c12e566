"""How much of a line is revenue, and which year a refund moves (policy section 4)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

SEASON_MONTHS = (11, 12, 1, 2)


def line_revenue(amount: int, vat_amount: int, refunded_amount: int) -> int:
    """Goods after the seller's own discount − VAT contained − refunds of goods, never below zero; fen.

    A whole refund gives back the VAT too, so what is left is nothing, not a negative sale.
    """
    return max(0, amount - vat_amount - refunded_amount)


@dataclass(frozen=True)
class Placement:
    """Whose figure a refund moves: the sale's year, or as an adjustment the refund's own, flagging the frozen one."""

    year: int
    is_adjustment: bool = False
    adjusts_year: int | None = None


def place_refund(*, sold_on: date, refunded_on: date, frozen_on: date | None) -> Placement:
    """Restate the sale's year while it is not frozen: a refund of the same year, or on or before the freeze date."""
    if frozen_on is None or refunded_on.year == sold_on.year or refunded_on <= frozen_on:
        return Placement(sold_on.year)
    return Placement(refunded_on.year, is_adjustment=True, adjusts_year=sold_on.year)


def season_of(day: date) -> int | None:
    """The year in which the season of a day began: 1 November to the end of February; None outside."""
    if day.month not in SEASON_MONTHS:
        return None
    return day.year if day.month >= 11 else day.year - 1
