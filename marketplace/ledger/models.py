"""The books: double entry in fen, one book per seller and one of the platform (D6)."""

from __future__ import annotations

import enum
from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.database import Base, UtcDateTime, enum_column, fen_column, id_column

PLATFORM_BOOK = 0


class Account(enum.StrEnum):
    """Debit-side accounts first; a posting is positive on the debit side."""

    PROVIDER_CLEARING = (
        "provider_clearing"  # buyers' money at the licensed provider, never platform cash (D17)
    )
    COD_COLLECTED = "cod_collected"  # cash that the seller's courier collected: recorded, not handled
    PROVIDER_FEE = "provider_fee"  # the platform's expense
    DISPUTED = "disputed"  # the buyer's bank took it back and has not decided: a claim on the provider
    DISPUTE_LOST = (
        "dispute_lost"  # the bank decided for the buyer: due from the seller, set against what it earns
    )
    UNEARNED_GOODS = "unearned_goods"  # paid, not yet received by the buyer
    UNEARNED_FREIGHT = "unearned_freight"
    SELLER_PAYABLE = "seller_payable"  # earned by the seller, to be settled by the provider
    REFUNDS_DUE = "refunds_due"  # decided, not yet confirmed by the provider
    UNMATCHED = "unmatched"  # came in, but no order can take it: a person looks, or it goes back
    COMMISSION_INCOME = "commission_income"
    PROVIDER_PAYABLE = "provider_payable"  # what the platform owes the provider
    BOOK_TRANSFER = "book_transfer"  # clearing between books; sums to zero over all books


class JournalEntry(Base):
    """One movement; its postings sum to zero inside its book; append-only; day, number, digest are the seal job's."""

    __tablename__ = "journal_entries"
    __table_args__ = (
        Index("ix_journal_entries_book", "book", "id"),
        Index("uq_journal_entries_once", "book", "kind", "reference", unique=True),
        Index("ix_journal_entries_book_day_number", "book", "day", "number", unique=True),
        Index(
            "ix_journal_entries_unsealed",
            "book",
            "at",
            sqlite_where=text("digest IS NULL"),
            postgresql_where=text("digest IS NULL"),
        ),
    )

    id: Mapped[int] = id_column()
    book: Mapped[int] = mapped_column(BigInteger)  # seller_id, or PLATFORM_BOOK
    kind: Mapped[str] = mapped_column(String(40))
    reference: Mapped[str] = mapped_column(
        String(80)
    )  # what was booked: a repeat is refused by the unique index
    seller_order_id: Mapped[int | None] = mapped_column(BigInteger, index=True)
    transfer_id: Mapped[int | None] = mapped_column(BigInteger, index=True)  # the same in both books
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    day: Mapped[str | None] = mapped_column(String(10))
    number: Mapped[int | None] = mapped_column(BigInteger)
    digest: Mapped[str | None] = mapped_column(String(64))


class Posting(Base):
    """One amount on one account: positive debit, negative credit."""

    __tablename__ = "postings"
    __table_args__ = (Index("ix_postings_book_account", "book", "account"),)

    id: Mapped[int] = id_column()
    entry_id: Mapped[int] = mapped_column(ForeignKey("journal_entries.id"), index=True)
    book: Mapped[int] = mapped_column(BigInteger)
    account: Mapped[Account] = enum_column(Account)
    amount: Mapped[int] = fen_column()
