"""What we say to people: one function per message gives its words; amounts come in fen, times in minutes.

A message's name is also the template id at the SMS provider, its keywords are the template's parameters. The words
are those of the SMS; a mail wraps them with templates/email/<name>/.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask import current_app, render_template
from flask_babel import force_locale
from flask_babel import gettext as _

from marketplace.i18n import LOCALES
from marketplace.money import format_fen

Words = Callable[..., str]

# A code that comes late is of no use and may not be shown again: sent within its life or never, forgotten afterwards.
SECRETS: dict[str, tuple[str, timedelta]] = {"code": ("code", timedelta(minutes=10))}
HIDDEN = "······"


def code(code: str, minutes: int) -> str:
    return _(
        "验证码 %(code)s，%(minutes)s 分钟内有效。只在您自己打开的页面上输入；我们的人绝不会向您要验证码。",
        code=code,
        minutes=minutes,
    )


def account_exists() -> str:
    return _(
        "有人用这个手机号注册赣橙集，可它已经有账号了。"
        "如果是您，请直接登录；忘了密码可以用验证码重设。不是您就不用理会。"
    )


def password_changed() -> str:
    return _("您的赣橙集密码刚刚改了，其他设备都已退出登录。如果不是您改的，请马上用验证码重设密码。")


def second_factor_changed() -> str:
    return _("您的赣橙集账号刚刚设了新的身份验证器，其他设备都已退出登录。如果不是您设的，请马上联系管理员。")


def second_factor_reset() -> str:
    return _(
        "您的赣橙集动态码刚刚由管理员重置，所有设备都已退出登录。"
        "下次登录要用当面告诉您的一次性码重新设置。如果不是您要求的，请马上联系管理员。"
    )


def recovery_code_used(left: int) -> str:
    return _(
        "有人用恢复码登录了您的赣橙集账号，恢复码还剩 %(left)s 个。如果不是您，请马上改密码，再联系管理员。",
        left=left,
    )


def order_placed(code: str) -> str:
    return _("订单 %(code)s 已提交。", code=code)


def order_paid(code: str, amount: int) -> str:
    return _("订单 %(code)s 已付款 %(amount)s 元，卖家会尽快发货。", code=code, amount=format_fen(amount))


def order_shipped(code: str, carrier: str, waybill: str) -> str:
    return _(
        "订单 %(code)s 发货了：%(carrier)s %(waybill)s。收到先看果，有坏果就拍照、给卖家打电话，号码在订单页上。",
        code=code,
        carrier=carrier,
        waybill=waybill,
    )


def order_parcels_changed(code: str, waybills: str) -> str:
    return _("订单 %(code)s 的快递单号有变化，现在是 %(waybills)s。", code=code, waybills=waybills)


def order_cancelled(code: str, reason: str) -> str:
    return _("订单 %(code)s 已取消：%(reason)s。", code=code, reason=reason)


def parcel_cancelled(code: str, shop: str, reason: str) -> str:
    return _("订单 %(code)s 里“%(shop)s”的包裹已取消：%(reason)s。", code=code, shop=shop, reason=reason)


def order_withdrawn(code: str) -> str:
    return _("买家取消了订单 %(code)s，不用发货了，货已放回库存。", code=code)


def refund_done(code: str, amount: int) -> str:
    return _("订单 %(code)s 退款 %(amount)s 元，已原路退回。", code=code, amount=format_fen(amount))


def refund_failed(code: str, amount: int) -> str:
    return _(
        "订单 %(code)s 的退款 %(amount)s 元没退成，我们正在处理，您不用再申请。",
        code=code,
        amount=format_fen(amount),
    )


def new_order(code: str, count: int) -> str:
    return _("来新订单了：%(code)s，%(count)s 箱，请尽快发货。", code=code, count=count)


def payment_disputed(code: str, amount: int) -> str:
    return _(
        "订单 %(code)s 的买家让银行拒付了 %(amount)s 元，银行裁决前这笔钱先不结算。"
        "请把发货和签收的凭证交给平台财务。",
        code=code,
        amount=format_fen(amount),
    )


def late_payment_refunded(code: str, amount: int) -> str:
    return _(
        "订单 %(code)s 付款时留货时间已过，货卖完了。付的 %(amount)s 元已原路退回。",
        code=code,
        amount=format_fen(amount),
    )


def seller_invited(shop: str) -> str:
    return _("您被加为“%(shop)s”的店铺成员，用这个手机号登录赣橙集就能看到。", shop=shop)


MESSAGES: dict[str, Words] = {
    words.__name__: words
    for words in (
        code,
        account_exists,
        password_changed,
        second_factor_changed,
        second_factor_reset,
        recovery_code_used,
        order_placed,
        order_paid,
        order_shipped,
        order_parcels_changed,
        order_cancelled,
        parcel_cancelled,
        order_withdrawn,
        refund_done,
        refund_failed,
        new_order,
        payment_disputed,
        late_payment_refunded,
        seller_invited,
    )
}


@dataclass(frozen=True)
class Rendered:
    """A message in one language: the SMS's words, or a mail's three parts."""

    text: str
    subject: str = ""
    html: str = ""


def check(template: str, parameters: dict[str, Any]) -> None:
    """Raise TypeError or KeyError at the caller when a message does not exist or its parameters do not fit."""
    inspect.signature(MESSAGES[template]).bind(**parameters)


def render_sms(template: str, parameters: dict[str, Any], language: str) -> Rendered:
    """The words of an SMS; the provider itself has them as a template."""
    with force_locale(LOCALES[language]):
        return Rendered(MESSAGES[template](**parameters))


def render_mail(template: str, parameters: dict[str, Any], language: str) -> Rendered:
    """Subject, plain text and HTML of a mail."""
    site = current_app.config["SETTINGS"].site_url + ("/en" if language == "en" else "")
    with force_locale(LOCALES[language]):
        values = {"words": MESSAGES[template](**parameters), "site": site, "mail_language": language}
        folder = f"email/{template}"
        return Rendered(
            text=render_template(f"{folder}/body.txt", **values, **parameters).strip() + "\n",
            subject=" ".join(render_template(f"{folder}/subject.txt", **values, **parameters).split()),
            html=render_template(f"{folder}/body.html", **values, **parameters),
        )


def without_secret(template: str, parameters: dict[str, Any]) -> dict[str, Any]:
    """The parameters as they may be kept and shown to staff."""
    secret = SECRETS.get(template)
    return {**parameters, secret[0]: HIDDEN} if secret else parameters
