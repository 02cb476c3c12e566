"""Paying: the intent is recorded with its key, then the provider is called outside of any
transaction, then its answer is recorded. A lost answer is asked for again with the same key (D5, D8).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial

from flask import current_app
from flask_babel import force_locale
from flask_babel import gettext as _
from sqlalchemy import select, update
from sqlalchemy.exc import SQLAlchemyError

from marketplace import audit, clock, settings
from marketplace.audit import SYSTEM, Actor
from marketplace.database import count_changed, db, new_id, run_in_transaction
from marketplace.errors import DomainError
from marketplace.i18n import LOCALES
from marketplace.ledger import services as ledger
from marketplace.ledger.models import PLATFORM_BOOK
from marketplace.logs import log
from marketplace.notifications.services import notify
from marketplace.orders import queries as order_queries
from marketplace.orders import services as orders
from marketplace.orders.models import Order, PaymentState, SellerOrder
from marketplace.outages import is_unavailable
from marketplace.payments import queries, rules
from marketplace.payments.answers import ProviderSession
from marketplace.payments.gateway import (
    ProviderMissingError,
    ProviderRefusedError,
    ProviderUnsureError,
    SessionWish,
    gateway,
)
from marketplace.payments.models import Payment, PaymentPart, PaymentStatus, Refund
from marketplace.sellers import queries as sellers


def open_pay_page(order_id: int, *, channel: str | None = None) -> str:
    """The provider's pay page for an unpaid order: the open one again, or a new one with the wished channel first.

    NotPayableError; ProviderUnsureError when no answer came (try again: the same key is used);
    ProviderRefusedError when the provider said no.
    """
    wish, url = run_in_transaction(lambda: intend(order_id, channel))
    return url or ask_for_page(wish)


def ask_for_page(wish: SessionWish) -> str:
    """The provider's page for what was recorded before; refuses what open_pay_page() refuses."""
    db.session.rollback()  # what was read for the page so far keeps no connection while the provider thinks
    try:
        session = gateway().create_session(wish)
    except ProviderRefusedError:
        ask_about_payment(wish.payment_id)  # an earlier try may have reached the provider after all
        raise
    run_in_transaction(lambda: _remember(wish.payment_id, session))
    if session.url is None:
        refresh(wish.order_id)
        raise rules.NotPayableError
    return session.url


def intend(order_id: int, channel: str | None = None) -> tuple[SessionWish, str | None]:
    """Record what will be asked; an unfinished try is taken up again. The hold is renewed with a new try."""
    order = order_queries.get_order(order_id, lock=True)  # pressing twice at once waits here, and finds the first try
    moment = clock.now()
    if order.payment_state != PaymentState.UNPAID or order.hold_until <= moment:
        raise rules.NotPayableError
    for payment in queries.unfinished_payments(order_id):
        if payment.expires_at <= moment:
            continue
        if payment.status == PaymentStatus.OPEN:
            return _wish(order, payment), payment.pay_url
        return _wish(order, payment), None
    hold_until = moment + timedelta(minutes=settings.get("orders.hold_minutes"))
    orders.prolong(order_id, hold_until=hold_until)
    return begin(order, hold_until, channel), None


def begin(order: Order, hold_until: datetime, channel: str | None) -> SessionWish:
    """Record the first try of an order that was written in the same act, or the next one of an older order."""
    expires_at = max(hold_until + rules.SESSION_AFTER_HOLD, clock.now() + rules.SHORTEST_SESSION)
    sales = order_queries.sellers_of(order.id)
    payment = _add_payment(order, new_id(), sales, channel=channel, expires_at=expires_at)
    return _wish(order, payment, sales)


def _add_payment(
    order: Order, payment_id: int, sales: Sequence[SellerOrder], *, channel: str | None, expires_at: datetime
) -> Payment:
    payment = Payment(
        id=payment_id,
        order_id=order.id,
        idempotency_key=f"order-{order.id}-payment-{payment_id}",
        amount=order.total_amount,
        channel=channel if channel in rules.CHANNELS else None,
        created_at=clock.now(),
        expires_at=expires_at,
    )
    db.session.add(payment)
    db.session.flush()
    db.session.add_all(
        PaymentPart(
            seller_id=sale.seller_id,
            payment_id=payment.id,
            seller_order_id=sale.id,
            amount=sale.total_amount,
        )
        for sale in sales
    )
    db.session.flush()
    return payment


def _wish(order: Order, payment: Payment, sales: Sequence[SellerOrder] = ()) -> SessionWish:
    """The same order and payment always give the same wish, as the key demands."""
    base = current_app.config["SETTINGS"].site_url + ("/en" if order.language == "en" else "")
    sales = sales or order_queries.sellers_of(order.id)
    shops = sellers.shops_by_id(sale.seller_id for sale in sales)
    with force_locale(LOCALES[order.language]):
        lines = [
            (_("%(shop)s 的包裹（含运费）", shop=shops[sale.seller_id].name), sale.total_amount)
            for sale in sales
            if sale.total_amount
        ]
    return SessionWish(
        idempotency_key=payment.idempotency_key,
        payment_id=payment.id,
        order_id=order.id,
        order_code=order.code,
        lines=lines,
        currency=payment.currency,
        channels=rules.channels(payment.channel),
        expires_at=payment.expires_at,
        success_url=f"{base}/pay/{order.access_token}/return",
        cancel_url=f"{base}/o/{order.access_token}",
        language=order.language,
    )


