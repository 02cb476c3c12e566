"""The policy's figures as data, what was established about each seller, and frozen assessments."""

from __future__ import annotations

import enum
from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Boolean, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.database import Base, UtcDateTime, enum_column, fen_column, id_column
from marketplace.revenue.models import AgriClass, Mode


class SourceStatus(enum.StrEnum):
    PUBLISHED = "published"
    INTERPRETATION = "interpretation"
    INDICATIVE = "indicative"


class PolicyTier(Base):
    """A threshold and its award; rows of a lowered produce threshold are used only once a second person confirmed."""

    __tablename__ = "policy_tiers"

    id: Mapped[int] = id_column()
    mode: Mapped[Mode] = enum_column(Mode)
    tier: Mapped[int]
    agri: Mapped[str] = mapped_column(String(8), default="no")  # no, table, factor
    threshold_amount: Mapped[int | None] = fen_column()
    factor: Mapped[str | None] = mapped_column(String(10))  # a decimal text, when agri is factor
    award_amount: Mapped[int | None] = fen_column()
    status: Mapped[SourceStatus] = enum_column(SourceStatus)
    document: Mapped[str] = mapped_column(String(200))
    clause: Mapped[str] = mapped_column(String(40))
    source: Mapped[str] = mapped_column(String(300))
    effective_from: Mapped[date]
    effective_to: Mapped[date | None]
    entered_by: Mapped[int | None] = mapped_column(BigInteger)
    entered_at: Mapped[datetime] = mapped_column(UtcDateTime)
    confirmed_by: Mapped[int | None] = mapped_column(BigInteger)


class PolicyParameter(Base):
    """One reading of the text, dated, with its source (policy section 3)."""

    __tablename__ = "policy_parameters"
    __table_args__ = (Index("ix_policy_parameters_key", "key", "effective_from"),)

    id: Mapped[int] = id_column()
    key: Mapped[str] = mapped_column(String(40))
    value: Mapped[Any] = mapped_column(JSON)
    status: Mapped[SourceStatus] = enum_column(SourceStatus)
    document: Mapped[str] = mapped_column(String(200))
    clause: Mapped[str] = mapped_column(String(40))
    source: Mapped[str] = mapped_column(String(300))
    effective_from: Mapped[date]
    effective_to: Mapped[date | None]
    entered_by: Mapped[int | None] = mapped_column(BigInteger)
    entered_at: Mapped[datetime] = mapped_column(UtcDateTime)
    confirmed_by: Mapped[int | None] = mapped_column(BigInteger)


class NexusEvidence(Base):
    """Why a seller belongs to Ganzhou: registered, headquarters, operations or settlement, for a time."""

    __tablename__ = "nexus_evidence"
    __table_args__ = (Index("ix_nexus_evidence_seller", "seller_id"),)

    id: Mapped[int] = id_column()
    seller_id: Mapped[int] = mapped_column(ForeignKey("sellers.id"))
    kind: Mapped[str] = mapped_column(String(20))
    document: Mapped[str] = mapped_column(String(200))
    valid_from: Mapped[date | None]
    valid_to: Mapped[date | None]
    checked_by: Mapped[int | None] = mapped_column(BigInteger)
    entered_at: Mapped[datetime] = mapped_column(UtcDateTime)


class HistoryState(Base):
    """Whether a seller's revenue before its first year here was established."""

    __tablename__ = "history_states"

    seller_id: Mapped[int] = mapped_column(ForeignKey("sellers.id"), primary_key=True)
    is_known: Mapped[bool] = mapped_column(Boolean)
    document: Mapped[str] = mapped_column(String(200))
    checked_by: Mapped[int | None] = mapped_column(BigInteger)
    entered_at: Mapped[datetime] = mapped_column(UtcDateTime)


class HistoryRevenue(Base):
    """Annual revenue of a year not assessed here, or of a predecessor: uses tiers up, earns nothing."""

    __tablename__ = "history_revenue"
    __table_args__ = (Index("ix_history_revenue_seller", "seller_id", "year"),)

    id: Mapped[int] = id_column()
    seller_id: Mapped[int] = mapped_column(ForeignKey("sellers.id"))
    predecessor: Mapped[str | None] = mapped_column(String(100))  # None: the seller itself
    is_documented: Mapped[bool] = mapped_column(Boolean, default=True)
    year: Mapped[int]
    mode: Mapped[Mode] = enum_column(Mode)
    agri_class: Mapped[AgriClass] = enum_column(AgriClass)
    amount: Mapped[int] = fen_column()
    document: Mapped[str] = mapped_column(String(200))
    entered_by: Mapped[int | None] = mapped_column(BigInteger)
    entered_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Incident(Base):
    """A matter of 四（五）3: only a decided one stops the benefits of its year."""

    __tablename__ = "incidents"
    __table_args__ = (Index("ix_incidents_seller", "seller_id"),)

    id: Mapped[int] = id_column()
    seller_id: Mapped[int] = mapped_column(ForeignKey("sellers.id"))
    kind: Mapped[str] = mapped_column(String(20))
    grade: Mapped[str | None] = mapped_column(String(10))
    status: Mapped[str] = mapped_column(String(12))
    occurred_on: Mapped[date]
    decided_by: Mapped[str] = mapped_column(String(100), default="")
    document: Mapped[str] = mapped_column(String(200), default="")
    entered_by: Mapped[int | None] = mapped_column(BigInteger)
    entered_at: Mapped[datetime] = mapped_column(UtcDateTime)


class FrozenAssessment(Base):
    """A year's result, facts and parameters as they stood when frozen; never changed (policy section 10)."""

    __tablename__ = "frozen_assessments"
    __table_args__ = (UniqueConstraint("seller_id", "year", "version"),)

    id: Mapped[int] = id_column()
    seller_id: Mapped[int] = mapped_column(ForeignKey("sellers.id"))
    year: Mapped[int]
    version: Mapped[int]
    frozen_on: Mapped[date]
    result: Mapped[dict[str, Any]] = mapped_column(JSON)
    facts: Mapped[dict[str, Any]] = mapped_column(JSON)
    parameters: Mapped[list[Any]] = mapped_column(JSON)
    frozen_by: Mapped[int | None] = mapped_column(BigInteger)
    frozen_at: Mapped[datetime] = mapped_column(UtcDateTime)
