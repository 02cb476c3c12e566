"""Finance: payments, refunds, what waits for a person; giving back for a seller; sending a refund again."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Any

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from marketplace.database import run_in_transaction
from marketplace.orders import queries as orders
from marketplace.payments import queries, refunding
from marketplace.payments.forms import RefundForm
from marketplace.payments.models import DisputeStatus, PaymentStatus, RefundStatus
from marketplace.payments.refund_pages import carry_out, scope_of, show
from marketplace.permissions import requires
from marketplace.routing import row_id
from marketplace.sellers import queries as sellers

bp = Blueprint("payments", __name__)


@bp.get("/")
@requires("payments:read")
def index() -> ResponseReturnValue:
    """Payments, newest first, by state."""
    page, around = _page_by_state(PaymentStatus, queries.list_for_staff)
    codes = queries.order_codes(payment.order_id for payment in page)
    return render_template("payments/staff/index.html", payments=page, codes=codes, **around)


def _page_by_state(
    states: type[StrEnum], listing: Callable[..., tuple[Any, int | None]]
) -> tuple[Any, dict[str, Any]]:
    """The asked page of a list that can be narrowed to one state, and what its template needs around it."""
    asked = request.args.get("status", "")
    status = states(asked) if asked in set(states) else None
    page, more = listing(g.viewer, status=status, after=request.args.get("after", type=row_id))
    next_url = url_for(request.endpoint or "", status=asked or None, after=more) if more else None
    return page, {"chosen": status, "statuses": list(states), "next_url": next_url}


@bp.get("/refunds")
@requires("payments:read")
def refunds() -> ResponseReturnValue:
    """Refunds, newest first, by state; failed ones can be sent again."""
    page, around = _page_by_state(RefundStatus, queries.list_refunds_for_staff)
    return render_template("payments/staff/refunds.html", refunds=page, **around)


@bp.get("/disputes")
@requires("payments:read")
def disputes() -> ResponseReturnValue:
    """Disputes, newest first, by state."""
    page, around = _page_by_state(DisputeStatus, queries.list_disputes_for_staff)
    return render_template("payments/staff/disputes.html", disputes=page, **around)


@bp.get("/disputes/<int:dispute_id>")
@requires("payments:read")
def dispute(dispute_id: int) -> ResponseReturnValue:
    """One dispute with its payment, its order and whose parts of it are in dispute."""
    found, payment, code = queries.get_dispute_for_staff(g.viewer, dispute_id)
    parts = queries.parts_of_dispute(found.id)
    return render_template(
        "payments/staff/dispute.html",
        dispute=found,
        payment=payment,
        code=code,
        parts=parts,
        codes=queries.codes_of_parts(part.seller_order_id for part in parts if part.seller_order_id),
        shops=sellers.shops_by_id(part.seller_id for part in parts if part.seller_order_id),
    )


@bp.post("/refunds/<int:refund_id>/retry")
@requires("orders:refund")
def retry(refund_id: int) -> ResponseReturnValue:
    """Send a failed refund again."""
    actor = g.actor
    queries.get_refund(refund_id)
    run_in_transaction(lambda: refunding.retry_refund(actor, refund_id))
    flash(_("重新交给支付机构了"), "success")
    return redirect(url_for(".refunds"), 303)


@bp.route("/refund/<code>", methods=["GET", "POST"])
@requires("orders:refund")
def refund(code: str) -> ResponseReturnValue:
    """Give back a line, or any amount of one seller's part."""
    scope = scope_of(orders.get_for_staff(g.viewer, code), request.args.get("line", type=row_id))
    form = RefundForm()
    if form.validate_on_submit() and carry_out(g.actor, scope, form):
        flash(_("退款交给支付机构了"), "success")
        return redirect(url_for("staff.orders.detail", code=code), 303)
    page = render_template("payments/staff/refund.html", form=show(form, scope), scope=scope)
    return page, 422 if form.errors else 200
