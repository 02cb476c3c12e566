"""Seasons entered by centre staff."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.browsing import Visitor

SignIn = Callable[[str], Visitor]
SEASON = {
    "category_code": "navel",
    "variety_code": "",
    "year": "2026",
    "earliest_ship_on": "2026-11-05",
    "source": "协会公告 2026-10-20（测试）",
}
STAFF = "staff_xinfeng"


def test_centre_staff_enters_a_season_with_its_source(sign_in: SignIn) -> None:
    staff = sign_in(STAFF)
    assert "还没有记过" in staff.get("/staff/seasons/").text
    page = staff.follow(staff.submit("/staff/seasons/", SEASON))
    for words in ("2026年11月5日", "协会公告", "所有品种"):
        assert words in page.text


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("source", ""),
        ("earliest_ship_on", ""),
        ("earliest_ship_on", "2025-11-05"),
        ("year", "abc"),
        ("variety_code", "camellia"),
    ],
)
def test_season_without_its_facts_is_refused_at_the_field(sign_in: SignIn, field: str, value: str) -> None:
    refused = sign_in(STAFF).submit("/staff/seasons/", SEASON | {field: value}, 422)
    assert field in refused.errors()
    assert refused.form().fields["year"] == (value if field == "year" else "2026")


@pytest.mark.parametrize("key", ["bureau", "finance"])
def test_bureau_and_finance_may_not(sign_in: SignIn, key: str) -> None:
    sign_in(key).get("/staff/seasons/", 403)


def test_seller_may_not(sign_in: SignIn) -> None:
    sign_in("farmer").get("/staff/seasons/", 403)
