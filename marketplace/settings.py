"""Values that staff may change: typed, dated, with history; and which kind of installation the database is (D23)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import g, has_app_context
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import BigInteger, Index, String, select
from sqlalchemy.orm import Mapped, mapped_column

from marketplace import audit, clock
from marketplace.database import Base, UtcDateTime, db, id_column
from marketplace.errors import DomainError


class PlatformSetting(Base):
    """One value from one moment on; the newest row is in force, the older ones are its history."""

    __tablename__ = "platform_settings"
    __table_args__ = (Index("ix_platform_settings_key_id", "key", "id"),)

    id: Mapped[int] = id_column()
    key: Mapped[str] = mapped_column(String(60))
    value: Mapped[str] = mapped_column(String(2000))
    set_at: Mapped[datetime] = mapped_column(UtcDateTime)
    set_by: Mapped[int | None] = mapped_column(BigInteger)


class Installation(Base):
    """The one row that says whether this database is a demo's or production's."""

    __tablename__ = "installation"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    mode: Mapped[str] = mapped_column(String(16))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


def _whole(low: int, high: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not text.isascii() or not text.isdigit() or not low <= int(text) <= high:
            raise ValueError(_("填 %(low)s 到 %(high)s 之间的整数", low=low, high=high))
        return int(text)

    return read


def _text(text: str) -> str:
    if len(text) > 2000:
        raise ValueError(_("最多 2000 个字"))
    return text


@dataclass(frozen=True)
class Definition:
    """A setting's default, reader and meaning."""

    default: str
    read: Callable[[str], Any]
    meaning: Any


DEFINITIONS: dict[str, Definition] = {
    "orders.hold_minutes": Definition("30", _whole(5, 120), _l("付款前为买家留货的分钟数")),
    "orders.ship_hours": Definition("48", _whole(12, 240), _l("付款后多少小时内发货")),
    "orders.confirm_days_after_delivery": Definition("7", _whole(1, 30), _l("签收后多少天自动确认收货")),
    "orders.confirm_days_after_dispatch": Definition(
        "15", _whole(3, 60), _l("没有签收记录时，发货后多少天自动确认收货")
    ),
    "aftersales.claim_hours": Definition("48", _whole(48, 168), _l("签收后多少小时内包赔坏果")),
    "cod.enabled": Definition("1", _whole(0, 1), _l("是否提供货到付款（1 是，0 否）")),
    "cod.most_yuan": Definition("2000", _whole(1, 100_000), _l("货到付款一单最多多少元")),
    "footer.operator": Definition("", _text, _l("页脚：经营者名称（空则不显示）")),
    "footer.icp": Definition("", _text, _l("页脚：ICP 备案号（空则不显示）")),
    "footer.public_security": Definition("", _text, _l("页脚：公安备案号（空则不显示）")),
    "footer.licence": Definition("", _text, _l("页脚：平台营业执照信息（空则不显示）")),
    "contact.phone": Definition("", _text, _l("服务电话（空则不显示）")),
}


def get(key: str) -> Any:
    """The typed value in force; all settings are read once per request."""
    definition = DEFINITIONS[key]
    stored = _in_force().get(key)
    return definition.read(definition.default if stored is None else stored)


def _in_force() -> dict[str, str]:
    if not has_app_context():
        return {}
    if "platform_settings" not in g:
        rows = db.session.execute(select(PlatformSetting.key, PlatformSetting.value).order_by(PlatformSetting.id))
        g.platform_settings = dict(rows.tuples().all())
    values: dict[str, str] = g.platform_settings
    return values


def put(actor: audit.Actor, key: str, text: str) -> None:
    """Set a value from now on; DomainError says what is wrong with it."""
    if key not in DEFINITIONS:
        raise DomainError(_("没有这个设置"), field="key")
    try:
        DEFINITIONS[key].read(text)
    except ValueError as error:
        raise DomainError(str(error), field="value") from error
    before = _in_force().get(key, DEFINITIONS[key].default)
    db.session.add(PlatformSetting(key=key, value=text, set_at=clock.now(), set_by=actor.user_id))
    audit.record(actor, "setting.changed", "setting", key, changes={"value": [before, text]})
    g.pop("platform_settings", None)


def history(key: str) -> list[PlatformSetting]:
    """A setting's values, newest first."""
    query = select(PlatformSetting).where(PlatformSetting.key == key).order_by(PlatformSetting.id.desc()).limit(50)
    return list(db.session.execute(query).scalars())


def installation_mode() -> str | None:
    """demo, production, or None before the first migration has been claimed."""
    return db.session.execute(select(Installation.mode)).scalar_one_or_none()


def claim_installation(mode: str) -> None:
    """Write the one row; refuses when the database belongs to the other mode."""
    found = installation_mode()
    if found is None:
        db.session.add(Installation(id=1, mode=mode, created_at=clock.now()))
    elif found != mode:
        raise DomainError(f"this database is a {found} database, it cannot be used in {mode} mode")
