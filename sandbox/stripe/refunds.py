"""Refunds: all or part of a charge goes back, at most what is left of it, and a bank may still send it back later.

Every function is one transaction. Amounts are integers in minor units (fen).
"""

from sandbox.stripe.bank import NOBODY, Bank, Cause
from sandbox.stripe.disputes import refuse_refund
from sandbox.stripe.errors import ApiError
from sandbox.stripe.rules import REASONS, check_metadata
from sandbox.stripe.shapes import blank_refund, new_id
from sandbox.stripe.store import Json


def refund(bank: Bank, given: Json, cause: Cause = NOBODY) -> Json:
    """Give back all or part of a charge; refuses more than is left of it."""
    with bank.store.transaction():
        charge = _charge_to_refund(bank, given)
        refuse_refund(bank, charge["id"])
        left = charge["amount"] - charge["amount_refunded"]
        amount = given.get("amount", left)
        if amount <= 0 and left > 0:
            raise ApiError("Invalid positive integer", code="parameter_invalid_integer", param="amount")
        if left == 0:
            raise ApiError(
                f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded"
            )
        if amount > left:
            raise ApiError(
                f"Refund amount ({_money(amount)}) is greater than unrefunded amount on charge ({_money(left)})",
                param="amount",
            )
        if given.get("reason") not in (None, *REASONS):
            raise ApiError(f"Invalid reason: must be one of {', '.join(REASONS)}", param="reason")
        check_metadata(given.get("metadata"), "metadata")
        method = charge["payment_method_details"]["type"]
        made = blank_refund(
            method,
            id=new_id("re"),
            amount=amount,
            charge=charge["id"],
            created=bank.store.now(),
            currency=charge["currency"],
            metadata=given.get("metadata") or {},
            payment_intent=charge["payment_intent"],
            reason=given.get("reason"),
            status="pending",
        )
        kind = "refund" if method == "card" else "payment_refund"
        made["balance_transaction"] = bank.book(kind, made["id"], -amount, 0)
        bank.store.add(made)
        _count_refunded(bank, charge, amount)
        bank.emit("refund.created", made, cause)
        bank.emit(
            "charge.refunded",
            charge,
            cause,
            before={"amount_refunded": charge["amount_refunded"] - amount},
        )
        seconds = bank.store.setting("refund_seconds")
        if bank.store.setting("refund_outcome") != "stay":
            if seconds:
                bank.store.start_timer("refund", made["id"], bank.store.now() + seconds)
            else:
                made = finish(bank, made["id"])
        return made


def succeed(bank: Bank, refund_id: str) -> Json:
    """The money has left; nothing happens to a refund that is no longer pending."""
    with bank.store.transaction():
        refund = bank.get("refund", refund_id)
        if refund["status"] == "pending":
            bank.store.stop_timer("refund", refund_id)
            refund["status"] = "succeeded"
            bank.emit("refund.updated", bank.store.save(refund), before={"status": "pending"})
        return refund


def fail(bank: Bank, refund_id: str) -> Json:
    """The buyer's bank sends the money back, even after success as at Stripe; the charge can be refunded again."""
    with bank.store.transaction():
        refund = bank.get("refund", refund_id)
        if refund["status"] == "failed":
            return refund
        bank.store.stop_timer("refund", refund_id)
        before = {"status": refund["status"]}
        charge = bank.get("charge", refund["charge"])
        kind = (
            "refund_failure"
            if charge["payment_method_details"]["type"] == "card"
            else "payment_failure_refund"
        )
        refund |= {
            "status": "failed",
            "failure_reason": "declined",
            "failure_balance_transaction": bank.book(kind, refund_id, refund["amount"], 0),
        }
        bank.store.save(refund)
        _count_refunded(bank, charge, -refund["amount"])
        bank.emit("refund.failed", refund)
        bank.emit("refund.updated", refund, before=before)
        return refund


def finish(bank: Bank, refund_id: str) -> Json:
    """End a pending refund as the setting `refund_outcome` says."""
    if bank.store.setting("refund_outcome") == "fail":
        return fail(bank, refund_id)
    return succeed(bank, refund_id)


def _charge_to_refund(bank: Bank, given: Json) -> Json:
    if "payment_intent" in given:
        intent = bank.get("payment_intent", given["payment_intent"], "payment_intent")
        charge = bank.store.find("charge", intent["latest_charge"] or "")
        if charge is None or intent["status"] != "succeeded":
            raise ApiError(
                f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund.",
                code="payment_intent_unexpected_state",
                param="payment_intent",
            )
        return charge
    if "charge" not in given:
        raise ApiError(
            "One of the following params should be provided for this request: payment_intent or charge.",
            remembered=False,
        )
    charge = bank.get("charge", given["charge"], "charge")
    if charge["status"] != "succeeded":
        raise ApiError(f"Charge {charge['id']} failed and cannot be refunded.", param="charge")
    return charge


def _count_refunded(bank: Bank, charge: Json, amount: int) -> None:
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount"]
    bank.store.save(charge)


def _money(amount: int) -> str:
    return f"¥{amount // 100}.{amount % 100:02d}"
