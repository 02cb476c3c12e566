"""Words that write themselves, the mark, packs: tables of the rules."""

from __future__ import annotations

from datetime import date

import pytest

from marketplace.catalogue import rules
from marketplace.catalogue.models import Measure
from marketplace.catalogue.rules import Pack
from marketplace.provenance.rules import EarliestDay

pytestmark = pytest.mark.usefixtures("app_context")


@pytest.mark.parametrize(
    ("county", "category", "variety", "grade", "size", "title"),
    [
        ("信丰县", "脐橙", "纽荷尔", "一等", (75, 80), "信丰纽荷尔脐橙 一等 75–80mm"),
        ("信丰县", "脐橙", "", "", None, "信丰脐橙"),
        ("章贡区", "脐橙", "红肉脐橙", "特等", None, "章贡红肉脐橙 特等"),
        ("寻乌县", "蜜桔", "寻乌蜜桔", "", None, "寻乌蜜桔"),
        ("安远县", "脐橙", "赣南早", "统果", None, "安远赣南早脐橙 统果"),
        ("赣州经济技术开发区", "脐橙", "", "", None, "赣州经济技术开发区脐橙"),
    ],
)
def test_title_says_county_variety_grade_and_size_once(
    county: str, category: str, variety: str, grade: str, size: tuple[int, int] | None, title: str
) -> None:
    made = rules.make_title(county=county, category=category, variety=variety, grade=grade, size_mm=size)
    assert made == title
    assert not rules.claims_mark(made)


def test_description_says_only_what_is_known() -> None:
    full = rules.make_description(
        origin="江西省赣州市信丰县",
        orchard="石坳组",
        picked_on=date(2026, 11, 8),
        grade="一等",
        size_mm=(75, 80),
        is_fresh=True,
    )
    assert full == "产自江西省赣州市信丰县石坳组。2026年11月8日采摘。一等，果径 75–80 毫米。"
    bare = rules.make_description(
        origin="江西省赣州市", orchard="", picked_on=None, grade="", size_mm=None, is_fresh=False
    )
    assert bare == "产自江西省赣州市。"


@pytest.mark.parametrize(
    ("text", "is_claim"),
    [
        ("赣南脐橙", True),
        ("正宗赣 南-脐·橙 10斤", True),
        ("贛南臍橙", True),
        ("赣南\u3000脐橙", True),
        ("产自赣南的脐橙", False),
        ("江西赣州信丰脐橙", False),
        ("赣南早脐橙", False),
        ("赣南茶油", False),
        ("", False),
    ],
)
def test_name_of_the_mark_is_told_from_a_sentence_of_origin(text: str, is_claim: bool) -> None:
    assert rules.claims_mark(text) is is_claim


@pytest.mark.parametrize(
    ("category", "area", "is_authorised", "is_refused"),
    [
        ("navel", "360722105", True, False),
        ("navel", "360722105", False, True),
        ("navel", "361030101", True, True),
        ("valencia", "360722105", True, True),
        ("mandarin", "360722105", True, True),
    ],
)
def test_mark_is_for_authorised_navel_oranges_of_ganzhou_alone(
    category: str, area: str, is_authorised: bool, is_refused: bool
) -> None:
    def check(title: str, description: str) -> None:
        rules.check_mark(
            title=title,
            description=description,
            category_code=category,
            area_code=area,
            is_authorised=is_authorised,
        )

    if not is_refused:
        check("赣南脐橙", "赣南脐橙")
        return
    with pytest.raises(rules.MarkNotAuthorisedError) as refusal:
        check("赣南脐橙", "")
    assert refusal.value.field == "title"
    with pytest.raises(rules.MarkNotAuthorisedError) as refusal:
        check("脐橙", "这是赣南脐橙")
    assert refusal.value.field == "description"


@pytest.mark.parametrize(
    "packs",
    [
        [],
        [Pack(5000, 0)],
        [Pack(5000, -1)],
        [Pack(0, 4990)],
        [Pack(5000, 4990), Pack(5000, 5990)],
        [Pack(2_000_000, 4990)],
        [Pack(5000, 100_000_01)],
        [Pack(number, 100) for number in range(1, 7)],
    ],
)
def test_packs_that_cannot_be_are_refused(packs: list[Pack]) -> None:
    with pytest.raises(rules.ListingError):
        rules.check_packs(packs)


def test_packs_up_to_the_limits_are_taken() -> None:
    rules.check_packs([Pack(1_000_000, 100_000_00), Pack(1, 1)])


@pytest.mark.parametrize(
    ("measure", "net", "gross"),
    [
        (Measure.MASS, 5000, 5500),
        (Measure.MASS, 2500, 2800),
        (Measure.MASS, 500, 800),
        (Measure.MASS, 10_000, 11_000),
        (Measure.VOLUME, 1000, 1300),
        (Measure.COUNT, 2, 2300),
    ],
)
def test_usual_gross_weight_adds_the_box(measure: Measure, net: int, gross: int) -> None:
    assert rules.usual_gross(measure, net) == gross


@pytest.mark.parametrize(
    ("number", "is_right"),
    [
        ("SC10136072200001", True),
        ("SC1013607220000", False),
        ("sc10136072200001", False),
        ("", False),
        (None, False),
    ],
)
def test_sc_number_is_sc_and_fourteen_digits(number: str | None, is_right: bool) -> None:
    if is_right:
        rules.check_sc_number(number)
        return
    with pytest.raises(rules.ScNumberError):
        rules.check_sc_number(number)


def test_nothing_is_sold_before_the_announced_day_and_nothing_is_claimed_without_one() -> None:
    earliest = EarliestDay(date(2026, 11, 5), "协会公告")
    rules.check_season(None, date(2026, 9, 1))
    rules.check_season(earliest, date(2026, 11, 5))
    with pytest.raises(rules.SeasonNotOpenError) as refusal:
        rules.check_season(earliest, date(2026, 11, 4))
    assert "11月5日" in str(refusal.value)
    assert "协会公告" in str(refusal.value)
