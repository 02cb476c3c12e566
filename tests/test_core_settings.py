"""Values that staff change have a type, bounds and a history; a database belongs to one kind of installation."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from marketplace import clock, settings
from marketplace.audit import SYSTEM, Actor, AuditEntry
from marketplace.database import db, run_in_transaction
from marketplace.errors import DomainError
from tests.conftest import NOON

ADMIN = Actor(7, "黄志远")


def put(key: str, text: str) -> None:
    run_in_transaction(lambda: settings.put(ADMIN, key, text))


@pytest.mark.usefixtures("app_context")
def test_every_default_can_be_read() -> None:
    for key, definition in settings.DEFINITIONS.items():
        assert settings.get(key) == definition.read(definition.default)


@pytest.mark.usefixtures("app_context")
def test_a_value_holds_at_once_and_the_older_ones_are_its_history() -> None:
    put("orders.hold_minutes", "45")
    with clock.at(NOON + timedelta(hours=1)):
        put("orders.hold_minutes", "20")
    assert settings.get("orders.hold_minutes") == 20
    history = settings.history("orders.hold_minutes")
    assert [(row.value, row.set_by) for row in history] == [("20", 7), ("45", 7)]
    assert history[0].set_at == NOON + timedelta(hours=1)


@pytest.mark.usefixtures("app_context")
def test_a_change_is_in_the_log_with_before_and_after() -> None:
    put("orders.ship_hours", "72")
    entry = db.session.execute(select(AuditEntry).where(AuditEntry.action == "setting.changed")).scalar_one()
    assert (entry.actor_id, entry.subject_id, entry.changes) == (7, "orders.ship_hours", {"value": ["48", "72"]})


@pytest.mark.usefixtures("app_context")
@pytest.mark.parametrize("text", ["4", "121", "-5", "", " 30", "30.0", "1e1", "NaN", "３０", "٣٠", "1_0", "9" * 5000])
def test_a_number_out_of_bounds_is_refused_at_the_value(text: str) -> None:
    with pytest.raises(DomainError) as refusal:
        put("orders.hold_minutes", text)
    assert refusal.value.field == "value"
    assert settings.get("orders.hold_minutes") == 30
    assert settings.history("orders.hold_minutes") == []


@pytest.mark.usefixtures("app_context")
def test_a_text_is_bounded_and_an_unknown_key_refused() -> None:
    put("footer.operator", "赣" * 2000)
    with pytest.raises(DomainError):
        put("footer.operator", "赣" * 2001)
    with pytest.raises(DomainError):
        put("orders.price", "1")


def test_settings_cost_one_statement_a_request(app: Flask) -> None:
    from tests.conftest import statements  # a context manager, not a fixture

    with app.app_context(), statements() as seen:
        for key in settings.DEFINITIONS:
            settings.get(key)
        assert len(seen) == 1


def test_outside_of_an_application_defaults_hold() -> None:
    assert settings.get("orders.hold_minutes") == 30


@pytest.mark.usefixtures("app_context")
def test_a_database_is_claimed_once_and_refuses_the_other_mode() -> None:
    assert settings.installation_mode() == "demo"
    run_in_transaction(lambda: settings.claim_installation("demo"))
    with pytest.raises(DomainError, match="demo database"):
        run_in_transaction(lambda: settings.claim_installation("production"))
    run_in_transaction(lambda: db.session.execute(settings.Installation.__table__.delete()))
    run_in_transaction(lambda: settings.claim_installation("production"))
    with pytest.raises(DomainError, match="production database"):
        run_in_transaction(lambda: settings.claim_installation("demo"))
    assert SYSTEM.user_id is None
