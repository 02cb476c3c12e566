"""The operation log: a sealed row that is changed, taken away or slipped in is named."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, text

from marketplace import append_only, clock, sealing, worker
from marketplace.audit import SYSTEM, AuditEntry, record
from marketplace.database import db, new_id, run_in_transaction
from tests.conftest import NOON

TOMORROW = NOON + timedelta(days=1)


@pytest.fixture(autouse=True)
def _log_of_three_days(app_context: None) -> None:
    """Five entries on each of two days, sealed; the third day has begun. Somebody has taken the triggers away."""

    def make() -> None:
        dialect = db.session.get_bind().dialect.name
        for statement in append_only.drop_statements(dialect):
            db.session.execute(text(statement))
        db.session.execute(text("DELETE FROM audit_entries"))

    run_in_transaction(make)
    for days in (0, 1):
        with clock.at(NOON + timedelta(days=days)):
            run_in_transaction(
                lambda: [record(SYSTEM, "test.done", "test", n, changes={"n": n}) for n in range(5)]
            )
        with clock.at(NOON + timedelta(days=days + 1)):
            worker.seal()


def findings() -> list[str]:
    db.session.rollback()
    with clock.at(TOMORROW + timedelta(days=1)):
        return list(sealing.verify())


def damage(statement: str, **values: object) -> None:
    run_in_transaction(lambda: db.session.execute(text(statement), values))


def sealed(day: str = "2026-11-20") -> list[AuditEntry]:
    query = select(AuditEntry).where(AuditEntry.day == day).order_by(AuditEntry.number)
    return list(db.session.execute(query).scalars())


def test_a_sound_log_has_no_findings() -> None:
    assert findings() == []
    assert [row.number for row in sealed()] == [1, 2, 3, 4, 5]


def test_the_day_that_has_not_ended_is_not_sealed() -> None:
    with clock.at(NOON + timedelta(days=2)):
        run_in_transaction(lambda: record(SYSTEM, "test.done", "test", 1))
        assert run_in_transaction(lambda: sealing.seal(sealing.AUDIT)) == 0


def test_a_shanghai_day_ends_at_its_midnight() -> None:
    midnight = clock.start_of_day(clock.shanghai_date(NOON) + timedelta(days=3))
    with clock.at(midnight - timedelta(seconds=1)):
        run_in_transaction(lambda: record(SYSTEM, "test.late", "test", 1))
        worker.seal()
    with clock.at(midnight):
        worker.seal()
    found = db.session.execute(select(AuditEntry.day).where(AuditEntry.action == "test.late")).scalar_one()
    assert found == "2026-11-22"


@pytest.mark.parametrize(
    "change",
    [
        "action = 'test.other'",
        "actor_label = 'somebody else'",
        "actor_id = 7",
        "subject_id = '9'",
        "seller_id = 7",
        "on_behalf_of = 7",
        "at = '2026-11-20 05:00:00'",
        """changes = '{"n": 900}'""",
    ],
)
def test_a_changed_row_is_named(change: str) -> None:
    row = sealed()[2]
    row_id = row.id
    damage(f"UPDATE audit_entries SET {change} WHERE id = :id", id=row_id)  # noqa: S608  our own words
    assert findings()[0].startswith("2026-11-20: entry 3 ")
    assert str(row_id) in findings()[0]


def test_a_row_missing_within_a_day_is_named() -> None:
    damage("DELETE FROM audit_entries WHERE id = :id", id=sealed()[1].id)
    assert findings()[0] == "2026-11-20: entry 2 is missing before 3"


def test_the_last_row_of_a_day_cannot_be_taken_away_unseen() -> None:
    damage("DELETE FROM audit_entries WHERE id = :id", id=sealed()[-1].id)
    assert findings() == ["2026-11-20: entry 5 is missing at the end"]


def test_a_whole_day_cannot_be_taken_away_unseen() -> None:
    damage("DELETE FROM audit_entries WHERE day = '2026-11-20'")
    assert findings() == ["2026-11-20: entry 5 is missing at the end"]


def test_a_row_slipped_in_is_named() -> None:
    values = {"id": new_id(), "changes": "{}"}
    damage(
        "INSERT INTO audit_entries"
        " (id, at, actor_label, action, subject_type, subject_id, changes, day, number, digest)"
        " VALUES (:id, '2026-11-20 04:00:00', 'system', 'test.done', 'test', '1', :changes, '2026-11-20', 6, 'x')",
        **values,
    )
    assert findings() == [f"2026-11-20: entry 6 (test.done, id {values['id']}) was changed"]


def test_a_chain_made_anew_without_a_row_is_named() -> None:
    """Who can write the table can number and chain again; the next day's entry still knows where the day ended."""
    damage("DELETE FROM audit_entries WHERE id = :id", id=sealed()[2].id)
    damage("UPDATE audit_entries SET day = NULL, number = NULL, digest = NULL WHERE day = '2026-11-20'")
    with clock.at(TOMORROW + timedelta(days=1)):
        worker.seal()
    assert findings()[0] == "2026-11-20: entry 5 is missing at the end"


def test_a_row_that_is_not_sealed_in_time_is_named() -> None:
    with clock.at(NOON + timedelta(days=2)):
        run_in_transaction(lambda: record(SYSTEM, "test.forgotten", "test", 1))
    with clock.at(NOON + timedelta(days=4)):
        found = list(sealing.verify())
    assert [sentence for sentence in found if "test.forgotten" in sentence and "not sealed" in sentence]


def test_a_row_that_comes_late_is_added_to_its_day() -> None:
    with clock.at(NOON):
        run_in_transaction(lambda: record(SYSTEM, "test.late", "test", 1))
    with clock.at(NOON + timedelta(days=2)):
        worker.seal()
    assert [row.action for row in sealed()][-1] == "test.late"
    assert findings() == []
