"""What add-to-basket sends, with and without a token (D3)."""

from __future__ import annotations

import re
from typing import Any

from flask_babel import lazy_gettext as _l
from wtforms import StringField, ValidationError

from marketplace.cart.rules import CountError, read_count
from marketplace.forms import BaseForm, Needed

_ID = re.compile(r"[0-9]{1,19}")


class AddForm(BaseForm):
    """A pack, a count, and where to go on; same-origin requests carry no token, as the page is cached for all."""

    class Meta(BaseForm.Meta):
        csrf = False

    product = StringField(_l("商品"))
    pack = StringField(_l("装法"), [Needed(_l("选一种装法"))])
    count = StringField(_l("数量"), [Needed(_l("写上要几份"))])
    then = StringField(_l("去哪里"))

    def validate_pack(self, field: Any) -> None:
        if field.data and not (_ID.fullmatch(field.data) and int(field.data) < 1 << 63):
            raise ValidationError(str(_l("选一种装法")))

    def validate_count(self, field: Any) -> None:
        if not field.data:
            return
        try:
            read_count(field.data)
        except CountError as error:
            raise ValidationError(str(error)) from error

    @property
    def wanted(self) -> int:
        return read_count(self.count.data)

    @property
    def variant_id(self) -> int:
        return int(self.pack.data)

    @property
    def goes_to_checkout(self) -> bool:
        return bool(self.then.data == "buy")


class ConfirmForm(AddForm):
    """The same with a token, for browsers that say nothing about where a request comes from."""

    class Meta(BaseForm.Meta):
        csrf = True


class BasketForm(BaseForm):
    """The token of the basket page; counts are read by pack."""


def read_counts(values: Any) -> dict[int, str]:
    """Typed counts by pack, from fields named count-<pack>."""
    found: dict[int, str] = {}
    for name in values:
        prefix, _dash, number = name.partition("-")
        if prefix == "count" and _ID.fullmatch(number):
            found[int(number)] = str(values[name])[:20]
    return found
