"""The second factor of staff: an authenticator's codes, ten recovery codes, and the reset of a lost one."""

from __future__ import annotations

import pyotp
from flask_babel import gettext as _
from sqlalchemy import delete, or_, update

from marketplace import clock, limits, sessions
from marketplace.accounts import passwords, rules
from marketplace.accounts.codes import LIFE_BY_HAND, make_code, use_code
from marketplace.accounts.models import CodePurpose, RecoveryCode, User
from marketplace.accounts.queries import count_recovery_codes, find_by_phone, get_user, list_recovery_hashes
from marketplace.audit import SYSTEM, Actor, record
from marketplace.database import count_changed, db, new_code
from marketplace.errors import DomainError, NotFoundError
from marketplace.notifications.services import notify
from marketplace.sessions import WebSession

TOTP_STEP = 30  # seconds
ISSUER = "赣橙集"
RECOVERY_CODES = 10


class NoSecondFactorError(DomainError):
    """There is nothing to reset."""


# The authenticator


def begin(user_id: int, session_id: int, code: str = "") -> bool:
    """Make a secret that only this session sees; it counts once a code of it was shown.

    After a reset the code that was told by hand is needed: False when it is wrong (counted: commit).
    """
    user = get_user(user_id)
    if user.totp_reset_at is not None and not use_code(user.phone, CodePurpose.SECOND_FACTOR, code):
        return False
    db.session.get_one(WebSession, session_id).totp_secret = pyotp.random_base32()
    return True


def address(user: User, secret: str) -> str:
    """The otpauth:// address that an authenticator reads from the picture."""
    return pyotp.TOTP(secret).provisioning_uri(name=user.phone, issuer_name=ISSUER)


def confirm(actor: Actor, user_id: int, session_id: int, code: str, *, language: str = "zh") -> bool:
    """Whether the code fits the secret of this session, which then replaces what was there and ends the others.

    A wrong one is counted (commit); TooManyTriesError after five.
    """
    limits.take(limits.SECOND_FACTOR, str(user_id))
    row = db.session.get_one(WebSession, session_id)
    secret, step = row.totp_secret, _matching_step(row.totp_secret, code)
    waiting = update(WebSession).where(WebSession.id == session_id, WebSession.totp_secret.is_not(None))
    if step is None or count_changed(waiting.values(totp_secret=None)) != 1:
        return False
    limits.give_back(limits.SECOND_FACTOR, str(user_id))
    user = get_user(user_id)
    user.totp_secret, user.totp_last_step = secret, step
    user.totp_confirmed_at, user.totp_reset_at = clock.now(), None
    sessions.end_all(user_id, but=session_id)
    record(actor, "second_factor.confirmed", "user", user_id)
    notify("second_factor_changed", phone=user.phone, parameters={}, language=language)
    return True


def verify(user_id: int, code: str) -> bool:
    """Whether the code of the authenticator is right; each is good once, one step of clock difference is allowed.

    A wrong one is counted (commit); TooManyTriesError after five.
    """
    limits.take(limits.SECOND_FACTOR, str(user_id))
    step = _matching_step(get_user(user_id).totp_secret, code)
    if step is None:
        return False
    unused = or_(User.totp_last_step.is_(None), User.totp_last_step < step)
    used = count_changed(update(User).where(User.id == user_id, unused).values(totp_last_step=step))
    if used != 1:
        return False
    limits.give_back(limits.SECOND_FACTOR, str(user_id))
    return True


def assign(user_id: int, secret: str) -> None:
    """Give a person a known, confirmed secret: for the demo's people, who have it printed beside their password."""
    user = get_user(user_id)
    user.totp_secret, user.totp_confirmed_at = secret, clock.now()
    record(SYSTEM, "second_factor.set", "user", user_id)


def reset(actor: Actor, user_id: int) -> str:
    """Forget a lost authenticator with its recovery codes; the one-time code with which another is set up.

    The code is told by hand and good for an hour; it replaces no password, so that who resets cannot sign in as the
    other. OwnRightsError for oneself, NoSecondFactorError when there is none.
    """
    if actor.user_id == user_id:
        raise rules.OwnRightsError(_("自己的动态码要请另一位管理员重置"))
    user = get_user(user_id)
    if user.totp_confirmed_at is None and user.totp_reset_at is None:
        raise NoSecondFactorError(_("没有设置过动态码，不用重置"))
    user.totp_secret = user.totp_confirmed_at = user.totp_last_step = None
    user.totp_reset_at = clock.now()
    db.session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user_id))
    sessions.end_all(user_id)
    record(actor, "second_factor.reset", "user", user_id)
    notify("second_factor_reset", phone=user.phone, parameters={})
    return make_code(user.phone, CodePurpose.SECOND_FACTOR, life=LIFE_BY_HAND)


def reset_by_phone(actor: Actor, phone: str) -> str:
    """reset() for the operator at the server, who knows people by phone; NotFoundError."""
    user = find_by_phone(phone)
    if user is None:
        raise NotFoundError(f"no account has the phone {phone}")
    return reset(actor, user.id)


def _matching_step(secret: str | None, code: str) -> int | None:
    if secret is None:
        return None
    totp = pyotp.TOTP(secret)
    present = int(clock.now().timestamp()) // TOTP_STEP
    for step in (present, present - 1, present + 1):
        if pyotp.utils.strings_equal(totp.generate_otp(step), code):
            return step
    return None


# Recovery codes


def draw_recovery_codes() -> dict[str, str]:
    """Ten fresh codes, each with its hash: slow on purpose, so outside of any transaction."""
    codes = [new_code() for _number in range(RECOVERY_CODES)]
    return {code: passwords.hash_password(code) for code in codes}


def keep_recovery_codes(actor: Actor, user_id: int, hashes: list[str]) -> None:
    """Put new codes in the place of the old ones, which are worth nothing any more."""
    db.session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user_id))
    moment = clock.now()
    db.session.add_all(RecoveryCode(user_id=user_id, code_hash=one, created_at=moment) for one in hashes)
    record(actor, "recovery_codes.made", "user", user_id)


def begin_recovery(user_id: int) -> list[tuple[int, str]]:
    """Count a try and load what it is compared with; TooManyTriesError after five, dynamic codes included."""
    limits.take(limits.SECOND_FACTOR, str(user_id))
    return list_recovery_hashes(user_id)


def match_recovery_code(hashes: list[tuple[int, str]], code: str) -> int | None:
    """The id of the code that was typed: slow on purpose, so outside of any transaction."""
    return next((row_id for row_id, one in hashes if passwords.matches(one, code)), None)


def use_recovery_code(actor: Actor, user_id: int, row_id: int, *, language: str = "zh") -> bool:
    """Use up a code that matched; False when somebody else just did. The person is told."""
    unused = update(RecoveryCode).where(
        RecoveryCode.id == row_id, RecoveryCode.user_id == user_id, RecoveryCode.used_at.is_(None)
    )
    if count_changed(unused.values(used_at=clock.now())) != 1:
        return False
    limits.give_back(limits.SECOND_FACTOR, str(user_id))
    left = count_recovery_codes(user_id)
    record(actor, "recovery_code.used", "user", user_id, changes={"left": left})
    notify("recovery_code_used", phone=get_user(user_id).phone, parameters={"left": left}, language=language)
    return True
