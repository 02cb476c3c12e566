"""Triggers that count every change of what public pages show, on both databases, in the change's own transaction (D3).

Whoever changes a row, an act, a job, a loader, an older process during an upgrade or an operator by hand, changes the
sum of catalogue_versions with it, and pages kept under another sum are asked for no more.

PostgreSQL keeps one row for each transaction, so that two of them never wait for each other; caching.fold() adds them
up. SQLite has one writer at a time and needs one row. Migrations carry these statements out; on SQLite a batch
migration that rebuilds one of the tables drops its triggers with it: such a migration runs statements() again.
"""

from __future__ import annotations

TABLE = "catalogue_versions"
WATCHED = (
    "areas",
    "batches",
    "categories",
    "certificates",
    "grades",
    "images",
    "platform_settings",
    "product_images",
    "products",
    "search_terms",
    "sellers",
    "size_classes",
    "stock_pools",
    "variants",
    "varieties",
)
MANY = 11  # packs of a pool; from here up no kept page says how many are left
ROWS, POOLS = "note_catalogue_change", "note_stock_change"
# Whether the change of a pool is one of what is shown.
SHOWN = (
    "EXISTS (SELECT 1 FROM variants WHERE seller_id = NEW.seller_id AND pool_id = NEW.id AND"
    " least((OLD.on_hand - OLD.held) / pool_amount, {many}) <> least((NEW.on_hand - NEW.held) / pool_amount, {many}))"
)


def statements(dialect_name: str) -> list[str]:
    """The statements that make the triggers, for sqlite or postgresql; the tables exist already."""
    return _make_sqlite() if dialect_name == "sqlite" else _make_postgresql()


def drop_statements(dialect_name: str) -> list[str]:
    """The statements that take the triggers away again; safe when they are gone."""
    if dialect_name == "sqlite":
        return [f"DROP TRIGGER IF EXISTS {_name(table, verb)}" for table in WATCHED for verb in _verbs(table)] + [
            "DROP TRIGGER IF EXISTS stock_pools_shown"
        ]
    return [
        *(f"DROP TRIGGER IF EXISTS {table}_counted ON {table}" for table in WATCHED),
        "DROP TRIGGER IF EXISTS stock_pools_shown ON stock_pools",
        *(f"DROP FUNCTION IF EXISTS {name}()" for name in (ROWS, POOLS)),
    ]


def _verbs(table: str) -> tuple[str, ...]:
    """A pool is changed by every order: that has a trigger of its own."""
    return ("INSERT", "DELETE") if table == "stock_pools" else ("INSERT", "UPDATE", "DELETE")


def _name(table: str, verb: str) -> str:
    return f"{table}_counted_{verb.lower()}"


def _make_sqlite() -> list[str]:
    count = f"BEGIN UPDATE {TABLE} SET version = version + 1 WHERE id = 0; END"  # noqa: S608  names of the schema
    shown = SHOWN.format(many=MANY).replace("least(", "min(")
    return [
        *(
            f"CREATE TRIGGER {_name(table, verb)} AFTER {verb} ON {table} FOR EACH ROW {count}"
            for table in WATCHED
            for verb in _verbs(table)
        ),
        "CREATE TRIGGER stock_pools_shown AFTER UPDATE ON stock_pools FOR EACH ROW"
        f" WHEN OLD.on_hand - OLD.held <> NEW.on_hand - NEW.held AND {shown}"
        f" {count}",
    ]


def _make_postgresql() -> list[str]:
    count = (
        f"INSERT INTO {TABLE} (id, version) VALUES (txid_current(), 1)"  # noqa: S608  names of the schema
        f" ON CONFLICT (id) DO UPDATE SET version = {TABLE}.version + 1;"
    )
    shown = SHOWN.format(many=MANY)
    return [
        f"CREATE FUNCTION {ROWS}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {count} RETURN NULL; END $$",
        f"CREATE FUNCTION {POOLS}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        f" IF {shown} THEN {count} END IF; RETURN NULL; END $$",
        *(
            f"CREATE TRIGGER {table}_counted AFTER {' OR '.join((*_verbs(table), 'TRUNCATE'))} ON {table}"
            f" FOR EACH STATEMENT EXECUTE FUNCTION {ROWS}()"
            for table in WATCHED
        ),
        "CREATE TRIGGER stock_pools_shown AFTER UPDATE ON stock_pools FOR EACH ROW"
        " WHEN (OLD.on_hand - OLD.held <> NEW.on_hand - NEW.held)"
        f" EXECUTE FUNCTION {POOLS}()",
    ]
