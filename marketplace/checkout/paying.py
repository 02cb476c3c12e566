"""Which ways to pay a device is offered: only those that work there."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from flask_babel import gettext as _

from marketplace import settings
from marketplace.orders.models import PaymentMethod


class Device(enum.StrEnum):
    """Where the buyer stands, as far as paying goes."""

    PHONE = "phone"
    DESKTOP = "desktop"
    WECHAT = "wechat"  # WeChat's own browser: Alipay is shut out there


@dataclass(frozen=True)
class Way:
    """One way to pay; badge is the letter on its coloured square."""

    code: str
    name: str
    note: str
    badge: str
    kind: str = ""

    @property
    def method(self) -> PaymentMethod:
        return PaymentMethod.ON_DELIVERY if self.code == CASH else PaymentMethod.ONLINE

    @property
    def channel(self) -> str | None:
        """What is paid with at the provider right away, if anything."""
        return None if self.code in {CASH, ELSEWHERE} else self.code


CASH = "on_delivery"
ELSEWHERE = "elsewhere"  # order now, pay by the copied link in another browser


def most_in_cash() -> int:
    """How much a courier is asked to collect for one order at most, in fen; 0 while there is no cash on delivery."""
    return 100 * settings.get("cod.most_yuan") if settings.get("cod.enabled") else 0


def device_of(user_agent: str) -> Device:
    """From the browser's own words; an unknown one counts as a desktop, where both apps pay by QR code."""
    if "MicroMessenger" in user_agent:
        return Device.WECHAT
    if any(mark in user_agent for mark in ("Mobile", "Android", "iPhone", "HarmonyOS")):
        return Device.PHONE
    return Device.DESKTOP


def ways(device: Device, *, has_cash: bool) -> list[Way]:
    """What is offered, the preselected one first."""
    found = _online(device)
    if has_cash:
        note = _("货送到再付给送货人；卖家会先按这个手机号打电话核对")
        found.append(Way(CASH, _("货到付款"), note, _("现"), "cod"))
    return found


def _online(device: Device) -> list[Way]:
    card = Way("card", _("银行卡"), _("在支付机构的页面上填卡号"), _("卡"), "bank")
    if device == Device.WECHAT:
        note = _("先下单，再复制链接，用手机浏览器打开付：支付宝、银行卡都行")
        return [Way(ELSEWHERE, _("换浏览器付"), note, _("浏"), "link"), card]
    if device == Device.PHONE:
        here, there = _("在这台手机上付"), _("用另一台设备扫码")
    else:
        here = there = _("手机扫码付")
    return [
        Way("alipay", _("支付宝"), here, _("支"), "alipay"),
        Way("wechat_pay", _("微信支付"), there, _("微"), "wechat"),
        card,
    ]
