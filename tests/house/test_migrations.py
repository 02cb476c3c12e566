"""Migrations lead from nothing to the models and back, on the suite's database; rows that are final stay final."""

from __future__ import annotations

import itertools
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Flask
from flask_migrate import check, downgrade, upgrade
from sqlalchemy import event, inspect, text
from sqlalchemy.engine import Engine
from sqlalchemy.exc import DBAPIError

from marketplace import append_only, create_app, health, sealing, seeding
from marketplace.audit import SYSTEM, record
from marketplace.database import db, run_in_transaction
from tests import databases
from tests.conftest import make_settings
from tests.house.source import ROOT

VERSIONS = ROOT / "migrations" / "versions"


@pytest.fixture
def empty_app(tmp_path: Path, database_server: str) -> Iterator[Flask]:
    """The application on a database without a single table."""
    with databases.fresh_database(database_server) as address:
        app = create_app(make_settings(tmp_path, address))
        with app.app_context():
            yield app
            db.session.remove()
            db.engine.dispose()


def tables() -> set[str]:
    return set(inspect(db.engine).get_table_names()) - {"alembic_version"}


def leftovers() -> list[str]:
    """Triggers and functions of our own that are still there."""
    if db.engine.dialect.name == "sqlite":
        query = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    else:
        query = (
            "SELECT proname FROM pg_proc JOIN pg_namespace n ON n.oid = pronamespace WHERE nspname = 'public'"
        )
    with db.engine.connect() as connection:
        return list(connection.execute(text(query)).scalars())


def test_up_and_down_and_up_again(empty_app: Flask) -> None:
    upgrade()
    first = {name: len(inspect(db.engine).get_columns(name)) for name in tables()}
    assert set(first) == set(db.metadata.tables)
    assert health.schema_is_current()
    db.session.remove()
    downgrade(revision="base")
    assert tables() == set()
    assert leftovers() == []
    upgrade()
    assert {name: len(inspect(db.engine).get_columns(name)) for name in tables()} == first
    run_in_transaction(seeding.load_reference)


def test_nothing_is_left_to_generate(empty_app: Flask) -> None:
    upgrade()
    check()  # leaves the process when autogenerate finds anything
    with db.engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True}
        )
        # Expressions in indexes are compared by the command above; here names and columns.
        assert [
            change for change in compare_metadata(context, db.metadata) if "alembic" not in str(change)
        ] == []


def schema() -> dict[str, object]:
    """Everything that migrations make: tables, columns, indexes, constraints, triggers, and where they stand."""
    found = inspect(db.engine)
    with db.engine.connect() as connection:
        revision = list(connection.execute(text("SELECT version_num FROM alembic_version")).scalars())
    described = {
        name: (
            [(column["name"], str(column["type"]), column["nullable"]) for column in found.get_columns(name)],
            sorted(str(one["name"]) for one in found.get_indexes(name)),
            sorted(str(one["name"]) for one in found.get_foreign_keys(name)),
            sorted(str(one["name"]) for one in found.get_unique_constraints(name)),
            sorted(str(one["name"]) for one in found.get_check_constraints(name)),
        )
        for name in sorted(tables())
    }
    return described | {"triggers and functions": sorted(leftovers()), "revision": revision}


def upgrade_and_die(app: Flask, at_statement: int) -> None:
    """kill -9 of a migrating process when it is about to send so many statements."""
    child = os.fork()
    if child:
        _pid, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status), "the migration came to its end"
        return
    try:
        db.engine.dispose(close=False)  # the parent's connections are not ours
        sent = itertools.count(1)

        @event.listens_for(Engine, "before_cursor_execute")
        def count(*_values: object) -> None:
            if next(sent) == at_statement:
                os.kill(os.getpid(), signal.SIGKILL)

        upgrade()
    finally:
        os._exit(1)


def count_statements_of_an_upgrade() -> int:
    sent = itertools.count()
    event.listen(Engine, "before_cursor_execute", listener := lambda *_values: next(sent))
    try:
        upgrade()
    finally:
        event.remove(Engine, "before_cursor_execute", listener)
    return next(sent)


INTERRUPTIONS = 4  # spread over all statements; the last one is the last statement


