"""Answers with all keys of Stripe's published examples (fixtures3.json), null where there is nothing to say."""

import json
import secrets
import string
from functools import cache
from pathlib import Path
from typing import Any

from sandbox.stripe.errors import ApiError
from sandbox.stripe.store import Json, Store

FIXTURES = Path(__file__).parent / "fixtures3.json"
ALPHABET = string.ascii_letters + string.digits
NO_ADDRESS: Json = dict.fromkeys(["city", "country", "line1", "line2", "postal_code", "state"])

KIND_OF_PREFIX = {
    "cs": "checkout.session",
    "pi": "payment_intent",
    "ch": "charge",
    "py": "charge",
    "txn": "balance_transaction",
    "re": "refund",
    "dp": "dispute",
    "evt": "event",
}


@cache
def fixture(kind: str) -> Json:
    """Stripe's example of one kind of object."""
    resources: Json = json.loads(FIXTURES.read_text(encoding="utf-8"))["resources"]
    found: Json = resources[kind]
    return found


def shape(kind: str, **values: Any) -> Json:
    """An object of one kind: every key of the example, the given values, null elsewhere."""
    return dict.fromkeys(fixture(kind)) | {"object": kind} | values


def new_id(prefix: str, length: int = 24) -> str:
    """An id that cannot be guessed, with Stripe's prefix for its kind."""
    return f"{prefix}_" + "".join(secrets.choice(ALPHABET) for _ in range(length))


def blank_session(**values: Any) -> Json:
    return shape(
        "checkout.session",
        **{
            "adaptive_pricing": {"enabled": False},
            "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
            "custom_fields": [],
            "custom_text": dict.fromkeys(fixture("checkout.session")["custom_text"]),
            "invoice_creation": {
                "enabled": False,
                "invoice_data": dict.fromkeys(fixture("checkout.session")["invoice_creation"]["invoice_data"])
                | {"metadata": {}},
            },
            "livemode": False,
            "managed_payments": {"enabled": False},
            "mode": "payment",
            "payment_method_collection": "if_required",
            "payment_method_options": {},
            "payment_status": "unpaid",
            "phone_number_collection": {"enabled": False},
            "shipping_options": [],
            "status": "open",
            "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
            "ui_mode": "hosted_page",
        }
        | values,
    )


def line_item(item_id: str, currency: str, given: Json) -> Json:
    """A line of a session, from its `price_data`; amounts in minor units."""
    price = given["price_data"]
    quantity = given.get("quantity", 1)
    amount = price["unit_amount"] * quantity
    return shape(
        "item",
        id=item_id,
        adjustable_quantity=None,
        amount_discount=0,
        amount_subtotal=amount,
        amount_tax=0,
        amount_total=amount,
        currency=currency,
        description=price["product_data"]["name"],
        metadata=given.get("metadata") or {},
        quantity=quantity,
        price=dict.fromkeys(fixture("item")["price"])
        | {
            "active": False,
            "billing_scheme": "per_unit",
            "created": given["created"],
            "currency": currency,
            "id": new_id("price"),
            "livemode": False,
            "metadata": {},
            "object": "price",
            "product": new_id("prod", 14),
            "tax_behavior": "unspecified",
            "type": "one_time",
            "unit_amount": price["unit_amount"],
            "unit_amount_decimal": str(price["unit_amount"]),
        },
    )


def blank_intent(**values: Any) -> Json:
    return shape(
        "payment_intent",
        **{
            "amount_capturable": 0,
            "amount_details": {"tip": {}},
            "amount_received": 0,
            "capture_method": "automatic",
            "confirmation_method": "automatic",
            "livemode": False,
            "managed_payments": {"enabled": False},
            "metadata": {},
            "payment_method_options": {},
            "status": "requires_payment_method",
        }
        | values,
    )


