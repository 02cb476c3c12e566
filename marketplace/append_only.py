"""Tables whose rows are never changed or deleted, and the triggers that refuse it on both databases (D4).

Migrations carry these statements out. On SQLite a batch migration that rebuilds one of the tables drops its triggers
with it: such a migration runs statements() again.
"""

from __future__ import annotations

from collections.abc import Collection

APPEND_ONLY = ("postings", "revenue_entries", "stock_movements", "frozen_assessments")
# Everything but day, number and digest: those three are written once, by the seal job.
SEALED = {
    "audit_entries": (
        "id",
        "at",
        "actor_id",
        "actor_label",
        "on_behalf_of",
        "action",
        "subject_type",
        "subject_id",
        "seller_id",
        "changes",
    ),
    "journal_entries": ("id", "book", "kind", "reference", "seller_order_id", "transfer_id", "at"),
}
FUNCTION = "refuse_change_of_append_only_row"


def statements(dialect_name: str, *, sealed: Collection[str] = tuple(SEALED)) -> list[str]:
    """The statements that make the tables append-only, for sqlite or postgresql; the tables exist already.

    sealed names the tables that have the columns of a seal: before 20261127_0302 it is the operation log alone.
    """
    return _make_sqlite(sealed) if dialect_name == "sqlite" else _make_postgresql(sealed)


def drop_statements(dialect_name: str) -> list[str]:
    """The statements that take the triggers away again; safe when they are gone."""
    triggers = _triggers(SEALED)
    if dialect_name == "sqlite":
        return [f"DROP TRIGGER IF EXISTS {name}" for name, _table, _when in triggers]
    dropped = [f"DROP TRIGGER IF EXISTS {name} ON {table}" for name, table, _when in triggers + _truncations()]
    return [*dropped, f"DROP FUNCTION IF EXISTS {FUNCTION}()"]


def _triggers(sealed: Collection[str]) -> list[tuple[str, str, str]]:
    """Name, table, and what it refuses."""
    found = []
    for table in (*APPEND_ONLY, *SEALED):
        changed = f"UPDATE OF {', '.join(SEALED[table])}" if table in sealed else "UPDATE"
        found += [(f"{table}_no_update", table, changed), (f"{table}_no_delete", table, "DELETE")]
        if table in sealed:
            found.append((f"{table}_no_second_seal", table, "UPDATE"))
    return found


def _truncations() -> list[tuple[str, str, str]]:
    return [(f"{table}_no_truncate", table, "TRUNCATE") for table in (*APPEND_ONLY, *SEALED)]


def _condition(name: str) -> str:
    return "WHEN (OLD.digest IS NOT NULL)" if name.endswith("_no_second_seal") else ""


def _make_sqlite(sealed: Collection[str]) -> list[str]:
    return [
        f"CREATE TRIGGER {name} BEFORE {what} ON {table} FOR EACH ROW {_condition(name)}"
        f" BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        for name, table, what in _triggers(sealed)
    ]


def _make_postgresql(sealed: Collection[str]) -> list[str]:
    function = (
        f"CREATE FUNCTION {FUNCTION}() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION USING MESSAGE = TG_TABLE_NAME || ' is append-only'; END $$"
    )
    rows = [
        f"CREATE TRIGGER {name} BEFORE {what} ON {table} FOR EACH ROW {_condition(name)} EXECUTE FUNCTION {FUNCTION}()"
        for name, table, what in _triggers(sealed)
    ]
    tables = [
        f"CREATE TRIGGER {name} BEFORE {what} ON {table} FOR EACH STATEMENT EXECUTE FUNCTION {FUNCTION}()"
        for name, table, what in _truncations()
    ]
    return [function, *rows, *tables]
