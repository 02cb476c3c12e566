"""The database away, busy or full, the disk full: never a 500, nothing half-done, and pages that can be read are."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, func, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from marketplace import clock, database, sessions
from marketplace.database import db, run_in_transaction, write_by_the_way
from marketplace.errors import DomainError
from marketplace.health import Heartbeat
from marketplace.outages import UnknownOutcomeError, is_unavailable
from marketplace.sessions import SEEN_EVERY, WebSession
from tests.browsing import Visitor
from tests.conftest import NOON
from tests.house.test_headers import check
from tests.people import PEOPLE

NOWHERE = {"sqlite": "sqlite:////nowhere/at/all.sqlite", "postgresql": "postgresql+psycopg://x@127.0.0.1:1/x"}


class Raised(Exception):
    """What a driver raises, with PostgreSQL's state or SQLite's result."""

    def __init__(self, words: str = "", **marks: Any) -> None:
        super().__init__(words)
        vars(self).update(marks)


# --- what counts as unavailable ---

AWAY = {
    "refused": OperationalError("", {}, Raised("connection refused", sqlstate=None)),
    "connection failure": OperationalError("", {}, Raised(sqlstate="08006")),
    "administrator's shutdown": OperationalError("", {}, Raised(sqlstate="57P01")),
    "starting": OperationalError("", {}, Raised(sqlstate="57P03")),
    "disk full": OperationalError("", {}, Raised(sqlstate="53100")),
    "too many connections": OperationalError("", {}, Raised(sqlstate="53300")),
    "input or output error": OperationalError("", {}, Raised(sqlstate="58030")),
    "statement time-out": OperationalError("", {}, Raised(sqlstate="57014")),
    "standby": OperationalError("", {}, Raised(sqlstate="25006")),
    "dead connection": InterfaceError("", {}, Raised("connection is closed"), connection_invalidated=True),
    "deadlock, again and again": OperationalError("", {}, Raised(sqlstate="40P01")),
    "pool": PoolTimeoutError(),
    "busy": OperationalError("", {}, Raised("database is locked", sqlite_errorcode=5)),
    "busy snapshot": OperationalError("", {}, Raised("database is locked", sqlite_errorcode=5 | 2 << 8)),
    "full": OperationalError("", {}, Raised("database or disk is full", sqlite_errorcode=13)),
    "write error": OperationalError("", {}, Raised("disk I/O error", sqlite_errorcode=10 | 3 << 8)),
    "read-only": OperationalError("", {}, Raised("attempt to write a readonly database", sqlite_errorcode=8)),
    "cannot open": OperationalError("", {}, Raised("unable to open database file", sqlite_errorcode=14)),
}
MISTAKES = {
    "unique": IntegrityError("", {}, Raised(sqlstate="23505")),
    "syntax": OperationalError("", {}, Raised(sqlstate="42601")),
    "no such table": OperationalError("", {}, Raised("no such table", sqlite_errorcode=1)),
    "constraint": IntegrityError("", {}, Raised("constraint failed", sqlite_errorcode=19)),
    "corrupt": OperationalError("", {}, Raised("malformed", sqlite_errorcode=11)),
    "no database error": ValueError(),
}


@pytest.mark.nodatabase
def test_what_passes_is_told_from_what_is_a_mistake() -> None:
    assert [name for name, error in AWAY.items() if not is_unavailable(error)] == []
    assert [name for name, error in MISTAKES.items() if is_unavailable(error)] == []


# --- pages ---


@pytest.mark.nodatabase
@pytest.mark.parametrize("where", NOWHERE)
def test_without_a_database_every_page_says_so_in_both_languages(
    app_with: Callable[..., Flask], where: str
) -> None:
    away = app_with(database_url=NOWHERE[where])
    for prefix, words in (("", "正在维护"), ("/en", "Under maintenance")):
        visitor = Visitor(away)
        with visitor.client.session_transaction() as kept:
            kept["sid"] = "somebody"  # so that it fails before the page's own view
        for path in ("/", "/products", "/sign-in", "/checkout", "/staff/", "/seller/"):
            page = visitor.get(prefix + path, 503)
            assert words in page.text
            assert page.answer.headers["Retry-After"] == "10"
            check(page.answer)
    assert away.test_client().get("/healthz").status_code == 200
    with away.test_client().get("/static/0/css/app.css") as sheet:
        assert sheet.status_code == 200
    assert away.test_client().get("/nowhere").status_code in {404, 503}
    assert away.test_client().get("/readyz").status_code == 503
    assert away.test_client().post("/webhooks/stripe", data=b"{}").status_code == 400


@pytest.mark.parametrize(("number", "status"), [(errno.ENOSPC, 503), (errno.EROFS, 503), (errno.ENOENT, 500)])
def test_a_full_disk_is_no_mistake_of_ours(
    app: Flask, monkeypatch: pytest.MonkeyPatch, number: int, status: int
) -> None:
    def fail(**_values: object) -> str:
        raise OSError(number, "no")

    fail.access = app.view_functions["pages.rules_page"].access  # type: ignore[attr-defined]
    monkeypatch.setitem(app.view_functions, "pages.rules_page", fail)
    monkeypatch.setitem(app.config, "PROPAGATE_EXCEPTIONS", False)
    page = Visitor(app).get("/pages/rules", status)
    assert page.answer.headers.get("Retry-After") == ("10" if status == 503 else None)


# --- another holds the lock of writing ---


@pytest.fixture
def locked(
    database_server: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Flask]:
    """The cast's shop, and app.extensions["other"], a connection that can keep all others from writing."""
    if database_server != "sqlite":
        pytest.skip("PostgreSQL has no lock over everything")
    fresh_app: Flask = request.getfixturevalue("fresh_app")
    with fresh_app.app_context():
        path = db.engine.url.database
    monkeypatch.setattr(database, "WAIT_MS", 60)
    monkeypatch.setattr(database, "PATIENCE_SECONDS", 0)
    fresh_app.config["PROPAGATE_EXCEPTIONS"] = False
    # The application's own driver: locks of one process are unknown to another copy of SQLite within it.
    with contextlib.closing(database.sqlite_driver.connect(str(path), isolation_level=None)) as other:
        fresh_app.extensions["other"] = other
        yield fresh_app


