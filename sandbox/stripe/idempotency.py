"""Idempotency-Key as Stripe documents it: the first status and body are kept for 24 hours and replayed."""

import hashlib
import json

from sandbox.stripe.errors import ApiError
from sandbox.stripe.store import Json, Store

KEPT_FOR = 86_400


def begin(store: Store, key: str, method: str, path: str, given: Json) -> tuple[int, str] | None:
    """Claim a key, or return the kept answer; refuses other parameters (400) and a request still under way (409)."""
    if len(key) > 255:
        raise ApiError(
            "Idempotency keys can be at most 255 characters.", kind="idempotency_error", remembered=False
        )
    text = json.dumps([method, path, given], sort_keys=True, ensure_ascii=False)
    fingerprint = hashlib.sha256(text.encode()).hexdigest()
    with store.transaction():
        now = store.now()
        store.change("DELETE FROM idempotency WHERE created < ? AND status IS NOT NULL", now - KEPT_FOR)
        found = store.rows("SELECT * FROM idempotency WHERE key = ?", key)
        if not found:
            store.change("INSERT INTO idempotency VALUES (?, ?, ?, NULL, NULL)", key, fingerprint, now)
            return None
        if found[0]["fingerprint"] != fingerprint:
            raise ApiError(
                "Keys for idempotent requests can only be used with the same parameters they were first used with. "
                f"Try using a key other than '{key}' if you meant to execute a different request.",
                kind="idempotency_error",
                remembered=False,
            )
        if found[0]["status"] is None:
            raise ApiError(
                "There is currently another in-progress request using this Idempotent Key (that probably means you "
                "submitted twice, and the other request is still going through): " + key,
                status=409,
                kind="idempotency_error",
                code="idempotency_key_in_use",
                remembered=False,
            )
        return found[0]["status"], found[0]["body"]


def keep(store: Store, key: str, status: int, body: str) -> None:
    """Keep the answer, in the same transaction as its effect."""
    store.change("UPDATE idempotency SET status = ?, body = ? WHERE key = ?", status, body, key)


def forget(store: Store, key: str) -> None:
    """Give a key back that led to no effect and no kept answer."""
    store.change("DELETE FROM idempotency WHERE key = ? AND status IS NULL", key)
