"""Where fruit comes from: seasons, batches, conformity certificates, rights to use a mark."""

from __future__ import annotations

import enum
from datetime import date, datetime

from sqlalchemy import BigInteger, ForeignKey, ForeignKeyConstraint, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.database import Base, UtcDateTime, enum_column, id_column


class Season(Base):
    """The earliest shipping day of a season, with its source; a row with a variety overrides the general one."""

    __tablename__ = "seasons"
    __table_args__ = (Index("ix_seasons_category", "category_code", "year"),)

    id: Mapped[int] = id_column()
    category_code: Mapped[str] = mapped_column(String(40))
    variety_code: Mapped[str | None] = mapped_column(String(40))
    year: Mapped[int]  # the year in which the season begins
    earliest_ship_on: Mapped[date]
    source: Mapped[str] = mapped_column(String(300))
    entered_by: Mapped[int | None] = mapped_column(BigInteger)
    entered_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Batch(Base):
    """Fruit of one seller, one origin, one picking."""

    __tablename__ = "batches"
    __table_args__ = (UniqueConstraint("seller_id", "id"), UniqueConstraint("seller_id", "code"))

    id: Mapped[int] = id_column()
    seller_id: Mapped[int] = mapped_column(ForeignKey("sellers.id"))
    code: Mapped[str] = mapped_column(String(30))
    category_code: Mapped[str] = mapped_column(String(40))
    variety_code: Mapped[str | None] = mapped_column(String(40))
    area_code: Mapped[str] = mapped_column(String(12))  # township or village of origin
    picked_on: Mapped[date | None]
    orchard: Mapped[str] = mapped_column(String(100), default="")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class CertificateKind(enum.StrEnum):
    CONFORMITY = "conformity"  # 承诺达标合格证


class Certificate(Base):
    """A batch's 承诺达标合格证: product, quantity, origin, day, promising party, contact (agriculture order 2025-4)."""

    __tablename__ = "certificates"
    __table_args__ = (
        ForeignKeyConstraint(["seller_id", "batch_id"], ["batches.seller_id", "batches.id"]),
        UniqueConstraint("seller_id", "number"),
        Index("ix_certificates_batch", "seller_id", "batch_id"),
    )

    id: Mapped[int] = id_column()
    seller_id: Mapped[int] = mapped_column(BigInteger)
    batch_id: Mapped[int] = mapped_column(BigInteger)
    kind: Mapped[CertificateKind] = enum_column(CertificateKind)
    number: Mapped[str] = mapped_column(String(40))
    product: Mapped[str] = mapped_column(String(60))
    quantity_grams: Mapped[int] = mapped_column(BigInteger)
    origin: Mapped[str] = mapped_column(String(100))
    issued_on: Mapped[date]
    promised_by: Mapped[str] = mapped_column(String(100))
    contact: Mapped[str] = mapped_column(String(40))


class Authorisation(Base):
    """A seller's right to use a mark such as 赣南脐橙 for a season; without a valid one the claim is blocked."""

    __tablename__ = "authorisations"
    __table_args__ = (Index("ix_authorisations_seller", "seller_id", "mark"),)

    id: Mapped[int] = id_column()
    seller_id: Mapped[int] = mapped_column(ForeignKey("sellers.id"))
    mark: Mapped[str] = mapped_column(String(40))
    number: Mapped[str] = mapped_column(String(60))
    valid_from: Mapped[date]
    valid_to: Mapped[date]
    checked_by: Mapped[int | None] = mapped_column(BigInteger)
    checked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
