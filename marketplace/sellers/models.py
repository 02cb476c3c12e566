"""Sellers, the people who act for them, and the commission in force."""

from __future__ import annotations

import enum
from datetime import date, datetime

from sqlalchemy import BigInteger, Boolean, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.database import Base, UtcDateTime, enum_column, id_column
from marketplace.permissions import MemberRole


class SellerKind(enum.StrEnum):
    PERSON = "person"  # natural person with own produce: no licence, a declaration instead
    SOLE_TRADER = "sole_trader"
    FAMILY_FARM = "family_farm"
    COOPERATIVE = "cooperative"
    COMPANY = "company"


class SellerStatus(enum.StrEnum):
    PENDING = "pending"
    APPROVED = "approved"
    SUSPENDED = "suspended"


class Seller(Base):
    """One shop: the seller of record owns every sale, one credit code is one entity."""

    __tablename__ = "sellers"
    __table_args__ = (Index("ix_sellers_county", "county_code", "id"),)

    id: Mapped[int] = id_column()
    code: Mapped[str] = mapped_column(String(16), unique=True)
    kind: Mapped[SellerKind] = enum_column(SellerKind)
    # A family farm is what its registration says; without registration it counts as a person.
    registered_as: Mapped[SellerKind | None] = enum_column(SellerKind)
    name: Mapped[str] = mapped_column(String(60))
    legal_name: Mapped[str] = mapped_column(String(100))
    credit_code: Mapped[str | None] = mapped_column(String(18), unique=True)
    own_produce_declared_on: Mapped[date | None]
    county_code: Mapped[str] = mapped_column(String(12))
    area_code: Mapped[str] = mapped_column(String(12))  # township or village of the orchard or seat
    phone: Mapped[str] = mapped_column(String(20))
    story: Mapped[str] = mapped_column(Text, default="")
    status: Mapped[SellerStatus] = enum_column(SellerStatus, default=SellerStatus.PENDING)
    approved_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    is_demo: Mapped[bool] = mapped_column(Boolean, default=False)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)

    @property
    def is_enterprise(self) -> bool:
        return is_enterprise(self.kind, self.registered_as)


def is_enterprise(kind: SellerKind, registered_as: SellerKind | None) -> bool:
    """Enterprise side of the award modes (policy section 4)."""
    return (registered_as if kind == SellerKind.FAMILY_FARM else kind) not in {None, SellerKind.PERSON}


class SellerMember(Base):
    """A person's role within one seller, for a time."""

    __tablename__ = "seller_members"
    __table_args__ = (
        Index("ix_seller_members_user", "user_id", "until"),
        Index("uq_seller_members_seller_id_user_id", "seller_id", "user_id", unique=True),
    )

    id: Mapped[int] = id_column()
    seller_id: Mapped[int] = mapped_column(ForeignKey("sellers.id"))
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    role: Mapped[MemberRole] = enum_column(MemberRole)
    since: Mapped[datetime] = mapped_column(UtcDateTime)
    until: Mapped[datetime | None] = mapped_column(UtcDateTime)


class CommissionRate(Base):
    """The platform's commission from a day on, in millionths of the goods amount; versions are kept."""

    __tablename__ = "commission_rates"

    id: Mapped[int] = id_column()
    rate_ppm: Mapped[int]
    effective_from: Mapped[date]
    source: Mapped[str] = mapped_column(String(200))
    entered_by: Mapped[int | None] = mapped_column(BigInteger)