def test_an_interrupted_migration_leaves_nothing_and_runs_again_to_the_same_schema(
    empty_app: Flask, tmp_path: Path, database_server: str
) -> None:
    whole = count_statements_of_an_upgrade()
    untouched = schema()
    db.session.remove()
    (tmp_path / "other").mkdir()
    with databases.fresh_database(database_server) as address:
        app = create_app(make_settings(tmp_path / "other", address))
        with app.app_context():
            for number in range(1, INTERRUPTIONS + 1):
                upgrade_and_die(app, whole * number // INTERRUPTIONS)
                assert (number, tables()) == (number, set())
                db.engine.dispose()
            upgrade()
            assert schema() == untouched
            db.session.remove()
            db.engine.dispose()


def test_a_database_that_is_behind_is_noticed(empty_app: Flask) -> None:
    upgrade()
    db.session.execute(text("UPDATE alembic_version SET version_num = 'older'"))
    assert not health.schema_is_current()


def final_rows() -> dict[str, str]:
    """Each append-only table with the statement that would change it."""
    found = {}
    for table in (*append_only.APPEND_ONLY, *append_only.SEALED):
        column = next(column for column in db.metadata.tables[table].columns if not column.primary_key)
        found[table] = column.name
    return found


def test_final_tables_refuse_change_after_the_migration(empty_app: Flask) -> None:
    upgrade()
    for table, column in final_rows().items():
        if db.engine.dialect.name == "sqlite":
            names = set(leftovers())
            assert {f"{table}_no_update", f"{table}_no_delete"} <= names
        else:
            with pytest.raises(DBAPIError, match="append-only"):
                run_in_transaction(lambda table=table: db.session.execute(text(f"TRUNCATE {table} CASCADE")))  # type: ignore[misc]
        assert column
    run_in_transaction(lambda: record(SYSTEM, "test.done", "test", 1))
    for statement in (
        "UPDATE audit_entries SET action = 'other'",
        "UPDATE audit_entries SET changes = '{}'",
        "DELETE FROM audit_entries",
    ):
        with pytest.raises(DBAPIError, match="audit_entries is append-only"):
            run_in_transaction(lambda statement=statement: db.session.execute(text(statement)))  # type: ignore[misc]
    assert db.session.execute(text("SELECT action FROM audit_entries")).scalar_one() == "test.done"


def test_final_tables_are_all_named() -> None:
    assert {*append_only.APPEND_ONLY, *append_only.SEALED} <= set(db.metadata.tables)
    for table, content in append_only.SEALED.items():
        sealed = {column.name for column in db.metadata.tables[table].columns}
        assert set(content) == sealed - {"day", "number", "digest"}, table
    assert {table.model.__tablename__ for table in sealing.TABLES} == set(append_only.SEALED)


def test_migrations_stand_in_one_line_and_are_named_by_date_and_effect() -> None:
    script = ScriptDirectory(str(ROOT / "migrations"))
    assert len(script.get_heads()) == 1
    files = sorted(path for path in VERSIONS.glob("*.py"))
    assert files
    revisions = {revision.revision: revision for revision in script.walk_revisions()}
    for path in files:
        found = re.fullmatch(r"(20\d{6}_\d{4})_([a-z0-9]+(?:_[a-z0-9]+)+)", path.stem)
        assert found, path.name
        assert found[1] in revisions, f"{path.name}: the revision is its date and number"
        assert revisions[found[1]].doc.strip(), path.name
    order = [revision.revision for revision in script.walk_revisions()][::-1]
    assert order == sorted(order)


def test_migrations_read_no_model() -> None:
    """A model of today is another one tomorrow; only the statements that make triggers are shared, which say so."""
    for path in VERSIONS.glob("*.py"):
        imports = re.findall(
            r"^(?:from|import) +(marketplace[^\n]*)", path.read_text(encoding="utf-8"), re.MULTILINE
        )
        assert set(imports) <= {"marketplace import append_only", "marketplace import changes"}, path.name


def test_every_money_and_weight_column_is_whole() -> None:
    for table in db.metadata.tables.values():
        for column in table.columns:
            kind = str(column.type).upper()
            assert not kind.startswith(("FLOAT", "REAL", "DOUBLE", "NUMERIC", "DECIMAL")), (
                f"{table.name}.{column.name}"
            )
            if column.name.endswith(("_amount", "_fen", "_grams")):
                assert kind in {"BIGINT", "INTEGER"}, f"{table.name}.{column.name}: {kind}"


def test_what_a_seller_owns_names_its_seller() -> None:
    """seller_id is never empty in a seller's own table (D6)."""
    shared = {
        "audit_entries",
        "order_events",
    }  # what was done, and what befell a whole order: for no seller alone
    wrong = [
        table.name
        for table in db.metadata.tables.values()
        if "seller_id" in table.columns and table.columns["seller_id"].nullable and table.name not in shared
    ]
    assert wrong == []
