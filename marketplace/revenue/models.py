"""Recognised sales: append-only entries per seller order and class, and their daily and yearly sums (D1)."""

from __future__ import annotations

import enum
from datetime import date, datetime

from sqlalchemy import BigInteger, Index, PrimaryKeyConstraint, String, text
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.database import Base, UtcDateTime, enum_column, fen_column, id_column


class Mode(enum.StrEnum):
    """By the parties of the sale (policy section 4)."""

    B2B = "b2b"
    B2C = "b2c"
    C2C = "c2c"
    UNCLASSIFIED = "unclassified"


class AgriClass(enum.StrEnum):
    PRIMARY = "primary"
    PROCESSED = "processed"
    NOT_AGRI = "not_agri"


class RevenueKind(enum.StrEnum):
    COMPLETED = "completed"
    REFUND = "refund"


class RevenueEntry(Base):
    """One recognised amount (goods − seller's discount − VAT), or a refund of it (negative)."""

    __tablename__ = "revenue_entries"
    __table_args__ = (
        Index("ix_revenue_entries_year", "seller_id", "year", "mode", "agri_class"),
        Index(
            "uq_revenue_entries_once", "seller_id", "seller_order_id", "agri_class", "reference", unique=True
        ),
        # Adjustments are few among millions of entries.
        Index(
            "ix_revenue_entries_adjusted",
            "seller_id",
            sqlite_where=text("adjusts_year IS NOT NULL"),
            postgresql_where=text("adjusts_year IS NOT NULL"),
        ),
    )

    id: Mapped[int] = id_column()
    seller_id: Mapped[int] = mapped_column(BigInteger)
    seller_order_id: Mapped[int] = mapped_column(BigInteger)
    kind: Mapped[RevenueKind] = enum_column(RevenueKind)
    reference: Mapped[str] = mapped_column(String(40))  # "completed", or "refund:<id>"
    mode: Mapped[Mode] = enum_column(Mode)
    agri_class: Mapped[AgriClass] = enum_column(AgriClass)
    amount: Mapped[int] = fen_column()
    at: Mapped[datetime] = mapped_column(UtcDateTime)  # of completion or of the refund
    day: Mapped[date]  # Shanghai day of `at`
    # The year whose figure it moves: of completion for a sale; for a refund the sale's year while that year is
    # not frozen, else the refund's own year (policy section 4).
    year: Mapped[int]
    is_adjustment: Mapped[bool] = mapped_column(default=False)  # a refund after the freeze
    adjusts_year: Mapped[int | None]  # the frozen year that it flags


class DailyRevenue(Base):
    """Sum of the entries of a Shanghai day."""

    __tablename__ = "daily_revenue"
    __table_args__ = (PrimaryKeyConstraint("seller_id", "day", "mode", "agri_class"),)

    seller_id: Mapped[int] = mapped_column(BigInteger)
    day: Mapped[date]
    mode: Mapped[Mode] = enum_column(Mode)
    agri_class: Mapped[AgriClass] = enum_column(AgriClass)
    amount: Mapped[int] = fen_column()


class YearRevenue(Base):
    """Sum of the entries of a year, as the award report reads it."""

    __tablename__ = "year_revenue"
    __table_args__ = (
        PrimaryKeyConstraint("seller_id", "year", "mode", "agri_class"),
        Index("ix_year_revenue_year", "year", "seller_id"),
    )

    seller_id: Mapped[int] = mapped_column(BigInteger)
    year: Mapped[int]
    mode: Mapped[Mode] = enum_column(Mode)
    agri_class: Mapped[AgriClass] = enum_column(AgriClass)
    amount: Mapped[int] = fen_column()
