"""Jobs that wait, run, or were given up."""

from __future__ import annotations

from sqlalchemy import func, select

from marketplace.database import db
from marketplace.errors import NotFoundError
from marketplace.jobs.models import Job, JobStatus
from marketplace.paging import page_of
from marketplace.permissions import Viewer

PAGE = 50
OPEN = (JobStatus.PARKED, JobStatus.RUNNING, JobStatus.WAITING)


def get_job(job_id: int) -> Job:
    """One job, or NotFoundError."""
    found = db.session.get(Job, job_id)
    if found is None:
        raise NotFoundError
    return found


def list_jobs(
    viewer: Viewer, status: JobStatus, after: int | None = None
) -> tuple[list[Job], int | None]:
    """Jobs of one state, newest first, and the id after which the next page starts."""
    if not viewer.can("jobs:read"):
        return [], None
    return page_of(select(Job).where(Job.status == status), Job.id, after, PAGE)


def count_by_status(viewer: Viewer) -> dict[JobStatus, int]:
    """How many jobs are open, by state."""
    if not viewer.can("jobs:read"):
        return {}
    query = select(Job.status, func.count()).where(Job.status.in_(OPEN)).group_by(Job.status)
    return dict(db.session.execute(query).tuples().all())
