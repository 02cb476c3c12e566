"""A person's own pages: 我的, name, password, addresses, company, sessions; the ways in stand beside."""

from __future__ import annotations

from flask import flash, g, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from marketplace import places, sessions
from marketplace.accounts import entry, queries, rules, services
from marketplace.accounts.forms import AddressForm, CompanyForm, NameForm, PasswordForm
from marketplace.accounts.second_factor_views import bp
from marketplace.accounts.sign_in_views import knows_password, show
from marketplace.database import run_in_transaction
from marketplace.errors import DomainError, NotFoundError
from marketplace.i18n import language
from marketplace.permissions import signed_in
from marketplace.sellers.queries import memberships_of

__all__ = ("bp",)


@bp.get("/account")
@signed_in
def account() -> ResponseReturnValue:
    """我的: where everything of one's own is found."""
    return render_template(
        "accounts/account.html",
        tab="account",
        person=g.person,
        company=queries.company_of(g.person.id),
        shops=[one.shop.name for one in memberships_of(g.person.id)],
    )


@bp.route("/account/name", methods=["GET", "POST"])
@signed_in
def name() -> ResponseReturnValue:
    """Change how one is called."""
    form = NameForm(name=g.person.name)
    if not form.validate_on_submit():
        return show("accounts/name.html", form, tab="account")
    actor, person_id, wanted = g.actor, g.person.id, form.name.data
    run_in_transaction(lambda: services.rename(actor, person_id, name=wanted))
    flash(_("存好了"), "success")
    return redirect(url_for("accounts.account"), 303)


@bp.route("/account/password", methods=["GET", "POST"])
@signed_in
def password() -> ResponseReturnValue:
    """Change the password with the old one; every other session ends, this one begins anew."""
    form = PasswordForm()
    if not form.validate_on_submit() or not knows_password(form):
        return show("accounts/password.html", form, tab="account")
    actor, person_id, wanted, spoken = g.actor, g.person.id, form.password.data, language()
    shown = sessions.current().second_factor_at is not None  # type: ignore[union-attr]  # who is signed in has one
    try:
        run_in_transaction(
            lambda: services.change_password(actor, person_id, password=wanted, language=spoken)
        )
    except DomainError as error:
        return show("accounts/password.html", form, error, tab="account")
    entry.enter(person_id, second_factor=shown)
    flash(_("密码改好了，其他设备都已退出登录"), "success")
    return redirect(url_for("accounts.account"), 303)


@bp.get("/account/addresses")
@signed_in
def addresses() -> ResponseReturnValue:
    """Where parcels may go."""
    found = queries.list_addresses(g.person.id)
    names = {address.county_code: places.full_name(address.county_code) for address in found}
    return render_template("accounts/addresses.html", tab="account", addresses=found, names=names)


@bp.route("/account/addresses/new", methods=["GET", "POST"])
@signed_in
def new_address() -> ResponseReturnValue:
    """Add an address."""
    return _edit_address(AddressForm(name=g.person.name, phone=g.person.phone), None)


@bp.route("/account/addresses/<int:address_id>", methods=["GET", "POST"])
@signed_in
def address(address_id: int) -> ResponseReturnValue:
    """Change one's own address."""
    found = queries.get_address(g.person.id, address_id)
    return _edit_address(AddressForm(obj=found, county=found.county_code), address_id)


def _edit_address(form: AddressForm, address_id: int | None) -> ResponseReturnValue:
    if form.is_choosing() or not form.validate_on_submit():
        return show("accounts/address.html", form, tab="account", address_id=address_id)
    person_id = g.person.id
    values = {key: form[key].data for key in ("name", "phone", "county_code", "detail", "is_default")}
    try:
        run_in_transaction(lambda: services.save_address(person_id, address_id, **values))
    except NotFoundError:
        raise
    except DomainError as error:
        return show("accounts/address.html", form, error, tab="account", address_id=address_id)
    flash(_("地址存好了"), "success")
    return redirect(url_for("accounts.addresses"), 303)


@bp.post("/account/addresses/<int:address_id>/delete")
@signed_in
def delete_address(address_id: int) -> ResponseReturnValue:
    """Forget one's own address."""
    person_id = g.person.id
    run_in_transaction(lambda: services.delete_address(person_id, address_id))
    flash(_("地址删掉了"), "success")
    return redirect(url_for("accounts.addresses"), 303)


@bp.route("/account/company", methods=["GET", "POST"])
@signed_in
def company() -> ResponseReturnValue:
    """The company one buys for; until it is verified its code is an invoice title only."""
    found = queries.company_of(g.person.id)
    form = CompanyForm(obj=found)
    if not form.validate_on_submit():
        return show("accounts/company.html", form, tab="account", company=found)
    actor, person_id, title, code = g.actor, g.person.id, form.name.data, form.credit_code.data
    run_in_transaction(lambda: services.set_company(actor, person_id, name=title, credit_code=code))
    flash(_("存好了，等工作人员核实"), "success")
    if not rules.credit_code_check(rules.normal_credit_code(code)):
        flash(_("代码的校验位对不上，可能抄错了一位。请再对一遍营业执照"), "warning")
    return redirect(url_for("accounts.company"), 303)


@bp.post("/account/company/remove")
@signed_in
def remove_company() -> ResponseReturnValue:
    """Buy as a consumer again."""
    actor, person_id = g.actor, g.person.id
    run_in_transaction(lambda: services.remove_company(actor, person_id))
    flash(_("单位信息删掉了"), "success")
    return redirect(url_for("accounts.account"), 303)


@bp.get("/account/sessions")
@signed_in
def sessions_list() -> ResponseReturnValue:
    """Where one is signed in."""
    present = sessions.current()
    found = sessions.list_of(g.person.id)
    return render_template(
        "accounts/sessions.html",
        tab="account",
        sessions=found,
        present=present,
        device_words=rules.device_words,
    )


@bp.post("/account/sessions/<int:session_id>/end")
@signed_in
def end_session(session_id: int) -> ResponseReturnValue:
    """Sign out one of one's other sessions."""
    if session_id not in {row.id for row in sessions.list_of(g.person.id)}:
        raise NotFoundError
    run_in_transaction(lambda: sessions.end(session_id))
    flash(_("那台设备已退出登录"), "success")
    return redirect(url_for("accounts.sessions_list"), 303)


@bp.post("/account/sessions/end-others")
@signed_in
def end_other_sessions() -> ResponseReturnValue:
    """Sign out everywhere but here."""
    actor, person_id = g.actor, g.person.id
    present = sessions.current()
    kept = present.id if present else None
    run_in_transaction(lambda: services.end_sessions(actor, person_id, but=kept))
    flash(_("其他设备都已退出登录"), "success")
    return redirect(url_for("accounts.sessions_list"), 303)
