"""The season in words: the solar term of a day, and the months in which a variety is ripe."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from marketplace.i18n import language

# Name and constant of the 21st century: day = floor(y × 0.2422 + c) − leap days before, y = year % 100.
SOLAR_TERMS = (
    (1, _l("小寒"), 5.4055),
    (1, _l("大寒"), 20.12),
    (2, _l("立春"), 3.87),
    (2, _l("雨水"), 18.73),
    (3, _l("惊蛰"), 5.63),
    (3, _l("春分"), 20.646),
    (4, _l("清明"), 4.81),
    (4, _l("谷雨"), 20.1),
    (5, _l("立夏"), 5.52),
    (5, _l("小满"), 21.04),
    (6, _l("芒种"), 5.678),
    (6, _l("夏至"), 21.37),
    (7, _l("小暑"), 7.108),
    (7, _l("大暑"), 22.83),
    (8, _l("立秋"), 7.5),
    (8, _l("处暑"), 23.13),
    (9, _l("白露"), 7.646),
    (9, _l("秋分"), 23.042),
    (10, _l("寒露"), 8.318),
    (10, _l("霜降"), 23.438),
    (11, _l("立冬"), 7.438),
    (11, _l("小雪"), 22.36),
    (12, _l("大雪"), 7.18),
    (12, _l("冬至"), 21.94),
)
# Years in which the formula is a day off.
CORRECTIONS = {
    (2082, 1): 1,
    (2019, 0): -1,
    (2026, 3): -1,
    (2084, 5): 1,
    (2008, 9): 1,
    (2016, 12): 1,
    (2002, 14): 1,
    (2089, 19): 1,
    (2089, 20): 1,
    (2021, 23): -1,
}

_RIPE = re.compile(r"(?:([0-9]{1,2})月)?(上旬|中旬|下旬)")
_PARTS = {"上旬": _l("上旬"), "中旬": _l("中旬"), "下旬": _l("下旬")}
FIRST_MONTH = 9  # the citrus year begins in September


@dataclass(frozen=True)
class CalendarRow:
    """A variety and the months in which it is ripe, one after the other."""

    name: str
    months: tuple[int, ...]
    label: str


@dataclass(frozen=True)
class Calendar:
    """Months of the season in order, the current one, and a row per variety whose months are known."""

    months: tuple[int, ...]
    now: int
    rows: tuple[CalendarRow, ...]


def solar_term(day: date) -> str:
    """The solar term in which a day of the 21st century lies."""
    begun = [index for index in range(len(SOLAR_TERMS)) if _begins(day.year, index) <= day]
    return str(SOLAR_TERMS[begun[-1] if begun else -1][1])


def is_first_day(day: date) -> bool:
    """Whether a solar term begins on that day."""
    return any(_begins(day.year, index) == day for index in range(len(SOLAR_TERMS)))


def line(varieties: Iterable[tuple[str, str]], today: date) -> str:
    """One line of the season: the solar term, and which varieties (name, text of ripeness) are ripe in these days."""
    third = "上旬" if today.day <= 10 else "中旬" if today.day <= 20 else "下旬"
    now = _place(today.month, third)
    ripe = []
    for name, text in varieties:
        parts = ripe_parts(text)
        if parts and _place(*parts[0]) <= now <= _place(*parts[-1]):
            ripe.append(name)
    term = solar_term(today)
    words = str(_("今日%(term)s", term=term) if is_first_day(today) else _("%(term)s时节", term=term))
    if not ripe:
        return words
    return str(_("%(term)s · %(varieties)s正熟", term=words, varieties=str(_("、")).join(ripe[:3])))


def _place(month: int, third: str) -> int:
    return _order(month) * 3 + list(_PARTS).index(third)


def _begins(year: int, index: int) -> date:
    month, _name, constant = SOLAR_TERMS[index]
    short = year % 100
    leaps = (short - 1) // 4 if month < 3 else short // 4
    found = (short * 2422 + round(constant * 10_000)) // 10_000 - leaps
    return date(year, month, found + CORRECTIONS.get((year, index), 0))


def ripe_parts(text: str) -> list[tuple[int, str]]:
    """Month and third of the month, first and last, of a text such as 11月下旬至12月上旬; empty when it says none."""
    found: list[tuple[int, str]] = []
    for month, third in _RIPE.findall(text):
        if month or found:
            found.append((int(month) if month else found[-1][0], third))
    return [part for part in found if 1 <= part[0] <= 12]


def _order(month: int) -> int:
    return (month - FIRST_MONTH) % 12


def calendar(varieties: Iterable[tuple[str, str]], today: date) -> Calendar | None:
    """The calendar of varieties (name, text of ripeness); None when no text names a month."""
    rows = []
    for name, text in varieties:
        parts = ripe_parts(text)
        if not parts:
            continue
        first, last = parts[0], parts[-1]
        span = (_order(last[0]) - _order(first[0])) % 12
        months = tuple((first[0] - 1 + step) % 12 + 1 for step in range(span + 1))
        rows.append(CalendarRow(name, months, _ripe_label(first, last)))
    if not rows:
        return None
    rows.sort(key=lambda row: [_order(month) for month in row.months])
    places = [_order(month) for row in rows for month in row.months]
    # A month on either side: what was before, and what the year goes on with.
    shown = range(max(0, min(places) - 1), min(11, max(places) + 1) + 1)
    return Calendar(tuple((place + FIRST_MONTH - 1) % 12 + 1 for place in shown), today.month, tuple(rows))


def _ripe_label(first: tuple[int, str], last: tuple[int, str]) -> str:
    if first == last:
        return str(_PARTS[first[1]])
    if first[0] == last[0]:
        return str(_("%(first)s至%(last)s", first=_PARTS[first[1]], last=_PARTS[last[1]]))
    return str(_("%(first)s至%(last)s", first=_part(*first), last=_part(*last)))


def _part(month: int, third: str) -> str:
    name = f"{date(2000, month, 1):%b}" if language() == "en" else str(month)
    return str(_("%(month)s月%(third)s", month=name, third=_PARTS[third]))
