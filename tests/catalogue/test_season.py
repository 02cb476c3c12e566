"""Solar terms and the harvest calendar, from data with a source."""

from __future__ import annotations

from datetime import date

import pytest

from marketplace.catalogue import season

pytestmark = pytest.mark.usefixtures("app_context")


@pytest.mark.parametrize(
    ("day", "term", "is_first"),
    [
        (date(2026, 11, 21), "立冬", False),
        (date(2026, 11, 22), "小雪", True),
        (date(2025, 12, 21), "冬至", True),
        (date(2025, 2, 3), "立春", True),
        (date(2024, 4, 4), "清明", True),
        (date(2026, 1, 1), "冬至", False),
        (date(2026, 2, 18), "雨水", True),
    ],
)
def test_a_day_has_its_solar_term(day: date, term: str, is_first: bool) -> None:
    assert season.solar_term(day) == term
    assert season.is_first_day(day) is is_first


def test_each_term_begins_once_and_in_order() -> None:
    for year in range(2020, 2060):
        days = [season._begins(year, index) for index in range(len(season.SOLAR_TERMS))]
        assert days == sorted(set(days)), year


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("11月中旬至下旬", [(11, "中旬"), (11, "下旬")]),
        ("11月下旬至12月上旬", [(11, "下旬"), (12, "上旬")]),
        ("12月下旬", [(12, "下旬")]),
        ("春天", []),
        ("13月上旬", []),
        ("", []),
    ],
)
def test_ripeness_is_read_from_its_text(text: str, parts: list[tuple[int, str]]) -> None:
    assert season.ripe_parts(text) == parts


def test_the_calendar_runs_over_the_turn_of_the_year() -> None:
    found = season.calendar(
        [("晚果", "12月下旬至1月上旬"), ("早果", "10月上旬"), ("不知道", "")], date(2026, 11, 20)
    )
    assert found is not None
    assert found.months == (9, 10, 11, 12, 1, 2)
    assert [(row.name, row.months, row.label) for row in found.rows] == [
        ("早果", (10,), "上旬"),
        ("晚果", (12, 1), "12月下旬至1月上旬"),
    ]
    assert season.calendar([("不知道", "")], date(2026, 11, 20)) is None


def test_the_line_of_the_season_names_what_is_ripe() -> None:
    varieties = [("纽荷尔", "11月中旬至下旬"), ("赣南早", "10月上旬至中旬")]
    assert season.line(varieties, date(2026, 11, 22)) == "今日小雪 · 纽荷尔正熟"
    assert season.line(varieties, date(2026, 5, 8)) == "立夏时节"
