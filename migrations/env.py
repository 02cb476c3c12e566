"""Run migrations with the application's engine; types are written plainly, so that old files never need its code."""

from __future__ import annotations

from typing import Any

from alembic import context
from flask import current_app
from sqlalchemy import types

from marketplace.database import db

config = context.config


def render_item(kind: str, item: Any, _autogen: Any) -> str | bool:
    """Write a decorated column type as the plain type it is stored as."""
    if kind == "type" and isinstance(item, types.TypeDecorator):
        plain = item.impl_instance if hasattr(item, "impl_instance") else item.impl
        return f"sa.{plain!r}"
    return False


def include_object(item: Any, name: str | None, kind: str, reflected: bool, compare_to: Any) -> bool:
    """Leave alone what the database keeps for itself."""
    return not (kind == "table" and reflected and compare_to is None and str(name).startswith("sqlite_"))


def run() -> None:
    """Migrate in one transaction; SQLite checks foreign keys again at its end."""
    options = dict(current_app.extensions["migrate"].configure_args)
    engine = db.engine
    with engine.connect() as connection:
        sqlite = connection.dialect.name == "sqlite"
        if sqlite:  # a table that is made anew would break its references for a moment
            # Of the driver itself: SQLAlchemy would begin a transaction first, in which this changes nothing.
            connection.connection.driver_connection.execute("PRAGMA foreign_keys=OFF")
            connection.detach()  # closed afterwards, not handed on by the pool with its checks switched off
        context.configure(
            connection=connection,
            target_metadata=db.metadata,
            render_item=render_item,
            include_object=include_object,
            transactional_ddl=True,  # Alembic believes that SQLite is not: interrupted, it would leave half of it
            **options,
        )
        with context.begin_transaction():
            context.run_migrations()
            broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchmany(5) if sqlite else []
            if broken:
                raise RuntimeError(f"the migration broke references: {broken}")
        connection.commit()


if context.is_offline_mode():
    raise RuntimeError("migrations run on a database, not into a file")
run()
