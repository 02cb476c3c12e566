"""Controls for tests and demonstrations: a page at / and JSON under /_control. No part of Stripe."""

import time
from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, jsonify, redirect, render_template, request
from werkzeug.wrappers import Response as BaseResponse

from sandbox.stripe import disputes, faults, refunds, texts
from sandbox.stripe.api import RequestLog
from sandbox.stripe.bank import Bank
from sandbox.stripe.clock import tick
from sandbox.stripe.errors import ApiError
from sandbox.stripe.pay import yuan
from sandbox.stripe.store import DEFAULT_SETTINGS, Json
from sandbox.stripe.webhooks import Courier

SHOWN = 30


def make_control(bank: Bank, courier: Courier, requests: RequestLog) -> Blueprint:
    """Every act takes JSON or a form; a form from the page comes back to the page."""
    control = Blueprint("control", __name__)
    store = bank.store

    @control.before_request
    def refuse_strangers() -> BaseResponse | None:
        # A page of another site, open in the same browser, must not steer the sandbox.
        site = request.headers.get("Sec-Fetch-Site", "none")
        if request.method != "GET" and site not in ("none", "same-origin"):
            return _answer({"error": "Only the sandbox's own page may do this."}, 403)
        return None

    @control.errorhandler(ApiError)
    def refused(refusal: ApiError) -> BaseResponse:
        return _answer({"error": refusal.message}, refusal.status)

    @control.get("/")
    def console() -> str:
        in_language = texts.language()
        return render_template(
            "console.html",
            t=lambda name, *values: texts.text(name, in_language, *values),
            language=in_language,
            other="en" if in_language == "zh" else "zh",
            lang={"zh": "zh-CN", "en": "en"},
            yuan=yuan,
            settings=store.settings(),
            faults=faults.planned(store),
            sessions=_current(bank, store.list_objects("checkout.session", limit=SHOWN)),
            charges=_charges(bank)[:SHOWN],
            refunds=store.list_objects("refund", limit=SHOWN),
            disputes=store.list_objects("dispute", limit=SHOWN),
            events=_events(bank, SHOWN),
        )

    @control.get("/_control/")
    def overview() -> BaseResponse:
        return _answer(
            {
                "now": store.now(),
                "settings": store.settings(),
                "faults": faults.planned(store),
                "webhook_url": courier.url,
                "undelivered": len(store.rows("SELECT 1 FROM deliveries WHERE state != 'delivered'")),
            }
        )

    @control.post("/_control/settings")
    def change_settings() -> BaseResponse:
        for name, value in _given().items():
            store.set(name, _setting(name, value))
        return _done(store.settings())

    @control.post("/_control/clock")
    def move_clock() -> BaseResponse:
        store.set("clock_offset", store.setting("clock_offset") + _number(_given(), "advance"))
        tick(bank)
        return _done({"now": store.now()})

    @control.post("/_control/reset")
    def reset() -> BaseResponse:
        store.reset()
        requests.clear()
        return _done({})

    @control.get("/_control/faults")
    def list_faults() -> BaseResponse:
        return _answer({"faults": faults.planned(store)})

    @control.post("/_control/faults")
    def plan_fault() -> BaseResponse:
        return _done(faults.plan(store, _given()))

    @control.post("/_control/faults/clear")
    def clear_faults() -> BaseResponse:
        faults.clear(store)
        return _done({})

    @control.get("/_control/sessions")
    def list_sessions() -> BaseResponse:
        return _answer({"sessions": _current(bank, store.list_objects("checkout.session"))})

    @control.post("/_control/sessions/<session_id>/<act>")
    def act_on_session(session_id: str, act: str) -> BaseResponse:
        given = _given()
        method = given.get("method") or bank.get("checkout.session", session_id)["payment_method_types"][0]
        acts: dict[str, Callable[[], Json]] = {
            "pay": lambda: bank.pay(session_id, method, even_if_expired=bool(given.get("even_if_expired"))),
            "decline": lambda: bank.decline(session_id, method),
            "expire": lambda: bank.expire(session_id),
            "pay-later": lambda: bank.pay_later(session_id, method, _number(given, "seconds")),
            "pay-slowly": lambda: bank.pay_slowly(session_id, method),
            "settle": lambda: bank.settle(session_id, succeeds=given.get("outcome") != "fail"),
        }
        return _act(acts, act)

    @control.post("/_control/refunds/<refund_id>/<act>")
    def act_on_refund(refund_id: str, act: str) -> BaseResponse:
        acts: dict[str, Callable[[], Json]] = {
            "succeed": lambda: refunds.succeed(bank, refund_id),
            "fail": lambda: refunds.fail(bank, refund_id),
        }
        return _act(acts, act)

    @control.post("/_control/charges/<charge_id>/dispute")
    def open_dispute(charge_id: str) -> BaseResponse:
        given = _given()
        amount = _number(given, "amount") if "amount" in given else None
        reason = str(given.get("reason", "general"))
        return _done(disputes.open_dispute(bank, charge_id, amount=amount, reason=reason))

    @control.post("/_control/disputes/<dispute_id>/<act>")
    def act_on_dispute(dispute_id: str, act: str) -> BaseResponse:
        acts: dict[str, Callable[[], Json]] = {
            "answer": lambda: disputes.answer(bank, dispute_id),
            "win": lambda: disputes.close(bank, dispute_id, is_won=True),
            "lose": lambda: disputes.close(bank, dispute_id, is_won=False),
        }
        return _act(acts, act)

    @control.get("/_control/charges")
    def list_charges() -> BaseResponse:
        return _answer({"charges": _charges(bank)})

    @control.get("/_control/events")
    def list_events() -> BaseResponse:
        return _answer({"events": _events(bank, None)})

    @control.post("/_control/events/<event_id>/deliver")
    def deliver(event_id: str) -> BaseResponse:
        given = _given()
        signed_at = _number(given, "signed_at") if "signed_at" in given else None
        times = _number(given, "times") if "times" in given else 1
        twin = bool(given.get("new_identity"))
        answers = [
            courier.deliver_now(event_id, new_identity=twin, signed_at=signed_at) for _ in range(times)
        ]
        return _done({"answers": answers})

    @control.post("/_control/deliver")
    def deliver_in_order() -> BaseResponse:
        wanted = _given().get("events")
        if not isinstance(wanted, list):
            raise ApiError(
                "`events` must be a list of event ids, in the order of their delivery.", param="events"
            )
        return _done({"answers": [courier.deliver_now(str(event_id)) for event_id in wanted]})

    @control.post("/_control/release")
    def release() -> BaseResponse:
        given = _given()
        if not given.get("keep_holding"):
            store.set("hold_deliveries", False)
        return _done({"released": courier.release(reverse=given.get("order") == "reverse")})

    @control.get("/_control/quiet")
    def quiet() -> BaseResponse:
        patience = time.monotonic() + min(_seconds(), 60)
        while not courier.is_quiet() and time.monotonic() < patience:
            time.sleep(0.02)
        return _answer({"quiet": courier.is_quiet()})

    @control.get("/_control/requests")
    def list_requests() -> BaseResponse:
        return _answer({"requests": requests.entries()})

    return control


