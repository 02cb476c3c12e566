"""What the checkout page sends."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import (
    BooleanField,
    Field,
    HiddenField,
    RadioField,
    SelectMultipleField,
    TextAreaField,
    ValidationError,
)
from wtforms.validators import Length, Optional
from wtforms.widgets import HiddenInput

from marketplace.accounts.forms import versions_in_force
from marketplace.accounts.models import Address
from marketplace.cart.rules import MOST_LINES, MOST_OF_ONE
from marketplace.checkout.paying import Way
from marketplace.divisions import DivisionForm
from marketplace.forms import Needed, PhoneField, text_field

NEW = "new"
_PAIR = re.compile(r"([0-9]{1,19}):([0-9]{1,6})", re.ASCII)
_SEEN = re.compile(r"([vs][0-9]{1,19}):([0-9]{1,12})", re.ASCII)
_ID = re.compile(r"[0-9]{1,19}", re.ASCII)
_FORM_KEY = re.compile(r"[A-Za-z0-9_-]{20,64}", re.ASCII)


def read_items(text: str) -> dict[int, int]:
    """Counts by variant from "12:2 13:1"; empty when any of it cannot be read."""
    found: dict[int, int] = {}
    for part in text.split(" ")[: MOST_LINES + 1]:
        match = _PAIR.fullmatch(part)
        if match is None or int(match[1]) >= 1 << 63 or not 1 <= int(match[2]) <= MOST_OF_ONE:
            return {}
        found[int(match[1])] = int(match[2])
    return found if len(found) <= MOST_LINES else {}


def write_items(counts: Mapping[int, int]) -> str:
    return " ".join(f"{variant_id}:{count}" for variant_id, count in counts.items())


class ItemsField(Field):
    """What the page shows, by variant: what is bought is what was seen, whatever the basket holds by now."""

    widget = HiddenInput()

    def _value(self) -> str:
        return write_items(self.data or {})

    def process_formdata(self, valuelist: list[str]) -> None:
        if valuelist:
            self.data = read_items(valuelist[0])


class SeenField(Field):
    """Prices and freight as the page showed them ("v12:4990 s7:600"): for telling what changed, never for charging."""

    widget = HiddenInput()

    def process_formdata(self, valuelist: list[str]) -> None:
        parts = valuelist[0].split(" ")[: 2 * MOST_LINES] if valuelist else []
        found = (_SEEN.fullmatch(part) for part in parts)
        self.data = {match[1]: int(match[2]) for match in found if match}


class TotalField(Field):
    """The total that the page shows, in fen."""

    widget = HiddenInput()

    def _value(self) -> str:
        return str(self.data or 0)

    def process_formdata(self, valuelist: list[str]) -> None:
        text = valuelist[0] if valuelist else ""
        self.data = int(text) if re.fullmatch(r"[0-9]{1,16}", text, re.ASCII) else -1


class CheckoutForm(DivisionForm):
    """One page: where to, how to pay, and what was shown.

    A saved address (address = its id) makes the fields of a new one unneeded; guests have only the new one.
    """

    form_key = HiddenField()
    items = ItemsField()
    expected_total = TotalField()
    seen = SeenField()
    versions = HiddenField(default=versions_in_force)
    address = RadioField(_l("送到哪"), validate_choice=False)
    name = text_field(_l("收件人"), 60, render_kw={"autocomplete": "name"})
    phone = PhoneField(_l("手机号"))
    detail = text_field(
        _l("详细地址"),
        200,
        description=_l("乡镇街道、小区、门牌号"),
        render_kw={"autocomplete": "street-address"},
    )
    keep = BooleanField(_l("存到我的地址"))
    contact_phone = PhoneField(
        _l("下单人手机号"),
        [Optional()],
        description=_l("送给别人的才填：订单短信发到这个号，也用它查单"),
        render_kw={"inputmode": "tel", "autocomplete": "off"},
    )
    pay_by = RadioField(_l("付款方式"), validate_choice=False)
    as_company = BooleanField(_l("按单位采购下单"))
    invoice_title = text_field(_l("发票抬头"), 100, Optional(), render_kw={"autocomplete": "organization"})
    note = TextAreaField(
        _l("给卖家留言"),
        [Optional(), Length(max=200, message=_l("最多 %(count)s 个字", count=200))],
        render_kw={"rows": 2, "maxlength": 200},
    )
    confirm = SelectMultipleField(coerce=str, choices=[], validate_choice=False)

    def __init__(self, *args: Any, addresses: list[Address], ways: list[Way], **kwargs: Any) -> None:
        self._ways = {way.code: way for way in ways}
        super().__init__(*args, **kwargs)
        known = [str(address.id) for address in addresses]
        self.address.choices = [(code, code) for code in [*known, NEW]]
        if not self.address.data:
            self.address.data = known[0] if known and not self.is_submitted() else NEW
        self.pay_by.choices = [(way.code, way.name) for way in ways]
        if not self.is_submitted():
            self.pay_by.data = ways[0].code

    @property
    def is_new_address(self) -> bool:
        return bool(self.address.data == NEW)

    @property
    def way(self) -> Way:
        return self._ways[self.pay_by.data]

    @property
    def confirmed(self) -> frozenset[int]:
        """Variants of blemished fruit that were ticked."""
        return frozenset(int(text) for text in self.confirm.data or () if _ID.fullmatch(text))

    def validate_form_key(self, field: Field) -> None:
        if not _FORM_KEY.fullmatch(field.data or ""):
            raise ValidationError(_("这一页放得太久了，请再点一次。"))

    def validate_versions(self, field: Field) -> None:
        if field.data != versions_in_force():
            field.data = versions_in_force()
            raise ValidationError(_("规则刚刚更新了，请再看一遍"))

    def validate_address(self, field: Field) -> None:
        if field.data not in {code for code, _label in field.choices}:
            raise ValidationError(_("这个地址没有了，请重新选"))

    def validate_pay_by(self, field: Field) -> None:
        if field.data not in self._ways:
            raise ValidationError(_("请选一种付法"))

    def validate_name(self, field: Field) -> None:
        self._need(field, _("请填收件人"))

    def validate_phone(self, field: Field) -> None:
        self._need(field, _("请填手机号"))

    def validate_detail(self, field: Field) -> None:
        self._need(field, _("请填街道、门牌号"))

    def validate_county_code(self, field: Field) -> None:
        if self.is_new_address:
            super().validate_county_code(field)

    def _need(self, field: Field, sentence: str) -> None:
        if self.is_new_address:
            Needed(sentence)(self, field)

    def start_in(self, province_code: str) -> None:
        """Begin with a province that the buyer named before, in the basket or at a product."""
        self.province_code.data = province_code
        self._fill()
