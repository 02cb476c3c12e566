"""What a seller types into a listing; each measure has its own form, since a litre is not typed like a kilogram."""

from __future__ import annotations

import re
import uuid
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import (
    Form,
    FormField,
    HiddenField,
    MultipleFileField,
    RadioField,
    StringField,
    TextAreaField,
    ValidationError,
)
from wtforms.validators import Length, Optional

from marketplace.catalogue.models import Measure
from marketplace.catalogue.rules import MOST_NET, MOST_PACKS, MOST_PRICE, Pack
from marketplace.forms import (
    BaseForm,
    CountField,
    KilosField,
    MoneyField,
    Needed,
    OnceForm,
    RowsField,
    options,
)
from marketplace.money import format_fen
from marketplace.provenance.forms import CertificateFields, DayField, OriginForm

ROWS = 4  # a main pack and three more
MIXED = "mixed"  # no one size
NEW = "new"
MOST_BOXES = 100_000
BOXES = ("50", "100", "200")
_CLIENT_ID = re.compile(r"[A-Za-z0-9_-]{8,64}", re.ASCII)

# What packs usually hold, in grams, millilitres or pieces: by measure, fresh or not.
USUAL_NET = {
    (Measure.MASS, True): (2500, 5000, 10_000),
    (Measure.MASS, False): (250, 500, 1000),
    (Measure.VOLUME, False): (500, 1000, 5000),
    (Measure.COUNT, True): (2, 4, 6),
    (Measure.COUNT, False): (1, 2, 5),
}


class LitresField(KilosField):
    """Litres as typed with up to three decimals, millilitres as data."""

    wrong = _l("容量请写成升数，比如 1 或 0.5")


class PackForm(Form):
    """One pack: content, price, boxes; a tile counts where the box above it is empty.

    Without a script a tile cannot be given back, so the page carries what it showed: a tile that stands as it was
    shown yields to what is typed, one that was tapped against a typed value is asked about, never guessed.
    """

    net = KilosField(_l("一箱净重"))
    net_pick = RadioField(_l("一箱净重"), validate_choice=False)
    price = MoneyField(_l("一箱卖多少钱"))
    boxes = CountField(_l("有几箱"))
    boxes_pick = RadioField(_l("有几箱"), choices=options((count, count) for count in BOXES), validate_choice=False)
    gross = KilosField(_l("连箱子一共多重"))
    pieces = CountField(_l("一箱大约几个"))
    net_shown = HiddenField()  # the tiles that stood chosen when the page was shown
    boxes_shown = HiddenField()
    price_shown = HiddenField()  # the price that was prefilled, and the content it was for

    is_needed = False  # the first pack has to be filled

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.doubts: list[tuple[Any, str]] = []  # what was sent can be read in two ways: field and sentence

    def read_picks(self) -> None:
        """Take a chosen tile where nothing was typed; doubt a tapped tile that says something else than the box."""
        for box, pick, shown in self._picks():
            try:
                chosen = box.read(str(pick.data or "")[:20])
            except ValueError:
                continue
            if not (box.typed or "").strip():
                box.data = chosen
            elif chosen != box.data:
                if pick.data != shown.data:
                    self.doubts.append((box, self._either(pick, box)))
                pick.data = None
        price, content = self._price_and_content()
        before, _sign, content_before = (self.price_shown.data or "").partition(" ")
        if content and price and price == before and content != content_before:
            self.doubts.append((self.price, _("箱子换了，价钱还是原来那种箱子的：请看一眼，对就再点一次")))
            self.price_shown.data = ""
        self._remember_tiles()

    def remember_prefill(self) -> None:
        """Keep what the page is going to show of its own accord, for the reading of what is sent."""
        price, content = self._price_and_content()
        self.price_shown.data = f"{price} {content}"
        self._remember_tiles()

    def _remember_tiles(self) -> None:
        for _box, pick, shown in self._picks():
            shown.data = pick.data or ""

    def _picks(self) -> tuple[tuple[Any, Any, Any], ...]:
        return (self.net, self.net_pick, self.net_shown), (self.boxes, self.boxes_pick, self.boxes_shown)

    def _price_and_content(self) -> tuple[str, str]:
        content = self.net_pick.data if self.net.data is None else self.net.show(self.net.data)
        return "" if self.price.data is None else self.price.show(self.price.data), content or ""

    @staticmethod
    def _either(pick: Any, box: Any) -> str:
        words = next((choice.label for choice in pick.choices or () if choice.value == pick.data), pick.data)
        return str(
            _(
                "点的是“%(tile)s”，这里写的是 %(typed)s：要点的，就清空这里再点一次；要写的，就直接再提交",
                tile=words,
                typed=box.typed.strip(),
            )
        )

    @property
    def is_offered(self) -> bool:
        """Whether the row was filled: a content alone is only a suggestion."""
        return self.is_needed or any(
            field.data is not None or field.typed for field in (self.price, self.boxes)
        )

    def validate(self, extra_validators: Any = None) -> bool:
        valid = bool(super().validate(extra_validators))
        if not self.is_offered:
            for field in self:  # what stands in a row that is not offered is nobody's mistake
                field.errors = []
            return True
        refusals = (
            *((field, True, sentence) for field, sentence in self.doubts),
            (self.net, not self.net.data, _("请选一箱多重，或写一个数")),
            (self.net, (self.net.data or 0) > MOST_NET, _("一箱太多了，大宗的请找服务站")),
            (self.price, not self.price.data, _("请写一箱卖多少钱")),
            (
                self.price,
                (self.price.data or 0) > MOST_PRICE,
                _("一箱最多 %(price)s 元，请看看小数点", price=format_fen(MOST_PRICE)),
            ),
            (self.boxes, (self.boxes.data or 0) > MOST_BOXES, _("箱数太多了，请核对")),
            (
                self.gross,
                bool(self.gross.data and self.weighs and self.net.data and self.gross.data < self.net.data),
                _("连箱子的重量不能比净重还轻"),
            ),
            (self.pieces, (self.pieces.data or 0) > 10_000, _("个数太多了，请核对")),
        )
        for field, is_wrong, sentence in refusals:
            if is_wrong and not field.errors:
                field.errors = [*field.errors, sentence]
                valid = False
        return valid

    @property
    def weighs(self) -> bool:
        """Whether the content is itself a weight."""
        return type(self.net) is KilosField

    def pack(self) -> Pack:
        """The row as a pack, once it is valid."""
        return Pack(
            net_amount=self.net.data,
            price_amount=self.price.data,
            gross_grams=self.gross.data or None,
            pieces=self.pieces.data or None,
        )


