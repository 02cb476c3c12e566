"""Giving money back, and cancelling a paid part."""

from __future__ import annotations

import re
import secrets
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import Field, HiddenField, ValidationError

from marketplace.forms import BaseForm, MoneyField, Needed, text_field

_KEY = re.compile(r"[A-Za-z0-9_-]{20,64}", re.ASCII)


class RefundForm(BaseForm):
    """How much of the goods and of the freight, and why; form_key makes a second press the same refund.

    seen is the part's mark as the page showed it.
    """

    form_key = HiddenField()
    seen = HiddenField()
    goods_amount = MoneyField(_l("退货款"))
    freight_amount = MoneyField(_l("退运费"))
    reason = text_field(_l("为什么退（买家看得到）"), 100, Needed(_l("请写明为什么退")))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.is_submitted():
            self.form_key.data = secrets.token_urlsafe(24)

    def validate_form_key(self, field: Field) -> None:
        if not _KEY.fullmatch(field.data or ""):
            raise ValidationError(_("这一页放得太久了，请再点一次。"))


class CancelForm(BaseForm):
    """Why a paid order cannot be sent."""

    reason = text_field(_l("为什么发不了（买家看得到）"), 100, Needed(_l("请写明为什么取消")))
