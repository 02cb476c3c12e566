"""What an office can do next: by its rights, what waits first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import url_for
from flask_babel import gettext as _
from flask_babel import ngettext

from marketplace.accounts.queries import count_waiting_companies
from marketplace.jobs import queries as jobs
from marketplace.jobs.models import JobStatus
from marketplace.notifications import queries as notifications
from marketplace.notifications.models import MessageStatus
from marketplace.permissions import Viewer, may_open


@dataclass(frozen=True)
class Work:
    """One thing to do: what it is, why, where, and how many wait (None where nothing is counted)."""

    title: str
    reason: str
    url: str
    icon: str
    waiting: int | None = None

    @property
    def waiting_label(self) -> str:
        """3 件; only where something waits."""
        count = self.waiting or 0
        return str(ngettext("%(count)s 件", "%(count)s 件", count, count=count)) if count else ""


def work_of(viewer: Viewer) -> list[Work]:
    """The viewer's work, what waits in the largest number first, then the rest in the menu's order."""
    found = [*_waiting(viewer), *_standing()]
    return sorted(found, key=lambda one: -(one.waiting or 0))


def _waiting(viewer: Viewer) -> list[Work]:
    found: list[Work] = []
    if viewer.can("jobs:read"):
        count = jobs.count_by_status(viewer).get(JobStatus.PARKED, 0)
        reason = _("试了三次没做成的工作，看清原因再重做。")
        found.append(Work(_("停住的后台工作"), reason, url_for("staff.jobs.index"), "sync", count))
    if viewer.can("messages:read"):
        count = notifications.count_by_status(viewer).get(MessageStatus.PARKED, 0)
        reason = _("没发出去的短信和邮件，通道好了再发。")
        found.append(
            Work(_("没发出去的消息"), reason, url_for("staff.notifications.index"), "message", count)
        )
    if viewer.can("companies:verify"):
        count = count_waiting_companies(viewer)
        reason = _("对照公示系统核实名称和代码，核实后的订单才算企业采购。")
        found.append(
            Work(_("等核实的采购单位"), reason, url_for("staff.accounts.companies"), "shield", count)
        )
    return found


def _standing() -> list[Work]:
    table: tuple[tuple[str, str, str, Any], ...] = (
        (
            "staff.payments.index",
            "money",
            _("付款和退款"),
            _("对不上的、没退成的，在这里处理。"),
        ),
        ("staff.ledger.index", "bank", _("账簿"), _("每一笔的借贷和来源。")),
        (
            "staff.awards.index",
            "chart",
            _("奖励对照"),
            _("销售额和门槛的测算，每个数都点得开。"),
        ),
        ("staff.sellers.index", "store", _("商家"), _("资质、状态和店里的人。")),
        ("staff.orders.index", "orders", _("订单"), _("按订单号查一单走到哪了。")),
        ("staff.provenance.index", "leaf", _("开采时间"), _("今年最早哪天可以采、可以发。")),
        ("staff.accounts.index", "users", _("人员和角色"), _("找人、给角色、停用账号。")),
        (
            "staff.staff.settings_list",
            "settings",
            _("设置"),
            _("留货、发货、自动确认的时间，证照。"),
        ),
    )
    return [
        Work(title, reason, url_for(endpoint), icon)
        for endpoint, icon, title, reason in table
        if may_open(endpoint)
    ]
