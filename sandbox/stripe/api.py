"""The part of Stripe's API under /v1 that the shop uses, behind one wrapper: faults, key, validation, idempotency."""

import base64
import json
import logging
import time
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from flask import Blueprint, Response, request

from sandbox.stripe import faults, idempotency
from sandbox.stripe.bank import Bank, Cause
from sandbox.stripe.errors import ApiError, missing
from sandbox.stripe.parameters import API_VERSION, check, decode
from sandbox.stripe.refunds import refund
from sandbox.stripe.shapes import answered, expand, list_of, new_id
from sandbox.stripe.store import Json

KEY_PREFIX = "sk_test_sandbox"
Handler = Callable[[Json, Cause], Json]

log = logging.getLogger("sandbox.stripe.api")


class RequestLog:
    """The last requests to /v1, for tests that count them; kept in memory only."""

    def __init__(self) -> None:
        self._entries: deque[Json] = deque(maxlen=2_000)

    def add(self, **entry: Any) -> None:
        self._entries.append({"at": time.time(), **entry})

    def entries(self) -> list[Json]:
        return list(self._entries)

    def clear(self) -> None:
        self._entries.clear()


def make_api(bank: Bank, requests: RequestLog) -> Blueprint:
    """The blueprint of /v1; every route is one call of `answer`."""
    api = Blueprint("api", __name__, url_prefix="/v1")

    def answer(operation: str, handler: Handler) -> Response:
        return _Exchange(bank, requests, operation, handler).answer()

    @api.post("/checkout/sessions")
    def create_session() -> Response:
        return answer("checkout.sessions.create", bank.open_session)

    @api.get("/checkout/sessions")
    def list_sessions() -> Response:
        return answer("checkout.sessions.list", _lister(bank, "checkout.session", "payment_intent", "status"))

    @api.get("/checkout/sessions/<object_id>")
    def retrieve_session(object_id: str) -> Response:
        return answer(
            "checkout.sessions.retrieve", lambda _given, _cause: bank.get("checkout.session", object_id)
        )

    @api.get("/checkout/sessions/<object_id>/line_items")
    def list_line_items(object_id: str) -> Response:
        def items(given: Json, _cause: Cause) -> Json:
            bank.get("checkout.session", object_id)
            return _page(bank.store.private(object_id)["line_items"], given)

        return answer("checkout.sessions.line_items", items)

    @api.post("/checkout/sessions/<object_id>/expire")
    def expire_session(object_id: str) -> Response:
        def expire(_given: Json, cause: Cause) -> Json:
            # Due but not yet swept: Stripe, too, would answer that it has expired already.
            bank.get("checkout.session", object_id)
            return bank.expire(object_id, cause)

        return answer("checkout.sessions.expire", expire)

    @api.post("/refunds")
    def create_refund() -> Response:
        return answer("refunds.create", lambda given, cause: refund(bank, given, cause))

    for name, kind, filters in (
        ("payment_intents", "payment_intent", ()),
        ("charges", "charge", ("payment_intent", "transfer_group")),
        ("balance_transactions", "balance_transaction", ("currency", "source", "type")),
        ("refunds", "refund", ("charge", "payment_intent")),
        ("disputes", "dispute", ("charge", "payment_intent")),
        ("events", "event", ("type",)),
    ):
        _add_reading(api, bank, answer, name, kind, filters)

    @api.route("/", defaults={"path": ""}, methods=["GET", "POST", "DELETE"])
    @api.route("/<path:path>", methods=["GET", "POST", "DELETE"])
    def unknown(path: str) -> Response:
        refusal = ApiError(
            f"Unrecognized request URL ({request.method}: /v1/{path[:200]}). Stripe may have it, the sandbox has not.",
            status=404,
        )
        return _json(refusal.status, json.dumps(refusal.body("none")), "none")

    return api


def _add_reading(
    api: Blueprint,
    bank: Bank,
    answer: Callable[[str, Handler], Response],
    name: str,
    kind: str,
    filters: tuple[str, ...],
) -> None:
    def list_all() -> Response:
        return answer(f"{name}.list", _lister(bank, kind, *filters))

    def retrieve(object_id: str) -> Response:
        return answer(
            f"{name}.retrieve", lambda _given, _cause: answered(bank.store, bank.get(kind, object_id, "id"))
        )

    api.add_url_rule(f"/{name}", f"list_{name}", list_all, methods=["GET"])
    api.add_url_rule(f"/{name}/<object_id>", f"retrieve_{name}", retrieve, methods=["GET"])


