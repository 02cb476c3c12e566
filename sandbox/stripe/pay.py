"""The hosted pay page: what a buyer sees instead of Stripe's, plainly labelled as simulated, without any script."""

from datetime import UTC, datetime, timedelta, timezone
from functools import partial
from urllib.parse import urlsplit

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from sandbox.stripe import texts
from sandbox.stripe.bank import Bank
from sandbox.stripe.errors import ApiError
from sandbox.stripe.rules import METHODS
from sandbox.stripe.store import Json

BEIJING = timezone(timedelta(hours=8))
LATER_SECONDS = (10, 60, 300)


def make_pay(bank: Bank) -> Blueprint:
    """GET and POST of /pay/<session id>; the id is what allows a buyer in, as at Stripe."""
    pay = Blueprint("pay", __name__)

    @pay.get("/pay/<session_id>")
    def show(session_id: str) -> BaseResponse:
        try:
            session = bank.get("checkout.session", session_id)
        except ApiError:
            return _closed("gone", None, 404)
        return _page(bank, session)

    @pay.post("/pay/<session_id>")
    def choose(session_id: str) -> BaseResponse:
        outcome, method = request.form.get("outcome"), request.form.get("method", METHODS[0])
        try:
            session = bank.get("checkout.session", session_id)
            if session["status"] != "open":
                return (
                    _page(bank, session)
                    if session["status"] == "expired"
                    else _leave(session["success_url"], session)
                )
            if method not in session["payment_method_types"]:
                method = session["payment_method_types"][0]
            if outcome == "pay":
                bank.pay(session_id, method)
                return _leave(session["success_url"], session)
            if outcome == "cancel":
                return _leave(session["cancel_url"] or session["success_url"], session)
            if outcome == "decline":
                bank.decline(session_id, method)
            elif outcome == "later":
                wish = request.form.get("seconds", type=int)
                bank.pay_later(session_id, method, wish if wish in LATER_SECONDS else LATER_SECONDS[0])
        except ApiError:
            # Only a session that vanished or expired between two lines above ends here.
            return _closed("gone", None, 404)
        again = url_for(".show", session_id=session_id, locale=texts.language(session["locale"]))
        return redirect(again, 303)

    return pay


def _leave(address: str, session: Json) -> BaseResponse:
    return redirect(_filled(address, session), 303)


def _filled(address: str, session: Json) -> str:
    return address.replace("{CHECKOUT_SESSION_ID}", session["id"])


def _page(bank: Bank, session: Json) -> Response:
    back = _filled(session["success_url"], session)
    if session["status"] == "complete":
        return _closed(
            "paid" if session["payment_status"] == "paid" else "processing", session, 200, back=back
        )
    if session["status"] == "expired":
        return _closed(
            "expired", session, 200, back=session["cancel_url"] and _filled(session["cancel_url"], session)
        )
    due = [bank.store.timer_due("pay:" + method, session["id"]) for method in METHODS]
    waiting = [when for when in due if when is not None]
    if waiting:
        seconds = max(1, int(min(waiting) - bank.store.now()))
        return _closed("scheduled", session, 200, back=back, values=(seconds,))
    intent = session["payment_intent"] and bank.get("payment_intent", session["payment_intent"])
    in_language = texts.language(session["locale"])
    return _with_policy(
        render_template(
            "pay.html",
            session=session,
            items=bank.store.private(session["id"])["line_items"],
            declined=bool(intent and intent["last_payment_error"]),
            expires=datetime.fromtimestamp(session["expires_at"], UTC).astimezone(BEIJING).strftime("%H:%M"),
            later_seconds=LATER_SECONDS,
            **_words(in_language),
        ),
        session,
    )


def _closed(
    state: str, session: Json | None, status: int, *, back: str | None = None, values: tuple[object, ...] = ()
) -> Response:
    in_language = texts.language(session["locale"] if session else None)
    hint = texts.text(state + "_hint", in_language, *values)
    page = render_template(
        "closed.html", state=state, session=session, hint=hint, back=back, **_words(in_language)
    )
    answer = _with_policy(page, session)
    answer.status_code = status
    return answer


def _words(in_language: str) -> Json:
    other = "en" if in_language == "zh" else "zh"
    return {
        "t": partial(_reversed_text, in_language),
        "language": in_language,
        "other": other,
        "lang": {"zh": "zh-CN", "en": "en"},
        "yuan": yuan,
    }


def _reversed_text(in_language: str, name: str, *values: object) -> str:
    return texts.text(name, in_language, *values)


def yuan(fen: int) -> str:
    """Minor units as a price, such as ¥167.80."""
    return f"{'-' if fen < 0 else ''}¥{abs(fen) // 100:,}.{abs(fen) % 100:02d}"


def _with_policy(page: str, session: Json | None) -> Response:
    """Browsers apply form-action to the redirect after a form too, so the shop's own addresses are allowed."""
    allowed = {"'self'"}
    for name in ("success_url", "cancel_url"):
        if session and session[name]:
            parts = urlsplit(session[name])
            allowed.add(f"{parts.scheme}://{parts.netloc}")
    answer = make_response(page)
    answer.headers["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'; "
        f"form-action {' '.join(sorted(allowed))}"
    )
    return answer
