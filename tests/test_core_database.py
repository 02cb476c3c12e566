"""Ids, codes and the one way to change anything."""

from __future__ import annotations

import os
import sqlite3
import string
import threading
import time
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import column, func, select, table, text
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError, StatementError

from marketplace import clock, database, writers
from marketplace.accounts.models import User
from marketplace.audit import SYSTEM, AuditEntry, record
from marketplace.database import (
    ATTEMPTS,
    CODE_ALPHABET,
    NestedTransactionError,
    db,
    is_code,
    new_code,
    new_id,
    run_in_transaction,
)
from marketplace.errors import DomainError
from marketplace.health import Heartbeat
from tests.conftest import NOON
from tests.failing import failing_commits
from tests.racing import at_once

# --- ids and codes ---


def test_ids_rise_and_fit_63_bits() -> None:
    ids = [new_id() for _ in range(5000)]
    assert ids == sorted(set(ids))
    assert ids[0] > 0
    assert ids[-1] < 2**63


def test_later_ids_are_larger_than_earlier_ones() -> None:
    before = new_id()
    time.sleep(0.01)
    assert new_id() > before


def test_threads_make_different_ids() -> None:
    with ThreadPoolExecutor(8) as pool:
        parts = list(pool.map(lambda _n: [new_id() for _ in range(2000)], range(8)))
    ids = [one for part in parts for one in part]
    assert len(set(ids)) == len(ids)
    assert all(part == sorted(part) for part in parts)


def test_ids_keep_rising_when_the_clock_steps_back(monkeypatch: pytest.MonkeyPatch) -> None:
    before = new_id()
    past = time.time_ns() - 3_600_000_000_000
    monkeypatch.setattr(time, "time_ns", lambda: past)
    after = [new_id() for _ in range(100)]
    assert before < after[0]
    assert after == sorted(set(after))


def test_ids_follow_the_time_where_it_is_fixed() -> None:
    """Story by story, as the demo is told: what was earlier has the smaller id, whichever was written first."""
    with clock.at(NOON):
        completed = [new_id() for _ in range(100)]
    with clock.at(NOON - timedelta(days=1)):
        placed = [new_id() for _ in range(100)]
    with clock.at(NOON):
        completed += [new_id() for _ in range(100)]
    assert completed == sorted(set(completed))
    assert placed == sorted(set(placed))
    assert placed[-1] < completed[0]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked where they can be")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_processes_make_different_ids() -> None:
    ids = [new_id() for _ in range(10)]  # so that the children inherit a last one
    for _ in range(4):
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                os.write(writer, "\n".join(str(new_id()) for _ in range(500)).encode())
            finally:
                os._exit(0)
        os.close(writer)
        with os.fdopen(reader) as pipe:
            ids += [int(line) for line in pipe.read().split()]
        os.waitpid(child, 0)
    assert len(ids) == 2010
    assert len(set(ids)) == len(ids)


def test_codes_differ_and_carry_their_check() -> None:
    codes = {new_code() for _ in range(2000)}
    assert len(codes) == 2000
    assert all(len(code) == 12 and is_code(code) for code in codes)


@pytest.mark.parametrize("length", [5, 7, 9, 11])
def test_every_mistyped_character_is_noticed(length: int) -> None:
    for code in (new_code(length) for _ in range(20)):
        for place in range(length + 1):
            for other in CODE_ALPHABET:
                wrong = code[:place] + other + code[place + 1 :]
                assert is_code(wrong) == (wrong == code)


@pytest.mark.parametrize("length", [5, 7, 9, 11])
def test_two_swapped_neighbours_are_noticed(length: int) -> None:
    for code in (new_code(length) for _ in range(200)):
        for place in range(length):
            wrong = code[:place] + code[place + 1] + code[place] + code[place + 2 :]
            assert is_code(wrong) == (wrong == code)


