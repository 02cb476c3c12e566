"""Pictures: public derivatives with random names."""

from __future__ import annotations

import enum
from datetime import datetime

from sqlalchemy import BigInteger, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.database import Base, UtcDateTime, enum_column, id_column


class ImageState(enum.StrEnum):
    PROCESSING = "processing"
    READY = "ready"
    FAILED = "failed"


class Image(Base):
    """One picture of a seller; the derivatives are named by `name`, the original goes after encoding (D20)."""

    __tablename__ = "images"
    __table_args__ = (UniqueConstraint("seller_id", "upload_key"),)

    id: Mapped[int] = id_column()
    seller_id: Mapped[int] = mapped_column(BigInteger, index=True)
    name: Mapped[str] = mapped_column(String(40), unique=True)
    upload_key: Mapped[str | None] = mapped_column(String(64))  # of the phone or the file: a repeat is the same picture
    state: Mapped[ImageState] = enum_column(ImageState, default=ImageState.PROCESSING)
    width: Mapped[int | None]  # of the largest derivative
    height: Mapped[int | None]
    credit: Mapped[str | None] = mapped_column(String(200))  # source and licence of a demo photo
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
