"""Finding answers that never came: payments, fees, refunds; each is asked for and recorded."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial

from marketplace import clock
from marketplace.database import db, run_in_transaction
from marketplace.errors import DomainError
from marketplace.ledger import services as ledger
from marketplace.payments import queries, refunding, services
from marketplace.payments.gateway import ProviderKeyError, gateway
from marketplace.payments.models import Payment, PaymentStatus

ASK_AFTER = timedelta(minutes=2)


def reconcile(limit: int = 100) -> list[str]:
    """Find answers that never came: payments, fees, refunds; sentences that say what was found."""
    found = []
    for payment_id in queries.payments_to_ask(clock.now() - ASK_AFTER, limit):
        found += _say("payment", payment_id, partial(services.ask, payment_id))
    for payment_id, intent in queries.payments_without_fee(limit):
        found += _say("fee of payment", payment_id, partial(_learn_fee, payment_id, intent))
    for refund_id, ref in queries.refunds_pending(limit):
        found += _say("refund", refund_id, partial(refunding.ask, refund_id, ref))
    return found


def compare(hours: int = 26) -> list[str]:
    """Paid sessions at the provider that our payments do not know as paid, recorded now; sentences about them."""
    found = []
    db.session.rollback()  # what was read before is no part of this
    for session in list(gateway().list_sessions(clock.now() - timedelta(hours=hours))):
        payment = queries.find_payment(session_ref=session.ref, payment_id=session.payment_id)
        known = payment is not None and payment.status in {PaymentStatus.SUCCEEDED, PaymentStatus.UNEXPECTED}
        if session.is_paid and not known:
            found.append(
                f"session {session.ref}: {run_in_transaction(partial(services.record_session, session))}"
            )
    return found


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