@pytest.mark.parametrize("text", ["", "0", "é" * 12, "０００", "abc", "IIIIIIIIIIII", "A\x00", " " * 12])
def test_what_is_no_code_is_refused_before_anything_is_looked_up(text: str) -> None:
    assert not is_code(text)


def test_codes_hold_no_letters_that_are_confused() -> None:
    assert not set("ILOU") & set(CODE_ALPHABET)
    assert set(CODE_ALPHABET) <= set(string.digits + string.ascii_uppercase)


# --- acts ---


class Refused(Exception):
    """What a driver raises, with PostgreSQL's state or SQLite's words."""

    def __init__(self, words: str, sqlstate: str | None) -> None:
        super().__init__(words)
        if sqlstate:
            self.sqlstate = sqlstate


TRANSIENT = {
    "serialization failure": Refused("could not serialize access", "40001"),
    "deadlock": Refused("deadlock detected", "40P01"),
    "lock not available": Refused("could not obtain lock", "55P03"),
    "busy": Refused("database is locked", None),
    "busy table": Refused("database table is locked: orders", None),
}
LASTING = {
    "unique": Refused("duplicate key value", "23505"),
    "syntax": Refused("syntax error", "42601"),
    "no table": Refused("no such table: orders", None),
}


def failing(error: Exception, times: int) -> tuple[list[int], Any]:
    """A body that writes a row and fails so many times."""
    tries: list[int] = []

    def body() -> str:
        tries.append(1)
        db.session.add(Heartbeat(name="act", at=datetime(2026, 11, 20, tzinfo=UTC)))
        db.session.flush()
        if len(tries) <= times:
            raise OperationalError("UPDATE", {}, error)
        return "done"

    return tries, body


def beats() -> int:
    return int(db.session.execute(select(func.count()).where(Heartbeat.name == "act")).scalar_one())


@pytest.fixture
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database.time, "sleep", lambda _seconds: None)


@pytest.mark.usefixtures("app_context", "_no_pause")
@pytest.mark.parametrize("kind", TRANSIENT)
def test_a_passing_failure_is_tried_again_and_happens_once(kind: str) -> None:
    tries, body = failing(TRANSIENT[kind], times=ATTEMPTS - 1)
    assert run_in_transaction(body) == "done"
    assert len(tries) == ATTEMPTS
    assert beats() == 1


@pytest.mark.usefixtures("app_context", "_no_pause")
@pytest.mark.parametrize("kind", TRANSIENT)
def test_trying_again_is_bounded(kind: str) -> None:
    tries, body = failing(TRANSIENT[kind], times=1000)
    with pytest.raises(OperationalError):
        run_in_transaction(body)
    assert len(tries) == ATTEMPTS
    assert beats() == 0


@pytest.mark.usefixtures("app_context", "_no_pause")
@pytest.mark.parametrize("kind", LASTING)
def test_a_lasting_failure_is_not_tried_again(kind: str) -> None:
    tries, body = failing(LASTING[kind], times=1)
    with pytest.raises(OperationalError):
        run_in_transaction(body)
    assert len(tries) == 1
    assert beats() == 0