def _current(bank: Bank, sessions: list[Json]) -> list[Json]:
    return [
        bank.get("checkout.session", each["id"]) if each["status"] == "open" else each for each in sessions
    ]


def _charges(bank: Bank) -> list[Json]:
    """What the provider says it took, for comparison with a shop's books; newest first, failed ones too."""
    store = bank.store
    with store.transaction():
        sessions = {each["payment_intent"]: each for each in store.list_objects("checkout.session")}
        movements = {each["id"]: each for each in store.list_objects("balance_transaction")}
        found = []
        for charge in store.list_objects("charge"):
            session = sessions.get(charge["payment_intent"], {})
            found.append(
                {
                    "charge": charge["id"],
                    "payment_intent": charge["payment_intent"],
                    "session": session.get("id"),
                    "client_reference_id": session.get("client_reference_id"),
                    "session_metadata": session.get("metadata"),
                    "method": charge["payment_method_details"]["type"],
                    "status": charge["status"],
                    "amount": charge["amount"],
                    "currency": charge["currency"],
                    "amount_refunded": charge["amount_refunded"],
                    "disputed": charge["disputed"],
                    "fee": movements.get(charge["balance_transaction"], {}).get("fee", 0),
                    "created": charge["created"],
                }
            )
        return found


def _events(bank: Bank, limit: int | None) -> list[Json]:
    found = []
    for event in bank.store.list_objects("event", limit=limit):
        tries = bank.store.rows(
            "SELECT state, answers FROM deliveries WHERE event = ? ORDER BY id", event["id"]
        )
        about = event["data"]["object"]
        found.append(
            {
                "id": event["id"],
                "type": event["type"],
                "object": about["id"],
                "created": event["created"],
                "deliveries": [{"state": row["state"], "answers": row["answers"]} for row in tries],
            }
        )
    return found


def _given() -> Json:
    if request.is_json:
        body = request.get_json()
        if not isinstance(body, dict):
            raise ApiError("The body must be a JSON object.")
        return body
    return {name: value for name, value in request.form.items() if name not in ("back", "locale")}


def _setting(name: str, value: Any) -> Any:
    if name not in DEFAULT_SETTINGS:
        raise ApiError(f"There is no setting `{name}`; there are {', '.join(DEFAULT_SETTINGS)}.", param=name)
    default = DEFAULT_SETTINGS[name]
    if name == "refund_outcome" and value not in ("succeed", "fail", "stay"):
        raise ApiError("refund_outcome is succeed, fail or stay.", param=name)
    if isinstance(default, bool):
        return value in (True, "true", "1", "on")
    return _number({name: value}, name) if isinstance(default, int) else value


def _number(given: Json, name: str) -> int:
    try:
        return int(given[name])
    except (KeyError, TypeError, ValueError):
        raise ApiError(f"`{name}` must be a whole number.", param=name) from None


def _seconds() -> float:
    try:
        return float(request.args.get("seconds", "5"))
    except ValueError:
        raise ApiError("`seconds` must be a number.", param="seconds") from None


def _act(acts: dict[str, Callable[[], Json]], act: str) -> BaseResponse:
    if act not in acts:
        raise ApiError(f"There is no `{act}` here; there are {', '.join(acts)}.", status=404)
    return _done(acts[act]())


def _done(result: Json) -> BaseResponse:
    if request.form.get("back"):
        return redirect(f"/?locale={texts.language()}", 303)
    return _answer(result)


def _answer(body: Json, status: int = 200) -> Response:
    answer = jsonify(body)
    answer.status_code = status
    return answer
