"""A form's key is used up with its act: of many presses at once, one acts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select

from marketplace import clock, once
from marketplace.audit import SYSTEM, AuditEntry, record
from marketplace.database import db, run_in_transaction
from marketplace.errors import DomainError
from tests.racing import at_once

KEY = "k" * 32
PRESSES = 6


@pytest.fixture
def shop(fresh_app: Flask) -> Iterator[Flask]:
    with fresh_app.app_context():
        yield fresh_app


def press(count: int = 5, key: str = KEY) -> bool:
    def act() -> bool:
        is_first = once.claim("somebody /here", key, {"count": count})
        if is_first:
            record(SYSTEM, "test.added", "test", 1)
        return is_first

    return run_in_transaction(act)


def added() -> int:
    query = select(func.count()).select_from(AuditEntry).where(AuditEntry.action == "test.added")
    return db.session.execute(query).scalar_one()


def test_presses_at_once_act_once(shop: Flask) -> None:
    assert sorted(at_once(shop, [press] * PRESSES)) == [False] * (PRESSES - 1) + [True]
    assert added() == 1


def test_control_without_the_key_each_press_acts(shop: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(once, "claim", lambda *_values: True)
    at_once(shop, [press] * PRESSES)
    assert added() == PRESSES


@pytest.mark.usefixtures("app_context")
def test_the_same_key_with_other_values_is_refused_and_an_act_that_failed_leaves_its_key() -> None:
    assert press()
    with pytest.raises(once.UsedFormError):
        press(6)

    def fail() -> None:
        once.claim("somebody /here", "x" * 32, {"count": 5})
        raise DomainError("no")

    with pytest.raises(DomainError, match="no"):
        run_in_transaction(fail)
    assert press(key="x" * 32)


@pytest.mark.usefixtures("app_context")
def test_keys_are_forgotten_when_no_page_can_be_open_any_more() -> None:
    press()
    run_in_transaction(once.forget_old)
    assert not press()
    with clock.at(clock.now() + once.KEPT + timedelta(seconds=1)):
        run_in_transaction(once.forget_old)
        assert press()
