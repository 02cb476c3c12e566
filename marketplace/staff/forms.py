"""The shape of a setting, and the gallery's sample form."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, FileField, MultipleFileField, RadioField, SelectField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import Optional

from marketplace.forms import BaseForm, CountField, MoneyField, Needed, PhoneField, text_field

_COUNTIES = [SelectChoice("360722", _l("信丰县")), SelectChoice("360726", _l("安远县"))]
_BOXES = [SelectChoice("5", "2.5kg"), SelectChoice("10", "5kg"), SelectChoice("20", "10kg")]


class SettingForm(BaseForm):
    value = text_field(_l("新的值"), 2000)


class GalleryForm(BaseForm):
    """Every kind of field once; it is never sent anywhere."""

    phone = PhoneField(_l("手机号"), [Needed()], description=_l("收订单短信用"))
    price = MoneyField(_l("一箱卖多少钱"), [Needed()])
    stock = CountField(_l("有几箱"), [Needed()])
    county = SelectField(_l("县（市、区）"), choices=_COUNTIES)
    box = RadioField(_l("每箱净重"), choices=_BOXES, default="10")
    note = TextAreaField(_l("还想说的"), [Optional()])
    photos = MultipleFileField(_l("照片"))
    scan = FileField(_l("合格证照片"))
    agree = BooleanField(_l("我看过并同意平台规则"))
