"""Seasons, certificates and marks: tables of the rules."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime

import pytest

from marketplace.places import is_of_ganzhou
from marketplace.provenance import rules
from marketplace.provenance.models import Authorisation, Season
from marketplace.sellers.models import SellerKind


@dataclass(frozen=True)
class Who:
    kind: SellerKind
    registered_as: SellerKind | None = None


@dataclass(frozen=True)
class What:
    certificate_required: bool


@pytest.mark.parametrize(
    ("who", "needed"),
    [
        (Who(SellerKind.COOPERATIVE), True),
        (Who(SellerKind.COMPANY), True),
        (Who(SellerKind.PERSON), False),
        (Who(SellerKind.SOLE_TRADER), False),
        (Who(SellerKind.FAMILY_FARM), False),
        (Who(SellerKind.FAMILY_FARM, SellerKind.SOLE_TRADER), False),
        (Who(SellerKind.FAMILY_FARM, SellerKind.COMPANY), True),
        (Who(SellerKind.FAMILY_FARM, SellerKind.COOPERATIVE), True),
    ],
)
def test_cooperatives_and_companies_need_a_certificate_where_the_category_asks(
    who: Who, needed: bool
) -> None:
    assert rules.certificate_needed(who, What(True)) is needed
    assert rules.certificate_needed(who, What(False)) is False


@pytest.mark.parametrize(
    ("day", "year"),
    [
        (date(2026, 7, 31), 2025),
        (date(2026, 8, 1), 2026),
        (date(2026, 12, 31), 2026),
        (date(2027, 1, 1), 2026),
    ],
)
def test_january_fruit_belongs_to_the_autumn_before(day: date, year: int) -> None:
    assert rules.season_year(day) == year


def season(number: int, year: int, day: date, variety: str | None = None) -> Season:
    return Season(
        id=number, category_code="navel", variety_code=variety, year=year, earliest_ship_on=day, source="甲"
    )


GENERAL = season(1, 2026, date(2026, 11, 5))
CORRECTED = season(2, 2026, date(2026, 11, 1))
EARLY = season(3, 2026, date(2026, 10, 5), "ganzao")
LAST_YEAR = season(4, 2025, date(2025, 11, 1))


@pytest.mark.parametrize(
    ("seasons", "variety", "day", "expected"),
    [
        ([], "newhall", date(2026, 11, 20), None),
        ([LAST_YEAR], "newhall", date(2026, 11, 20), None),
        ([GENERAL], "newhall", date(2026, 11, 20), date(2026, 11, 5)),
        ([GENERAL, CORRECTED], "newhall", date(2026, 11, 20), date(2026, 11, 1)),
        ([GENERAL, EARLY], "ganzao", date(2026, 10, 20), date(2026, 10, 5)),
        ([GENERAL, EARLY], None, date(2026, 10, 20), date(2026, 11, 5)),
        ([GENERAL, LAST_YEAR], "newhall", date(2026, 3, 1), date(2025, 11, 1)),
    ],
)
def test_earliest_day_is_of_the_fruits_own_season_variety_first_newest_entry_first(
    seasons: list[Season], variety: str | None, day: date, expected: date | None
) -> None:
    found = rules.earliest_ship_on(seasons, variety_code=variety, day=day)
    assert (found.on if found else None) == expected


@pytest.mark.parametrize(
    ("day", "mark", "is_checked", "allowed"),
    [
        (date(2026, 9, 1), rules.MARK, True, True),
        (date(2027, 8, 31), rules.MARK, True, True),
        (date(2026, 8, 31), rules.MARK, True, False),
        (date(2027, 9, 1), rules.MARK, True, False),
        (date(2026, 11, 1), "信丰脐橙", True, False),
        (date(2026, 11, 1), rules.MARK, False, False),
    ],
)
def test_mark_is_allowed_while_a_checked_authorisation_lasts(
    day: date, mark: str, is_checked: bool, allowed: bool
) -> None:
    right = Authorisation(
        mark=rules.MARK,
        valid_from=date(2026, 9, 1),
        valid_to=date(2027, 8, 31),
        checked_at=datetime(2026, 8, 1, tzinfo=UTC) if is_checked else None,
    )
    assert rules.mark_allowed([right], mark, day) is allowed


def test_only_ganzhou_is_ganzhou() -> None:
    assert is_of_ganzhou("360722105")
    assert not is_of_ganzhou("361030101")  # 广昌 belongs to Fuzhou
