"""Breakage on request: answers of the API are delayed, refused, lost or cut off, before or after the effect."""

import fnmatch
import json
from dataclasses import asdict, dataclass
from typing import Any

from sandbox.stripe.errors import ApiError
from sandbox.stripe.store import Json, Store

KINDS = ("drop", "delay", "error")
MOMENTS = ("before", "after")


@dataclass(frozen=True)
class Fault:
    """`drop` closes the connection without an answer, `delay` waits, `error` answers with a status.

    `times` 0 means until cleared. After the effect, a 500 is what an Idempotency-Key replays, as at Stripe; with
    `remembered` False the true answer is.
    """

    kind: str
    when: str = "after"
    method: str = "*"
    path: str = "/v1/*"
    times: int = 1
    seconds: float = 0
    status: int = 500
    remembered: bool = True

    def answer(self) -> ApiError:
        if self.status == 429:
            return ApiError("Too many requests hit the sandbox too quickly.", status=429, code="rate_limit")
        return ApiError("The sandbox was asked to fail.", status=self.status, kind="api_error")

    def is_replayed(self) -> bool:
        return self.kind == "error" and self.status != 429 and self.remembered


def plan(store: Store, given: Json) -> Json:
    """Remember a fault for coming requests; refuses an unknown kind, moment or field."""
    known = {name: type(value) for name, value in asdict(Fault("drop")).items()}
    wanted: Json = {}
    for name, value in given.items():
        if name not in known:
            raise ApiError(f"A fault has no `{name}`; it has {', '.join(known)}.", param=name)
        wanted[name] = value if isinstance(value, known[name]) else _as(known[name], value, name)
    fault = Fault(**{"kind": "", **wanted})
    if fault.kind not in KINDS or fault.when not in MOMENTS:
        raise ApiError(f"A fault's kind is one of {KINDS}, its moment one of {MOMENTS}.")
    if fault.kind == "error" and not 400 <= fault.status <= 599:
        raise ApiError("An error's status is between 400 and 599.", param="status")
    store.change("INSERT INTO faults (body) VALUES (?)", json.dumps(asdict(fault)))
    return asdict(fault)


def planned(store: Store) -> list[Json]:
    return [
        json.loads(row["body"]) | {"id": row["id"]} for row in store.rows("SELECT * FROM faults ORDER BY id")
    ]


def clear(store: Store) -> None:
    store.change("DELETE FROM faults")


def take(store: Store, method: str, path: str) -> Fault | None:
    """The oldest fault planned for such a request, counted down."""
    with store.transaction():
        for row in store.rows("SELECT * FROM faults ORDER BY id"):
            fault = Fault(**json.loads(row["body"]))
            if not (fnmatch.fnmatchcase(method, fault.method) and fnmatch.fnmatchcase(path, fault.path)):
                continue
            if fault.times == 1:
                store.change("DELETE FROM faults WHERE id = ?", row["id"])
            elif fault.times > 1:
                left = asdict(fault) | {"times": fault.times - 1}
                store.change("UPDATE faults SET body = ? WHERE id = ?", json.dumps(left), row["id"])
            return fault
    return None


def _as(kind: type, value: Any, name: str) -> Any:
    try:
        return value in (True, "true", "1", "on") if kind is bool else kind(value)
    except (TypeError, ValueError):
        raise ApiError(f"`{name}` must be {kind.__name__}.", param=name) from None
