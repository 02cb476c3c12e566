"""The record of a sale: an order is what was bought at once, a seller order is one seller's part (D7)."""

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
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.database import Base, UtcDateTime, enum_column, fen_column, id_column
from marketplace.revenue.models import AgriClass, Mode
from marketplace.sellers.models import SellerKind


class PaymentState(enum.StrEnum):
    """The only state of a whole order; the rest lives on its seller orders."""

    UNPAID = "unpaid"
    PAID = "paid"
    ON_DELIVERY = "on_delivery"  # cash on delivery: goods go out unpaid
    CANCELLED = "cancelled"


class PaymentMethod(enum.StrEnum):
    ONLINE = "online"
    ON_DELIVERY = "on_delivery"


class BuyerKind(enum.StrEnum):
    CONSUMER = "consumer"
    ENTERPRISE = "enterprise"


class Order(Base):
    """What a buyer bought at once, with its address; total = goods + freight of its seller orders."""

    __tablename__ = "orders"
    __table_args__ = (
        Index("ix_orders_buyer", "buyer_id", "id"),
        Index("ix_orders_contact_phone", "contact_phone", "id"),
        Index("ix_orders_unpaid", "payment_state", "hold_until"),
        CheckConstraint("goods_amount >= 0 AND freight_amount >= 0", name="amounts"),
    )

    id: Mapped[int] = id_column()
    code: Mapped[str] = mapped_column(String(16), unique=True)
    form_key: Mapped[str] = mapped_column(
        String(64), unique=True
    )  # pressing "pay" again gives the same order
    access_token: Mapped[str] = mapped_column(
        String(64), unique=True
    )  # 128 random bits or more: a guest's link
    buyer_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))  # None: a guest
    contact_phone: Mapped[str] = mapped_column(String(20))
    buyer_kind: Mapped[BuyerKind] = enum_column(BuyerKind)
    buyer_credit_code: Mapped[str | None] = mapped_column(String(18))
    invoice_title: Mapped[str] = mapped_column(String(100), default="")
    mode_rule: Mapped[str] = mapped_column(String(20))  # version of the rule that chose the mode
    payment_method: Mapped[PaymentMethod] = enum_column(PaymentMethod)
    payment_state: Mapped[PaymentState] = enum_column(PaymentState)
    goods_amount: Mapped[int] = fen_column()
    freight_amount: Mapped[int] = fen_column()
    recipient_name: Mapped[str] = mapped_column(String(60))
    recipient_phone: Mapped[str] = mapped_column(String(20))
    county_code: Mapped[str] = mapped_column(String(12))
    area_name: Mapped[str] = mapped_column(String(120))  # as it was called when bought
    address_detail: Mapped[str] = mapped_column(String(200))
    note: Mapped[str] = mapped_column(String(200), default="")
    language: Mapped[str] = mapped_column(String(2), default="zh")
    placed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    hold_until: Mapped[datetime] = mapped_column(UtcDateTime)
    paid_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    cancelled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    @property
    def total_amount(self) -> int:
        return self.goods_amount + self.freight_amount


class SellerOrderStatus(enum.StrEnum):
    WAITING = "waiting"  # for the payment
    TO_SHIP = "to_ship"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


