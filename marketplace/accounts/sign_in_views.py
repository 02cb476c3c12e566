"""Ways in and out: by password or code, sign-up, forgotten password, consent; no answer tells who is known."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, g, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from marketplace import sessions
from marketplace.accounts import entry, services
from marketplace.accounts.forms import (
    CodeForm,
    ConsentForm,
    FirstSignInForm,
    OwnSecondFactorForm,
    PasswordForm,
    PhoneForm,
    ResetForm,
    SignInForm,
    SignUpForm,
)
from marketplace.accounts.models import CodePurpose, User
from marketplace.accounts.queries import find_by_phone, load_viewer
from marketplace.database import run_in_transaction
from marketplace.errors import DomainError, TooManyTriesError
from marketplace.forms import BaseForm
from marketplace.i18n import language
from marketplace.orders import visitor
from marketplace.permissions import public, signed_in

bp = Blueprint("accounts", __name__)


def show(
    template: str, form: BaseForm, error: DomainError | None = None, **values: Any
) -> ResponseReturnValue:
    """The page with its form: 200 when fresh, 422 with what has to be corrected, 429 when it was tried too often."""
    if error is not None:
        form.refuse(error)
    status = 429 if isinstance(error, TooManyTriesError) else 422 if form.errors else 200
    return render_template(template, form=form, **values), status


@bp.route("/sign-in", methods=["GET", "POST"])
@public
def sign_in() -> ResponseReturnValue:
    """Phone and password; staff go on to their second factor."""
    form = SignInForm()
    if not form.validate_on_submit():
        return show("accounts/sign_in.html", form)
    phone, password, address = form.phone.data or "", form.password.data or "", entry.client_address()
    try:
        attempt = run_in_transaction(lambda: services.begin_sign_in(phone, address))
    except TooManyTriesError as error:
        return show("accounts/sign_in.html", form, error)
    if not services.verify_password(attempt, password) or attempt.user_id is None:
        return show("accounts/sign_in.html", form, DomainError(_("手机号或密码不对"), field="password"))
    run_in_transaction(lambda: services.finish_sign_in(attempt, password))
    return _enter(attempt.user_id, "accounts/sign_in.html", form)


@bp.route("/sign-in/code", methods=["GET", "POST"])
@public
def sign_in_code() -> ResponseReturnValue:
    """The phone to which a code goes, with or without an account: no answer tells which."""
    form = PhoneForm()
    if not form.validate_on_submit():
        return show("accounts/sign_in_code.html", form)
    if refusal := _send_code(form.phone.data or "", CodePurpose.SIGN_IN):
        return show("accounts/sign_in_code.html", form, refusal)
    return onward("accounts.sign_in_code_finish")


@bp.route("/sign-in/code/finish", methods=["GET", "POST"])
@public
def sign_in_code_finish() -> ResponseReturnValue:
    """The code stands for the password alone: staff go on to their second factor, strangers see their guest orders."""
    phone = session.get("code_phone")
    if not isinstance(phone, str):
        return onward("accounts.sign_in_code")
    form, template = CodeForm(), "accounts/sign_in_code_finish.html"
    if not form.validate_on_submit():
        return show(template, form, phone=phone)
    code = form.code.data
    try:
        is_right = run_in_transaction(lambda: services.use_code(phone, CodePurpose.SIGN_IN, code))
    except TooManyTriesError as error:
        return show(template, form, error, phone=phone)
    if not is_right:
        return show(template, form, wrong_code(), phone=phone)
    user = find_by_phone(phone)
    if user is not None:
        return _enter(user.id, template, form, proved_phone=phone, phone=phone)
    return _look_at_orders(phone)


def _look_at_orders(phone: str) -> ResponseReturnValue:
    """Who has no account has proved the phone all the same: the orders that were placed with it are shown."""
    current = sessions.current()
    session_id = current.id if current and current.user_id else None
    run_in_transaction(lambda: visitor.look_at(phone, session_id))
    if session_id is None:
        sessions.remember()
    session.pop("code_phone", None)
    flash(_("这个手机号还没有账号。下面是用它下的订单，要账号请去注册"), "info")
    return redirect(url_for("orders.found"), 303)


@bp.post("/sign-out")
@public
def sign_out() -> ResponseReturnValue:
    """End this session; harmless when there is none."""
    entry.leave()
    flash(_("已退出登录"), "success")
    return redirect(url_for("accounts.sign_in"), 303)


@bp.route("/sign-up", methods=["GET", "POST"])
@public
def sign_up() -> ResponseReturnValue:
    """First step: the phone to which a code goes."""
    form = PhoneForm()
    if not form.validate_on_submit():
        return show("accounts/sign_up.html", form)
    if refusal := _send_code(form.phone.data or "", CodePurpose.SIGN_UP):
        return show("accounts/sign_up.html", form, refusal)
    return onward("accounts.sign_up_finish")


@bp.route("/sign-up/finish", methods=["GET", "POST"])
@public
def sign_up_finish() -> ResponseReturnValue:
    """Second step: the code, a name, a password, consent."""
    phone = session.get("code_phone")
    if not isinstance(phone, str):
        return onward("accounts.sign_up")
    form, template = SignUpForm(), "accounts/sign_up_finish.html"
    if not form.validate_on_submit():
        return show(template, form, phone=phone)
    values = {key: form[key].data for key in ("code", "name", "password")}
    try:
        user_id = run_in_transaction(lambda: _id(services.sign_up(phone=phone, **values)))
    except DomainError as error:
        return show(template, form, error, phone=phone)
    if user_id is None:
        return show(template, form, wrong_code(), phone=phone)
    flash(_("注册好了，欢迎"), "success")
    return _enter(user_id, template, form)


@bp.route("/forgotten", methods=["GET", "POST"])
@public
def forgotten() -> ResponseReturnValue:
    """The phone to which a code for a new password goes, if it has an account."""
    form = PhoneForm()
    if not form.validate_on_submit():
        return show("accounts/forgotten.html", form)
    if refusal := _send_code(form.phone.data or "", CodePurpose.RESET_PASSWORD):
        return show("accounts/forgotten.html", form, refusal)
    return onward("accounts.reset")


@bp.route("/reset", methods=["GET", "POST"])
@public
def reset() -> ResponseReturnValue:
    """A new password by a code; every other session ends, the second factor is still asked for."""
    form = ResetForm(phone=session.get("code_phone"))
    if not form.validate_on_submit():
        return show("accounts/reset.html", form)
    return _set_password(form, CodePurpose.RESET_PASSWORD, "accounts/reset.html")


@bp.route("/first-sign-in", methods=["GET", "POST"])
@public
def first_sign_in() -> ResponseReturnValue:
    """The way in of an administrator or an invited person, by a code that was told by hand."""
    form = FirstSignInForm()
    if not form.validate_on_submit():
        return show("accounts/first_sign_in.html", form)
    return _set_password(form, CodePurpose.FIRST_SIGN_IN, "accounts/first_sign_in.html")


def _set_password(form: BaseForm, purpose: CodePurpose, template: str) -> ResponseReturnValue:
    phone, code, password, spoken = form.phone.data, form.code.data, form.password.data, language()

    def act() -> int | None:
        user = services.reset_password(
            phone=phone, code=code, password=password, purpose=purpose, language=spoken
        )
        if user is not None and purpose == CodePurpose.FIRST_SIGN_IN:
            services.accept_documents(user.id)
        return _id(user)

    try:
        user_id = run_in_transaction(act)
    except DomainError as error:
        return show(template, form, error)
    if user_id is None:
        return show(template, form, wrong_code())
    flash(_("密码设好了，其他设备都已退出登录"), "success")
    return _enter(user_id, template, form)


@bp.route("/account/accept", methods=["GET", "POST"])
@signed_in
def accept() -> ResponseReturnValue:
    """Consent to rules and privacy policy in a version that the person has not accepted yet."""
    form = ConsentForm()
    if not form.validate_on_submit():
        return show("accounts/accept.html", form)
    person_id = g.person.id
    run_in_transaction(lambda: services.accept_documents(person_id))
    return redirect(entry.next_page(person_id), 303)


def knows_password(form: PasswordForm | OwnSecondFactorForm) -> bool:
    """Whether the present password is right, under the same limits as a sign-in; the refusal is put at its field."""
    phone, old, address = g.person.phone, form.old_password.data, entry.client_address()
    try:
        attempt = run_in_transaction(lambda: services.begin_sign_in(phone, address))
    except DomainError as error:
        form.refuse(error)
        return False
    if not services.verify_password(attempt, old):
        form.refuse(DomainError(_("现在的密码不对"), field="old_password"))
        return False
    run_in_transaction(lambda: services.finish_sign_in(attempt, old))
    return True


def _send_code(phone: str, purpose: CodePurpose) -> TooManyTriesError | None:
    address, spoken = entry.client_address(), language()
    try:
        run_in_transaction(lambda: services.request_code(phone, purpose, address, language=spoken))
    except TooManyTriesError as error:
        return error
    session["code_phone"] = phone
    return None


def _enter(
    user_id: int, template: str, form: BaseForm, *, proved_phone: str | None = None, **values: Any
) -> ResponseReturnValue:
    """Start the session and go on; a suspended person, who has proved to be it, is told so."""
    if entry.is_shut_out(user_id):
        return show(template, form, DomainError(_("这个账号停用了，请找人帮忙")), **values)
    entry.enter(user_id, proved_phone=proved_phone)
    if load_viewer(user_id).is_staff:
        return onward("accounts.second_factor")
    return redirect(entry.next_page(user_id), 303)


def onward(endpoint: str) -> ResponseReturnValue:
    """The next step, with the page that was asked for."""
    return redirect(url_for(endpoint, next=request.args.get("next")), 303)


def wrong_code() -> DomainError:
    return DomainError(_("验证码不对或者过期了"), field="code")


def _id(user: User | None) -> int | None:
    return user.id if user else None