class VolumePackForm(PackForm):
    """A pack measured in litres."""

    net = LitresField(_l("一瓶（桶）净含量"))
    net_pick = RadioField(_l("一瓶（桶）净含量"), validate_choice=False)


class CountPackForm(PackForm):
    """A pack measured in pieces."""

    net = CountField(_l("一箱几个"))
    net_pick = RadioField(_l("一箱几个"), validate_choice=False)


class ListingForm(OriginForm, CertificateFields):
    """A listing whole: pictures, kind, packs, batch, certificate, words; what a category does not ask is deleted."""

    client_id = HiddenField(default=lambda: uuid.uuid4().hex)
    kept = HiddenField()  # signed: pictures that are stored already
    photos = MultipleFileField(_l("照片"))
    variety_code = RadioField(_l("什么品种"), validate_choice=False)
    grade_code = RadioField(_l("什么等级"), validate_choice=False)
    size_code = RadioField(_l("多大（毫米）"), validate_choice=False)
    packs = RowsField(FormField(PackForm), min_entries=ROWS, max_entries=MOST_PACKS)
    batch = RadioField(_l("哪一批"), validate_choice=False, default=NEW)
    picked_on = DayField(_l("哪天摘的"))
    orchard = StringField(
        _l("哪片果园"),
        [Optional(), Length(max=100, message=_l("最多 100 个字"))],
        description=_l("比如：屋后坡、石坳组"),
    )
    title = StringField(
        _l("名字"),
        [Optional(), Length(max=60, message=_l("最多 60 个字"))],
        description=_l("空着就自动写好。点输入法上的话筒，可以说话写。"),
    )
    description = TextAreaField(
        _l("介绍"),
        [Optional(), Length(max=2000, message=_l("最多 2000 个字"))],
        description=_l("空着就按产地、采摘日期和等级自动写。"),
    )
    certificate_quantity = KilosField(_l("这一批多少公斤"))
    sc_number = StringField(
        _l("生产者的 SC 编号"),
        [Needed(_l("加工食品要填 SC 编号"))],
        description=_l("包装上印着：SC 加 14 位数字"),
    )

    needs_picking_day = True  # set by the view: fresh produce
    needs_certificate = (
        False  # set by the view: who must have one, for a batch that has none, before publishing
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not _CLIENT_ID.fullmatch(self.client_id.data or ""):
            self.client_id.data = uuid.uuid4().hex
        for row in self.packs:
            if self.is_submitted():
                row.form.read_picks()
        self.packs[0].form.is_needed = True

    @property
    def is_new_batch(self) -> bool:
        return (self.batch.data or NEW) == NEW

    def offered(self) -> list[PackForm]:
        """The rows that were filled."""
        return [row.form for row in self.packs if row.form.is_offered]

    def packs_value(self) -> list[Pack]:
        return [row.pack() for row in self.offered()]

    def stock_value(self) -> int:
        """All boxes of all rows, in the pool's unit."""
        return sum((row.boxes.data or 0) * row.net.data for row in self.offered())

    def validate_area_code(self, _field: Any) -> None:
        if self.is_new_batch:
            self.check_area()

    def validate_picked_on(self, field: Any) -> None:
        if self.is_new_batch and self.needs_picking_day and field.data is None and not field.errors:
            raise ValidationError(_("请写哪天摘的"))

    def validate_variety_code(self, field: Any) -> None:
        self._choose(field, _("请选品种"))

    def validate_grade_code(self, field: Any) -> None:
        self._choose(field, _("请选等级"))

    def validate_size_code(self, field: Any) -> None:
        self._choose(field, _("请选大小，大小混装也可以"))

    def _choose(self, field: Any, sentence: str) -> None:
        if (field.data or "") not in {choice.value for choice in field.choices}:
            raise ValidationError(sentence)

    def validate_certificate_quantity(self, field: Any) -> None:
        if self.needs_certificate and not field.data and not field.errors:
            raise ValidationError(_("合作社和公司要有这一批的承诺达标合格证：写上多少公斤，就能开一张"))

    def validate_certificate_number(self, field: Any) -> None:
        if self.needs_certificate:
            super().validate_certificate_number(field)

    def validate_packs(self, _field: Any) -> None:
        """Two of one content, and nothing to sell."""
        rows = self.offered()
        seen: set[int] = set()
        for row in rows:
            if row.net.data and row.net.data in seen:
                row.net.errors = [*row.net.errors, _("有两种箱子一样重，请改一个")]
                raise ValidationError(_("有两种箱子一样重，请改一个"))
            seen.add(row.net.data or 0)
        first = rows[0]
        if not any(row.boxes.data for row in rows) and not any(row.boxes.errors for row in rows):
            first.boxes.errors = [*first.boxes.errors, _("填你真有的箱数")]
            raise ValidationError(_("填你真有的箱数"))


class VolumeListingForm(ListingForm):
    """A listing by the litre."""

    packs = RowsField(FormField(VolumePackForm), min_entries=ROWS, max_entries=MOST_PACKS)


class CountListingForm(ListingForm):
    """A listing by the piece."""

    packs = RowsField(FormField(CountPackForm), min_entries=ROWS, max_entries=MOST_PACKS)


FORM_OF: dict[Measure, type[ListingForm]] = {
    Measure.MASS: ListingForm,
    Measure.VOLUME: VolumeListingForm,
    Measure.COUNT: CountListingForm,
}


class PackChangeForm(OnceForm):
    """A new price for one pack, more boxes of it, or both: what is left empty stays."""

    price = MoneyField(_l("新价钱"))
    boxes = CountField(_l("再加几箱"))

    def validate_price(self, field: Any) -> None:
        if field.data is None and self.boxes.data is None and not (field.errors or self.boxes.errors):
            raise ValidationError(_("写上新价钱，或者再加几箱"))

    def validate_boxes(self, field: Any) -> None:
        if field.data is not None and not 0 < field.data <= MOST_BOXES:
            raise ValidationError(_("写 1 到 %(most)s 之间的数", most=MOST_BOXES))


class WordsForm(BaseForm):
    """A listing's title and description."""

    title = StringField(_l("名字"), [Needed(_l("请写一个名字")), Length(max=60, message=_l("最多 60 个字"))])
    description = TextAreaField(_l("介绍"), [Optional(), Length(max=2000, message=_l("最多 2000 个字"))])


class PicturesForm(BaseForm):
    """A listing's pictures: more of them, fewer, another first one."""

    kept = HiddenField()
    photos = MultipleFileField(_l("再加照片"))
