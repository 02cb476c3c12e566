"""All rows of all tables as text, the same for SQLite and PostgreSQL: one line a row, as PostgreSQL's COPY writes it.

Columns stand between tabs, \\N is no value, a backslash announces what would be misread. Instants are written as SQLite
keeps them and truth as 1 and 0, so that a backup of one database can be restored into the other.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Boolean, DateTime, inspect, text
from sqlalchemy.engine import Connection

from marketplace.database import db

REVISION_TABLE = "alembic_version"
PART = 4 << 20  # characters or bytes of rows that are in memory at once
ESCAPED = re.compile(r"\\(.)")
ESCAPES = {"t": "\t", "n": "\n", "r": "\r", "b": "\b", "f": "\f", "v": "\v"}
BATCH = 2000

Columns = dict[str, list[str]]


@contextlib.contextmanager
def snapshot() -> Iterator[Connection]:
    """A connection that sees the database as it is at the first question, whatever is sold meanwhile."""
    is_sqlite = db.engine.dialect.name == "sqlite"
    options = {} if is_sqlite else {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    with db.engine.connect().execution_options(**options) as connection:
        revision(connection)  # on both databases the first reading begins the snapshot
        yield connection


def revision(connection: Connection) -> str | None:
    """Where the schema stands; None without one."""
    if not inspect(connection).has_table(REVISION_TABLE):
        return None
    return connection.execute(text(f"SELECT version_num FROM {REVISION_TABLE}")).scalar_one_or_none()  # noqa: S608


def columns(connection: Connection) -> Columns:
    """Each table's columns; the schema's own revision is no table of ours."""
    names = sorted(set(inspect(connection).get_table_names()) - {REVISION_TABLE})
    return {name: [column["name"] for column in inspect(connection).get_columns(name)] for name in names}


def read(connection: Connection, table: str) -> Iterator[bytes]:
    """A table's rows in parts of whole lines."""
    found = inspect(connection).get_columns(table)
    driver: Any = connection.connection.driver_connection
    if connection.dialect.name == "sqlite":
        values = " || char(9) || ".join(_as_line(column["name"]) for column in found)
        rows = (row[0].encode() for row in driver.execute(f'SELECT {values} FROM "{table}"'))  # noqa: S608
        return _parts(rows, b"\n")
    chosen = ", ".join(_as_text(column["name"], column["type"]) for column in found)
    return _parts(_copied(driver, f'COPY (SELECT {chosen} FROM "{table}") TO STDOUT'), b"")  # noqa: S608


def _copied(driver: Any, statement: str) -> Iterator[bytes]:
    with driver.cursor() as cursor, cursor.copy(statement) as copy:
        yield from copy


def _parts(rows: Iterator[bytes], end: bytes) -> Iterator[bytes]:
    waiting, size = [], 0
    for row in rows:
        waiting.append(row)
        size += len(row)
        if size > PART:
            yield end.join(waiting) + end
            waiting, size = [], 0
    if waiting:
        yield end.join(waiting) + end


def _as_line(name: str) -> str:
    """SQLite writes the line itself, which is several times faster than row by row in Python."""
    value = f'"{name}"'
    for code, letter in ((92, "\\"), (9, "t"), (10, "n"), (13, "r")):
        value = f"replace({value}, char({code}), '\\{letter}')"
    return f"coalesce({value}, '\\N')"


def _as_text(name: str, kind: Any) -> str:
    if isinstance(kind, DateTime):
        return f"to_char(\"{name}\", 'YYYY-MM-DD HH24:MI:SS.US')"
    return f'"{name}"::int' if isinstance(kind, Boolean) else f'"{name}"'


@contextlib.contextmanager
def filling() -> Iterator[Connection]:
    """One transaction in which tables are filled in any order; references are checked, and missed, at its end."""
    with db.engine.connect() as connection:
        if (
            connection.dialect.name == "sqlite"
        ):  # of the driver itself: inside a transaction it would change nothing
            driver: Any = connection.connection.driver_connection
            driver.execute("PRAGMA foreign_keys=OFF")
        references = _set_references_aside(connection)
        yield connection
        for statement in references:
            connection.exec_driver_sql(statement)
        if connection.dialect.name == "sqlite":
            broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchmany(3)
            if broken:
                raise RuntimeError(f"rows refer to others that are not there: {broken}")
        connection.commit()
        connection.exec_driver_sql("ANALYZE")
        connection.commit()
        connection.invalidate()  # its setting of foreign keys is nobody else's


def _set_references_aside(connection: Connection) -> list[str]:
    """On PostgreSQL foreign keys are taken off while rows come in; gives the statements that put them back."""
    if connection.dialect.name == "sqlite":
        return []
    found = connection.exec_driver_sql(
        "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE contype = 'f' AND connamespace = current_schema()::regnamespace"
    ).all()
    for table, name, _definition in found:
        connection.exec_driver_sql(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')
    return [f'ALTER TABLE {table} ADD CONSTRAINT "{name}" {definition}' for table, name, definition in found]


def clear(connection: Connection, table: str) -> None:
    """Take away what migrations put in: the backup has it as well."""
    connection.exec_driver_sql(f'DELETE FROM "{table}"')  # noqa: S608  a name of the schema's


def write(connection: Connection, table: str, names: Sequence[str], part: bytes) -> int:
    """Put in the rows of one part; returns how many."""
    driver: Any = connection.connection.driver_connection
    listed = ", ".join(f'"{name}"' for name in names)
    if connection.dialect.name != "sqlite":
        with driver.cursor() as cursor:
            with cursor.copy(f'COPY "{table}" ({listed}) FROM STDIN') as copy:
                copy.write(part)
            return int(cursor.rowcount)
    places = ", ".join("?" * len(names))
    lines = part.decode().split("\n")[:-1]
    driver.executemany(
        f'INSERT INTO "{table}" ({listed}) VALUES ({places})',  # noqa: S608
        ([_value(field) for field in line.split("\t")] for line in lines),
    )
    return len(lines)


def _value(field: str) -> str | None:
    if field == "\\N":
        return None
    return ESCAPED.sub(lambda found: ESCAPES.get(found[1], found[1]), field) if "\\" in field else field
