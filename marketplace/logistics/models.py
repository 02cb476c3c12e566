"""Parcels: carriers, freight templates, shipments."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    String,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.database import Base, UtcDateTime, fen_column, id_column


class Carrier(Base):
    """A courier company."""

    __tablename__ = "carriers"

    code: Mapped[str] = mapped_column(String(10), primary_key=True)
    name: Mapped[str] = mapped_column(String(40))
    name_en: Mapped[str] = mapped_column(String(40))
    position: Mapped[int]
    source: Mapped[str] = mapped_column(String(200))


class FreightTemplate(Base):
    """One per seller: first and next kilogram by group of provinces; a province without a rule is not served."""

    __tablename__ = "freight_templates"
    __table_args__ = (UniqueConstraint("seller_id"), UniqueConstraint("seller_id", "id"))

    id: Mapped[int] = id_column()
    seller_id: Mapped[int] = mapped_column(ForeignKey("sellers.id"))
    free_from_amount: Mapped[int | None] = (
        fen_column()
    )  # goods amount from which freight is free; None: never
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


class FreightRule(Base):
    """What a parcel to one province costs: every started kilogram counts."""

    __tablename__ = "freight_rules"
    __table_args__ = (
        UniqueConstraint("seller_id", "province_code"),
        ForeignKeyConstraint(
            ["seller_id", "template_id"], ["freight_templates.seller_id", "freight_templates.id"]
        ),
        CheckConstraint("first_amount >= 0 AND next_amount >= 0", name="amounts"),
    )

    id: Mapped[int] = id_column()
    seller_id: Mapped[int] = mapped_column(BigInteger)
    template_id: Mapped[int] = mapped_column(BigInteger)
    group_position: Mapped[int]  # provinces of one group share their amounts
    province_code: Mapped[str] = mapped_column(String(6))
    first_amount: Mapped[int] = fen_column()  # first kilogram
    next_amount: Mapped[int] = fen_column()  # each further started kilogram


class Shipment(Base):
    """One parcel of a seller order, by its waybill number; several are possible."""

    __tablename__ = "shipments"
    __table_args__ = (
        UniqueConstraint("seller_id", "seller_order_id", "waybill"),
        ForeignKeyConstraint(
            ["seller_id", "seller_order_id"], ["seller_orders.seller_id", "seller_orders.id"]
        ),
        Index("ix_shipments_waybill", "seller_id", "waybill"),
    )

    id: Mapped[int] = id_column()
    seller_id: Mapped[int] = mapped_column(BigInteger)
    seller_order_id: Mapped[int] = mapped_column(BigInteger)
    carrier_code: Mapped[str] = mapped_column(ForeignKey("carriers.code"))
    waybill: Mapped[str] = mapped_column(String(40))
    shipped_at: Mapped[datetime] = mapped_column(UtcDateTime)
    delivered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
