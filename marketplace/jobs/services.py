"""Work for later: written with the act that needs it, claimed by one worker, tried three times, then parked."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import and_, or_, select, update

from marketplace import clock
from marketplace.audit import Actor, record
from marketplace.database import count_changed, db, run_in_transaction
from marketplace.errors import DomainError
from marketplace.jobs import registry
from marketplace.jobs.models import Job, JobStatus
from marketplace.jobs.queries import get_job
from marketplace.logs import log

LEASE = timedelta(minutes=10)  # longer than any handler works; who dies leaves the job to another after it
PAUSES = (timedelta(seconds=30), timedelta(minutes=5))
MOST_TRIES = len(PAUSES) + 1


class JobNotParkedError(DomainError):
    """Only a job that was given up can be tried again."""


def enqueue(kind: str, payload: dict[str, Any], *, run_at: datetime | None = None) -> None:
    """Write a job in the caller's transaction, due at once or at run_at; UnknownKindError without a handler."""
    registry.find(kind)
    moment = clock.now()
    db.session.add(Job(kind=kind, payload=payload, run_at=run_at or moment, created_at=moment))


def run_due(limit: int = 10) -> int:
    """Do the jobs whose time has come, at most limit of them, one after another; how many succeeded."""
    moment = clock.now()
    lapsed = and_(Job.status == JobStatus.RUNNING, Job.claimed_until <= moment)
    due = or_(and_(Job.status == JobStatus.WAITING, Job.run_at <= moment), lapsed)
    waiting = (
        db.session.execute(select(Job.id).where(due).order_by(Job.run_at, Job.id).limit(limit))
        .scalars()
        .all()
    )
    return sum(_run(job_id) for job_id in waiting)


def retry(actor: Actor, job_id: int) -> None:
    """Give a parked job three new tries; NotFoundError, JobNotParkedError."""
    get_job(job_id)
    found = count_changed(
        update(Job)
        .where(Job.id == job_id, Job.status == JobStatus.PARKED)
        .values(status=JobStatus.WAITING, tries=0, run_at=clock.now(), last_error=None)
    )
    if found != 1:
        raise JobNotParkedError(_("这件工作没有停住，不用重做"))
    record(actor, "job.retried", "job", job_id)


def _run(job_id: int) -> bool:
    claimed = run_in_transaction(lambda: _claim(job_id))
    if claimed is None:
        return False
    kind, payload, until = claimed
    try:
        registry.find(kind)(payload)
    except Exception as error:
        db.session.rollback()
        reason = f"{type(error).__name__}: {error}"
        log().exception("job.failed", job=job_id, kind=kind)
        run_in_transaction(lambda: _put_off(job_id, until, reason))
        return False
    db.session.rollback()  # what a handler read stays behind
    run_in_transaction(
        lambda: _finish(job_id, until, status=JobStatus.DONE, done_at=clock.now(), last_error=None)
    )
    return True


def _claim(job_id: int) -> tuple[str, dict[str, Any], datetime] | None:
    """Take the job for the time of a lease; None when another did, or when it died three times."""
    moment = clock.now()
    until = moment + LEASE
    is_due = or_(
        and_(Job.status == JobStatus.WAITING, Job.run_at <= moment),
        and_(Job.status == JobStatus.RUNNING, Job.claimed_until <= moment),
    )
    mine = count_changed(
        update(Job)
        .where(Job.id == job_id, is_due, Job.tries < MOST_TRIES)
        .values(status=JobStatus.RUNNING, claimed_until=until, tries=Job.tries + 1)
    )
    if mine == 1:
        found = db.session.execute(select(Job.kind, Job.payload).where(Job.id == job_id)).one()
        return found.kind, found.payload, until
    db.session.execute(
        update(Job)
        .where(Job.id == job_id, is_due, Job.tries >= MOST_TRIES)
        .values(status=JobStatus.PARKED, claimed_until=None, last_error="the worker died each time")
    )
    return None


def _put_off(job_id: int, until: datetime, reason: str) -> None:
    tries = db.session.execute(select(Job.tries).where(Job.id == job_id)).scalar_one()
    if tries >= MOST_TRIES:
        _finish(job_id, until, status=JobStatus.PARKED, last_error=reason[:500])
    else:
        later = clock.now() + PAUSES[tries - 1]
        _finish(job_id, until, status=JobStatus.WAITING, run_at=later, last_error=reason[:500])


def _finish(job_id: int, until: datetime, **values: Any) -> None:
    """Only who holds the lease may write the outcome: a late one changes nothing."""
    db.session.execute(
        update(Job)
        .where(Job.id == job_id, Job.status == JobStatus.RUNNING, Job.claimed_until == until)
        .values(claimed_until=None, **values)
    )
