"""How the shop's machinery stands: what is there, what each task last did, what waits, what differs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from marketplace import clock, health
from marketplace.database import db
from marketplace.health import Heartbeat, Readiness
from marketplace.jobs import queries as jobs
from marketplace.notifications import queries as notifications
from marketplace.payments import queries as payments
from marketplace.permissions import Viewer

CHECKS = {
    "database": _l("数据库"),
    "schema": _l("数据表版本"),
    "worker": _l("后台进程"),
    "tasks": _l("定时任务"),
    "keys": _l("密钥文件"),
    "files": _l("图片和文件能存"),
}
# The ones that people ask for first; a beat without a name here shows its own.
TASKS = {
    "backup": _l("备份"),
    "check": _l("对账和自查"),
    "reconcile": _l("和支付机构核对"),
    "refunds": _l("发出退款"),
    "lapsed holds": _l("放回没付款的货"),
    "jobs": _l("处理图片等工作"),
    "messages": _l("发短信和邮件"),
    "automatic confirmation": _l("自动确认收货"),
    "sealing": _l("封存操作记录"),
    "old failures and forms": _l("清理失败记录和用过的表单"),
    "old codes": _l("清理验证码"),
    "versions of the catalogue": _l("整理货架的版本"),
    "daily check": _l("到点自查"),
    "worker": _l("后台进程"),
}


@dataclass(frozen=True)
class Beat:
    """One task: when it last did its work (None: never), whether it should have since, and what it found."""

    label: Any
    at: datetime | None
    is_overdue: bool
    findings: int | None


@dataclass(frozen=True)
class Condition:
    """Everything on the page."""

    readiness: Readiness
    beats: list[Beat]
    jobs: dict[Any, int]
    messages: dict[Any, int]
    differences: dict[str, int]


def condition(viewer: Viewer) -> Condition:
    """How it stands now; what the viewer may not read is empty."""
    return Condition(
        readiness=health.readiness(),
        beats=_beats(),
        jobs=jobs.count_by_status(viewer),
        messages=notifications.count_by_status(viewer),
        differences=payments.count_differences(),
    )


def _beats() -> list[Beat]:
    """The tasks of the table, then others that promised to come again, such as one of an older version."""
    found = {one.name: one for one in db.session.execute(select(Heartbeat).order_by(Heartbeat.name)).scalars()}
    moment = clock.now()
    beats = []
    for name in [*TASKS, *(name for name, one in found.items() if one.due_at and name not in TASKS)]:
        one = found.get(name)
        is_overdue = bool(one and one.due_at and one.due_at < moment)
        beats.append(
            Beat(TASKS.get(name, name), one.at if one else None, is_overdue, one.findings if one else None)
        )
    return beats
