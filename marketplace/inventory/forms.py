"""What was counted, in the pool's own measure."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l
from wtforms.validators import Optional

from marketplace.forms import CountField, KilosField, Needed, OnceForm, text_field
from marketplace.inventory.models import Unit


class LitresCountedField(KilosField):
    """Litres as typed, millilitres as data."""

    wrong = _l("容量请写成升数，比如 1 或 0.5")


class CorrectionForm(OnceForm):
    """A pool set to what was counted, and why it differs."""

    on_hand = KilosField(_l("现在一共有多少"), [Needed(_l("请写盘点的数"))])
    note = text_field(_l("为什么不一样"), 100, Optional(), description=_l("比如：坏了几箱、自己吃了、数错了"))


class VolumeCorrectionForm(CorrectionForm):
    """The same in litres."""

    on_hand = LitresCountedField(_l("现在一共有多少"), [Needed(_l("请写盘点的数"))])


class CountCorrectionForm(CorrectionForm):
    """The same in pieces."""

    on_hand = CountField(_l("现在一共有多少"), [Needed(_l("请写盘点的数"))])


FORM_OF: dict[Unit, type[CorrectionForm]] = {
    Unit.GRAM: CorrectionForm,
    Unit.MILLILITRE: VolumeCorrectionForm,
    Unit.PIECE: CountCorrectionForm,
}
