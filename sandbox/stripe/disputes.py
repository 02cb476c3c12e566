"""Disputes: the buyer's bank takes a charge back; the shop may answer; the bank decides. The fee stays either way.

Every function is one transaction. Amounts are integers in minor units (fen).
"""

from sandbox.stripe.bank import Bank
from sandbox.stripe.errors import ApiError
from sandbox.stripe.rules import DAY
from sandbox.stripe.shapes import answered, blank_dispute, new_id
from sandbox.stripe.store import Json

REASONS = (
    "general",
    "fraudulent",
    "product_not_received",
    "product_unacceptable",
    "duplicate",
    "credit_not_processed",
)
OPEN = ("needs_response", "under_review")
ANSWER_WITHIN = 9 * DAY  # invented: banks give between seven and twenty-one days


def open_dispute(bank: Bank, charge_id: str, *, amount: int | None = None, reason: str = "general") -> Json:
    """The bank takes all or part of a charge back at once, and the fee with it; at most what is left of the charge."""
    if reason not in REASONS:
        raise ApiError(f"A dispute's reason is one of {', '.join(REASONS)}.", param="reason")
    with bank.store.transaction():
        charge = bank.get("charge", charge_id, "charge")
        left = charge["amount"] - charge["amount_refunded"]
        disputed = left if amount is None else amount
        if charge["status"] != "succeeded" or charge["disputed"] or not 0 < disputed <= left:
            raise ApiError(f"There is nothing of that amount to dispute in {charge_id}.", param="charge")
        dispute = blank_dispute(
            charge["payment_method_details"]["type"],
            id=new_id("dp"),
            amount=disputed,
            charge=charge_id,
            created=bank.store.now(),
            currency=charge["currency"],
            due_by=bank.store.now() + ANSWER_WITHIN,
            payment_intent=charge["payment_intent"],
            reason=reason,
        )
        bank.store.add(dispute)
        _move(bank, dispute, -disputed, bank.terms.dispute_fee, "dispute", "withdrawal")
        bank.store.save(charge | {"disputed": True})
        bank.emit("charge.dispute.created", dispute)
        bank.emit("charge.dispute.funds_withdrawn", dispute)
        return dispute


def answer(bank: Bank, dispute_id: str) -> Json:
    """The shop's evidence is with the bank; refuses a dispute that does not wait for it."""
    with bank.store.transaction():
        dispute = _open(bank, dispute_id, "needs_response")
        dispute["status"] = "under_review"
        dispute["evidence_details"] |= {"has_evidence": True, "submission_count": 1}
        bank.emit("charge.dispute.updated", bank.store.save(dispute), before={"status": "needs_response"})
        return dispute


def close(bank: Bank, dispute_id: str, *, is_won: bool) -> Json:
    """The bank decides: won brings the money back, lost leaves it with the buyer; refuses one that is closed."""
    with bank.store.transaction():
        dispute = _open(bank, dispute_id, *OPEN)
        dispute["status"] = "won" if is_won else "lost"
        if is_won:
            _move(bank, dispute, dispute["amount"], 0, "dispute_reversal", "reversal")
        bank.emit("charge.dispute.closed", bank.store.save(dispute))
        if is_won:
            bank.emit("charge.dispute.funds_reinstated", dispute)
        return dispute


def refuse_refund(bank: Bank, charge_id: str) -> None:
    """A charge that its bank has taken back, or may still take, cannot be refunded as well."""
    for dispute in bank.store.list_objects("dispute", where={"charge": charge_id}):
        if dispute["status"] != "won":
            raise ApiError(
                f"Charge {charge_id} has been charged back; cannot issue a refund.", code="charge_disputed"
            )


def _move(bank: Bank, dispute: Json, amount: int, fee: int, category: str, word: str) -> None:
    """One movement of the account's balance, told within the dispute as at Stripe."""
    movement = bank.book(
        "adjustment",
        dispute["id"],
        amount,
        fee,
        category=category,
        description=f"Chargeback {word} for {dispute['charge']}",
    )
    dispute["balance_transactions"].append(bank.get("balance_transaction", movement))
    bank.store.save(dispute)


def _open(bank: Bank, dispute_id: str, *states: str) -> Json:
    dispute = answered(bank.store, bank.get("dispute", dispute_id))
    if dispute["status"] not in states:
        raise ApiError(f"This dispute is {dispute['status']}.")
    return dispute
