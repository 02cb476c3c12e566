"""Whether the process lives, and whether the shop is ready: database, schema and worker."""

from __future__ import annotations

from datetime import datetime, timedelta

from flask import Blueprint, Flask, current_app, jsonify
from flask.typing import ResponseReturnValue
from sqlalchemy import String, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Mapped, mapped_column

from marketplace import clock
from marketplace.database import Base, UtcDateTime, db
from marketplace.permissions import public

SILENCE = timedelta(seconds=60)
bp = Blueprint("health", __name__)


class Heartbeat(Base):
    """When a background process last said that it works."""

    __tablename__ = "heartbeats"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)


def beat(name: str) -> None:
    """Say that a background process works, in the caller's transaction."""
    db.session.merge(Heartbeat(name=name, at=clock.now()))


def schema_is_current() -> bool:
    """Whether the database stands at the newest migration of this code."""
    from alembic.script import ScriptDirectory  # commands ask, pages never do: it is slow to load

    config = current_app.extensions["migrate"].migrate.get_config()
    heads = set(ScriptDirectory.from_config(config).get_heads())
    found = {row[0] for row in db.session.execute(text("SELECT version_num FROM alembic_version"))}
    return heads == found


@bp.get("/healthz")
@public
def healthz() -> ResponseReturnValue:
    """The process answers."""
    return jsonify(status="ok")


@bp.get("/readyz")
@public
def readyz() -> ResponseReturnValue:
    """200 when the database answers and the worker spoke within the last 60 seconds, else 503."""
    checks = {"database": False, "worker": False}
    try:
        last = db.session.execute(db.select(Heartbeat.at).where(Heartbeat.name == "worker")).scalar_one_or_none()
        checks["database"] = True
        checks["worker"] = last is not None and clock.now() - last <= SILENCE
    except SQLAlchemyError:
        db.session.rollback()
    ready = all(checks.values())
    return jsonify(status="ready" if ready else "not ready", **checks), 200 if ready else 503


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)
