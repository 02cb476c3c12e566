"""What a shop says about itself."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l
from wtforms import TextAreaField
from wtforms.validators import Length

from marketplace.forms import BaseForm, Needed, text_field


class ShopForm(BaseForm):
    """Name, story and telephone of the shop page."""

    name = text_field(_l("店名"), 20, Needed(_l("请填店名")))
    phone = text_field(_l("买家看到的电话"), 20, Needed(_l("请填电话")), render_kw={"inputmode": "tel"})
    story = TextAreaField(
        _l("几句话介绍果园"),
        [Length(max=300, message=_l("最多 %(count)s 个字", count=300))],
        render_kw={"rows": 4},
    )