def _remember(payment_id: int, session: ProviderSession) -> None:
    db.session.execute(
        update(Payment)
        .where(Payment.id == payment_id, Payment.status == PaymentStatus.INTENDED)
        .values(status=PaymentStatus.OPEN, session_ref=session.ref, pay_url=session.url)
    )


def _close(payment_id: int) -> None:
    db.session.execute(
        update(Payment)
        .where(Payment.id == payment_id, Payment.status.in_((PaymentStatus.INTENDED, PaymentStatus.OPEN)))
        .values(status=PaymentStatus.EXPIRED)
    )


def record_session(session: ProviderSession) -> str:
    """Take in what the provider says of a session, in the caller's transaction; what was done, in words.

    Paid once marks the order paid; paid late is honoured if the stock is still there, else given back (D8); a second
    payment of one order is given back; a wrong amount or currency is booked as unmatched and waits for a person.
    """
    payment = queries.find_payment(session_ref=session.ref, payment_id=session.payment_id)
    if payment is None or session.order_id != payment.order_id:
        return _not_ours(session)
    if session.is_paid:
        return _take_payment(payment, session)
    if session.is_expired:
        _close(payment.id)
        return "expired"
    _remember(payment.id, session)
    return "noted"


def _not_ours(session: ProviderSession) -> str:
    """Another shop's session on the account; but a paid one that names a payment of ours waits for a person."""
    named = db.session.get(Payment, session.payment_id) if session.payment_id else None
    if named is None or not session.is_paid:
        return "ignored: unknown session"
    return _put_aside(named, f"paid by another session {session.ref}")


def _put_aside(payment: Payment, why: str) -> str:
    log().error("payment.unexpected", payment=payment.id, reason=why)
    audit.record(SYSTEM, "payment.unexpected", "payment", payment.id, changes={"why": [None, why]})
    return f"under review: {why}"


def record_lost_try(session: ProviderSession) -> str:
    """Take in a session whose order is here while our own record of the try was lost with a backup's restore."""
    assert session.order_id is not None
    assert session.payment_id is not None
    order = order_queries.get_order(session.order_id)
    sales = order_queries.sellers_of(order.id)
    _add_payment(order, session.payment_id, sales, channel=None, expires_at=clock.now())
    return record_session(session)


def _take_payment(payment: Payment, session: ProviderSession) -> str:
    moment = clock.now()
    fits = rules.fit(
        asked_amount=payment.amount,
        asked_currency=payment.currency,
        amount=session.amount,
        currency=session.currency,
    )
    is_repeated = queries.is_intent_of_another(session.intent_ref, payment.id)
    is_expected = fits == rules.Fit.FITS and not is_repeated
    taken = count_changed(
        update(Payment)
        .where(
            Payment.id == payment.id,
            Payment.status.in_((PaymentStatus.INTENDED, PaymentStatus.OPEN, PaymentStatus.EXPIRED)),
        )
        .values(
            status=PaymentStatus.SUCCEEDED if is_expected else PaymentStatus.UNEXPECTED,
            session_ref=session.ref,
            intent_ref=None if is_repeated else session.intent_ref,
            succeeded_at=moment,
        )
    )
    if not taken:
        return "repeat"
    db.session.refresh(payment)
    if is_repeated:  # the money is booked already, with the payment that it came for
        return _put_aside(payment, f"paid with the money of another payment, {session.intent_ref}")
    if not is_expected:
        if fits != rules.Fit.WRONG_CURRENCY:  # the books are in fen: foreign money stands in the log alone
            ledger.book_unmatched_payment(payment, amount=session.amount)
        return _put_aside(payment, fits)
    order = order_queries.get_order(payment.order_id)
    hold_until = moment + timedelta(minutes=settings.get("orders.hold_minutes"))
    if order.payment_state == PaymentState.CANCELLED and not orders.revive(order.id, hold_until=hold_until):
        _give_back(payment, order)
        return "late: given back"
    if not orders.mark_paid(order.id, at=moment):
        _give_back(payment, order)
        return "second payment: given back"
    for sale in order_queries.sellers_of(order.id):
        ledger.book_payment(sale, payment.id)
    audit.record(SYSTEM, "payment.succeeded", "payment", payment.id)
    return "paid"


