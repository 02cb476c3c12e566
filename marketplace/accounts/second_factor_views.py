"""The second factor's screens: showing it, setting it up, recovery codes, and changing it with the password."""

from __future__ import annotations

import io
from typing import Any

import segno
from flask import Response, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from marketplace import sessions
from marketplace.accounts import entry
from marketplace.accounts import second_factor as factor
from marketplace.accounts.forms import HandCodeForm, OwnSecondFactorForm, RecoveryCodeForm, SecondFactorForm
from marketplace.accounts.queries import count_recovery_codes, get_user, is_only_admin
from marketplace.accounts.sign_in_views import bp, knows_password, onward, show, wrong_code
from marketplace.database import run_in_transaction
from marketplace.errors import DomainError, NotFoundError, TooManyTriesError
from marketplace.i18n import language
from marketplace.permissions import signed_in
from marketplace.sessions import WebSession

__all__ = ("bp",)


def _session() -> WebSession:
    """This request's row: who is signed in has one."""
    found = sessions.current()
    if found is None:
        raise NotFoundError
    return found


# Showing it


@bp.route("/sign-in/second-factor", methods=["GET", "POST"])
@signed_in
def second_factor() -> ResponseReturnValue:
    """The code of the authenticator; only after it roles count."""
    if refusal := _step_instead():
        return refusal
    form = SecondFactorForm()
    if not form.validate_on_submit():
        return show("accounts/second_factor.html", form)
    person_id, code = g.person.id, form.code.data
    try:
        is_right = run_in_transaction(lambda: factor.verify(person_id, code))
    except TooManyTriesError as error:
        return show("accounts/second_factor.html", form, error)
    if not is_right:
        return show("accounts/second_factor.html", form, _wrong_dynamic_code())
    return _go_in()


@bp.route("/sign-in/recovery-code", methods=["GET", "POST"])
@signed_in
def recovery_code() -> ResponseReturnValue:
    """One of the ten codes instead, when the phone with the authenticator is gone; counted like the others."""
    if refusal := _step_instead():
        return refusal
    form, template = RecoveryCodeForm(), "accounts/recovery_code.html"
    if not form.validate_on_submit():
        return show(template, form)
    actor, person_id, spoken = g.actor, g.person.id, language()
    try:
        hashes = run_in_transaction(lambda: factor.begin_recovery(person_id))
    except TooManyTriesError as error:
        return show(template, form, error)
    found = factor.match_recovery_code(hashes, form.code.data or "")
    if found is None or not run_in_transaction(
        lambda: factor.use_recovery_code(actor, person_id, found, language=spoken)
    ):
        return show(template, form, DomainError(_("恢复码不对，或者已经用过"), field="code"))
    return _go_in()


def _step_instead() -> ResponseReturnValue | None:
    """Where a person goes who has nothing to show: on, or to setting a second factor up."""
    if not g.person.needs_second_factor:
        return redirect(entry.next_page(g.person.id), 303)
    return None if g.person.has_second_factor else onward("accounts.set_up_second_factor")


def _go_in() -> ResponseReturnValue:
    person_id = g.person.id
    entry.enter(person_id, second_factor=True)
    return redirect(entry.next_page(person_id), 303)


# Setting it up


@bp.route("/sign-in/second-factor/new", methods=["GET", "POST"])
@signed_in
def set_up_second_factor() -> ResponseReturnValue:
    """The picture for the authenticator and its first code; then the recovery codes, once."""
    row, form = _session(), SecondFactorForm()
    secret, template = row.totp_secret, "accounts/set_up_second_factor.html"
    if secret is None:
        return _before_the_picture(HandCodeForm(formdata=None))
    if not form.validate_on_submit():
        return show(template, form, secret=secret)
    actor, person_id, code, spoken, session_id = g.actor, g.person.id, form.code.data, language(), row.id
    try:
        is_right = run_in_transaction(
            lambda: factor.confirm(actor, person_id, session_id, code, language=spoken)
        )
    except TooManyTriesError as error:
        return show(template, form, error, secret=secret)
    if not is_right:
        return show(template, form, _wrong_dynamic_code(), secret=secret)
    entry.enter(person_id, second_factor=True)
    return _new_recovery_codes()


@bp.post("/sign-in/second-factor/secret")
@signed_in
def make_second_factor() -> ResponseReturnValue:
    """Make the secret that the picture shows, for who has none; after a reset by the code that was told by hand."""
    user, form = get_user(g.person.id), HandCodeForm()
    if not g.person.is_staff or g.person.has_second_factor:
        raise NotFoundError
    if user.totp_reset_at is not None and not form.validate_on_submit():
        return _before_the_picture(form)
    person_id, session_id, code = user.id, _session().id, form.code.data or ""
    try:
        is_begun = run_in_transaction(lambda: factor.begin(person_id, session_id, code))
    except TooManyTriesError as error:
        return _before_the_picture(form, error)
    return onward("accounts.set_up_second_factor") if is_begun else _before_the_picture(form, wrong_code())


@bp.get("/sign-in/second-factor/picture.svg")
@signed_in
def second_factor_picture() -> ResponseReturnValue:
    """The QR code of a secret that is not confirmed yet, for the browser that made it alone."""
    secret = _session().totp_secret
    if secret is None:
        raise NotFoundError
    picture, words = io.BytesIO(), factor.address(get_user(g.person.id), secret)
    segno.make(words, micro=False).save(picture, kind="svg", scale=5, border=4)
    return Response(picture.getvalue(), mimetype="image/svg+xml", headers={"Cache-Control": "no-store"})


def _before_the_picture(form: HandCodeForm, error: DomainError | None = None) -> ResponseReturnValue:
    if not g.person.is_staff:
        raise NotFoundError
    if g.person.has_second_factor:
        return onward("accounts.second_factor")
    needs_code = get_user(g.person.id).totp_reset_at is not None
    return show("accounts/begin_second_factor.html", form, error, needs_code=needs_code)


# One's own, later


@bp.route("/account/second-factor", methods=["GET", "POST"])
@signed_in
def own_second_factor() -> ResponseReturnValue:
    """How many recovery codes are left; new ones, or another authenticator, for who knows the password."""
    person_id, form = g.person.id, OwnSecondFactorForm()
    if not g.person.has_second_factor:
        raise NotFoundError
    if g.person.needs_second_factor:
        return redirect(url_for("accounts.second_factor", next=url_for("accounts.own_second_factor")), 303)
    if not form.validate_on_submit() or not knows_password(form):
        return show("accounts/own_second_factor.html", form, tab="account", **_state(person_id))
    if request.form.get("act") != "authenticator":
        return _new_recovery_codes()
    session_id = _session().id
    run_in_transaction(lambda: factor.begin(person_id, session_id))
    return redirect(url_for("accounts.set_up_second_factor"), 303)


def _state(person_id: int) -> dict[str, Any]:
    return {
        "user": get_user(person_id),
        "left": count_recovery_codes(person_id),
        "is_only_admin": is_only_admin(g.viewer),
    }


def _new_recovery_codes() -> ResponseReturnValue:
    """Ten fresh codes on a page that is shown once."""
    actor, person_id = g.actor, g.person.id
    drawn = factor.draw_recovery_codes()
    run_in_transaction(lambda: factor.keep_recovery_codes(actor, person_id, list(drawn.values())))
    return render_template("accounts/recovery_codes.html", codes=list(drawn), onward=entry.next_page(person_id))


def _wrong_dynamic_code() -> DomainError:
    return DomainError(_("动态码不对，或者已经用过，请等下一个"), field="code")
