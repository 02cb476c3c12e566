"""Work for later: written with the act that needs it, claimed by one worker, tried three times, then parked."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import ColumnElement, and_, or_, select, update

from marketplace import clock
from marketplace.audit import Actor, record
from marketplace.database import count_changed, db, run_in_transaction
from marketplace.errors import DomainError
from marketplace.jobs import registry
from marketplace.jobs.models import Job, JobStatus
from marketplace.jobs.queries import get_job
from marketplace.logs import log, masked, milliseconds_since, on_behalf_of, request_id

LEASE = timedelta(minutes=10)  # longer than any handler works; who dies leaves the job to another after it
PAUSES = (timedelta(seconds=30), timedelta(minutes=5))
MOST_TRIES = len(PAUSES) + 1


@dataclass(frozen=True)
class Claimed:
    """A job that is this worker's until the moment."""

    kind: str
    payload: dict[str, Any]
    request_id: str | None
    until: datetime


class JobNotParkedError(DomainError):
    """Only a job that was given up can be tried again."""


def enqueue(kind: str, payload: dict[str, Any], *, run_at: datetime | None = None) -> None:
    """Write a job in the caller's transaction, due at once or at run_at; UnknownKindError without a handler."""
    registry.find(kind)
    moment = clock.now()
    db.session.add(
        Job(kind=kind, payload=payload, run_at=run_at or moment, request_id=request_id(), created_at=moment)
    )


def run_due(limit: int = 10) -> int:
    """Do the jobs whose time has come, at most limit of them, one after another; how many succeeded."""
    due = select(Job.id).where(_is_due(clock.now())).order_by(Job.run_at, Job.id).limit(limit)
    waiting = db.session.execute(due).scalars().all()
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
    with on_behalf_of(request=claimed.request_id, job=job_id):
        return _do(job_id, claimed)


def _do(job_id: int, claimed: Claimed) -> bool:
    begun = time.perf_counter()
    try:
        registry.find(claimed.kind)(claimed.payload)
    except Exception as error:
        db.session.rollback()
        reason = masked(f"{type(error).__name__}: {error}")
        log().exception("job.failed", kind=claimed.kind, ms=milliseconds_since(begun))
        run_in_transaction(lambda: _put_off(job_id, claimed.until, reason))
        return False
    db.session.rollback()  # what a handler read stays behind
    run_in_transaction(
        lambda: _finish(job_id, claimed.until, status=JobStatus.DONE, done_at=clock.now(), last_error=None)
    )
    log().info("job.done", kind=claimed.kind, ms=milliseconds_since(begun))
    return True


def _is_due(moment: datetime) -> ColumnElement[bool]:
    """Waiting and its time has come; or its lease lapsed, which one that ends after the longest possible did too:
    the clock was put back.
    """
    lapsed = or_(Job.claimed_until <= moment, Job.claimed_until > moment + 2 * LEASE)
    return or_(
        and_(Job.status == JobStatus.WAITING, Job.run_at <= moment),
        and_(Job.status == JobStatus.RUNNING, lapsed),
    )


def _claim(job_id: int) -> Claimed | None:
    """Take the job for the time of a lease; None when another did, or when it died three times."""
    moment = clock.now()
    until = moment + LEASE
    is_due = _is_due(moment)
    mine = count_changed(
        update(Job)
        .where(Job.id == job_id, is_due, Job.tries < MOST_TRIES)
        .values(status=JobStatus.RUNNING, claimed_until=until, tries=Job.tries + 1)
    )
    if mine == 1:
        found = db.session.execute(select(Job.kind, Job.payload, Job.request_id).where(Job.id == job_id)).one()
        return Claimed(found.kind, found.payload, found.request_id, until)
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