def seen_at(app: Flask) -> Any:
    with app.app_context():
        found = db.session.execute(select(func.max(WebSession.seen_at))).scalar_one()
        db.session.remove()
        return found


def test_pages_are_read_while_another_writes_and_acts_are_told_to_wait(locked: Flask) -> None:
    with clock.at(NOON):
        buyer = Visitor(locked).sign_in(PEOPLE["buyer"])
        form = buyer.get("/account/name").form()
    locked.extensions["other"].execute("BEGIN IMMEDIATE")
    later = NOON + SEEN_EVERY + timedelta(minutes=1)
    with clock.at(later):
        for path in ("/", "/products", "/account", "/orders", "/basket"):
            buyer.get(path)
        assert seen_at(locked) < later  # noted another time
        refused = buyer.post("/account/name", form.fields | {"name": "别名"}, 503)
        assert "正在维护" in refused.text
        locked.extensions["other"].execute("ROLLBACK")
        buyer.get("/account")
        assert seen_at(locked) == later


def test_control_a_page_that_insists_on_writing_fails(locked: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "write_by_the_way", run_in_transaction)
    with clock.at(NOON):
        buyer = Visitor(locked).sign_in(PEOPLE["buyer"])
    locked.extensions["other"].execute("BEGIN IMMEDIATE")
    with clock.at(NOON + SEEN_EVERY + timedelta(minutes=1)):
        buyer.get("/account", 503)


def test_a_full_database_keeps_nothing_and_still_shows(locked: Flask) -> None:
    with clock.at(NOON):
        with locked.app_context():
            db.engine.dispose()

            @event.listens_for(db.engine, "connect")
            def _full(connection: Any, _record: Any) -> None:
                connection.execute("PRAGMA max_page_count=1")  # no page more than there are

            def write_much() -> None:
                for number in range(50):
                    db.session.add(Heartbeat(name=f"{number} " + "x" * 30, at=clock.now()))
                    db.session.execute(text("CREATE TABLE IF NOT EXISTS much (words TEXT)"))
                    db.session.execute(text("INSERT INTO much VALUES (:words)"), {"words": "x" * 10_000})

            with pytest.raises(OperationalError) as raised:
                run_in_transaction(write_much)
            assert is_unavailable(raised.value)
            assert not write_by_the_way(write_much)
            assert db.session.execute(select(func.count()).select_from(Heartbeat)).scalar_one() == 0
            db.session.remove()
        Visitor(locked).get("/")


