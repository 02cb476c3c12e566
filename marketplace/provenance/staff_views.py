"""Seasons, entered by centre staff with their source."""

from __future__ import annotations

from flask import Blueprint, flash, g, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from marketplace.catalogue import seller_queries as catalogue
from marketplace.forms import options
from marketplace.i18n import choose
from marketplace.permissions import requires
from marketplace.provenance import queries, services
from marketplace.provenance.forms import SeasonForm

bp = Blueprint("provenance", __name__)


@bp.route("/", methods=["GET", "POST"])
@requires("seasons:write")
def index() -> ResponseReturnValue:
    """What was announced so far, and the form for the next announcement."""
    form = SeasonForm()
    categories = {one.code: choose(one.name, one.name_en) for one in catalogue.list_categories()}
    varieties = {code: name for category in categories for code, name in catalogue.list_varieties(category)}
    form.category_code.choices = options(categories.items())
    form.variety_code.choices = options([("", _("所有品种")), *varieties.items()])
    if form.is_submitted() and form.validate() and _record(form):
        flash(_("记下了，从现在起按它算"), "success")
        return redirect(url_for(".index"), 303)
    return render_template(
        "provenance/staff/index.html",
        form=form,
        seasons=queries.list_seasons(),
        categories=categories,
        varieties=varieties,
    ), 422 if form.errors else 200


def _record(form: SeasonForm) -> bool:
    actor = g.actor
    known = {code for code, _name in catalogue.list_varieties(form.category_code.data)}
    if form.variety_code.data and form.variety_code.data not in known:
        form.variety_code.errors = [_("这个品种不属于这种货")]
        return False
    return form.carry_out(
        lambda: services.record_season(
            actor,
            category_code=form.category_code.data,
            variety_code=form.variety_code.data or None,
            year=form.year.data,
            earliest_ship_on=form.earliest_ship_on.data,
            source=form.source.data,
        )
    )
