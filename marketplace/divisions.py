"""Province, city and county as three fields of a form: filled by script, or step by step with the form's own button."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import Field, SelectField, SubmitField, ValidationError

from marketplace import places
from marketplace.forms import BaseForm, options
from marketplace.places import Level, Place


class DivisionForm(BaseForm):
    """A form with the national division picker; county_code is the chosen county, of the whole country.

    Without scripts the button list_areas posts the form as it is: is_choosing() is true then, and the view shows the
    form again with the next level listed. templates/components/division.html draws the fields.
    """

    province_code = SelectField(_l("省（自治区、直辖市）"), validate_choice=False)
    city_code = SelectField(_l("市（州）"), validate_choice=False)
    county_code = SelectField(_l("县（市、区）"), validate_choice=False)
    list_areas = SubmitField(_l("列出下一级"))

    def __init__(self, *args: Any, county: str | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if county and not self.is_submitted():
            self._start_at(county)
        self._fill()

    def is_choosing(self) -> bool:
        """Whether the next level is asked for, not the form sent."""
        return bool(self.is_submitted() and self.list_areas.data)

    def validate_county_code(self, field: Field) -> None:
        county = places.find(field.data)
        if county is None or county.level != Level.COUNTY:
            raise ValidationError(_("请选到县（市、区）"))

    def _start_at(self, county_code: str) -> None:
        county = places.find(county_code)
        city = places.find(county.parent_code) if county else None
        if county and city:
            self.province_code.data, self.city_code.data = city.parent_code, city.code
            self.county_code.data = county.code

    def _fill(self) -> None:
        """List what lies under the level above; a choice that lies elsewhere is dropped, an only one is taken."""
        above: str | None = None
        for depth, field in enumerate((self.province_code, self.city_code, self.county_code)):
            areas = places.list_children(above) if above or depth == 0 else []
            field.choices = options([("", _("请选择")), *((area.code, area.label) for area in areas)])
            field.data = _chosen(field.data, areas)
            above = field.data or None


def _chosen(code: str | None, areas: Sequence[Place]) -> str:
    if code in {area.code for area in areas}:
        return str(code)
    return areas[0].code if len(areas) == 1 else ""
