"""The only source of time: aware UTC inside, the Shanghai calendar on screen."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")

_fixed: ContextVar[datetime | None] = ContextVar("fixed_time", default=None)


def now() -> datetime:
    """The current instant in UTC."""
    return _fixed.get() or datetime.now(UTC)


def fixed() -> datetime | None:
    """The instant at which the time is fixed here, if it is."""
    return _fixed.get()


def today() -> date:
    """The current day in Shanghai."""
    return shanghai_date(now())


def shanghai_date(moment: datetime) -> date:
    """The Shanghai day on which an instant falls."""
    return moment.astimezone(SHANGHAI).date()


def start_of_day(day: date) -> datetime:
    """The instant (UTC) at which a Shanghai day begins."""
    return datetime.combine(day, time(), SHANGHAI).astimezone(UTC)


@contextmanager
def at(moment: datetime) -> Iterator[None]:
    """Fix the time for what runs inside: demo data and tests."""
    token = _fixed.set(moment.astimezone(UTC))
    try:
        yield
    finally:
        _fixed.reset(token)