# --- a connection that dies ---


@pytest.fixture
def served_app(database_server: str, request: pytest.FixtureRequest) -> Flask:
    """The cast's shop on PostgreSQL, whose server can end a connection."""
    if database_server == "sqlite":
        pytest.skip("SQLite has no server that could end a connection")
    found: Flask = request.getfixturevalue("fresh_app")
    return found


def beat_and_die(tries: list[int], at: str) -> Any:
    """An act that writes a row, and whose connection ends once, before the row or after it."""

    def body() -> None:
        tries.append(1)
        if at == "after":
            db.session.add(Heartbeat(name="act", at=clock.now()))
            db.session.flush()
        if len(tries) == 1:
            pid = db.session.execute(text("SELECT pg_backend_pid()")).scalar_one()
            with db.engine.connect() as other:
                other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
        if at == "before":
            db.session.add(Heartbeat(name="act", at=clock.now()))

    return body


@pytest.mark.usefixtures("commits_succeed")
@pytest.mark.parametrize("at", ["before", "after"])
@pytest.mark.parametrize("where", ["request", "command"])
def test_an_act_whose_connection_died_before_the_commit_happens_once(
    served_app: Flask, at: str, where: str
) -> None:
    with served_app.test_request_context("/", method="POST") if where == "request" else served_app.app_context():
        tries: list[int] = []
        if at == "after":
            # The next thing that is asked of the dead connection is the commit: it cannot know.
            with pytest.raises(UnknownOutcomeError):
                run_in_transaction(beat_and_die(tries, at))
            assert len(tries) == 1
        else:
            run_in_transaction(beat_and_die(tries, at))
            assert len(tries) == 2
        found = db.session.execute(select(func.count()).where(Heartbeat.name == "act")).scalar_one()
        assert found == (1 if at == "before" else 0)


def test_a_refusal_whose_connection_died_is_no_mistake_of_ours(served_app: Flask) -> None:
    def die_and_refuse() -> None:
        beat_and_die([], "after")()
        raise DomainError("no")

    with served_app.test_request_context("/", method="POST"):
        with pytest.raises((DomainError, DBAPIError)) as told:
            run_in_transaction(die_and_refuse)
        assert isinstance(told.value, DomainError) or is_unavailable(told.value)
        db.session.execute(text("SELECT 1"))


def test_idle_connections_that_died_are_replaced(served_app: Flask) -> None:
    with served_app.app_context():
        db.session.execute(text("SELECT 1"))
        db.session.remove()
        with db.engine.connect() as other:
            other.execute(text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
                               " AND datname = current_database()"))  # fmt: skip
        db.session.execute(text("SELECT 1"))
        db.session.remove()


@pytest.fixture
def lost_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first commit happens, and its answer never comes."""
    commit, lost = db.session.commit, []

    def commit_and_lose() -> None:
        commit()
        if not lost:
            lost.append(1)
            raise OperationalError("COMMIT", {}, Raised(sqlstate=None), connection_invalidated=True)

    monkeypatch.setattr(db.session, "commit", commit_and_lose)


def count_acts(tries: list[int]) -> Callable[[], None]:
    def body() -> None:
        tries.append(1)
        db.session.add(Heartbeat(name=f"act {len(tries)}", at=clock.now()))

    return body


@pytest.mark.usefixtures("app_context", "lost_answer")
def test_a_commit_whose_answer_was_lost_is_not_repeated() -> None:
    tries: list[int] = []
    with pytest.raises(UnknownOutcomeError) as raised:
        run_in_transaction(count_acts(tries))
    assert is_unavailable(raised.value)
    assert len(tries) == 1


@pytest.mark.usefixtures("app_context", "lost_answer")
def test_control_repeating_it_would_do_it_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "is_transient", lambda _error: True)
    run_in_transaction(count_acts([]))
    assert db.session.execute(select(func.count()).where(Heartbeat.name.like("act %"))).scalar_one() == 2