def _give_back(payment: Payment, order: Order) -> None:
    """A payment that its order cannot take goes back whole, and the buyer is told."""
    ledger.book_unmatched_payment(payment)
    refund_id = new_id()
    refund = Refund(
        id=refund_id,
        seller_id=PLATFORM_BOOK,
        seller_order_id=None,
        payment_id=payment.id,
        form_key=f"unmatched-{payment.id}",
        idempotency_key=f"refund-{refund_id}",
        goods_amount=payment.amount,
        freight_amount=0,
        reason="unmatched",
        requested_at=clock.now(),
    )
    db.session.add(refund)
    db.session.flush()
    ledger.book_unmatched_refund(refund)
    audit.record(SYSTEM, "payment.given_back", "payment", payment.id)
    notify(
        "late_payment_refunded",
        phone=order.contact_phone,
        parameters={"code": order.code, "amount": payment.amount},
        language=order.language,
    )


def refresh(order_id: int) -> None:
    """Ask the provider about an order's unfinished payments and record the answers; unsure ones wait.

    Somebody waits for a page: when one is not answered the others are not asked, and what cannot be written down now
    is found again by reconcile().
    """
    for payment_id in [payment.id for payment in queries.unfinished_payments(order_id)]:
        try:
            ask_about_payment(payment_id)
        except ProviderUnsureError as error:
            log().warning("payment.unanswered", payment=payment_id, reason=str(error))
            break
        except DomainError as error:
            log().warning("payment.unanswered", payment=payment_id, reason=str(error))
        except SQLAlchemyError as error:
            if not is_unavailable(error):
                raise
            log().warning("payment.not_recorded", payment=payment_id, reason=type(error).__name__)
            break


def ask_about_payment(payment_id: int) -> str:
    """Outside of any transaction: one payment's session as the provider has it now, recorded.

    A session whose answer was lost is looked for, and else asked for again by its key. Only a provider that has no
    such session closes the payment; ProviderUnsureError and ProviderRefusedError leave it open.
    """
    payment = db.session.get_one(Payment, payment_id, populate_existing=True)
    ref, since = payment.session_ref, payment.created_at - timedelta(minutes=5)
    wish = _wish(order_queries.get_order(payment.order_id), payment)
    db.session.rollback()
    try:
        session = gateway().get_session(ref) if ref else _find_session(wish, since)
    except ProviderMissingError:
        run_in_transaction(lambda: _close(payment_id))
        return "never reached the provider"
    return run_in_transaction(lambda: _recorded(payment_id, session))


def _find_session(wish: SessionWish, since: datetime) -> ProviderSession:
    """A replay under the key might only repeat a stored fault: so the list is read first."""
    for session in gateway().list_sessions(since):
        if session.payment_id == wish.payment_id:
            return session
    try:
        return gateway().create_session(wish)
    except ProviderRefusedError as error:  # it is not in the list, and will not come to be
        raise ProviderMissingError(str(error)) from error


def _recorded(payment_id: int, session: ProviderSession) -> str:
    outcome = record_session(session)
    db.session.execute(update(Payment).where(Payment.id == payment_id).values(checked_at=clock.now()))
    return outcome


def expire_and_cancel(actor: Actor, order_id: int, reason: str) -> bool:
    """Cancel an unpaid order: the provider's sessions are closed first, then the stock is released (D8).

    False when it turned out to be paid. PaymentUnderWayError while the provider is still deciding,
    ProviderUnsureError when it did not answer: the order stays as it is.
    """
    for payment_id in [payment.id for payment in queries.unfinished_payments(order_id)]:
        ref = db.session.get_one(Payment, payment_id).session_ref
        if ref is None:
            ask_about_payment(payment_id)
            ref = db.session.get_one(Payment, payment_id).session_ref
        db.session.rollback()
        if ref is None:
            continue
        try:
            session = gateway().expire_session(ref, f"expire-{payment_id}")
        except ProviderRefusedError:
            session = gateway().get_session(ref)  # not open any more: paid, expired or being paid
        run_in_transaction(partial(record_session, session))
        if not (session.is_paid or session.is_expired):
            raise rules.PaymentUnderWayError
    return run_in_transaction(lambda: _cancel_unless_begun(actor, order_id, reason))


def _cancel_unless_begun(actor: Actor, order_id: int, reason: str) -> bool:
    """Whoever pressed "pay" meanwhile has begun a payment that nobody closed: it waits for the same row."""
    db.session.execute(select(Order.id).where(Order.id == order_id).with_for_update())
    if queries.unfinished_payments(order_id):
        raise rules.PaymentUnderWayError
    return orders.cancel_unpaid(actor, order_id, reason)


def sweep_unpaid(limit: int = 50) -> int:
    """Cancel orders whose hold lapsed; those about which the provider is unsure stay for the next round."""
    done = 0
    for order_id in order_queries.lapsed_unpaid(clock.now(), limit):
        try:
            done += expire_and_cancel(SYSTEM, order_id, "lapsed")
        except DomainError as error:
            log().warning("hold.not_released", order=order_id, reason=str(error))
        finally:
            db.session.rollback()
    return done
