"""Finding an order without an account."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

from marketplace.forms import BaseForm, CodeField, Needed, PhoneField


class FindForm(BaseForm):
    """The phone with which was ordered."""

    phone = PhoneField(
        _l("下单时的手机号"),
        [Needed(_l("请填手机号"))],
        description=_l("验证码发到这个号码"),
        render_kw={"inputmode": "tel", "autocomplete": "tel"},
    )


class FindCodeForm(BaseForm):
    """The code that came."""

    code = CodeField(_l("短信验证码"), [Needed(_l("请填 6 位验证码"))])
