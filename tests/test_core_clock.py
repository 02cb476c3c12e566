"""Time is UTC inside and Shanghai's calendar outside."""

from __future__ import annotations

import threading
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from flask import Flask

from marketplace import clock
from marketplace.templating import day, moment, short_day

NEW_YEAR_PAST_TEN = datetime(2026, 12, 31, 16, 10, tzinfo=UTC)  # 00:10 on 1 January in Shanghai


def test_the_day_is_shanghais() -> None:
    with clock.at(NEW_YEAR_PAST_TEN):
        assert clock.today() == date(2027, 1, 1)
    assert clock.shanghai_date(NEW_YEAR_PAST_TEN - timedelta(minutes=11)) == date(2026, 12, 31)


def test_a_day_begins_at_midnight_in_shanghai() -> None:
    assert clock.start_of_day(date(2027, 1, 1)) == datetime(2026, 12, 31, 16, tzinfo=UTC)


def test_now_is_aware_and_utc() -> None:
    assert clock.now().tzinfo is UTC
    with clock.at(datetime(2026, 11, 20, 12, tzinfo=timezone(timedelta(hours=8)))):
        assert clock.now() == datetime(2026, 11, 20, 4, tzinfo=UTC)
        assert clock.now().tzinfo is UTC


def test_fixed_time_ends_with_its_block_even_after_an_error() -> None:
    with clock.at(NEW_YEAR_PAST_TEN):
        with pytest.raises(KeyError), clock.at(NEW_YEAR_PAST_TEN + timedelta(days=1)):
            raise KeyError
        assert clock.now() == NEW_YEAR_PAST_TEN
    assert clock.now() != NEW_YEAR_PAST_TEN


def test_fixed_time_is_not_another_threads() -> None:
    seen: list[datetime] = []
    with clock.at(NEW_YEAR_PAST_TEN):
        thread = threading.Thread(target=lambda: seen.append(clock.now()))
        thread.start()
        thread.join()
    assert seen[0] != NEW_YEAR_PAST_TEN


@pytest.mark.parametrize(
    ("path", "long", "short", "minute"),
    [
        ("/", "2027年1月1日", "1月1日", "2027年1月1日 00:10"),
        ("/en/", "1 Jan 2027", "1 Jan", "1 Jan 2027 00:10"),
    ],
)
def test_days_are_written_as_the_language_writes_them(
    shared_app: Flask, path: str, long: str, short: str, minute: str
) -> None:
    language = {"marketplace.language": "en" if path.startswith("/en") else "zh"}
    request = shared_app.test_request_context(path, environ_overrides=language)
    with request, clock.at(NEW_YEAR_PAST_TEN):
        assert day(NEW_YEAR_PAST_TEN) == day(date(2027, 1, 1)) == long
        assert short_day(NEW_YEAR_PAST_TEN) == short
        assert moment(NEW_YEAR_PAST_TEN) == minute
        assert day(None) == short_day(None) == moment(None) == ""
