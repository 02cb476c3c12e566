"""People, the companies they buy for, their addresses, and what they may be."""

from __future__ import annotations

import enum
from datetime import datetime

from sqlalchemy import Boolean, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.database import Base, UtcDateTime, enum_column, id_column
from marketplace.permissions import Role
from marketplace.security import EncryptedText


class UserStatus(enum.StrEnum):
    ACTIVE = "active"
    SUSPENDED = "suspended"


class User(Base):
    """A person, known by a mobile number."""

    __tablename__ = "users"

    id: Mapped[int] = id_column()
    phone: Mapped[str] = mapped_column(String(20), unique=True)
    name: Mapped[str] = mapped_column(String(60))
    password_hash: Mapped[str | None] = mapped_column(String(200))  # None: invited, signs in by code first
    status: Mapped[UserStatus] = enum_column(UserStatus, default=UserStatus.ACTIVE)
    totp_secret: Mapped[str | None] = mapped_column(EncryptedText)
    totp_confirmed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    totp_last_step: Mapped[int | None]  # a code is good once
    totp_reset_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # until another is set up
    is_demo: Mapped[bool] = mapped_column(Boolean, default=False)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class BuyerCompany(Base):
    """The company for which a person buys; orders are B2B only once its credit code was verified (D16)."""

    __tablename__ = "buyer_companies"

    id: Mapped[int] = id_column()
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), unique=True)
    name: Mapped[str] = mapped_column(String(100))
    credit_code: Mapped[str] = mapped_column(String(18))
    verified_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    verified_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))


class Address(Base):
    """Where a buyer wants parcels."""

    __tablename__ = "addresses"

    id: Mapped[int] = id_column()
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    name: Mapped[str] = mapped_column(String(60))
    phone: Mapped[str] = mapped_column(String(20))
    county_code: Mapped[str] = mapped_column(String(12))
    detail: Mapped[str] = mapped_column(String(200))
    is_default: Mapped[bool] = mapped_column(Boolean, default=False)


class RoleGrant(Base):
    """One role given to a person; centre staff have the county in area_code."""

    __tablename__ = "role_grants"
    __table_args__ = (Index("ix_role_grants_user", "user_id", "revoked_at"),)

    id: Mapped[int] = id_column()
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    role: Mapped[Role] = enum_column(Role)
    area_code: Mapped[str | None] = mapped_column(String(12))
    granted_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    granted_at: Mapped[datetime] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Document(enum.StrEnum):
    RULES = "rules"
    PRIVACY = "privacy"


class Acceptance(Base):
    """That a person accepted one version of the rules or the privacy policy."""

    __tablename__ = "acceptances"
    __table_args__ = (UniqueConstraint("user_id", "document", "version"),)

    id: Mapped[int] = id_column()
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    document: Mapped[Document] = enum_column(Document)
    version: Mapped[str] = mapped_column(String(20))
    accepted_at: Mapped[datetime] = mapped_column(UtcDateTime)


class CodePurpose(enum.StrEnum):
    SIGN_UP = "sign_up"
    RESET_PASSWORD = "reset_password"  # noqa: S105  a purpose, not a password
    FIND_ORDER = "find_order"
    SIGN_IN = "sign_in"
    FIRST_SIGN_IN = "first_sign_in"  # given by hand: an administrator's first way in, an invited person's
    SECOND_FACTOR = "second_factor"  # given by hand: to set up another after a reset


class VerificationCode(Base):
    """Six digits sent to a phone: keyed hash, ten minutes (an hour when given by hand), once, five tries."""

    __tablename__ = "verification_codes"
    __table_args__ = (Index("ix_verification_codes_phone", "phone", "purpose", "created_at"),)

    id: Mapped[int] = id_column()
    phone: Mapped[str] = mapped_column(String(20))
    purpose: Mapped[CodePurpose] = enum_column(CodePurpose)
    code_hash: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    tries: Mapped[int] = mapped_column(default=0)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class RecoveryCode(Base):
    """One of a person's ways in without the authenticator: hashed like a password, good once."""

    __tablename__ = "recovery_codes"

    id: Mapped[int] = id_column()
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    code_hash: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
