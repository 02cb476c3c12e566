"""What a password, a credit code, a role or a browser's name has to be; nothing here asks the database."""

from __future__ import annotations

import re
from itertools import pairwise

from flask_babel import gettext as _

from marketplace.accounts.models import Document
from marketplace.accounts.passwords import common_passwords
from marketplace.errors import DomainError
from marketplace.permissions import Role

# The versions now in force; a new one is asked of everybody at the next request.
VERSIONS = {Document.RULES: "2026-11-01", Document.PRIVACY: "2026-11-01"}

PASSWORD_LEAST = 8
PASSWORD_MOST = 128

CREDIT_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"  # GB 32100-2015: no I, O, S, V, Z
_CREDIT_SHAPE = re.compile(rf"[{CREDIT_ALPHABET}]{{2}}[0-9]{{6}}[{CREDIT_ALPHABET}]{{10}}", re.ASCII)

_BROWSERS = (
    ("MicroMessenger", "WeChat"),
    ("Edg", "Edge"),
    ("HuaweiBrowser", "Huawei Browser"),
    ("Firefox", "Firefox"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
)
_SYSTEMS = (
    ("HarmonyOS", "HarmonyOS"),
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS", "macOS"),
    ("Linux", "Linux"),
)


class WeakPasswordError(DomainError):
    """The password is too short, too long, commonly used or contains the phone number."""


class CreditCodeError(DomainError):
    """The text is no unified social credit code of GB 32100-2015."""


class RoleAreaError(DomainError):
    """Centre staff need a county of Ganzhou; other roles have none."""


class OwnRightsError(DomainError):
    """Nobody suspends or takes rights from themselves, so that one administrator always remains."""


def check_password(password: str, *, phone: str = "", field: str = "password") -> None:
    """Refuse with WeakPasswordError; length alone counts, any characters may be used (ASVS 6.2)."""
    if len(password) < PASSWORD_LEAST:
        raise WeakPasswordError(_("密码至少 %(count)s 位", count=PASSWORD_LEAST), field=field)
    if len(password) > PASSWORD_MOST:
        raise WeakPasswordError(_("密码最多 %(count)s 位", count=PASSWORD_MOST), field=field)
    plain = password.lower()
    if (
        plain in common_passwords()
        or len(set(plain)) < 3
        or (plain.isascii() and plain.isdigit() and _is_run(plain))
    ):
        raise WeakPasswordError(_("这个密码太常见，容易被猜到，请换一个"), field=field)
    if phone and phone in plain:
        raise WeakPasswordError(_("密码里不要用手机号"), field=field)


def _is_run(digits: str) -> bool:
    steps = {(int(b) - int(a)) % 10 for a, b in pairwise(digits)}
    return len(steps) == 1


def normal_credit_code(text: str) -> str:
    """As it stands on a licence: without blanks, in capitals."""
    return re.sub(r"\s", "", text).upper()


def credit_code_check(code: str) -> bool:
    """Whether shape and check character agree with GB 32100-2015 (18 characters, weights 3^i modulo 31)."""
    if not _CREDIT_SHAPE.fullmatch(code):
        return False
    total = sum(CREDIT_ALPHABET.index(character) * pow(3, i, 31) for i, character in enumerate(code[:17]))
    return CREDIT_ALPHABET[-total % 31] == code[17]


def check_credit_code(text: str, *, field: str = "credit_code") -> str:
    """The normal form of a code of the right shape; CreditCodeError otherwise.

    Codes in real use fail the check character: that is told to whoever verifies, and never refuses.
    """
    code = normal_credit_code(text)
    if not _CREDIT_SHAPE.fullmatch(code):
        raise CreditCodeError(_("统一社会信用代码不对：照营业执照抄 18 位"), field=field)
    return code


def check_role_area(role: Role, area_code: str | None, county_codes: set[str]) -> None:
    """RoleAreaError unless centre staff have a county and the city-wide roles have none."""
    if role == Role.CENTRE_STAFF and area_code not in county_codes:
        raise RoleAreaError(_("服务中心的人要选一个县（市、区）"), field="area_code")
    if role != Role.CENTRE_STAFF and area_code is not None:
        raise RoleAreaError(_("这个角色管全市，不用选县"), field="area_code")


def device_label(user_agent: str) -> str:
    """Browser and system as the session's row keeps them; device_words() says them to people."""
    browser = next((name for mark, name in _BROWSERS if mark in user_agent), "")
    system = next((name for mark, name in _SYSTEMS if mark in user_agent), "")
    return " · ".join(part for part in (browser, system) if part)


def device_words(label: str) -> str:
    """A device in plain words, for the list of sessions."""
    plain = {
        "WeChat": _("微信"),
        "Huawei Browser": _("华为浏览器"),
        "HarmonyOS": _("鸿蒙手机"),
        "Android": _("安卓手机"),
        "iPhone": _("苹果手机"),
        "iPad": _("苹果平板"),
        "Windows": _("Windows 电脑"),
        "macOS": _("苹果电脑"),
        "Linux": _("Linux 电脑"),
    }
    words = [plain.get(part, part) for part in reversed(label.split(" · ")) if part]
    return " · ".join(words) or _("说不清的设备")
