"""Sellers as centre staff, bureau, finance and operations see them: their counties, read only but for operations."""

from __future__ import annotations

from flask import Blueprint, abort, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from marketplace import places
from marketplace.database import run_in_transaction
from marketplace.errors import DomainError
from marketplace.permissions import requires
from marketplace.routing import row_id
from marketplace.sellers import queries, services
from marketplace.sellers.models import SellerStatus

bp = Blueprint("sellers", __name__)


@bp.get("/")
@requires("sellers:read")
def index() -> ResponseReturnValue:
    """Sellers of the viewer's counties, newest first."""
    county, text = request.args.get("county", "")[:12], request.args.get("q", "").strip()[:40]
    sellers, more = queries.list_sellers(
        g.viewer, county=county or None, text=text, after=request.args.get("after", type=row_id)
    )
    counties = {area.code: area.label for area in places.list_ganzhou_counties()}
    allowed = g.viewer.counties("sellers:read")
    return render_template(
        "sellers/staff/index.html",
        sellers=sellers,
        counties=counties,
        choices={code: name for code, name in counties.items() if allowed is None or code in allowed},
        county=county,
        text=text,
        next_url=url_for(".index", county=county or None, q=text or None, after=more) if more else None,
    )


@bp.get("/<code>")
@requires("sellers:read")
def detail(code: str) -> ResponseReturnValue:
    """One seller's file."""
    seller = queries.get_for_staff(g.viewer, code)
    return render_template(
        "sellers/staff/detail.html",
        shop=seller,
        place=places.shown_name(seller.area_code),
        team=queries.team_of(seller.id),
    )


@bp.post("/<code>/status")
@requires("sellers:write")
def set_status(code: str) -> ResponseReturnValue:
    """Suspend a shop, or open it again."""
    seller_id = queries.get_for_staff(g.viewer, code).id
    asked = request.form.get("status")
    if asked not in {SellerStatus.APPROVED, SellerStatus.SUSPENDED}:
        abort(400)
    status = SellerStatus(asked)
    reason = request.form.get("reason", "").strip()[:200]
    if not reason:
        raise DomainError(_("请写明原因"), field="reason")
    actor = g.actor
    run_in_transaction(lambda: services.set_status(actor, seller_id=seller_id, status=status, reason=reason))
    flash(_("店铺已恢复") if status == SellerStatus.APPROVED else _("店铺已停用"), "success")
    return redirect(url_for(".detail", code=code), 303)
