"""Jobs that wait, run, or were given up."""

from __future__ import annotations

from sqlalchemy import func, select

from marketplace.database import db
from marketplace.errors import NotFoundError
from marketplace.jobs.models import Job, JobStatus
from marketplace.permissions import Viewer

PAGE = 50
OPEN = (JobStatus.PARKED, JobStatus.RUNNING, JobStatus.WAITING)


def get_job(job_id: int) -> Job:
    """One job, or NotFoundError."""
    found = db.session.get(Job, job_id)
    if found is None:
        raise NotFoundError
    return found


def list_jobs(viewer: Viewer, status: JobStatus, after: int | None = None) -> list[Job]:
    """Jobs of one state, newest first, one more than a page when there is a next one."""
    if not viewer.can("jobs:read"):
        return []
    query = select(Job).where(Job.status == status).order_by(Job.id.desc()).limit(PAGE + 1)
    if after is not None:
        query = query.where(Job.id < after)
    return list(db.session.execute(query).scalars())


def count_by_status(viewer: Viewer) -> dict[JobStatus, int]:
    """How many jobs are open, by state."""
    if not viewer.can("jobs:read"):
        return {}
    query = select(Job.status, func.count()).where(Job.status.in_(OPEN)).group_by(Job.status)
    return dict(db.session.execute(query).tuples().all())
