"""What happens to money: sessions are opened, paid, declined or expired, charges refunded; each change is an event.

Every method is one transaction. Amounts are integers in minor units (fen), times seconds since 1970 (UTC) by the
sandbox's clock.
"""

import re
import time
from dataclasses import dataclass

from sandbox.stripe.errors import ApiError, missing
from sandbox.stripe.parameters import API_VERSION
from sandbox.stripe.rules import DAY, METHODS, MOST, check_session
from sandbox.stripe.shapes import (
    NO_ADDRESS,
    blank_balance_transaction,
    blank_charge,
    blank_intent,
    blank_session,
    line_item,
    new_id,
    shape,
)
from sandbox.stripe.store import Json, Store

DEMO_INTENT = re.compile(r"pi_demo_[0-9]{1,20}_([0-9]{3,15})")
DECLINED = {
    "card": ("card_declined", "Your card was declined."),
    "alipay": ("payment_method_customer_decline", "The customer did not approve the payment with Alipay."),
    "wechat_pay": (
        "payment_method_customer_decline",
        "The customer did not approve the payment with WeChat Pay.",
    ),
}


@dataclass(frozen=True)
class Terms:
    """Figures that Stripe would agree with a merchant; these are invented (README.md)."""

    fee_basis_points: int = 290
    fee_fixed: int = 0
    minimum_amount: int = 400
    dispute_fee: int = 1_500
    currency: str = "cny"

    def fee(self, amount: int) -> int:
        """The provider's fee on one charge, rounded half up to a minor unit."""
        return (amount * self.fee_basis_points + 5_000) // 10_000 + self.fee_fixed


@dataclass(frozen=True)
class Cause:
    """The API request behind an event; both are null when a buyer or the clock was the cause."""

    request_id: str | None = None
    idempotency_key: str | None = None


NOBODY = Cause()


