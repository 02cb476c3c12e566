"""Messages that did not go out, and what waits; operations alone."""

from __future__ import annotations

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from marketplace.database import run_in_transaction
from marketplace.errors import NotFoundError
from marketplace.notifications import messages, queries, services
from marketplace.notifications.models import MessageStatus
from marketplace.permissions import requires
from marketplace.routing import row_id

bp = Blueprint("notifications", __name__)


@bp.get("/")
@requires("messages:read")
def index() -> ResponseReturnValue:
    """Messages of one state, the parked ones first of all; codes are never shown."""
    try:
        status = MessageStatus(request.args.get("status", MessageStatus.PARKED))
    except ValueError:
        raise NotFoundError from None
    found, more = queries.list_messages(g.viewer, status, request.args.get("after", type=row_id))
    return render_template(
        "notifications/staff/index.html",
        messages=found,
        secrets=messages.SECRETS,
        status=status,
        states=(MessageStatus.PARKED, MessageStatus.WAITING, MessageStatus.SENT),
        counts=queries.count_by_status(g.viewer),
        next_url=url_for(".index", status=status.value, after=more) if more else None,
    )


@bp.post("/<int:message_id>/retry")
@requires("messages:retry")
def retry(message_id: int) -> ResponseReturnValue:
    """Send a parked message again."""
    actor = g.actor
    try:
        run_in_transaction(lambda: services.retry(actor, message_id))
    except (services.MessageNotParkedError, services.MessageExpiredError) as error:
        flash(str(error), "error")
    else:
        flash(_("马上再发一次"), "success")
    return redirect(url_for(".index"), 303)
