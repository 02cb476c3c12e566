"""Before the order: a basket known by the cookie, or by the person once signed in."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.database import Base, UtcDateTime, fen_column, id_column


class Cart(Base):
    """One basket; an anonymous one is reached by its random token only."""

    __tablename__ = "carts"

    id: Mapped[int] = id_column()
    token: Mapped[str] = mapped_column(unique=True)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"), unique=True)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class CartItem(Base):
    """So many of one pack, and the price that was seen when it was put in."""

    __tablename__ = "cart_items"
    __table_args__ = (
        UniqueConstraint("cart_id", "variant_id"),
        ForeignKeyConstraint(["seller_id", "variant_id"], ["variants.seller_id", "variants.id"]),
        Index("ix_cart_items_cart", "cart_id", "id"),
        CheckConstraint("count > 0 AND count <= 100000", name="count_bounded"),
    )

    id: Mapped[int] = id_column()
    seller_id: Mapped[int] = mapped_column(BigInteger)
    cart_id: Mapped[int] = mapped_column(ForeignKey("carts.id", ondelete="CASCADE"))
    variant_id: Mapped[int] = mapped_column(BigInteger)
    count: Mapped[int]
    seen_price_amount: Mapped[int] = fen_column()
