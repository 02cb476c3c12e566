"""How much there is: pools from which box sizes draw, their movements, and holds of unpaid orders (D2)."""

from __future__ import annotations

import enum
from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKeyConstraint, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.database import Base, UtcDateTime, enum_column, id_column


class Unit(enum.StrEnum):
    GRAM = "gram"
    MILLILITRE = "millilitre"
    PIECE = "piece"


class StockPool(Base):
    """One amount per batch, grade and size class; size_code None is mixed."""

    __tablename__ = "stock_pools"
    __table_args__ = (
        UniqueConstraint("seller_id", "id"),
        ForeignKeyConstraint(["seller_id", "batch_id"], ["batches.seller_id", "batches.id"]),
        Index("ix_stock_pools_batch", "seller_id", "batch_id"),
        CheckConstraint("held >= 0 AND on_hand >= held", name="never_below_zero"),
    )

    id: Mapped[int] = id_column()
    seller_id: Mapped[int] = mapped_column(BigInteger)
    batch_id: Mapped[int] = mapped_column(BigInteger)
    grade_code: Mapped[str | None] = mapped_column(String(40))
    size_code: Mapped[str | None] = mapped_column(String(40))
    unit: Mapped[Unit] = enum_column(Unit)
    on_hand: Mapped[int] = mapped_column(BigInteger)
    held: Mapped[int] = mapped_column(BigInteger, default=0)


class MovementKind(enum.StrEnum):
    RECEIVED = "received"
    SOLD = "sold"
    RETURNED = "returned"
    SPOILED = "spoiled"
    CORRECTED = "corrected"


class StockMovement(Base):
    """One change of on_hand; their sum is on_hand."""

    __tablename__ = "stock_movements"
    __table_args__ = (
        ForeignKeyConstraint(["seller_id", "pool_id"], ["stock_pools.seller_id", "stock_pools.id"]),
        Index("ix_stock_movements_pool", "seller_id", "pool_id", "id"),
    )

    id: Mapped[int] = id_column()
    seller_id: Mapped[int] = mapped_column(BigInteger)
    pool_id: Mapped[int] = mapped_column(BigInteger)
    kind: Mapped[MovementKind] = enum_column(MovementKind)
    amount: Mapped[int] = mapped_column(BigInteger)
    order_id: Mapped[int | None] = mapped_column(BigInteger)
    note: Mapped[str] = mapped_column(String(100), default="")
    actor_id: Mapped[int | None] = mapped_column(BigInteger)
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class HoldState(enum.StrEnum):
    HELD = "held"
    CONFIRMED = "confirmed"
    RELEASED = "released"


class Hold(Base):
    """What one order keeps from one pool until it is paid or lapses; idempotent by order (D6)."""

    __tablename__ = "holds"
    __table_args__ = (
        ForeignKeyConstraint(["seller_id", "pool_id"], ["stock_pools.seller_id", "stock_pools.id"]),
        UniqueConstraint("seller_id", "order_id", "pool_id"),
        CheckConstraint("amount > 0", name="amount_positive"),
    )

    id: Mapped[int] = id_column()
    seller_id: Mapped[int] = mapped_column(BigInteger)
    order_id: Mapped[int] = mapped_column(BigInteger, index=True)
    pool_id: Mapped[int] = mapped_column(BigInteger)
    amount: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[HoldState] = enum_column(HoldState, default=HoldState.HELD)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
