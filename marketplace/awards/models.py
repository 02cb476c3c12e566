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


class PolicyDocument(Base):
    """A paper that figures stand in: number, issuer, date, and where to read it."""

    __tablename__ = "policy_documents"

    id: Mapped[int] = id_column()
    # Names reference data, so that it is loaded once; None for what staff entered.
    key: Mapped[str | None] = mapped_column(String(40), unique=True)
    number: Mapped[str] = mapped_column(String(100))
    title: Mapped[str] = mapped_column(String(200))
    issuer: Mapped[str] = mapped_column(String(100))
    issued_on: Mapped[date | None]
    url: Mapped[str] = mapped_column(String(300), default="")
    scan: Mapped[str] = mapped_column(String(300), default="")


class PolicyRow:
    """What every figure carries: its source, its time, who entered it and the second person who confirmed it."""

    document_id: Mapped[int] = mapped_column(ForeignKey("policy_documents.id"))
    clause: Mapped[str] = mapped_column(String(100))
    status: Mapped[SourceStatus] = enum_column(SourceStatus)
    reason: Mapped[str] = mapped_column(String(300), default="")
    effective_from: Mapped[date]
    effective_to: Mapped[date | None]
    entered_by: Mapped[int | None] = mapped_column(BigInteger)  # None: reference data of the product
    entered_at: Mapped[datetime] = mapped_column(UtcDateTime)
    confirmed_by: Mapped[int | None] = mapped_column(BigInteger)
    confirmed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class PolicyTier(PolicyRow, Base):
    """One step of the published table: a threshold and its award."""

    __tablename__ = "policy_tiers"

    id: Mapped[int] = id_column()
    mode: Mapped[Mode] = enum_column(Mode)
    tier: Mapped[int]
    threshold_amount: Mapped[int] = fen_column()
    award_amount: Mapped[int] = fen_column()


class AgriThreshold(PolicyRow, Base):
    """A published lowered threshold for produce: a factor, or a table of one mode; used once confirmed."""

    __tablename__ = "agri_thresholds"

    id: Mapped[int] = id_column()
    modes: Mapped[list[str]] = mapped_column(JSON)
    factor: Mapped[str | None] = mapped_column(String(10))  # a decimal text
    threshold_amounts: Mapped[list[int] | None] = mapped_column(JSON(none_as_null=True))


class PolicyParameter(PolicyRow, Base):
    """One reading of the text, dated, with its source (policy section 3); used once confirmed."""

    __tablename__ = "policy_parameters"
    __table_args__ = (Index("ix_policy_parameters_key", "key", "effective_from"),)

    id: Mapped[int] = id_column()
    key: Mapped[str] = mapped_column(String(40))
    value: Mapped[Any] = mapped_column(JSON(none_as_null=True), nullable=True)


class SellerRecord:
    """What staff established about a seller, with the paper that shows it; an error is withdrawn, never erased."""

    document: Mapped[str] = mapped_column(String(200))  # empty: claimed without evidence
    entered_by: Mapped[int | None] = mapped_column(BigInteger)
    entered_at: Mapped[datetime] = mapped_column(UtcDateTime)
    withdrawn_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class NexusEvidence(SellerRecord, Base):
    """Why a seller belongs to Ganzhou: registered, headquarters, operations or settlement, for a time."""

    __tablename__ = "nexus_evidence"
    __table_args__ = (Index("ix_nexus_evidence_seller", "seller_id"),)

    id: Mapped[int] = id_column()
    seller_id: Mapped[int] = mapped_column(ForeignKey("sellers.id"))
    kind: Mapped[str] = mapped_column(String(20))
    valid_from: Mapped[date | None]
    valid_to: Mapped[date | None]


class HistoryState(Base):
    """Whether a seller's revenue before its first year here was established."""

    __tablename__ = "history_states"

    seller_id: Mapped[int] = mapped_column(ForeignKey("sellers.id"), primary_key=True)
    is_known: Mapped[bool] = mapped_column(Boolean)
    document: Mapped[str] = mapped_column(String(200))
    entered_by: Mapped[int | None] = mapped_column(BigInteger)
    entered_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Predecessor(SellerRecord, Base):
    """An entity whose revenue is the seller's own (merger, new credit code): counted once a document shows it."""

    __tablename__ = "predecessors"
    __table_args__ = (Index("ix_predecessors_seller", "seller_id"),)

    id: Mapped[int] = id_column()
    seller_id: Mapped[int] = mapped_column(ForeignKey("sellers.id"))
    name: Mapped[str] = mapped_column(String(100))
    former_seller_id: Mapped[int | None] = mapped_column(ForeignKey("sellers.id"))  # when it sold here too


class RevenueOrigin(enum.StrEnum):
    HISTORY = "history"
    DECLARED = "declared"


class RecordedRevenue(SellerRecord, Base):
    """Annual revenue that no order here shows: a year before the seller joined, a predecessor's, or declared.

    History uses tiers up and earns nothing; what is declared of other channels stays beside the verified figures.
    """

    __tablename__ = "recorded_revenue"
    __table_args__ = (Index("ix_recorded_revenue_seller", "seller_id", "year"),)

    id: Mapped[int] = id_column()
    seller_id: Mapped[int] = mapped_column(ForeignKey("sellers.id"))
    # None: the seller's own.
    predecessor_id: Mapped[int | None] = mapped_column(ForeignKey("predecessors.id"))
    origin: Mapped[RevenueOrigin] = enum_column(RevenueOrigin)
    year: Mapped[int]
    mode: Mapped[Mode] = enum_column(Mode)
    agri_class: Mapped[AgriClass] = enum_column(AgriClass)
    amount: Mapped[int] = fen_column()


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


class AwardApplication(Base):
    """The day on which a seller asked the authority for a year's award: the tie to Ganzhou has to hold then too."""

    __tablename__ = "award_applications"

    seller_id: Mapped[int] = mapped_column(ForeignKey("sellers.id"), primary_key=True)
    year: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    applied_on: Mapped[date]
    document: Mapped[str] = mapped_column(String(200))
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
