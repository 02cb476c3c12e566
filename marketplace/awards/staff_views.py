"""The comparison for bureau, finance and centres: a year's list, a seller's report, the lines behind a figure."""

from __future__ import annotations

from flask import Blueprint, g, render_template, request, url_for
from flask.typing import ResponseReturnValue

from marketplace import clock, places
from marketplace.awards import pages, queries, wording
from marketplace.permissions import requires

bp = Blueprint("awards", __name__)


@bp.get("/")
@requires("awards:read")
def index() -> ResponseReturnValue:
    """Every seller of the reader's counties in one year, the largest revenue first."""
    years = queries.list_years()
    year = pages.asked_year(years[0], years)
    county, text = request.args.get("county", "")[:12], request.args.get("q", "").strip()[:40]
    page = queries.list_year(
        g.viewer, year, county=county or None, text=text, after=request.args.get("after", "")[:42]
    )
    counties = {area.code: area.label for area in places.list_ganzhou_counties()}
    allowed = g.viewer.counties("awards:read")
    return render_template(
        "awards/staff/index.html",
        rows=page.rows,
        year=year,
        years=years,
        this_year=clock.today().year,
        counties=counties,
        choices={code: name for code, name in counties.items() if allowed is None or code in allowed},
        county=county,
        text=text,
        next_url=url_for(".index", year=year, county=county or None, q=text or None, after=page.after)
        if page.after
        else None,
    )


@bp.get("/<code>")
@requires("awards:read")
def detail(code: str) -> ResponseReturnValue:
    """One seller's comparison of one year."""
    seller = queries.get_seller(g.viewer, code)
    comparison = pages.asked_comparison(seller.id, seller.kind, seller.registered_as)
    return render_template(
        "awards/staff/detail.html",
        shop=seller,
        comparison=comparison,
        report=comparison.report,
        words=wording,
        urls=pages.Urls(".detail", ".lines", {"code": code}, comparison),
    )


@bp.get("/<code>/<int:year>/lines")
@requires("awards:read")
def lines(code: str, year: int) -> ResponseReturnValue:
    """The entries behind one figure: order codes and amounts, nothing of the buyer."""
    seller = queries.get_seller(g.viewer, code)
    return render_template(
        "awards/staff/lines.html",
        shop=seller,
        back_url=url_for(".detail", code=code, year=year),
        order_url=None,
        **pages.asked_lines(seller.id, year, code=code),
    )
