"""Whether the process lives, whether the shop is ready, and when each background task last did its work."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from flask import Blueprint, Flask, current_app, jsonify
from flask.typing import ResponseReturnValue
from sqlalchemy import String, select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Mapped, mapped_column

from marketplace import clock, security
from marketplace.database import Base, UtcDateTime, db, dialect_insert
from marketplace.permissions import public

SILENCE = timedelta(seconds=60)
VERSIONS = Path(__file__).parent.parent / "migrations" / "versions"
PROBE_BYTES = 64 * 1024
FOLDERS = ("media", "private")
bp = Blueprint("health", __name__)


class Heartbeat(Base):
    """When the worker, one of its tasks, or a command such as a backup last did its work, and by when it will again."""

    __tablename__ = "heartbeats"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    due_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # later than this it is overdue
    findings: Mapped[int | None]  # of a check: how much does not hold


def beat(
    name: str, *, at: datetime | None = None, within: timedelta | None = None, findings: int | None = None
) -> None:
    """Say, in the caller's transaction, that something did its work, and within what time it will do it again."""
    moment = at or clock.now()
    values = {"at": moment, "due_at": moment + within if within else None, "findings": findings}
    insert = dialect_insert(Heartbeat).values(name=name, **values)
    db.session.execute(insert.on_conflict_do_update(index_elements=["name"], set_=values))


def schema_is_current() -> bool:
    """Whether the database stands at the newest migration of this code."""
    return _schema() == _newest_migration()


def _schema() -> str:
    found = db.session.execute(text("SELECT version_num FROM alembic_version")).scalars().all()
    return found[0] if len(found) == 1 else ""


def _newest_migration() -> str:
    """Migrations stand in one line, and a file's name begins with its revision: date and number."""
    return max("_".join(path.name.split("_")[:2]) for path in VERSIONS.glob("2*.py"))


@dataclass(frozen=True)
class Readiness:
    """What the shop needs, each by its name, and whether it is there."""

    checks: dict[str, bool]
    needed: frozenset[str]

    @property
    def is_ready(self) -> bool:
        return all(self.checks[name] for name in self.needed)

    @property
    def status(self) -> str:
        """ready; degraded while something is wrong without which the shop still sells; not ready."""
        return "ready" if all(self.checks.values()) else "degraded" if self.is_ready else "not ready"


def readiness() -> Readiness:
    """Ask everything once; it never fails, and what cannot be asked is not there.

    tasks: none is overdue. files: pictures and papers can be written. A schema that is ahead of this code is fine:
    while a new version is rolled out the old one serves on.
    """
    settings = current_app.config["SETTINGS"]
    needed = {"database", "schema", "worker", "keys"}
    if settings.database.startswith("sqlite"):  # it lies in the same folder: what cannot be written cannot be sold
        needed.add("files")
    checks = {"database": False, "schema": False, "worker": False, "tasks": False}
    try:
        checks["database"] = db.session.execute(select(1)).scalar_one() == 1
        checks["schema"] = _schema() >= _newest_migration()
        moment = clock.now()
        beats = {one.name: one for one in db.session.execute(select(Heartbeat)).scalars()}
        worker = beats.get("worker")
        # Either way: after the clock was put back a last word from the future says nothing.
        checks["worker"] = worker is not None and abs(moment - worker.at) <= SILENCE
        checks["tasks"] = not any(one.due_at and one.due_at < moment for one in beats.values())
    except SQLAlchemyError:
        db.session.rollback()
    checks["keys"] = security.keys_are_readable(settings.key_file)
    checks["files"] = _takes_files(settings.data_dir)
    return Readiness(checks, frozenset(needed))


def _takes_files(data_dir: Path) -> bool:
    """Whether a file fits in, here and in those folders below that are there: they may be other disks."""
    try:
        for folder in (data_dir, *(data_dir / part for part in FOLDERS if (data_dir / part).is_dir())):
            with tempfile.TemporaryFile(dir=folder) as file:
                file.write(bytes(PROBE_BYTES))
                file.flush()
    except OSError:
        return False
    return True


@bp.get("/healthz")
@public
def healthz() -> ResponseReturnValue:
    """The process answers."""
    return jsonify(status="ok")


@bp.get("/readyz")
@public
def readyz() -> ResponseReturnValue:
    """200 when the shop can sell, with each check by its name; else 503."""
    found = readiness()
    return jsonify(status=found.status, **found.checks), 200 if found.is_ready else 503


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)
