"""An order and its parts as their readers see them, with what follows from their rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from marketplace.orders.models import (
    BuyerKind,
    Order,
    OrderEvent,
    OrderLine,
    PaymentMethod,
    PaymentState,
    SellerOrder,
    SellerOrderStatus,
)
from marketplace.orders.rules import has_money, order_status


@dataclass(frozen=True)
class OrderHead:
    """What a seller may know of the order that its part belongs to: who receives it, not what others sold."""

    id: int
    code: str
    placed_at: datetime
    paid_at: datetime | None
    payment_state: PaymentState
    payment_method: PaymentMethod
    buyer_kind: BuyerKind
    buyer_credit_code: str | None
    invoice_title: str
    contact_phone: str
    recipient_name: str
    recipient_phone: str
    county_code: str
    area_name: str
    address_detail: str
    note: str
    language: str


@dataclass(frozen=True)
class Part:
    """One seller order with its lines, and the shop's name and the phone of its licence block."""

    order: OrderHead
    seller_order: SellerOrder
    lines: tuple[OrderLine, ...]
    seller_name: str
    seller_code: str
    seller_phone: str
    events: tuple[OrderEvent, ...] = ()  # newest first; only on a page of its own

    @property
    def id(self) -> int:
        return self.seller_order.id

    @property
    def code(self) -> str:
        return self.seller_order.code

    @property
    def status(self) -> SellerOrderStatus:
        return self.seller_order.status

    @property
    def has_money(self) -> bool:
        """Whether there is money to give back, or that was given back."""
        return has_money(self.order.payment_state, self.seller_order.status)


@dataclass(frozen=True)
class Whole:
    """An order with all its parts, for its buyer and for staff."""

    order: Order
    parts: tuple[Part, ...]
    events: tuple[OrderEvent, ...] = ()  # newest first; only on a page of its own

    @property
    def status(self) -> str:
        """to_pay, to_ship, partly_shipped, shipped, delivered, completed or cancelled."""
        return order_status(self.order.payment_state, [part.seller_order.status for part in self.parts])

    @property
    def cash_due_parts(self) -> list[tuple[int, int]]:
        """Number and fen of each parcel for which a courier still takes cash: each is paid by itself."""
        ended = (SellerOrderStatus.CANCELLED, SellerOrderStatus.COMPLETED)
        if self.order.payment_state != PaymentState.ON_DELIVERY:
            return []
        return [
            (number, part.seller_order.total_amount)
            for number, part in enumerate(self.parts, 1)
            if part.status not in ended
        ]

    @property
    def is_unpaid_end(self) -> bool:
        """Whether it was cancelled before anything was paid."""
        return self.status == "cancelled" and self.order.paid_at is None

    @property
    def is_paid(self) -> bool:
        """Whether somebody has the buyer's money: the provider, or couriers for the parcels that were received."""
        is_received = any(part.status == SellerOrderStatus.COMPLETED for part in self.parts)
        return self.order.paid_at is not None or is_received

    @property
    def dropped_amount(self) -> int:
        """What was cancelled before it was paid, in fen: parcels of cash on delivery that were never sent."""
        if self.order.payment_state != PaymentState.ON_DELIVERY:
            return 0
        return sum(
            part.seller_order.total_amount
            for part in self.parts
            if part.status == SellerOrderStatus.CANCELLED
        )

    @property
    def payable_amount(self) -> int:
        """What the buyer pays, or has paid, for all of it, in fen."""
        return 0 if self.is_unpaid_end else self.order.total_amount - self.dropped_amount

    @property
    def refunded_amount(self) -> int:
        return sum(part.seller_order.refunded_amount for part in self.parts)
