"""Money coming in and going back, as the provider tells it."""

from __future__ import annotations

import enum
from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.database import Base, UtcDateTime, enum_column, fen_column, id_column


class PaymentStatus(enum.StrEnum):
    INTENDED = "intended"  # recorded before the provider is called
    OPEN = "open"  # the provider has a session
    SUCCEEDED = "succeeded"
    EXPIRED = "expired"
    UNEXPECTED = "unexpected"  # paid, but amount, currency or order don't fit: a person looks


class Payment(Base):
    """One try to pay one order; idempotency_key is made and stored before the first call."""

    __tablename__ = "payments"
    __table_args__ = (
        Index("ix_payments_order", "order_id", "id"),
        Index("ix_payments_status", "status", "created_at"),
    )

    id: Mapped[int] = id_column()
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"))
    provider: Mapped[str] = mapped_column(String(20), default="stripe")
    idempotency_key: Mapped[str] = mapped_column(String(80), unique=True)
    amount: Mapped[int] = fen_column()
    currency: Mapped[str] = mapped_column(String(3), default="cny")
    status: Mapped[PaymentStatus] = enum_column(PaymentStatus, default=PaymentStatus.INTENDED)
    session_ref: Mapped[str | None] = mapped_column(String(120), unique=True)
    intent_ref: Mapped[str | None] = mapped_column(String(120), unique=True)
    pay_url: Mapped[str | None] = mapped_column(Text)
    channel: Mapped[str | None] = mapped_column(String(20))  # as wished, then as the provider tells
    fee_amount: Mapped[int | None] = fen_column()  # from the provider's balance transaction
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    succeeded_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    checked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # last reconciled


class PaymentPart(Base):
    """What of a payment belongs to one seller order."""

    __tablename__ = "payment_parts"
    __table_args__ = (
        UniqueConstraint("seller_id", "payment_id"),
        ForeignKeyConstraint(
            ["seller_id", "seller_order_id"], ["seller_orders.seller_id", "seller_orders.id"]
        ),
        Index("ix_payment_parts_seller_order", "seller_id", "seller_order_id"),
    )

    id: Mapped[int] = id_column()
    seller_id: Mapped[int] = mapped_column(BigInteger)
    payment_id: Mapped[int] = mapped_column(ForeignKey("payments.id"))
    seller_order_id: Mapped[int] = mapped_column(BigInteger)
    amount: Mapped[int] = fen_column()
    provider_ref: Mapped[str | None] = mapped_column(String(120))


class RefundStatus(enum.StrEnum):
    REQUESTED = "requested"  # decided and booked, not yet asked of the provider
    PENDING = "pending"  # the provider works on it
    SUCCEEDED = "succeeded"
    FAILED = "failed"  # a person looks
    RECORDED = "recorded"  # cash on delivery: given back outside the provider


class Refund(Base):
    """Money that goes back for one seller order, or for a payment that could not be honoured (seller_order_id None)."""

    __tablename__ = "refunds"
    __table_args__ = (
        Index("ix_refunds_seller_order", "seller_id", "seller_order_id"),
        Index("ix_refunds_status", "status", "requested_at"),
        UniqueConstraint("seller_id", "form_key"),
        CheckConstraint("goods_amount >= 0 AND freight_amount >= 0", name="amounts"),
    )

    id: Mapped[int] = id_column()
    seller_id: Mapped[int] = mapped_column(BigInteger)
    seller_order_id: Mapped[int | None] = mapped_column(BigInteger)
    order_line_id: Mapped[int | None] = mapped_column(BigInteger)
    payment_id: Mapped[int | None] = mapped_column(ForeignKey("payments.id"))
    form_key: Mapped[str] = mapped_column(String(64))
    idempotency_key: Mapped[str] = mapped_column(String(80), unique=True)
    goods_amount: Mapped[int] = fen_column()
    freight_amount: Mapped[int] = fen_column()
    reason: Mapped[str] = mapped_column(String(200))
    status: Mapped[RefundStatus] = enum_column(RefundStatus, default=RefundStatus.REQUESTED)
    provider_ref: Mapped[str | None] = mapped_column(String(120), unique=True)
    last_error: Mapped[str | None] = mapped_column(String(300))
    requested_by: Mapped[int | None] = mapped_column(BigInteger)
    requested_at: Mapped[datetime] = mapped_column(UtcDateTime)
    settled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    @property
    def amount(self) -> int:
        return self.goods_amount + self.freight_amount


class DisputeStatus(enum.StrEnum):
    INQUIRY = "inquiry"  # the bank asks; no money was taken
    NEEDS_RESPONSE = "needs_response"
    UNDER_REVIEW = "under_review"  # evidence was sent, the bank decides
    WON = "won"
    LOST = "lost"
    DROPPED = "dropped"  # an inquiry that ended


class Dispute(Base):
    """The buyer's bank takes a payment, or a part of it, back; the state that the provider told last."""

    __tablename__ = "disputes"
    __table_args__ = (
        Index("ix_disputes_payment", "payment_id", "id"),
        Index("ix_disputes_status", "status", "id"),
    )

    id: Mapped[int] = id_column()
    payment_id: Mapped[int] = mapped_column(ForeignKey("payments.id"))
    provider_ref: Mapped[str] = mapped_column(String(120), unique=True)
    amount: Mapped[int] = fen_column()
    fee_amount: Mapped[int] = fen_column(default=0)
    fee_returned_amount: Mapped[int] = fen_column(default=0)
    reason: Mapped[str] = mapped_column(String(60))
    status: Mapped[DisputeStatus] = enum_column(DisputeStatus)
    due_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # until then the bank takes evidence
    opened_at: Mapped[datetime] = mapped_column(UtcDateTime)
    withdrawn_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # the provider took the money
    reinstated_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # and brought it back
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class DisputePart(Base):
    """What of a dispute concerns one seller order; of a payment that no order took, the platform (None)."""

    __tablename__ = "dispute_parts"
    __table_args__ = (
        UniqueConstraint("seller_id", "dispute_id"),
        ForeignKeyConstraint(
            ["seller_id", "seller_order_id"], ["seller_orders.seller_id", "seller_orders.id"]
        ),
        Index("ix_dispute_parts_seller_order", "seller_id", "seller_order_id"),
        Index("ix_dispute_parts_dispute", "dispute_id"),
    )

    id: Mapped[int] = id_column()
    seller_id: Mapped[int] = mapped_column(BigInteger)
    dispute_id: Mapped[int] = mapped_column(ForeignKey("disputes.id"))
    seller_order_id: Mapped[int | None] = mapped_column(BigInteger)
    amount: Mapped[int] = fen_column()


class WebhookEvent(Base):
    """One verified event of the provider, stored once by its id."""

    __tablename__ = "webhook_events"

    id: Mapped[str] = mapped_column(String(120), primary_key=True)
    type: Mapped[str] = mapped_column(String(80))
    object_ref: Mapped[str] = mapped_column(String(120), index=True)
    payload: Mapped[dict[str, Any]] = mapped_column(JSON)
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)
    outcome: Mapped[str] = mapped_column(String(60), default="")