def test_every_other_commit_may_fail(app_context: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """What FAILING_COMMITS injects into the whole suite is met and tried again."""
    monkeypatch.setenv("FAILING_COMMITS", "2")
    tries: list[int] = []
    with failing_commits():
        for act in range(4):
            run_in_transaction(lambda act=act: tries.append(act))  # type: ignore[misc]
    assert sorted(set(tries)) == [0, 1, 2, 3]
    assert len(tries) > 4


@pytest.mark.usefixtures("app_context", "_no_pause")
def test_a_failing_commit_is_tried_again_with_a_fresh_body(monkeypatch: pytest.MonkeyPatch) -> None:
    tries, body = failing(TRANSIENT["deadlock"], times=0)
    commit, failed = db.session.commit, []

    def commit_once_refused() -> None:
        if not failed:
            failed.append(1)
            raise OperationalError("COMMIT", {}, TRANSIENT["serialization failure"])
        commit()

    monkeypatch.setattr(db.session, "commit", commit_once_refused)
    assert run_in_transaction(body) == "done"
    assert len(tries) == 2
    assert beats() == 1


@pytest.mark.usefixtures("app_context")
def test_a_refusal_leaves_nothing_behind() -> None:
    def body() -> None:
        record(SYSTEM, "test.done", "test", 1)
        raise DomainError("no")

    with pytest.raises(DomainError):
        run_in_transaction(body)
    assert not db.session.execute(select(AuditEntry.id).where(AuditEntry.action == "test.done")).first()


@pytest.mark.usefixtures("app_context")
def test_an_act_may_not_start_another_act() -> None:
    with pytest.raises(NestedTransactionError):
        run_in_transaction(lambda: run_in_transaction(lambda: None))
    assert run_in_transaction(lambda: "another") == "another"


@pytest.mark.usefixtures("app_context")
def test_a_change_outside_an_act_is_refused() -> None:
    record(SYSTEM, "test.stray", "test", 1)
    with pytest.raises(RuntimeError, match="inside run_in_transaction"):
        db.session.flush()
    db.session.rollback()
    user = db.session.execute(select(User).limit(1)).scalar_one()
    user.name = "somebody else"
    with pytest.raises(RuntimeError, match="inside run_in_transaction"):
        db.session.execute(select(func.count(User.id))).scalar_one()
    db.session.rollback()


def test_an_act_sees_what_others_committed_since_the_request_began(fresh_app: Flask) -> None:
    with fresh_app.app_context():
        assert beats() == 0  # a read transaction of this session stays open

        def other() -> None:
            _tries, body = failing(TRANSIENT["busy"], times=0)
            run_in_transaction(body)

        assert at_once(fresh_app, [other]) == [None]
        assert run_in_transaction(beats) == 1


def test_writers_at_once_all_get_their_turn(fresh_app: Flask) -> None:
    """Twelve acts raise one number; none is lost, whatever the database says in between."""
    with fresh_app.app_context():
        run_in_transaction(lambda: db.session.execute(text("CREATE TABLE tally (n BIGINT NOT NULL)")))
        run_in_transaction(lambda: db.session.execute(text("INSERT INTO tally VALUES (0)")))

    def raise_it() -> None:
        tally = select(column("n")).select_from(table("tally")).with_for_update()  # SQLite has no such clause

        def body() -> None:
            n = db.session.execute(tally).scalar_one()
            db.session.execute(text("UPDATE tally SET n = :n"), {"n": n + 1})

        run_in_transaction(body)

    with fresh_app.app_context():
        assert at_once(fresh_app, [raise_it] * 12) == [None] * 12
        assert db.session.execute(text("SELECT n FROM tally")).scalar_one() == 12


def test_writers_of_one_process_stand_in_line_and_only_the_first_asks_sqlite(
    fresh_app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever asked SQLite itself would look at the file after ever longer pauses, and might never win."""
    if not fresh_app.config["SETTINGS"].database.startswith("sqlite"):
        pytest.skip("PostgreSQL has a queue of its own")
    begun: list[str] = []
    begin = writers.begin
    def look(*values: Any, **options: Any) -> None:
        begun.append("begun")
        begin(*values, **options)

    monkeypatch.setattr(writers, "begin", look)
    inside, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        db.session.execute(text("SELECT 1"))
        inside.set()
        assert go_on.wait(30)

    def act(body: Callable[[], Any]) -> None:
        with fresh_app.app_context():
            run_in_transaction(body)

    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(act, hold)
        assert inside.wait(30)
        others = [pool.submit(act, lambda: db.session.execute(text("SELECT 1"))) for _ in range(3)]
        time.sleep(0.05)  # enough for them to come to the line; the assertion holds without it as well
        assert len(begun) == 1
        go_on.set()
        for done in [first, *others]:
            done.result()
    assert len(begun) == 4


@pytest.mark.usefixtures("app_context", "_no_pause")
def test_a_line_that_does_not_move_is_a_busy_database(monkeypatch: pytest.MonkeyPatch) -> None:
    if db.engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL has a queue of its own")
    monkeypatch.setattr(database, "WAIT_MS", 1)
    with writers._queue, pytest.raises(OperationalError, match="locked"):
        run_in_transaction(lambda: None)


def test_a_deadlock_is_resolved_by_trying_again(fresh_app: Flask) -> None:
    """Two acts lock two rows in opposite order: PostgreSQL ends one of them, which then succeeds."""
    with fresh_app.app_context():
        run_in_transaction(lambda: db.session.execute(text("CREATE TABLE tally (id INT PRIMARY KEY, n INT)")))
        run_in_transaction(lambda: db.session.execute(text("INSERT INTO tally VALUES (1, 0), (2, 0)")))

    def raise_both(first: int, second: int) -> Any:
        def act() -> None:
            def body() -> None:
                for row in (first, second):
                    db.session.execute(text("UPDATE tally SET n = n + 1 WHERE id = :row"), {"row": row})
                    time.sleep(0.05)

            run_in_transaction(body)

        return act

    with fresh_app.app_context():
        assert at_once(fresh_app, [raise_both(1, 2), raise_both(2, 1)]) == [None, None]
        assert db.session.execute(text("SELECT n FROM tally ORDER BY id")).scalars().all() == [2, 2]


# --- columns and connections ---


@pytest.mark.usefixtures("app_context")
def test_instants_need_a_time_zone_and_come_back_as_utc() -> None:
    moment = datetime(2026, 12, 31, 16, 10, 0, 123456, tzinfo=UTC)
    run_in_transaction(lambda: db.session.add(Heartbeat(name="zone", at=moment)))
    found = db.session.execute(select(Heartbeat.at).where(Heartbeat.name == "zone")).scalar_one()
    assert found == moment
    assert found.tzinfo is UTC
    naive = moment.replace(tzinfo=None)
    with pytest.raises(StatementError, match="time zone"):
        run_in_transaction(lambda: db.session.add(Heartbeat(name="naive", at=naive)))


@pytest.mark.usefixtures("app_context")
def test_references_are_kept_by_the_database() -> None:
    statement = text(
        "INSERT INTO role_grants (id, user_id, role, created_at) VALUES (1, 1, 'admin', '2026-11-20 00:00:00')"
    )
    with pytest.raises(DBAPIError):
        run_in_transaction(lambda: db.session.execute(statement))


def test_sqlite_is_durable_and_waits(fresh_app: Flask) -> None:
    with fresh_app.app_context():
        if db.engine.dialect.name != "sqlite":
            assert db.session.execute(text("SHOW transaction_isolation")).scalar_one() == "read committed"
            return
        found = {
            name: db.session.execute(text(f"PRAGMA {name}")).scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
        assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 10000}


def test_the_driver_is_the_newest_sqlite_at_hand() -> None:
    module = database.engine_options("sqlite:///x", 6)["module"]
    assert module.sqlite_version_info >= sqlite3.sqlite_version_info


PERSON = {"code": "x", "name": "陈晓"}


def test_an_error_names_no_value(app_context: None) -> None:
    """Errors are logged, and values are people's: names, phones, addresses."""

    def spoil() -> None:
        db.session.execute(text("INSERT INTO areas (code, name) VALUES (:code, :name)"), PERSON)

    with pytest.raises(IntegrityError) as caught:
        run_in_transaction(spoil)
    assert PERSON["name"] not in "".join(traceback.format_exception(caught.value))


def test_pools_of_all_processes_fit_postgresqls_connections() -> None:
    options = database.engine_options("postgresql+psycopg://x", 6)
    assert 2 * (options["pool_size"] + options["max_overflow"]) < 100
