"""The same comparison for the seller itself, read only: how far, what counts, what is missing."""

from __future__ import annotations

from flask import Blueprint, g, render_template, url_for
from flask.typing import ResponseReturnValue

from marketplace.awards import pages, wording
from marketplace.permissions import requires_member

bp = Blueprint("awards", __name__)


@bp.get("/")
@requires_member("awards:read")
def index() -> ResponseReturnValue:
    """This shop's comparison of one year."""
    comparison = pages.asked_comparison(g.seller.id, g.seller.kind, g.seller.registered_as)
    return render_template(
        "awards/seller/index.html",
        tab="account",
        shop=g.seller,
        comparison=comparison,
        report=comparison.report,
        words=wording,
        charts=True,
        urls=pages.Urls(".index", ".lines", {}, comparison),
    )


@bp.get("/<int:year>/lines")
@requires_member("awards:read")
def lines(year: int) -> ResponseReturnValue:
    """The entries behind one figure of this shop."""
    return render_template(
        "awards/seller/lines.html",
        tab="account",
        shop=g.seller,
        back_url=url_for(".index", year=year),
        order_url=lambda order_code: url_for("seller.orders.detail", code=order_code),
        **pages.asked_lines(g.seller.id, year),
    )