class Bank:
    """The one account of the sandbox."""

    def __init__(self, store: Store, terms: Terms, public_url: str) -> None:
        self.store = store
        self.terms = terms
        self.public_url = public_url.rstrip("/")

    # Reading

    def get(self, kind: str, object_id: str, param: str = "id") -> Json:
        """The stored object; 404 as Stripe words it. A session past its time is expired before it is shown."""
        with self.store.transaction():
            found = self.store.find(kind, object_id) or self._demo_intent(kind, object_id)
            if found is None:
                raise missing(kind, object_id, param)
            if (
                kind == "checkout.session"
                and found["status"] == "open"
                and found["expires_at"] <= self.store.now()
            ):
                return self.expire(object_id)
            return found

    # Checkout Sessions

    def open_session(self, given: Json, cause: Cause = NOBODY) -> Json:
        """Create a session; refuses what Stripe refuses (times, currency, totals, addresses, metadata)."""
        now = self.store.now()
        check_session(given, now, self.terms.currency)
        session_id = new_id("cs_test", 58)
        allowed = given.get("allowed_payment_method_types")
        for item in given["line_items"]:
            item["created"] = now
        items = [line_item(new_id("li"), self.terms.currency, item) for item in given["line_items"]]
        total = sum(item["amount_total"] for item in items)
        if total < self.terms.minimum_amount:
            raise ApiError(
                f"The Checkout Session's total amount must convert to at least {self.terms.minimum_amount} "
                "in the currency's minor unit.",
                code="amount_too_small",
            )
        if total > MOST:
            raise ApiError(
                f"The Checkout Session's total amount must be no more than {MOST} in the currency's minor unit.",
                code="amount_too_large",
            )
        session = blank_session(
            id=session_id,
            allowed_payment_method_types=allowed,
            amount_subtotal=total,
            amount_total=total,
            cancel_url=given.get("cancel_url"),
            client_reference_id=given.get("client_reference_id"),
            created=now,
            currency=self.terms.currency,
            customer_creation="if_required",
            customer_email=given.get("customer_email"),
            expires_at=given.get("expires_at", now + DAY),
            locale=given.get("locale"),
            metadata=given.get("metadata") or {},
            payment_method_options=given.get("payment_method_options") or {},
            payment_method_types=[method for method in allowed or METHODS if method in METHODS],
            submit_type=given.get("submit_type"),
            success_url=given["success_url"],
            url=f"{self.public_url}/pay/{session_id}",
        )
        private = {"line_items": items, "payment_intent_data": given.get("payment_intent_data") or {}}
        with self.store.transaction():
            self.store.add(session, private)
            self.store.start_timer("expire", session_id, session["expires_at"])
        return session

    def expire(self, session_id: str, cause: Cause = NOBODY) -> Json:
        """Close an open session for good: from now on no buyer can pay it; refuses a complete or expired one."""
        with self.store.transaction():
            session = self._session(session_id)
            if session["status"] != "open":
                raise ApiError(
                    'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout Session has '
                    f"a status of {session['status']}."
                )
            self._stop_timers(session_id)
            session |= {"status": "expired", "url": None}
            self.store.save(session)
            self.emit("checkout.session.expired", session, cause)
            if session["payment_intent"]:
                intent = self.get("payment_intent", session["payment_intent"])
                intent |= {
                    "status": "canceled",
                    "canceled_at": self.store.now(),
                    "cancellation_reason": "automatic",
                }
                self.emit("payment_intent.canceled", self.store.save(intent), cause)
            return session

    def pay(self, session_id: str, method: str, *, even_if_expired: bool = False) -> Json:
        """The buyer's money arrives. Paying a complete session again changes nothing.

        `even_if_expired` is the late success that a shop must survive (money sent before, heard of after expiry).
        """
        with self.store.transaction():
            session = self._payable(session_id, method, even_if_expired=even_if_expired)
            if session["status"] == "complete":
                return session
            self._stop_timers(session_id)
            intent = self._intent(session, method)
            self._succeed(intent, method)
            self._complete(session, "paid")
            self.emit("checkout.session.completed", session)
            return session

    def decline(self, session_id: str, method: str) -> Json:
        """The bank says no; the session stays open for another try."""
        with self.store.transaction():
            session = self._payable(session_id, method)
            if session["status"] == "open":
                self._fail(self._intent(session, method), method)
            return session

    def pay_later(self, session_id: str, method: str, seconds: int) -> Json:
        """The buyer closes the page and pays in his bank's app `seconds` later, unless the session expires first."""
        with self.store.transaction():
            session = self._payable(session_id, method)
            if session["status"] == "open":
                self.store.start_timer("pay:" + method, session_id, self.store.now() + seconds)
            return session

    def pay_slowly(self, session_id: str, method: str) -> Json:
        """A delayed method: the session completes unpaid and `settle` tells the end (async_payment_…)."""
        with self.store.transaction():
            session = self._payable(session_id, method)
            if session["status"] == "open":
                self._stop_timers(session_id)
                intent = self._intent(session, method)
                intent["status"] = "processing"
                self.emit("payment_intent.processing", self.store.save(intent))
                self._complete(session, "unpaid")
                self.emit("checkout.session.completed", session)
            return session

    def settle(self, session_id: str, *, succeeds: bool) -> Json:
        """The end of a delayed payment; refuses a session that is not waiting for one."""
        with self.store.transaction():
            session = self._session(session_id)
            if (session["status"], session["payment_status"]) != ("complete", "unpaid"):
                raise ApiError("This session is not waiting for a delayed payment.")
            intent = self.get("payment_intent", session["payment_intent"])
            method = session["payment_method_types"][0]
            if succeeds:
                self._succeed(intent, method)
                session["payment_status"] = "paid"
                self.emit("checkout.session.async_payment_succeeded", self.store.save(session))
            else:
                self._fail(intent, method)
                self.emit("checkout.session.async_payment_failed", session)
            return session

    # Events

    def emit(
        self, event_type: str, about: Json, cause: Cause = NOBODY, *, before: Json | None = None
    ) -> Json:
        """Record that something happened, with the object as it is now, and queue its delivery."""
        data: Json = {"object": about}
        if before:
            data["previous_attributes"] = before
        event = shape(
            "event",
            id=new_id("evt"),
            api_version=API_VERSION,
            created=self.store.now(),
            data=data,
            livemode=False,
            pending_webhooks=1,
            request={"id": cause.request_id, "idempotency_key": cause.idempotency_key},
            type=event_type,
        )
        with self.store.transaction():
            self.store.add(event)
            self.queue_delivery(event["id"])
            if self.store.take_one("duplicate_next"):
                self.queue_delivery(event["id"])
        return event

    def queue_delivery(self, event_id: str) -> None:
        state = "held" if self.store.setting("hold_deliveries") else "pending"
        now = time.time()
        due = now + self.store.setting("delivery_delay")
        self.store.change(
            "INSERT INTO deliveries (event, state, due, since) VALUES (?, ?, ?, ?)", event_id, state, due, now
        )

    # Inside

    def _session(self, session_id: str) -> Json:
        found = self.store.find("checkout.session", session_id)
        if found is None:
            raise missing("checkout.session", session_id)
        return found

    def _payable(self, session_id: str, method: str, *, even_if_expired: bool = False) -> Json:
        session = self._session(session_id) if even_if_expired else self.get("checkout.session", session_id)
        if method not in session["payment_method_types"]:
            raise ApiError(f"This session does not offer {method}.", param="method")
        if session["status"] == "expired" and not even_if_expired:
            raise ApiError("This Checkout Session has expired.", code="checkout_session_expired")
        return session

    def _stop_timers(self, session_id: str) -> None:
        self.store.stop_timer("expire", session_id)
        for method in METHODS:
            self.store.stop_timer("pay:" + method, session_id)

    def _complete(self, session: Json, payment_status: str) -> None:
        nobody = dict.fromkeys(["business_name", "individual_name", "name", "phone", "tax_ids"])
        session |= {
            "status": "complete",
            "payment_status": payment_status,
            "url": None,
            "customer_details": nobody
            | {"address": NO_ADDRESS, "email": session["customer_email"], "tax_exempt": "none"},
        }
        self.store.save(session)

    def _intent(self, session: Json, method: str) -> Json:
        """The session's PaymentIntent; Stripe makes it at the first try to pay, not before."""
        found = self.store.find("payment_intent", session["payment_intent"] or "")
        if found is not None and found["status"] != "canceled":
            return found
        given = self.store.private(session["id"])["payment_intent_data"]
        intent_id = new_id("pi")
        intent = blank_intent(
            id=intent_id,
            amount=session["amount_total"],
            client_secret=f"{intent_id}_secret_{new_id('x')[2:]}",
            created=self.store.now(),
            currency=session["currency"],
            description=given.get("description"),
            metadata=given.get("metadata") or {},
            payment_method_types=session["payment_method_types"],
            receipt_email=given.get("receipt_email"),
            statement_descriptor=given.get("statement_descriptor"),
            statement_descriptor_suffix=given.get("statement_descriptor_suffix"),
            transfer_group=given.get("transfer_group"),
        )
        self.store.add(intent)
        session["payment_intent"] = intent_id
        self.store.save(session)
        self.emit("payment_intent.created", intent)
        return intent

    def _demo_intent(self, kind: str, object_id: str) -> Json | None:
        """A payment that demo data of a shop tells of, from before this sandbox was opened; its id says how much.

        So that such an order can be refunded: Stripe has no such thing.
        """
        told = DEMO_INTENT.fullmatch(object_id) if kind == "payment_intent" else None
        if told is None:
            return None
        intent = blank_intent(
            id=object_id,
            amount=int(told[1]),
            client_secret=f"{object_id}_secret",
            created=self.store.now(),
            currency=self.terms.currency,
            description=None,
            metadata={},
            payment_method_types=["alipay"],
            receipt_email=None,
            statement_descriptor=None,
            statement_descriptor_suffix=None,
            transfer_group=None,
        )
        self.store.add(intent)
        self._succeed(intent, "alipay")
        return intent

    def _succeed(self, intent: Json, method: str) -> None:
        charge = self._charge(intent, method) | {
            "amount_captured": intent["amount"],
            "captured": True,
            "paid": True,
            "status": "succeeded",
            "outcome": _outcome("authorized", "approved_by_network", None, "Payment complete."),
        }
        kind = "charge" if method == "card" else "payment"
        charge["balance_transaction"] = self.book(
            kind, charge["id"], intent["amount"], self.terms.fee(intent["amount"])
        )
        self.store.add(charge)
        intent |= {
            "amount_received": intent["amount"],
            "last_payment_error": None,
            "latest_charge": charge["id"],
            "payment_method": charge["payment_method"],
            "status": "succeeded",
        }
        self.store.save(intent)
        self.emit("charge.succeeded", charge)
        self.emit("payment_intent.succeeded", intent)

    def _fail(self, intent: Json, method: str) -> None:
        code, message = DECLINED[method]
        charge = self._charge(intent, method) | {
            "failure_code": code,
            "failure_message": message,
            "status": "failed",
            "outcome": _outcome("issuer_declined", "declined_by_network", "generic_decline", message),
        }
        self.store.add(charge)
        intent |= {
            "last_payment_error": {
                "type": "card_error",
                "code": code,
                "message": message,
                "charge": charge["id"],
            },
            "latest_charge": charge["id"],
            "status": "requires_payment_method",
        }
        self.store.save(intent)
        self.emit("charge.failed", charge)
        self.emit("payment_intent.payment_failed", intent)

    def _charge(self, intent: Json, method: str) -> Json:
        return blank_charge(
            method,
            id=new_id("ch" if method == "card" else "py"),
            amount=intent["amount"],
            created=self.store.now(),
            currency=intent["currency"],
            description=intent["description"],
            metadata=dict(intent["metadata"]),
            payment_intent=intent["id"],
            payment_method=new_id("pm"),
            receipt_email=intent["receipt_email"],
            transfer_group=intent["transfer_group"],
        )

    def book(
        self,
        kind: str,
        source: str,
        amount: int,
        fee: int,
        *,
        category: str = "",
        description: str | None = None,
    ) -> str:
        """One movement on the account's balance; returns its id. The category is the kind's own unless given."""
        details = {"amount": fee, "application": None, "currency": self.terms.currency, "type": "stripe_fee"}
        now = self.store.now()
        movement = blank_balance_transaction(
            id=new_id("txn"),
            amount=amount,
            available_on=now + 2 * DAY,
            created=now,
            currency=self.terms.currency,
            description=description,
            fee=fee,
            fee_details=[details | {"description": "Sandbox processing fee (invented)"}] if fee else [],
            net=amount - fee,
            reporting_category=category or {"payment": "charge", "payment_refund": "refund"}.get(kind, kind),
            source=source,
            status="pending",
            type=kind,
        )
        return str(self.store.add(movement)["id"])


def _outcome(kind: str, network_status: str, reason: str | None, message: str) -> Json:
    blank: Json = dict.fromkeys(["advice_code", "network_advice_code", "network_decline_code"])
    return blank | {
        "network_status": network_status,
        "reason": reason,
        "seller_message": message,
        "type": kind,
    }
