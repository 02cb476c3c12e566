"""How the shop's machinery stands; operations alone."""

from __future__ import annotations

from flask import Blueprint, g, render_template
from flask.typing import ResponseReturnValue

from marketplace.permissions import requires
from marketplace.staff import operations

bp = Blueprint("operations", __name__)


@bp.get("/")
@requires("operations:read")
def index() -> ResponseReturnValue:
    """Readiness, tasks with their last success, what waits, and what differs."""
    return render_template(
        "staff/operations.html", condition=operations.condition(g.viewer), check_names=operations.CHECKS
    )
