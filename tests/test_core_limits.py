"""Limits count failures in the database: bounded under threads, forgotten in time, silent about whom."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select

from marketplace import clock, limits
from marketplace.database import db, run_in_transaction
from marketplace.errors import TooManyTriesError
from marketplace.limits import CODE_SENDS_PHONE, CODE_TRIES, SECOND_FACTOR, SIGN_IN_PERSON, Failure, Limit
from tests.conftest import NOON
from tests.racing import at_once

THREE = Limit("three", 3, timedelta(minutes=5))


def fail(limit: Limit, subject: str) -> None:
    run_in_transaction(lambda: limits.count(limit, subject))


@pytest.mark.usefixtures("app_context")
def test_so_many_are_let_through_and_no_more() -> None:
    for _ in range(3):
        limits.check(THREE, "a")
        fail(THREE, "a")
    with pytest.raises(TooManyTriesError):
        limits.check(THREE, "a")


@pytest.mark.usefixtures("app_context")
def test_subjects_and_limits_are_counted_apart() -> None:
    for _ in range(3):
        fail(THREE, "a")
    limits.check(THREE, "b")
    limits.check(Limit("other", 3, timedelta(minutes=5)), "a")


@pytest.mark.usefixtures("app_context")
def test_old_failures_count_no_more() -> None:
    for _ in range(3):
        fail(THREE, "a")
    with clock.at(NOON + timedelta(minutes=4, seconds=59)):
        assert limits.is_reached(THREE, "a")
    with clock.at(NOON + timedelta(minutes=5)):
        assert not limits.is_reached(THREE, "a")


@pytest.mark.usefixtures("app_context")
def test_a_success_gives_one_try_back() -> None:
    for _ in range(3):
        run_in_transaction(lambda: limits.take(THREE, "a"))
    run_in_transaction(lambda: limits.give_back(THREE, "a"))
    run_in_transaction(lambda: limits.take(THREE, "a"))
    with pytest.raises(TooManyTriesError):
        run_in_transaction(lambda: limits.take(THREE, "a"))


@pytest.mark.usefixtures("app_context")
def test_whom_it_counts_is_not_readable() -> None:
    fail(SIGN_IN_PERSON, "13800000001")
    keys = db.session.execute(select(Failure.key)).scalars().all()
    assert not [key for key in keys if "138" in key and len(key) != 64]


@pytest.mark.usefixtures("app_context")
def test_rows_that_nobody_looks_at_are_deleted() -> None:
    fail(CODE_SENDS_PHONE, "a")
    with clock.at(NOON + timedelta(days=1, hours=23)):
        assert run_in_transaction(limits.forget_old) == 0
    with clock.at(NOON + timedelta(days=2, seconds=1)):
        assert run_in_transaction(limits.forget_old) == 1


def test_all_limits_are_younger_than_what_is_forgotten() -> None:
    found = [value for value in vars(limits).values() if isinstance(value, Limit)]
    assert len({limit.name for limit in found}) == len(found)
    assert max(limit.within for limit in found) < timedelta(days=2)


def test_the_figures_promised() -> None:
    """At most 15 failures in 5 minutes per person; 5 tries in 10 minutes and 5 sends a day per code."""
    assert (SIGN_IN_PERSON.most, SIGN_IN_PERSON.within) == (15, timedelta(minutes=5))
    assert (limits.SIGN_IN_ADDRESS.most, limits.SIGN_IN_ADDRESS.within) <= (120, timedelta(minutes=5))
    assert (CODE_TRIES.most, CODE_TRIES.within) == (5, timedelta(minutes=10))
    assert (CODE_SENDS_PHONE.most, CODE_SENDS_PHONE.within) == (5, timedelta(days=1))
    assert SECOND_FACTOR.most <= 5


def test_tries_at_once_do_not_pass_together(fresh_app: Flask) -> None:
    def attempt() -> str:
        run_in_transaction(lambda: limits.take(THREE, "a"))
        return "let through"

    with fresh_app.app_context():
        answers = at_once(fresh_app, [attempt] * 12)
        assert answers.count("let through") == 3
        assert all(isinstance(answer, TooManyTriesError) for answer in answers if answer != "let through")
        assert db.session.execute(select(func.count(Failure.id))).scalar_one() == 3
