"""Reading pages have no transaction on PostgreSQL, acts always have one; a connection that rested is asked first."""

from __future__ import annotations

import time

import pytest
from flask import Flask
from sqlalchemy import delete, text
from sqlalchemy.engine import Engine

from marketplace import connections
from marketplace.database import db, run_in_transaction
from marketplace.errors import DomainError
from marketplace.health import Heartbeat


def _is_autocommit() -> bool:
    return bool(db.session.connection().connection.dbapi_connection.autocommit)  # type: ignore[union-attr]


@pytest.fixture
def postgresql_app(fresh_app: Flask) -> Flask:
    with fresh_app.app_context():
        if db.engine.dialect.name != "postgresql":
            pytest.skip("SQLite reads one snapshot in its transaction")
    return fresh_app


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_a_request_reads_without_a_transaction_and_an_act_in_it_has_one(postgresql_app: Flask, method: str) -> None:
    with postgresql_app.test_request_context("/", method=method):
        db.session.execute(text("SELECT 1"))
        assert _is_autocommit() is True
        assert run_in_transaction(_is_autocommit) is False
        db.session.execute(text("SELECT 1"))
        assert _is_autocommit() is True
    with postgresql_app.app_context():
        assert _is_autocommit() is False  # jobs and commands


def test_statements_of_a_page_stay_prepared(postgresql_app: Flask) -> None:
    with postgresql_app.test_client() as client:
        for number in range(8):
            client.get(f"/products?x={number}")
    with postgresql_app.app_context():
        prepared = text("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%products%'")
        assert db.session.execute(prepared).scalar_one() >= 1


@pytest.mark.usefixtures("commits_succeed")
@pytest.mark.parametrize("is_kept", [True, False], ids=["kept", "control"])
def test_a_refused_act_leaves_them_prepared(
    postgresql_app: Flask, monkeypatch: pytest.MonkeyPatch, is_kept: bool
) -> None:
    """Nine of ten who come for the last boxes are refused: the next one's joins are not planned anew for that."""
    prepared = text("SELECT count(*) FROM pg_prepared_statements")

    def refuse() -> None:
        db.session.execute(text("SELECT 1 AS kept"))
        raise DomainError("no")

    if not is_kept:  # as a command does: outside of a request
        monkeypatch.setattr(connections, "has_request_context", lambda: False)
    with postgresql_app.test_request_context("/", method="POST"):
        for _number in range(8):
            run_in_transaction(lambda: db.session.execute(text("SELECT 2 AS kept")).all())
        assert run_in_transaction(lambda: db.session.execute(prepared).scalar_one()) >= 1
        with pytest.raises(DomainError):
            run_in_transaction(refuse)
        assert (run_in_transaction(lambda: db.session.execute(prepared).scalar_one()) >= 1) is is_kept


def test_a_change_outside_of_acts_is_refused(fresh_app: Flask) -> None:
    """Without a transaction half of it could stay."""
    with fresh_app.test_request_context("/"), pytest.raises(RuntimeError, match="run_in_transaction"):
        db.session.execute(delete(Heartbeat))


def test_a_connection_that_rested_is_asked_before_it_is_used(
    fresh_app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    with fresh_app.app_context():
        engine: Engine = db.engine
        ping = engine.dialect.do_ping
        monkeypatch.setattr(engine.dialect, "do_ping", lambda connection: asked.append(1) or ping(connection))
        for _number in range(3):
            with engine.connect() as connection:
                connection.execute(text("SELECT 1"))
        assert asked == []
        begun = time.monotonic()
        monkeypatch.setattr(connections.time, "monotonic", lambda: begun + 2 * connections.RESTED_SECONDS)
        with engine.connect() as connection:
            connection.execute(text("SELECT 1"))
        assert asked == [1]


def test_after_a_restart_the_next_request_finds_a_living_connection(
    postgresql_app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Control: not asked, the dead one is found by the request itself."""
    monkeypatch.setattr(connections, "RESTED_SECONDS", 0.0)
    client = postgresql_app.test_client()
    assert client.get("/products").status_code == 200

    def end_others() -> None:
        with postgresql_app.app_context():
            engine = db.engine
            other = engine.dialect.dbapi.connect(**engine.dialect.create_connect_args(engine.url)[1])  # type: ignore[union-attr]
            other.autocommit = True
            other.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            other.close()

    end_others()
    assert client.get("/products?x=1").status_code == 200
    monkeypatch.setattr(connections, "RESTED_SECONDS", 60.0)
    end_others()
    assert client.get("/products?x=2").status_code == 503
    assert client.get("/products?x=3").status_code == 200
