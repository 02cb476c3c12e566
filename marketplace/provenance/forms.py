"""Where fruit was picked, what a certificate says, when a season opens."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l
from wtforms import DateField, Field, RadioField, SelectField, StringField, SubmitField, ValidationError
from wtforms.validators import Length, Optional

from marketplace import clock, places
from marketplace.forms import BaseForm, CountField, KilosField, Needed, OnceForm, options, text_field
from marketplace.places import Level
from marketplace.provenance.rules import MOST_NUMBER, season_year


class DayField(DateField):
    """A day of the calendar in any usual spelling; what was typed is shown again when it is none."""

    data: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("format", ["%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y年%m月%d日"])
        super().__init__(*args, **kwargs)

    def process_formdata(self, valuelist: list[str]) -> None:
        texts = [text.strip()[:20] for text in valuelist]
        if not any(texts):
            self.data = None
            return
        try:
            super().process_formdata(texts)
        except ValueError as error:
            raise ValueError(str(_l("日期请写成 2026-11-18 这样"))) from error


class OriginForm(BaseForm):
    """A form with a township of Ganzhou in area_code.

    Without scripts the button list_areas posts the form as it is: is_choosing() is true then, and the view shows the
    form again with the county's townships listed. templates/provenance/_origin.html draws the fields.
    """

    county_code = SelectField(_l("县（市、区）"), validate_choice=False)
    area_code = SelectField(_l("乡镇、街道"), validate_choice=False)
    list_areas = SubmitField(_l("列出乡镇"))

    def __init__(self, *args: Any, origin: str | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if origin and not self.is_submitted():
            self.county_code.data, self.area_code.data = places.county_of(origin), origin[:9]
        counties = places.list_ganzhou_counties()
        self.county_code.choices = options(
            [("", _l("请选择")), *((area.code, area.label) for area in counties)]
        )
        known = {area.code for area in counties}
        if self.county_code.data not in known:
            self.county_code.data = ""
        towns = places.list_children(self.county_code.data) if self.county_code.data else []
        self.area_code.choices = options([("", _l("请选择")), *((area.code, area.label) for area in towns)])
        if self.area_code.data not in {area.code for area in towns}:
            self.area_code.data = ""

    def is_choosing(self) -> bool:
        """Whether the townships are asked for, not the form sent."""
        return bool(self.is_submitted() and self.list_areas.data)

    def check_area(self) -> None:
        """The refusal of an origin that is none, at the level that is missing."""
        area = places.find(self.area_code.data)
        if area is None or area.level != Level.TOWNSHIP:
            field = self.area_code if self.county_code.data else self.county_code
            field.errors = [*field.errors, str(_l("请选产地的县和乡镇"))]


class BatchForm(OnceForm, OriginForm):
    """A new batch."""

    category_code = SelectField(_l("什么货"))
    variety_code = SelectField(_l("品种"), validate_choice=False)
    picked_on = DayField(_l("采摘日期"), [Needed(_l("请写哪天摘的"))])
    orchard = text_field(_l("哪片果园"), 100, Optional(), description=_l("比如：屋后坡、石坳组"))

    def validate_area_code(self, _field: Field) -> None:
        self.check_area()


class CertificateFields(BaseForm):
    """A batch's certificate: issued now, or one that exists."""

    certificate = RadioField(
        _l("承诺达标合格证"),
        choices=options([("new", _l("现在开一张")), ("have", _l("已有证，填编号"))]),
        default="new",
    )
    certificate_number = StringField(
        _l("合格证编号"), [Length(max=MOST_NUMBER, message=_l("最多 40 个字"))]
    )
    certificate_quantity = KilosField(_l("这一批多少公斤"), [Needed(_l("请写这一批有多少公斤"))])

    def validate_certificate_number(self, field: Field) -> None:
        if self.certificate.data == "have" and not field.data:
            raise ValidationError(_l("请填合格证上的编号"))

    @property
    def number(self) -> str | None:
        """The number of the certificate that exists; None when one is to be made."""
        return (self.certificate_number.data or None) if self.certificate.data == "have" else None


class CertificateForm(OnceForm, CertificateFields):
    """A certificate for a batch that is there."""


class SeasonForm(BaseForm):
    """A season's earliest shipping day as it was announced."""

    category_code = SelectField(_l("什么货"))
    variety_code = SelectField(_l("品种"), validate_choice=False)
    year = CountField(_l("哪一季"), [Needed(_l("请写这一季从哪一年开始"))])
    earliest_ship_on = DayField(_l("最早发货日"), [Needed(_l("请写日期"))])
    source = text_field(
        _l("出处"),
        300,
        Needed(_l("请写明出处：谁公布的、哪一天")),
        description=_l("谁公布的、文件或网页、哪一天"),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.is_submitted():
            self.year.data = season_year(clock.today())
