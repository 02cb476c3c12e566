"""Finding answers that never came: payments, fees, refunds; each is asked for and recorded."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from marketplace import audit, clock
from marketplace.audit import SYSTEM
from marketplace.database import db, run_in_transaction
from marketplace.errors import DomainError
from marketplace.ledger import services as ledger
from marketplace.money import format_fen
from marketplace.payments import disputing, queries, refunding, services
from marketplace.payments.answers import ProviderSession
from marketplace.payments.gateway import ProviderKeyError, gateway
from marketplace.payments.models import Payment, PaymentStatus

ASK_AFTER = timedelta(minutes=2)
COMPARED = timedelta(hours=26)


def reconcile(limit: int = 100) -> list[str]:
    """Find answers that never came: payments, fees, refunds; sentences that say what was found."""
    found = []
    for payment_id in queries.payments_to_ask(clock.now() - ASK_AFTER, limit):
        found += _say("payment", payment_id, partial(services.ask_about_payment, payment_id))
    for payment_id, intent in queries.payments_without_fee(limit):
        found += _say("fee of payment", payment_id, partial(_learn_fee, payment_id, intent))
    for refund_id, ref in queries.refunds_pending(limit):
        found += _say("refund", refund_id, partial(refunding.ask_about_refund, refund_id, ref))
    return found


def compare(since: datetime | None = None) -> list[str]:
    """What the provider has since a moment, else of 26 hours, and we have not: paid sessions, disputes; in sentences.

    What belongs to an order of ours is recorded now. What was paid for an order that is not here, as after the restore
    of a backup, is named each time until the money has gone back: a person decides (give_back).
    """
    found = []
    db.session.rollback()  # what was read before is no part of this
    moment = since or clock.now() - COMPARED
    for session in list(gateway().list_sessions(moment)):
        payment = queries.find_payment(session_ref=session.ref, payment_id=session.payment_id)
        known = payment is not None and payment.status in {PaymentStatus.SUCCEEDED, PaymentStatus.UNEXPECTED}
        if not session.is_paid or session.payment_id is None or known:
            continue
        if queries.is_lost_try(session.order_id, session.payment_id):
            outcome = run_in_transaction(partial(services.record_lost_try, session))
        elif queries.has_order(session.order_id):
            outcome = run_in_transaction(partial(services.record_session, session))
        elif _money_is_back(session):
            continue
        else:
            outcome = (
                f"{format_fen(session.amount)} {session.currency} were paid for order {session.order_code}, which is"
                f" not here. To give them back: payments give-back {session.ref}"
            )
        found.append(f"session {session.ref}: {outcome}")
    return found + _compare_disputes(moment)


def _compare_disputes(since: datetime) -> list[str]:
    """Disputes whose news never came are taken in; one that does not fit is named each time."""
    db.session.rollback()
    oldest = queries.oldest_open_dispute()
    db.session.rollback()
    found = []
    for told in list(gateway().list_disputes(min(since, oldest or since))):
        outcome = run_in_transaction(partial(disputing.record_dispute, told))
        if outcome != "repeat" and not outcome.startswith("ignored"):
            found.append(f"dispute {told.ref} of {format_fen(told.amount)}: {outcome}")
    return found


def _money_is_back(session: ProviderSession) -> bool:
    db.session.rollback()  # what was read is no part of asking
    return session.intent_ref is not None and gateway().get_refunded(session.intent_ref) >= session.amount


def give_back(ref: str) -> int:
    """Send back a payment whose order is not here, whole; the fen. A person decided so; the books never knew of it.

    DomainError when it is unpaid or belongs to an order of ours, which is refunded in its own place.
    """
    db.session.rollback()
    session = gateway().get_session(ref)
    if queries.has_order(session.order_id):
        raise DomainError(f"{ref} belongs to an order that is here: refund it there.")
    if not session.is_paid or session.intent_ref is None or session.payment_id is None:
        raise DomainError(f"{ref} is no paid session of this shop.")
    db.session.rollback()
    key = f"give-back-{session.payment_id}"
    gateway().create_refund(
        intent_ref=session.intent_ref, amount=session.amount, key=key, refund_id=session.payment_id
    )
    changes = {"amount": [session.amount, 0], "order": [session.order_code, None]}
    run_in_transaction(
        partial(audit.record, SYSTEM, "payment.given_back", "session", ref[:64], changes=changes)
    )
    return session.amount


def _say(what: str, thing_id: int, ask: Callable[[], str]) -> list[str]:
    db.session.rollback()
    try:
        return [f"{what} {thing_id}: {ask()}"]
    except ProviderKeyError:
        raise  # the same for everything that could be asked
    except DomainError as error:
        return [f"{what} {thing_id}: no answer ({error})"]


def _learn_fee(payment_id: int, intent: str) -> str:
    """The provider's fee is the platform's expense (D17)."""
    channel, fee = gateway().get_charge(intent)

    def record() -> str:
        payment = db.session.get_one(Payment, payment_id, with_for_update=True, populate_existing=True)
        payment.channel = channel or payment.channel
        if fee is None:
            return "not known yet"
        payment.fee_amount = fee
        db.session.flush()
        ledger.book_provider_fee(payment)
        return "booked"

    return run_in_transaction(record)
