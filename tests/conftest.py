"""The application on a real database; each test in a transaction that is rolled back."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from argon2 import PasswordHasher
from flask import Flask
from flask_migrate import upgrade
from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine

from config import Config
from marketplace import clock, create_app, demo, seeding, settings
from marketplace.accounts import passwords
from marketplace.database import db, run_in_transaction
from marketplace.security import create_keys
from tests import databases
from tests.browsing import Visitor
from tests.failing import commits_succeed, failing_commits
from tests.people import PEOPLE
from tests.scoping import scoped_statements

# No test is timed: this machine may be busy.
hypothesis.settings.register_profile("suite", deadline=None)
hypothesis.settings.load_profile("suite")

# A day in the season: noon in Shanghai on 20 November 2026.
NOON = datetime(2026, 11, 20, 4, tzinfo=UTC)


@pytest.fixture(scope="session", autouse=True)
def _loopback_only() -> Iterator[None]:
    """No test reaches beyond this machine."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> Any:
        if isinstance(address, tuple) and address[0] not in {"127.0.0.1", "::1", "localhost"}:
            raise RuntimeError(f"a test wanted to reach {address}")
        return connect(self, address)

    socket.socket.connect = guarded  # type: ignore[method-assign]
    yield
    socket.socket.connect = connect  # type: ignore[method-assign]


@pytest.fixture(scope="session")
def database_server() -> Iterator[str]:
    """Where the suite's databases are made: sqlite, or the address of a PostgreSQL server."""
    with databases.server() as address:
        yield address


@pytest.fixture(scope="session", autouse=True)
def _watched_statements() -> Iterator[None]:
    with scoped_statements(), failing_commits():
        yield


@pytest.fixture(name="commits_succeed")
def _commits_succeed() -> Iterator[None]:
    """For a test that orders who comes first: nobody is thrown back by FAILING_COMMITS."""
    with commits_succeed():
        yield


@pytest.fixture(scope="session", autouse=True)
def _quick_passwords() -> Iterator[None]:
    """argon2id is slow on purpose; the suite signs in thousands of times, so its hashes are cheap."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_hasher", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        yield


def make_settings(folder: Path, database: str, **values: str) -> Config:
    """Settings of a demo installation in a folder of its own."""
    environment = {
        "DATA_DIR": str(folder / "data"),
        "KEY_FILE": str(folder / "keys"),
        "DATABASE_URL": database,
        "MAIL_URL": f"file:{folder / 'messages'}",
        "SMS_URL": f"file:{folder / 'messages'}",
    }
    config = Config.from_environment(environment | values, testing=True)
    if not config.key_file.exists():
        create_keys(config.key_file)
    return config


def make_app(config: Config) -> Flask:
    """An application whose database stands at the newest migration, with reference data and the cast."""
    app = create_app(config)
    with app.app_context(), clock.at(NOON):
        upgrade()
        run_in_transaction(lambda: settings.claim_installation("demo"))
        run_in_transaction(seeding.load_reference)
        run_in_transaction(lambda: demo.load_people(extras=False))
        db.session.remove()
    return app


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory, database_server: str) -> Iterator[Config]:
    """Settings of an installation that is made once; the suite's others are copies of its database."""
    with databases.fresh_database(database_server) as address:
        config = make_settings(tmp_path_factory.mktemp("prepared"), address)
        app = make_app(config)
        with app.app_context():
            db.engine.dispose()
        yield config


@contextlib.contextmanager
def copied_app(folder: Path, server: str, prepared: Config) -> Iterator[Flask]:
    """An application with files in the folder and a copy of the prepared database."""
    with databases.fresh_database(server, copied_from=prepared.database) as address:
        app = create_app(make_settings(folder, address, KEY_FILE=str(prepared.key_file)))
        try:
            yield app
        finally:
            with app.app_context():
                db.session.remove()
                db.engine.dispose()


@pytest.fixture(scope="session")
def shared_app(
    tmp_path_factory: pytest.TempPathFactory, database_server: str, prepared: Config
) -> Iterator[Flask]:
    """One application; tests see it through `app`."""
    with copied_app(tmp_path_factory.mktemp("shop"), database_server, prepared) as app:
        yield app


@pytest.fixture
def app(shared_app: Flask) -> Iterator[Flask]:
    """The application inside one outer transaction; whatever a test commits is gone afterwards."""
    engines = db._app_engines[shared_app]
    engine = engines[None]
    with engine.connect() as connection:
        outer = connection.begin()
        engines[None] = connection
        # Of the factory: scoped_session.configure() asks for an application context.
        db.session.session_factory.configure(join_transaction_mode="create_savepoint")
        shared_app.extensions["kept_pages"].clear()  # what was rolled back had the versions that come again
        try:
            with clock.at(NOON):
                yield shared_app
        finally:
            with shared_app.app_context():
                db.session.remove()
            engines[None] = engine
            outer.rollback()


@contextlib.contextmanager
def undone(app: Flask) -> Iterator[None]:
    """Inside a test that has `app`: what is committed in here is gone afterwards."""
    savepoint = db._app_engines[app][None].begin_nested()
    try:
        yield
    finally:
        with app.app_context():
            db.session.remove()
        savepoint.rollback()


@pytest.fixture
def app_context(app: Flask) -> Iterator[None]:
    """An application context, for tests of services and queries."""
    with app.app_context():
        yield
        db.session.rollback()


@pytest.fixture
def fresh_app(tmp_path: Path, database_server: str, prepared: Config) -> Iterator[Flask]:
    """An application on a database of its own that really commits: for races, kills and processes."""
    with copied_app(tmp_path, database_server, prepared) as app:
        yield app


@pytest.fixture
def app_with(shared_app: Flask) -> Iterator[Callable[..., Flask]]:
    """app_with(proxy_hops=1): the same installation under other settings; its connections end with the test."""
    made: list[Flask] = []

    def make(**changed: Any) -> Flask:
        made.append(create_app(replace(shared_app.config["SETTINGS"], **changed)))
        return made[-1]

    yield make
    for one in made:
        with one.app_context():
            db.session.remove()
            db.engine.dispose()


@pytest.fixture
def visitor(app: Flask) -> Visitor:
    """Somebody who is not signed in; every page is checked as it comes."""
    return Visitor(app)


@pytest.fixture
def sign_in(app: Flask) -> Callable[[str], Visitor]:
    """sign_in("farmer"): one of the cast, signed in as they would be, second factor included."""

    def enter(key: str) -> Visitor:
        return Visitor(app).enter(PEOPLE[key])

    return enter


@pytest.fixture
def at() -> Callable[[datetime], contextlib.AbstractContextManager[None]]:
    """with at(moment): another time."""
    return clock.at


@contextlib.contextmanager
def statements() -> Iterator[list[str]]:
    """The SQL statements that run inside, savepoints left out."""
    seen: list[str] = []

    def note(_c: Connection, _cursor: Any, statement: str, *_rest: Any) -> None:
        if not statement.startswith(("SAVEPOINT", "RELEASE", "ROLLBACK", "BEGIN")):
            seen.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        with commits_succeed():
            yield seen
    finally:
        event.remove(Engine, "before_cursor_execute", note)


@pytest.fixture
def count_statements() -> Callable[[], contextlib.AbstractContextManager[list[str]]]:
    """with count_statements() as seen: … ; len(seen)."""
    return statements
