"""A payment provider within the test's own process, for pages; paying itself is tested against the sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime

from marketplace.payments.answers import ProviderDispute, ProviderRefund, ProviderSession
from marketplace.payments.gateway import ProviderRefusedError, ProviderUnsureError, SessionWish

PAY_HOST = "https://pay.example"


@dataclass
class Provider:
    """Answers at once, stays silent (is_silent) or says no (is_refusing)."""

    sessions: dict[str, ProviderSession] = field(default_factory=dict)
    wishes: list[SessionWish] = field(default_factory=list)
    refunds: list[tuple[str, int]] = field(default_factory=list)
    disputes: list[ProviderDispute] = field(default_factory=list)
    is_silent: bool = False
    is_refusing: bool = False

    def pay(self) -> None:
        """The buyer pays the last session."""
        ref = list(self.sessions)[-1]
        self.sessions[ref] = replace(self.sessions[ref], is_paid=True, is_open=False, intent_ref=f"pi_{ref}")

    def create_session(self, wish: SessionWish) -> ProviderSession:
        self._answer()
        self.wishes.append(wish)
        ref = f"cs_{wish.payment_id}"
        made = ProviderSession(
            ref=ref,
            is_paid=False,
            is_expired=False,
            is_open=True,
            amount=sum(amount for _words, amount in wish.lines),
            currency=wish.currency,
            payment_id=wish.payment_id,
            order_id=wish.order_id,
            intent_ref=None,
            url=f"{PAY_HOST}/{ref}",
        )
        return self.sessions.setdefault(ref, made)

    def get_session(self, ref: str) -> ProviderSession:
        self._answer()
        return self.sessions[ref]

    def expire_session(self, ref: str, key: str) -> ProviderSession:
        self._answer()
        if not self.sessions[ref].is_open:
            raise ProviderRefusedError("not open")
        self.sessions[ref] = replace(self.sessions[ref], is_expired=True, is_open=False)
        return self.sessions[ref]

    def list_sessions(self, since: datetime) -> Iterator[ProviderSession]:
        if self.is_silent:
            raise ProviderUnsureError("timeout")
        return iter(self.sessions.values())

    def list_disputes(self, since: datetime) -> list[ProviderDispute]:
        self._answer()
        return [one for one in self.disputes if one.opened_at >= since]

    def create_refund(self, *, intent_ref: str, amount: int, key: str, refund_id: int) -> ProviderRefund:
        self._answer()
        self.refunds.append((intent_ref, amount))
        return ProviderRefund(f"re_{refund_id}", "succeeded", amount, intent_ref, "")

    def get_refund(self, ref: str) -> ProviderRefund:
        raise NotImplementedError

    def get_charge(self, intent_ref: str) -> tuple[str | None, int | None]:
        return None, None

    def get_refunded(self, intent_ref: str) -> int:
        return sum(amount for ref, amount in self.refunds if ref == intent_ref)

    def _answer(self) -> None:
        if self.is_silent:
            raise ProviderUnsureError("timeout")
        if self.is_refusing:
            raise ProviderRefusedError("no")
