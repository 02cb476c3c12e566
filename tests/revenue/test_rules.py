"""How much is revenue, and whose year a refund moves."""

from __future__ import annotations

from datetime import date

import pytest

from marketplace.revenue.rules import Placement, line_revenue, place_refund, season_of

SOLD = date(2025, 12, 20)
FROZEN = date(2026, 3, 31)


@pytest.mark.parametrize(
    ("refunded_on", "frozen_on", "placement"),
    [
        (date(2025, 12, 25), None, Placement(2025)),
        (date(2026, 2, 10), None, Placement(2025)),
        (date(2026, 2, 10), FROZEN, Placement(2025)),
        (date(2026, 3, 31), FROZEN, Placement(2025)),
        (date(2026, 4, 1), FROZEN, Placement(2026, is_adjustment=True, adjusts_year=2025)),
        (date(2027, 1, 1), FROZEN, Placement(2027, is_adjustment=True, adjusts_year=2025)),
        (date(2025, 12, 31), date(2025, 12, 30), Placement(2025)),
    ],
)
def test_a_refund_restates_its_sales_year_until_that_is_frozen(
    refunded_on: date, frozen_on: date | None, placement: Placement
) -> None:
    assert place_refund(sold_on=SOLD, refunded_on=refunded_on, frozen_on=frozen_on) == placement


@pytest.mark.parametrize(
    ("amount", "vat", "refunded", "revenue"),
    [
        (9980, 0, 0, 9980),
        (9980, 824, 0, 9156),
        (9980, 824, 1000, 8156),
        (9980, 824, 9980, 0),
        (100, 0, 100, 0),
    ],
)
def test_revenue_of_a_line_is_goods_without_vat_and_refunds(
    amount: int, vat: int, refunded: int, revenue: int
) -> None:
    assert line_revenue(amount, vat, refunded) == revenue


@pytest.mark.parametrize(
    ("day", "season"),
    [
        (date(2025, 10, 31), None),
        (date(2025, 11, 1), 2025),
        (date(2026, 1, 15), 2025),
        (date(2028, 2, 29), 2027),
        (date(2026, 3, 1), None),
    ],
)
def test_the_season_is_named_by_its_first_year(day: date, season: int | None) -> None:
    assert season_of(day) == season
