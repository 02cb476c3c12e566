"""The people console: find, look at, give and take roles, suspend, end sessions, verify companies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from marketplace import places, sessions
from marketplace.accounts import queries, rules, second_factor, services
from marketplace.accounts.forms import GrantForm, ReasonForm
from marketplace.accounts.models import UserStatus
from marketplace.database import run_in_transaction
from marketplace.errors import DomainError, NotFoundError
from marketplace.forms import normal_phone
from marketplace.permissions import requires
from marketplace.routing import row_id
from marketplace.sellers.queries import memberships_of

bp = Blueprint("accounts", __name__)


@bp.get("/")
@requires("users:read")
def index() -> ResponseReturnValue:
    """People, newest first, found by phone or name."""
    text = request.args.get("q", "").strip()[:40]
    wanted = normal_phone(text) or text
    people, more = queries.list_users(g.viewer, request.args.get("after", type=row_id), wanted)
    return render_template(
        "accounts/staff/index.html",
        people=people,
        grants=queries.list_grants(user.id for user in people),
        text=text,
        next_url=url_for(".index", q=text or None, after=more) if more else None,
    )


@bp.get("/<int:user_id>")
@requires("users:read")
def detail(user_id: int) -> ResponseReturnValue:
    """One person: roles, shops, company, sessions."""
    return _detail(user_id)


def _detail(user_id: int, grant_form: GrantForm | None = None, reason_form: ReasonForm | None = None) -> Any:
    user = queries.get_user(user_id)
    forms = [form for form in (grant_form, reason_form) if form is not None and form.errors]
    page = render_template(
        "accounts/staff/detail.html",
        person=user,
        is_active=user.status == UserStatus.ACTIVE,
        grants=queries.list_grants([user_id]).get(user_id, []),
        counties={area.code: area.label for area in places.list_ganzhou_counties()},
        shops=[one.shop for one in memberships_of(user_id)],
        company=queries.company_of(user_id),
        sessions=sessions.list_of(user_id),
        device_words=rules.device_words,
        recovery_codes=queries.count_recovery_codes(user_id),
        grant_form=grant_form or _grant_form(),
        reason_form=reason_form or ReasonForm(formdata=None),
    )
    return page, 422 if forms else 200


def _grant_form(form: GrantForm | None = None) -> GrantForm:
    form = form or GrantForm(formdata=None)
    form.area_code.choices = [
        ("", _("全市")),
        *((area.code, area.label) for area in places.list_ganzhou_counties()),
    ]
    return form


@bp.post("/<int:user_id>/roles")
@requires("users:write")
def grant(user_id: int) -> ResponseReturnValue:
    """Give a role."""
    queries.get_user(user_id)
    form = _grant_form(GrantForm())
    actor, area_code = g.actor, form.area_code.data or None
    if not form.validate_on_submit():
        return _detail(user_id, grant_form=form)
    role = form.chosen_role
    if not form.carry_out(lambda: services.grant_role(actor, user_id, role, area_code)):
        return _detail(user_id, grant_form=form)
    return _done(user_id, _("角色给了，下一次打开网页就生效"))


@bp.post("/<int:user_id>/roles/<int:grant_id>/revoke")
@requires("users:write")
def revoke(user_id: int, grant_id: int) -> ResponseReturnValue:
    """Take a role."""
    actor = g.actor
    return _act(
        user_id, lambda: services.revoke_role(actor, user_id, grant_id), _("角色收回了，下一次打开网页就生效")
    )


@bp.post("/<int:user_id>/suspend")
@requires("users:write")
def suspend(user_id: int) -> ResponseReturnValue:
    """Shut a person out, with a reason."""
    queries.get_user(user_id)
    form, actor = ReasonForm(), g.actor
    if not form.validate_on_submit():
        return _detail(user_id, reason_form=form)
    reason = form.reason.data
    return _act(user_id, lambda: services.suspend(actor, user_id, reason=reason), _("账号停用了，已退出登录"))


@bp.post("/<int:user_id>/reinstate")
@requires("users:write")
def reinstate(user_id: int) -> ResponseReturnValue:
    """Let a person in again."""
    actor = g.actor
    return _act(user_id, lambda: services.reinstate(actor, user_id), _("账号恢复了"))


@bp.post("/<int:user_id>/end-sessions")
@requires("sessions:end")
def end_sessions(user_id: int) -> ResponseReturnValue:
    """Sign a person out everywhere."""
    actor = g.actor
    return _act(user_id, lambda: services.end_sessions(actor, user_id), _("已让他在所有设备上退出登录"))


@bp.post("/<int:user_id>/reset-second-factor")
@requires("users:write")
def reset_second_factor(user_id: int) -> ResponseReturnValue:
    """Forget another's lost authenticator; the code to set up a new one is shown once, to be told by hand."""
    actor = g.actor
    try:
        code = run_in_transaction(lambda: second_factor.reset(actor, user_id))
    except NotFoundError:
        raise
    except DomainError as error:
        flash(str(error), "error")
        return redirect(url_for(".detail", user_id=user_id), 303)
    person = queries.get_user(user_id)
    return render_template("accounts/staff/second_factor_code.html", person=person, code=code)


@bp.get("/companies")
@requires("companies:verify")
def companies() -> ResponseReturnValue:
    """Buyers' companies: those that wait, then those verified."""
    return render_template(
        "accounts/staff/companies.html",
        waiting=queries.list_companies(g.viewer, waiting=True),
        verified=queries.list_companies(g.viewer, waiting=False),
        is_plausible=rules.credit_code_check,
    )


@bp.post("/companies/<int:company_id>/verify")
@requires("companies:verify")
def verify_company(company_id: int) -> ResponseReturnValue:
    """Confirm a company's name and credit code, as they stood on the page."""
    actor, seen = g.actor, request.form.get("credit_code", "")[:18]
    try:
        run_in_transaction(lambda: services.verify_company(actor, company_id, credit_code=seen))
    except NotFoundError:
        raise
    except DomainError as error:
        flash(str(error), "error")
    else:
        flash(_("核实了，从现在起按单位采购计"), "success")
    return redirect(url_for(".companies"), 303)


def _act(user_id: int, act: Callable[[], None], said: str) -> ResponseReturnValue:
    """Do one act on a person and go back to the page; a refusal is said there."""
    try:
        run_in_transaction(act)
    except NotFoundError:
        raise
    except DomainError as error:
        flash(str(error), "error")
        return redirect(url_for(".detail", user_id=user_id), 303)
    return _done(user_id, said)


def _done(user_id: int, said: str) -> ResponseReturnValue:
    flash(said, "success")
    return redirect(url_for(".detail", user_id=user_id), 303)