def blank_charge(method: str, **values: Any) -> Json:
    """A charge by card, alipay or wechat_pay; its details name that method only, as at Stripe."""
    if method == "card":
        details = fixture("charge")["payment_method_details"]["card"] | {"wallet": None, "installments": None}
    else:
        details = dict.fromkeys(["fingerprint", "transaction_id"])
        details |= {"transaction_id": new_id("sandbox", 16)}
        details |= {"buyer_id": None} if method == "alipay" else {"location": None, "reader": None}
    return shape(
        "charge",
        **{
            "amount_captured": 0,
            "amount_refunded": 0,
            "billing_details": dict.fromkeys(fixture("charge")["billing_details"]) | {"address": NO_ADDRESS},
            "captured": False,
            "disputed": False,
            "fraud_details": {},
            "livemode": False,
            "metadata": {},
            "paid": False,
            "payment_method_details": {"type": method, method: details},
            "refunded": False,
        }
        | values,
    )


def blank_balance_transaction(**values: Any) -> Json:
    return shape("balance_transaction", balance_type="payments", **values)


def blank_refund(method: str, **values: Any) -> Json:
    destination = {"type": "reversal"} if method == "card" else {}
    return shape("refund", destination_details={"type": method, method: destination}, **values)


def blank_dispute(method: str, *, due_by: int, **values: Any) -> Json:
    """A dispute that waits for the shop's answer until `due_by`; its details name the charge's method only."""
    card = {"brand": "visa", "case_type": "chargeback", "network": "visa", "network_reason_code": "10.4"}
    details = {"card": card} if method == "card" else {}
    evidence = fixture("dispute")["evidence"]
    return shape(
        "dispute",
        **{
            "balance_transactions": [],
            "enhanced_eligibility_types": [],
            "evidence": dict.fromkeys(evidence) | {"enhanced_evidence": {}},
            "evidence_details": fixture("dispute")["evidence_details"]
            | {"due_by": due_by, "enhanced_eligibility": {}},
            "is_charge_refundable": False,
            "livemode": False,
            "metadata": {},
            "payment_method_details": {"type": method} | details,
            "status": "needs_response",
        }
        | values,
    )


def list_of(items: list[Json], url: str, *, has_more: bool = False) -> Json:
    return {"object": "list", "data": items, "has_more": has_more, "url": url}


def answered(store: Store, body: Json) -> Json:
    """An object as of now: some fields are true only at the moment of the question."""
    if body["object"] == "balance_transaction":
        body["status"] = "available" if body["available_on"] <= store.now() else "pending"
    if body["object"] == "dispute":
        body["evidence_details"]["past_due"] = body["evidence_details"]["due_by"] <= store.now()
        body["balance_transactions"] = [answered(store, each) for each in body["balance_transactions"]]
    if body["object"] == "event":
        body["pending_webhooks"] = len(
            store.rows("SELECT 1 FROM deliveries WHERE event = ? AND state != 'delivered'", body["id"])
        )
    return body


def expand(store: Store, body: Json, paths: list[str]) -> Json:
    """Replace ids by their objects, up to four levels as at Stripe; refuses what cannot be expanded."""
    for path in paths:
        steps = path.split(".")
        if len(steps) > 4 + (steps[0] == "data"):
            raise ApiError("You cannot expand more than 4 levels of a property.", param="expand")
        _expand(store, body, steps, path)
    return body


def _expand(store: Store, here: Any, steps: list[str], path: str) -> None:
    step, rest = steps[0], steps[1:]
    if here.get("object") == "list" and step == "data":
        for item in here["data"]:
            _expand(store, item, rest, path)
        return
    if here.get("object") == "checkout.session" and step == "line_items":
        items = store.private(here["id"])["line_items"]
        here[step] = list_of(items, f"/v1/checkout/sessions/{here['id']}/line_items")
    elif here.get("object") == "charge" and step == "refunds":
        refunds = store.list_objects("refund", where={"charge": here["id"]})
        here[step] = list_of(refunds, f"/v1/charges/{here['id']}/refunds")
    elif step not in here or step in ("id", "object", "metadata"):
        raise ApiError(f"This property cannot be expanded ({path}).", param="expand", remembered=False)
    value = here[step]
    if isinstance(value, str):
        kind = KIND_OF_PREFIX.get(value.split("_")[0])
        found = store.find(kind, value) if kind else None
        if found is None:
            raise ApiError(f"This property cannot be expanded ({path}).", param="expand", remembered=False)
        here[step] = value = answered(store, found)
    if rest and value is not None:
        if not isinstance(value, dict):
            raise ApiError(f"This property cannot be expanded ({path}).", param="expand", remembered=False)
        _expand(store, value, rest, path)
