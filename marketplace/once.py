"""What a form adds is added once: each shown form has a key, and the act that it stands for uses the key up."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import String, delete, select
from sqlalchemy.orm import Mapped, mapped_column

from marketplace import clock
from marketplace.database import Base, UtcDateTime, db, insert_once
from marketplace.errors import DomainError

KEPT = timedelta(days=30)  # as long as a form may lie open
_KEY = re.compile(r"[A-Za-z0-9_-]{20,64}", re.ASCII)


class UsedForm(Base):
    """A form that was carried out: the hash of its key and of what it said."""

    __tablename__ = "used_forms"

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    values: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class UsedFormError(DomainError):
    """The form was carried out before, and said something else then."""

    def __init__(self) -> None:
        super().__init__(_("这一页刚才已经提交过，按那一次做了；这次改的没有做。请重新打开这一页，看看现在的数。"))


def new_key() -> str:
    return secrets.token_urlsafe(24)


def is_key(text: str | None) -> bool:
    return bool(_KEY.fullmatch(text or ""))


def claim(scope: str, key: str, values: Mapping[str, Any]) -> bool:
    """Use a form's key up in the caller's transaction, together with its act; False when it was used for the same.

    A second press waits for the first. UsedFormError when the key was used for other values.
    """
    hashed, said = _hash(scope, key), _hash(*(f"{name}={values[name]}" for name in sorted(values)))
    is_new = insert_once(UsedForm, key=hashed, values=said, at=clock.now())
    if not is_new and db.session.execute(select(UsedForm.values).where(UsedForm.key == hashed)).scalar() != said:
        raise UsedFormError
    return bool(is_new)


def forget_old() -> None:
    """Drop keys of forms that nobody has open any more, in the caller's transaction."""
    db.session.execute(delete(UsedForm).where(UsedForm.at < clock.now() - KEPT))


def _hash(*texts: str) -> str:
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()
