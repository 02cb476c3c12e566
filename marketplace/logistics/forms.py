"""Freight: up to four groups of provinces, and each province's group; waybills of a dispatch."""

from __future__ import annotations

from collections.abc import Sequence

from flask_babel import lazy_gettext as _l
from wtforms import (
    BooleanField,
    Field,
    FormField,
    HiddenField,
    SelectField,
    StringField,
    TextAreaField,
    ValidationError,
)
from wtforms import Form as PlainForm
from wtforms.validators import Length

from marketplace.errors import DomainError
from marketplace.forms import BaseForm, MoneyField, Needed, RowsField
from marketplace.logistics.models import Carrier, Shipment
from marketplace.logistics.rules import MOST_PARCELS, Group, ParcelChange, read_written
from marketplace.places import Place

GROUPS = 4
NOT_SERVED = ""


class GroupForm(PlainForm):
    """Amounts of one group; an empty group is not used."""

    first_amount = MoneyField(_l("首公斤"))
    next_amount = MoneyField(_l("续每公斤"))


class ProvinceForm(PlainForm):
    """One province's group."""

    code = HiddenField()
    group = SelectField(_l("运费组"))


class FreightForm(BaseForm):
    """The whole template; every province has exactly one group or is not served."""

    groups = RowsField(FormField(GroupForm), min_entries=GROUPS, max_entries=GROUPS)
    provinces = RowsField(FormField(ProvinceForm), max_entries=40)
    free_from = MoneyField(_l("满多少元包邮（不填就不包邮）"))

    def set_provinces(self, provinces: Sequence[Place], labels: Sequence[str]) -> None:
        """The 31 provinces with their choices; what was posted stays chosen."""
        known = {area.code: area.label for area in provinces}
        choices = [(str(number), label) for number, label in enumerate(labels)]
        for entry in self.provinces.entries:
            entry.form.group.choices = [*choices, (NOT_SERVED, str(_l("不送")))]
            entry.form.group.label.text = known.get(entry.form.code.data, entry.form.code.data)

    def fill(self, groups: Sequence[Group], provinces: Sequence[Place], free_from: int | None) -> None:
        """Show a stored template; a first one serves every province by its first group."""
        of_province = {code: str(number) for number, group in enumerate(groups) for code in group.provinces}
        for entry, group in zip(self.groups.entries, groups, strict=False):
            entry.form.first_amount.data, entry.form.next_amount.data = group.first_amount, group.next_amount
        for area in provinces:
            unnamed = NOT_SERVED if groups else "0"
            self.provinces.append_entry({"code": area.code, "group": of_province.get(area.code, unnamed)})
        self.free_from.data = free_from

    def read_groups(self, known: frozenset[str]) -> list[Group]:
        """Groups that are used; a province in a group without amounts is refused at that group."""
        members: dict[int, list[str]] = {}
        for entry in self.provinces.entries:
            code, chosen = entry.form.code.data, entry.form.group.data
            if code in known and chosen:
                members.setdefault(int(chosen), []).append(code)
        groups = []
        for number, codes in sorted(members.items()):
            amounts = self.groups.entries[number].form
            if amounts.first_amount.data is None or amounts.next_amount.data is None:
                wrong = amounts.first_amount if amounts.first_amount.data is None else amounts.next_amount
                wrong.errors = [str(_l("有省份用这一组，请填运费"))]
                raise DomainError(_l("有省份用的运费组还没填金额"))
            groups.append(Group(tuple(codes), amounts.first_amount.data, amounts.next_amount.data))
        return groups


class DispatchForm(BaseForm):
    """Which courier, which numbers; several parcels one number a line."""

    seen = HiddenField()  # the part's mark as the page showed it
    carrier_code = SelectField(_l("快递公司"), [Needed()])
    waybills = TextAreaField(
        _l("快递单号"),
        [Needed(_l("请填快递单号")), Length(max=2000, message=_l("最多 %(count)s 个字", count=2000))],
        description=_l("有几个包裹就写几行，一行一个单号"),
        render_kw={"rows": 2, "autocomplete": "off"},
    )

    def set_carriers(self, carriers: Sequence[Carrier], language: str) -> None:
        self.carrier_code.choices = carrier_choices(carriers, language)


def carrier_choices(carriers: Sequence[Carrier], language: str) -> list[tuple[str, str]]:
    """Code and name of each, in the reader's language."""
    return [(one.code, one.name_en if language == "en" else one.name) for one in carriers]


class ParcelForm(PlainForm):
    """One parcel of a dispatched order; was is its number as the page showed it, empty for a further one."""

    was = HiddenField()
    carrier_code = SelectField(_l("快递公司"))
    waybill = StringField(_l("快递单号"))

    def change(self) -> ParcelChange:
        return ParcelChange(self.was.data or "", self.carrier_code.data or "", self.waybill.data or "")

    def validate_waybill(self, _field: Field) -> None:
        try:
            read_written(self.change())
        except DomainError as error:
            raise ValidationError(str(error)) from None


class ParcelsForm(BaseForm):
    """The parcels that went out, and room for one more."""

    parcels = RowsField(FormField(ParcelForm), max_entries=MOST_PARCELS + 1)

    def fill(self, shipments: Sequence[Shipment]) -> None:
        """Show the parcels as they are, and an empty row with the last one's carrier."""
        for one in shipments:
            self.parcels.append_entry(
                {"was": one.waybill, "carrier_code": one.carrier_code, "waybill": one.waybill}
            )
        self.parcels.append_entry({"carrier_code": shipments[-1].carrier_code if shipments else None})

    def set_carriers(self, carriers: Sequence[Carrier], language: str) -> None:
        for entry in self.parcels.entries:
            entry.form.carrier_code.choices = carrier_choices(carriers, language)

    def changes(self) -> list[ParcelChange]:
        return [entry.form.change() for entry in self.parcels.entries]


class DeliveredForm(BaseForm):
    """That a parcel arrived; is_sure is asked for while no courier can have brought it yet."""

    is_sure = BooleanField(_l("是的：当面交给了收件人，或者快递页面上已经写着“签收”"))
