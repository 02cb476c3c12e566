"""One-time codes: made, sent through the outbox, used once; every answer is the same for known and unknown phones."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import timedelta

from flask import current_app
from sqlalchemy import delete, update

from marketplace import clock, limits
from marketplace.accounts.models import CodePurpose, VerificationCode
from marketplace.accounts.queries import find_by_phone
from marketplace.database import count_changed, db, run_in_transaction
from marketplace.notifications.services import notify

LIFE = timedelta(minutes=10)
LIFE_BY_HAND = timedelta(minutes=60)
MOST_TRIES = 5


def request_code(phone: str, purpose: CodePurpose, address: str, *, language: str = "zh") -> None:
    """Send a code to a phone, or what it should know instead; TooManyTriesError by number and by address.

    Nothing in the outcome tells whether the phone has an account: who has one gets no code for a sign-up but a
    sentence, who has none gets nothing for a reset. A code is made either way, so that the work is the same.
    """
    limits.take(limits.CODE_SENDS_PHONE, phone)
    limits.take(limits.CODE_SENDS_ADDRESS, address)
    is_known = find_by_phone(phone) is not None
    code = make_code(phone, purpose, life=LIFE)
    if purpose == CodePurpose.SIGN_UP and is_known:
        notify("account_exists", phone=phone, parameters={}, language=language)
    elif purpose != CodePurpose.RESET_PASSWORD or is_known:
        minutes = int(LIFE.total_seconds() // 60)
        notify("code", phone=phone, parameters={"code": code, "minutes": minutes}, language=language)


def make_code(phone: str, purpose: CodePurpose, *, life: timedelta) -> str:
    """A fresh code; the ones before it are void."""
    void_codes(phone, purpose)
    code = f"{secrets.randbelow(1_000_000):06d}"
    moment = clock.now()
    db.session.add(
        VerificationCode(
            phone=phone,
            purpose=purpose,
            code_hash=_hash(phone, purpose, code),
            created_at=moment,
            expires_at=moment + life,
        )
    )
    return code


def use_code(phone: str, purpose: CodePurpose, code: str) -> bool:
    """Whether the code is right; it is used up then. A wrong one is counted: commit also after False.

    TooManyTriesError after five wrong ones, whether or not a code was ever sent.
    """
    subject = f"{purpose} {phone}"
    limits.take(limits.CODE_TRIES, subject)
    moment = clock.now()
    alive = (
        VerificationCode.phone == phone,
        VerificationCode.purpose == purpose,
        VerificationCode.used_at.is_(None),
        VerificationCode.expires_at > moment,
        VerificationCode.tries < MOST_TRIES,
    )
    used = count_changed(
        update(VerificationCode)
        .where(*alive, VerificationCode.code_hash == _hash(phone, purpose, code))
        .values(used_at=moment)
    )
    if used == 1:
        limits.give_back(limits.CODE_TRIES, subject)
        return True
    db.session.execute(update(VerificationCode).where(*alive).values(tries=VerificationCode.tries + 1))
    return False


def void_codes(phone: str, *purposes: CodePurpose) -> None:
    """Codes that were sent and not used are good for nothing any more."""
    db.session.execute(
        update(VerificationCode)
        .where(
            VerificationCode.phone == phone,
            VerificationCode.purpose.in_(purposes),
            VerificationCode.used_at.is_(None),
        )
        .values(used_at=clock.now())
    )


def forget_old() -> int:
    """Delete codes that nobody can use any more, a day after their end; an act of its own, for the worker."""
    old = delete(VerificationCode).where(VerificationCode.expires_at < clock.now() - timedelta(days=1))
    return run_in_transaction(lambda: count_changed(old))


def _hash(phone: str, purpose: CodePurpose, code: str) -> str:
    # Six digits are guessed at once from a plain hash: the key is not in the database.
    key = str(current_app.secret_key).encode()
    return hmac.new(key, f"code\n{purpose.value}\n{phone}\n{code}".encode(), hashlib.sha256).hexdigest()