class _Exchange:
    """One request and its answer."""

    def __init__(self, bank: Bank, requests: RequestLog, operation: str, handler: Handler) -> None:
        self.bank = bank
        self.store = bank.store
        self.requests = requests
        self.operation = operation
        self.handler = handler
        self.request_id = new_id("req", 14)
        self.key = request.headers.get("Idempotency-Key") if request.method == "POST" else None
        self.replayed = False

    def answer(self) -> Response:
        fault = faults.take(self.store, request.method, request.path)
        before, after = (fault, None) if fault and fault.when == "before" else (None, fault)
        if before and before.kind == "drop":
            return self._dropped(before, "nothing done")
        try:
            if before and before.kind == "error":
                raise before.answer()
            _authenticate()
            status, body = self._carry_out(before, after)
        except ApiError as refusal:
            status, body = refusal.status, json.dumps(refusal.body(self.request_id))
        if after and after.kind == "drop":
            return self._dropped(after, f"{status}, answer lost")
        if after and after.kind == "delay":
            time.sleep(after.seconds)
        if after and after.kind == "error" and status < 400:
            failure = after.answer()
            status, body = failure.status, json.dumps(failure.body(self.request_id))
        self._note(str(status))
        answer = _json(status, body, self.request_id)
        if self.key:
            answer.headers["Idempotency-Key"] = self.key
        if self.replayed:
            answer.headers["Idempotent-Replayed"] = "true"
        return answer

    def _carry_out(self, before: faults.Fault | None, after: faults.Fault | None) -> tuple[int, str]:
        if request.headers.get("Stripe-Account"):
            raise ApiError("This sandbox has one account only: no Stripe-Account header.", remembered=False)
        source = request.args if request.method == "GET" else request.form
        given = decode(source.items(multi=True))
        checked = check(self.operation, given)
        if self.key:
            kept = idempotency.begin(self.store, self.key, request.method, request.path, given)
            if kept:
                self.replayed = True
                return kept
        with ExitStack() as on_failure:
            if self.key:
                on_failure.callback(idempotency.forget, self.store, self.key)
            if before and before.kind == "delay":
                time.sleep(before.seconds)
            return self._run(checked, after)

    def _run(self, checked: Json, after: faults.Fault | None) -> tuple[int, str]:
        cause = Cause(self.request_id, self.key)
        try:
            with self.store.transaction():
                result = expand(self.store, self.handler(checked, cause), checked.get("expand", []))
                status, body = 200, json.dumps(result, ensure_ascii=False, indent=2)
                if self.key and after and after.is_replayed():
                    failure = after.answer()
                    idempotency.keep(
                        self.store, self.key, failure.status, json.dumps(failure.body(self.request_id))
                    )
                elif self.key:
                    idempotency.keep(self.store, self.key, status, body)
        except ApiError as refusal:
            status, body = refusal.status, json.dumps(refusal.body(self.request_id))
            if self.key and refusal.remembered:
                idempotency.keep(self.store, self.key, status, body)
        return status, body

    def _dropped(self, fault: faults.Fault, what: str) -> Response:
        time.sleep(fault.seconds)
        self._note(f"connection dropped: {what}")
        request.environ["sandbox.drop"]()
        return Response(status=500)

    def _note(self, outcome: str) -> None:
        self.requests.add(
            id=self.request_id,
            method=request.method,
            path=request.path,
            idempotency_key=self.key,
            outcome=outcome,
            replayed=self.replayed,
        )
        log.info(
            "%s %s -> %s%s", request.method, request.path, outcome, " (replayed)" if self.replayed else ""
        )


def _authenticate() -> None:
    """Only keys that say sandbox; a live key must not travel to a place like this."""
    kind, _, given = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() == "basic":
        try:
            given = base64.b64decode(given).decode().split(":")[0]
        except ValueError:
            given = ""
    if given.startswith(("sk_live", "rk_live")):
        raise ApiError(
            "This is a sandbox and the key looks live: no live key may be sent here. Take it out of the "
            "configuration, or point the API base at Stripe.",
            status=401,
            remembered=False,
        )
    if not given.startswith(KEY_PREFIX):
        shown = "*" * 8 + given[-4:] if len(given) > 12 else "(none)"
        raise ApiError(
            f"Invalid API Key provided: {shown}. The sandbox takes any key that starts with {KEY_PREFIX}.",
            status=401,
            remembered=False,
        )


def _lister(bank: Bank, kind: str, *filters: str) -> Handler:
    def listed(given: Json, _cause: Cause) -> Json:
        where = {name: given[name] for name in filters if name in given}
        found = bank.store.list_objects(kind, where=where)
        if kind == "checkout.session":
            # Expire what is due before it is shown, and keep to the filter afterwards.
            found = [bank.get(kind, each["id"]) if each["status"] == "open" else each for each in found]
            found = [each for each in found if given.get("status") in (None, each["status"])]
        found = [answered(bank.store, each) for each in _within(found, given.get("created"))]
        if "types" in given:
            found = [each for each in found if each["type"] in given["types"]]
        if "delivery_success" in given:
            found = [each for each in found if (each["pending_webhooks"] == 0) == given["delivery_success"]]
        return _page(found, given)

    return listed


def _within(found: list[Json], created: Any) -> list[Json]:
    if created is None:
        return found
    limits = created if isinstance(created, dict) else {"gte": created, "lte": created}
    tests: dict[str, Callable[[int, int], bool]] = {
        "gt": lambda made, limit: made > limit,
        "gte": lambda made, limit: made >= limit,
        "lt": lambda made, limit: made < limit,
        "lte": lambda made, limit: made <= limit,
    }
    return [
        each for each in found if all(tests[name](each["created"], limit) for name, limit in limits.items())
    ]


def _page(found: list[Json], given: Json) -> Json:
    """One page, newest first, by Stripe's cursors."""
    limit = given.get("limit", 10)
    if not 1 <= limit <= 100:
        raise ApiError("Limit must be between 1 and 100.", param="limit")
    ids = [each["id"] for each in found]
    for name in ("starting_after", "ending_before"):
        if name in given and given[name] not in ids:
            raise missing("object", given[name], name)
    if "ending_before" in given:
        end = ids.index(given["ending_before"])
        start = max(0, end - limit)
        return list_of(found[start:end], request.path, has_more=start > 0)
    start = ids.index(given["starting_after"]) + 1 if "starting_after" in given else 0
    return list_of(found[start : start + limit], request.path, has_more=start + limit < len(found))


def _json(status: int, body: str, request_id: str) -> Response:
    answer = Response(body + "\n", status=status, content_type="application/json")
    answer.headers["Request-Id"] = request_id
    answer.headers["Stripe-Version"] = API_VERSION
    return answer
