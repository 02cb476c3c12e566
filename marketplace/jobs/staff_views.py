"""Background work that was given up, and what waits; operations alone."""

from __future__ import annotations

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from marketplace.database import run_in_transaction
from marketplace.errors import NotFoundError
from marketplace.jobs import queries, services
from marketplace.jobs.models import JobStatus
from marketplace.permissions import requires
from marketplace.routing import row_id

bp = Blueprint("jobs", __name__)


@bp.get("/")
@requires("jobs:read")
def index() -> ResponseReturnValue:
    """Jobs of one state, the parked ones first of all."""
    try:
        status = JobStatus(request.args.get("status", JobStatus.PARKED))
    except ValueError:
        raise NotFoundError from None
    jobs, more = queries.list_jobs(g.viewer, status, request.args.get("after", type=row_id))
    return render_template(
        "jobs/staff/index.html",
        jobs=jobs,
        status=status,
        states=(*queries.OPEN, JobStatus.DONE),
        counts=queries.count_by_status(g.viewer),
        next_url=url_for(".index", status=status.value, after=more) if more else None,
    )


@bp.post("/<int:job_id>/retry")
@requires("jobs:retry")
def retry(job_id: int) -> ResponseReturnValue:
    """Give a parked job new tries."""
    actor = g.actor
    try:
        run_in_transaction(lambda: services.retry(actor, job_id))
    except services.JobNotParkedError as error:
        flash(str(error), "error")
    else:
        flash(_("又排上队了"), "success")
    return redirect(url_for(".index"), 303)
