"""The office's area: everything below /staff, with a menu of what the reader may open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Blueprint, g, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from marketplace import places
from marketplace.permissions import Role, Viewer, may_open


@dataclass(frozen=True)
class Entry:
    """One entry of the menu: shown to who may open its page."""

    endpoint: str
    label: Any

    @property
    def section(self) -> str:
        """The blueprint whose pages belong to this entry."""
        return self.endpoint.rpartition(".")[0]


MENU = (
    Entry("staff.staff.home", _l("首页")),
    Entry("staff.sellers.index", _l("商家")),
    Entry("staff.orders.index", _l("订单")),
    Entry("staff.payments.index", _l("付款退款")),
    Entry("staff.ledger.index", _l("账簿")),
    Entry("staff.awards.index", _l("奖励对照")),
    Entry("staff.provenance.index", _l("开采时间")),
    Entry("staff.accounts.index", _l("人员")),
    Entry("staff.accounts.companies", _l("采购单位")),
    Entry("staff.operations.index", _l("运行状况")),
    Entry("staff.jobs.index", _l("后台工作")),
    Entry("staff.notifications.index", _l("消息")),
    Entry("staff.staff.settings_list", _l("设置")),
    Entry("staff.staff.reference", _l("基础数据")),
)


def make_area() -> Blueprint:
    """The blueprint below which all staff pages lie; each page names the right that it needs."""
    area = Blueprint("staff", __name__)
    area.context_processor(_layout)
    return area


def _layout() -> dict[str, Any]:
    return {"office_nav": menu(), "office_place": place(g.viewer)}


def menu() -> list[tuple[Any, str, bool]]:
    """Label, address and whether the reader is there, of what the reader may open."""
    entries = [entry for entry in MENU if may_open(entry.endpoint)]
    exact = {entry.endpoint for entry in entries}
    return [(entry.label, url_for(entry.endpoint), _is_current(entry, exact)) for entry in entries]


def _is_current(entry: Entry, exact: set[str]) -> bool:
    if request.endpoint in exact:
        return request.endpoint == entry.endpoint
    # Details belong to the first entry of their package.
    first = next((one for one in MENU if one.section == request.blueprint), None)
    return first is entry and entry.endpoint != "staff.staff.home"


def place(viewer: Viewer) -> str:
    """The desk's name: the counties of centre staff, the office of the others."""
    counties = [
        area.label
        for grant in viewer.grants
        if grant.role == Role.CENTRE_STAFF and (area := places.find(grant.area_code))
    ]
    if counties:
        return _("%(county)s电商服务中心", county=_("、").join(counties))
    if viewer.has_role(Role.BUREAU):
        return _("赣州市商务局")
    return _("平台财务") if viewer.has_role(Role.FINANCE) else _("平台运营")
