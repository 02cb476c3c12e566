"""Filters and globals for templates: formats, addresses of assets, small facts about the request."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Hashable
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from flask import Flask, current_app, g, send_from_directory, session
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user
from markupsafe import Markup

from marketplace import clock, settings
from marketplace.i18n import CHINESE, language, switch_language_url
from marketplace.money import format_fen
from marketplace.permissions import may_open, public

STATIC_FOLDER = Path(__file__).parent.parent / "static"


def day(value: date | datetime | None) -> str:
    """2026年11月22日, or 22 Nov 2026: the Shanghai day."""
    if value is None:
        return ""
    found = clock.shanghai_date(value) if isinstance(value, datetime) else value
    if language() == "en":
        return f"{found.day} {found:%b} {found.year}"
    return f"{found.year}年{found.month}月{found.day}日"


def short_day(value: date | datetime | None) -> str:
    """11月22日, or 22 Nov; with its year when that is not this one."""
    if value is None:
        return ""
    found = clock.shanghai_date(value) if isinstance(value, datetime) else value
    if found.year != clock.today().year:
        return day(found)
    return f"{found.day} {found:%b}" if language() == "en" else f"{found.month}月{found.day}日"


def moment(value: datetime | None) -> str:
    """The Shanghai day and minute."""
    return "" if value is None else f"{day(value)} {value.astimezone(clock.SHANGHAI):%H:%M}"


def kilos(grams: int) -> str:
    """5 kg, 2.5 kg, 500 g."""
    if grams < 1000:
        return f"{grams} g"
    whole, rest = divmod(grams, 1000)
    return f"{whole:,}{('.' + f'{rest:03d}').rstrip('0') if rest else ''} kg"


def jin(grams: int) -> str:
    """10斤, 2.5斤: grams ÷ 500."""
    hundredths = grams * 100 // 500
    whole, rest = divmod(hundredths, 100)
    number = f"{whole:,}{('.' + f'{rest:02d}').rstrip('0') if rest else ''}"
    return _("%(number)s 斤", number=number)


def mask_phone(phone: str | None) -> str:
    """138****8000."""
    return f"{phone[:3]}****{phone[-4:]}" if phone and len(phone) >= 7 else "****"


def mask_name(name: str | None) -> str:
    """张*."""
    return f"{name[0]}*" if name else "*"


def original(words: Any) -> Any:
    """Words as somebody typed them, for a page's text: on English pages their Chinese is marked as such."""
    if language() != "en" or not isinstance(words, str) or isinstance(words, Markup):
        return words
    found = CHINESE.search(words)
    if found is None:
        return words
    before, after = words[: found.start()], words[found.end() :]
    return Markup('{}<span lang="zh-CN">{}</span>{}').format(before, found.group(), after)


@lru_cache(maxsize=512)
def _sources(path: str) -> tuple[Path, ...]:
    """The files whose change gives a new address: scripts import each other by relative address, so all of them."""
    if path.startswith("js/"):
        return tuple(sorted((STATIC_FOLDER / "js").rglob("*.js")))
    return (STATIC_FOLDER / path,)


@lru_cache(maxsize=512)
def _fingerprint(path: str, _changed_at: int) -> str:
    digest = hashlib.sha256()
    for source in _sources(path):
        digest.update(source.read_bytes())
    return digest.hexdigest()[:12]


def asset(path: str) -> str:
    """The address of a static file with its fingerprint, the same in both languages; a change is seen in a second."""
    return _asset(path, int(time.monotonic()))


@lru_cache(maxsize=512)
def _asset(path: str, _second: int) -> str:
    changed_at = max(source.stat().st_mtime_ns for source in _sources(path))
    return f"/static/{_fingerprint(path, changed_at)}/{path}"


def drawn(template: str, macro: str, *values: Hashable) -> Markup:
    """What a macro makes of values; kept by the values, as it depends on nothing else but language and day."""
    return _drawn(template, macro, language(), clock.today(), values)


@lru_cache(maxsize=1024)
def _drawn(template: str, macro: str, _language: str, _day: date, values: tuple[Hashable, ...]) -> Markup:
    found: Markup = getattr(current_app.jinja_env.get_template(template).module, macro)(*values)
    return found


@public
def static_file(fingerprint: str, path: str) -> ResponseReturnValue:
    """A static file, kept by browsers for a year since its address carries its fingerprint."""
    answer = send_from_directory(STATIC_FOLDER, path, max_age=31_536_000)
    answer.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    return answer


def basket_count() -> int:
    """Boxes in this visitor's basket as the cookie knows it; asks no database."""
    found = session.get("basket_count", 0)
    return found if isinstance(found, int) else 0


def compile_all(app: Flask) -> None:
    """Every template now, and not at its first page."""
    for name in app.jinja_env.list_templates():
        app.jinja_env.get_template(name)


def finds_orders() -> bool:
    """Whether this is a guest who ordered in this browser: there is no list of orders, but a page that finds one."""
    return "order" in session and getattr(g.get("viewer"), "user_id", None) is None


def init_app(app: Flask) -> None:
    app.add_url_rule("/static/<fingerprint>/<path:path>", "static_file", static_file)
    app.jinja_env.filters.update(
        fen=format_fen,
        day=day,
        short_day=short_day,
        moment=moment,
        kilos=kilos,
        jin=jin,
        mask_phone=mask_phone,
        mask_name=mask_name,
        original=original,
    )
    app.jinja_env.globals["asset"] = asset  # macros are imported without a page's context
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True

    @app.context_processor
    def _globals() -> dict[str, Any]:
        return {
            "asset": asset,
            "basket_count": basket_count,
            "current_user": current_user,
            "drawn": drawn,
            "demo_mode": current_app.config["SETTINGS"].demo,
            "finds_orders": finds_orders,
            "language": language(),
            "may_open": may_open,
            "member": g.get("member"),
            "now": clock.now,
            "seller": g.get("seller"),
            "setting": settings.get,
            "switch_language_url": switch_language_url,
            "viewer": g.get("viewer"),
        }
