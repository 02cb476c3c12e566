"""The office's first page, the settings with their history, and reference data."""

from __future__ import annotations

from flask import Blueprint, flash, g, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from marketplace import settings
from marketplace.accounts import queries as accounts
from marketplace.errors import NotFoundError
from marketplace.permissions import requires
from marketplace.staff import queries
from marketplace.staff.forms import SettingForm
from marketplace.staff.work import work_of

bp = Blueprint("staff", __name__)


@bp.get("/")
@requires("office:enter")
def home() -> ResponseReturnValue:
    """What each role can do next, what waits first."""
    return render_template("staff/home.html", work=work_of(g.viewer))


@bp.get("/settings")
@requires("settings:read")
def settings_list() -> ResponseReturnValue:
    """Every setting with the value in force."""
    values = {key: settings.get(key) for key in settings.DEFINITIONS}
    return render_template("staff/settings.html", definitions=settings.DEFINITIONS, values=values)


@bp.route("/settings/<key>", methods=["GET", "POST"])
@requires("settings:write")
def setting(key: str) -> ResponseReturnValue:
    """One setting: its value, a new one, and its history."""
    if key not in settings.DEFINITIONS:
        raise NotFoundError
    form = SettingForm(value=str(settings.get(key)))
    if form.validate_on_submit():
        actor, text = g.actor, form.value.data or ""
        if form.carry_out(lambda: settings.put(actor, key, text)):
            flash(_("改好了，马上生效"), "success")
            return redirect(url_for(".setting", key=key), 303)
    history = settings.history(key)
    page = render_template(
        "staff/setting.html",
        key=key,
        definition=settings.DEFINITIONS[key],
        form=form,
        history=history,
        names=accounts.names_of(row.set_by for row in history if row.set_by),
    )
    return page, 422 if form.errors else 200


@bp.get("/reference")
@requires("reference:read")
def reference() -> ResponseReturnValue:
    """The tables of reference data."""
    return render_template("staff/reference.html", tables=queries.TABLES)


@bp.get("/reference/<name>")
@requires("reference:read")
def reference_table(name: str) -> ResponseReturnValue:
    """One table of reference data with its sources."""
    table = queries.TABLES.get(name)
    if table is None:
        raise NotFoundError
    return render_template("staff/reference_table.html", table=table, rows=table.rows())