class SellerOrder(Base):
    """One seller's part: the unit of shipping, paid cancellation, refund and settlement."""

    __tablename__ = "seller_orders"
    __table_args__ = (
        UniqueConstraint("seller_id", "id"),
        UniqueConstraint("seller_id", "order_id"),
        Index("ix_seller_orders_order", "order_id"),
        Index("ix_seller_orders_list", "seller_id", "status", "id"),
        Index("ix_seller_orders_status", "status", "id"),
        Index("ix_seller_orders_confirm", "status", "confirm_at"),
        CheckConstraint(
            "refunded_goods_amount >= 0 AND refunded_goods_amount <= goods_amount"
            " AND refunded_freight_amount >= 0 AND refunded_freight_amount <= freight_amount",
            name="refunds_bounded",
        ),
    )

    id: Mapped[int] = id_column()
    seller_id: Mapped[int] = mapped_column(ForeignKey("sellers.id"))
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"))
    code: Mapped[str] = mapped_column(String(16), unique=True)
    status: Mapped[SellerOrderStatus] = enum_column(SellerOrderStatus)
    seller_kind: Mapped[SellerKind] = enum_column(SellerKind)
    mode: Mapped[Mode] = enum_column(Mode)
    goods_amount: Mapped[int] = fen_column()
    freight_amount: Mapped[int] = fen_column()
    freight_reason: Mapped[dict[str, Any]] = mapped_column(JSON)  # the template's figures that were applied
    commission_ppm: Mapped[int]  # the rate in force at placing
    commission_amount: Mapped[int] = fen_column(default=0)  # booked at completion
    refunded_goods_amount: Mapped[int] = fen_column(default=0)  # requested or done
    refunded_freight_amount: Mapped[int] = fen_column(default=0)
    ship_by: Mapped[datetime | None] = mapped_column(UtcDateTime)
    shipped_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    delivered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    confirm_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime
    )  # when it is confirmed automatically (D18)
    completed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    cancelled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    @property
    def total_amount(self) -> int:
        return self.goods_amount + self.freight_amount

    @property
    def refunded_amount(self) -> int:
        return self.refunded_goods_amount + self.refunded_freight_amount

    @property
    def mark(self) -> str:
        """The state a page shows: what was decided on another one is refused (rules.PartChangedError)."""
        return f"{self.status}:{self.refunded_amount}"


class OrderLine(Base):
    """So many of one pack, with a snapshot of what was promised (e-commerce law art. 31: three years)."""

    __tablename__ = "order_lines"
    __table_args__ = (
        UniqueConstraint("seller_id", "id"),
        ForeignKeyConstraint(
            ["seller_id", "seller_order_id"], ["seller_orders.seller_id", "seller_orders.id"]
        ),
        Index("ix_order_lines_seller_order", "seller_id", "seller_order_id"),
        CheckConstraint("count > 0 AND refunded_amount >= 0 AND refunded_amount <= amount", name="bounded"),
    )

    id: Mapped[int] = id_column()
    seller_id: Mapped[int] = mapped_column(BigInteger)
    seller_order_id: Mapped[int] = mapped_column(BigInteger)
    product_id: Mapped[int] = mapped_column(BigInteger)
    variant_id: Mapped[int] = mapped_column(BigInteger)
    pool_id: Mapped[int] = mapped_column(BigInteger)
    pool_amount: Mapped[int] = mapped_column(BigInteger)  # for the whole line
    count: Mapped[int]
    price_amount: Mapped[int] = fen_column()  # of one
    amount: Mapped[int] = fen_column()  # count × price − the seller's own discount
    vat_amount: Mapped[int] = fen_column(default=0)  # contained in amount
    refunded_amount: Mapped[int] = fen_column(default=0)
    agri_class: Mapped[AgriClass] = enum_column(AgriClass)
    needs_confirmation: Mapped[bool] = mapped_column(default=False)  # blemished fruit, ticked by the buyer
    title: Mapped[str] = mapped_column(String(60))
    pack: Mapped[dict[str, Any]] = mapped_column(JSON)  # measure, net_amount, pieces, gross_grams
    snapshot: Mapped[dict[str, Any]] = mapped_column(
        JSON
    )  # variety, grade, size, origin, batch, certificate, rules


class OrderEvent(Base):
    """What happened to an order or to one seller's part, as its people may read it."""

    __tablename__ = "order_events"
    __table_args__ = (Index("ix_order_events_order", "order_id", "id"),)

    id: Mapped[int] = id_column()
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"))
    seller_id: Mapped[int | None] = mapped_column(BigInteger)  # None: of the whole order
    kind: Mapped[str] = mapped_column(String(40))  # past tense: placed, paid, shipped, …
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    actor_label: Mapped[str] = mapped_column(String(80))
    data: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
