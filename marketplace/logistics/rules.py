"""What a parcel costs: first kilogram and each further started one, by province; or that it is not served."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from flask_babel import gettext as _

from marketplace.errors import DomainError
from marketplace.money import format_fen

KILO = 1000
MOST_AMOUNT = 1_000_00  # fen for a kilogram: more is a slipped decimal
MOST_PARCELS = 50
SOONEST_DELIVERY = timedelta(hours=4)
_WAYBILL = re.compile(r"[A-Z0-9]{1,40}", re.ASCII)
_NO_SIGN = {"Pd", "Cf"}  # dashes of every width, and what nobody sees and a copied number may carry


class BadTemplateError(DomainError):
    """A freight template that no parcel could use."""


@dataclass(frozen=True)
class Rate:
    """Fen for the first kilogram, and for each further started one."""

    first_amount: int
    next_amount: int


@dataclass(frozen=True)
class Template:
    """A seller's freight: rates by six-digit province code; a province that is missing is not served."""

    rates: Mapping[str, Rate] = field(default_factory=dict)
    free_from_amount: int | None = None


@dataclass(frozen=True)
class Freight:
    """What one parcel costs and how that came about; all amounts in fen, weight in grams."""

    amount: int
    rate: Rate
    billed_kilos: int
    free_from_amount: int | None
    is_free: bool

    @property
    def reason(self) -> str:
        """One line for the buyer."""
        if self.is_free and self.free_from_amount:
            return _("满 %(amount)s 元包邮", amount=self.free_from_amount // 100)
        if self.is_free:
            return _("包邮")
        if self.rate.next_amount and self.billed_kilos > 1:
            return _(
                "连纸箱按 %(billed)s 公斤算：首公斤 %(first)s 元，续 %(kilos)s 公斤每公斤 %(next)s 元",
                billed=self.billed_kilos,
                first=_plain(self.rate.first_amount),
                kilos=self.billed_kilos - 1,
                next=_plain(self.rate.next_amount),
            )
        return _("每件 %(first)s 元", first=_plain(self.rate.first_amount))

    def as_snapshot(self) -> dict[str, int | bool | None]:
        """What the seller order keeps."""
        return {
            "first_amount": self.rate.first_amount,
            "next_amount": self.rate.next_amount,
            "billed_kilos": self.billed_kilos,
            "free_from_amount": self.free_from_amount,
            "is_free": self.is_free,
        }


def _plain(fen: int) -> str:
    return str(fen // 100) if fen % 100 == 0 else f"{fen // 100}.{fen % 100:02d}"


def parcel_freight(
    template: Template, *, province_code: str, gross_grams: int, goods_amount: int
) -> Freight | None:
    """Freight of one seller's parcel; None when the province is not served."""
    rate = template.rates.get(province_code)
    if rate is None:
        return None
    kilos = max(1, -(-gross_grams // KILO))
    amount = rate.first_amount + (kilos - 1) * rate.next_amount
    reaches = template.free_from_amount is not None and goods_amount >= template.free_from_amount
    free = reaches or amount == 0
    return Freight(0 if free else amount, rate, kilos, template.free_from_amount if reaches else None, free)


@dataclass(frozen=True)
class Group:
    """Provinces that share their amounts."""

    provinces: tuple[str, ...]
    first_amount: int
    next_amount: int


def check_groups(groups: Iterable[Group]) -> None:
    """Refuse a template that serves nobody, names a province twice or asks more than MOST_AMOUNT."""
    seen: set[str] = set()
    for group in groups:
        if max(group.first_amount, group.next_amount) > MOST_AMOUNT:
            most = format_fen(MOST_AMOUNT)
            raise BadTemplateError(
                _("运费一公斤最多 %(amount)s 元，请看看小数点", amount=most), field="groups"
            )
        for province in group.provinces:
            if province in seen:
                raise BadTemplateError(_("同一个省份只能放在一组里"), field="groups")
            seen.add(province)
    if not seen:
        raise BadTemplateError(_("至少要有一个能送到的省份"), field="groups")


class BadWaybillError(DomainError):
    """What was typed is no waybill number, or too many of them."""

    def __init__(self, words: str) -> None:
        super().__init__(words, field="waybills")


def read_waybill(text: str) -> str:
    """A number as it is printed: full-width signs made plain, capitals, without blanks and dashes; "" for nothing.

    A carrier's own shape is never judged (domain 4.5). Any other sign is refused, never dropped: BadWaybillError.
    """
    folded = unicodedata.normalize("NFKC", text).upper()
    number = "".join(c for c in folded if not (c.isspace() or unicodedata.category(c) in _NO_SIGN))
    if number and not _WAYBILL.fullmatch(number):
        raise BadWaybillError(
            _("“%(text)s”不像快递单号：单号只有字母和数字，最多 40 个，一行写一个", text=text.strip()[:60])
        )
    return number


def read_waybills(lines: Iterable[str]) -> list[str]:
    """The numbers of some parcels, each once. BadWaybillError for none, for too many, for what is no number."""
    numbers = list(dict.fromkeys(number for line in lines if (number := read_waybill(line))))
    if not numbers:
        raise BadWaybillError(_("请填快递单号"))
    if len(numbers) > MOST_PARCELS:
        raise BadWaybillError(_("一次最多 %(count)s 个单号", count=MOST_PARCELS))
    return numbers


@dataclass(frozen=True)
class ParcelChange:
    """What a seller writes over a parcel of a dispatched order: was is the number as shown, "" for a further parcel."""

    was: str
    carrier_code: str
    waybill: str


def read_written(change: ParcelChange) -> str:
    """The number that a row now says, "" for an empty further one. BadWaybillError."""
    number = read_waybill(change.waybill)
    if change.was and not number:
        raise BadWaybillError(_("单号不能空着：写错的，改成对的"))
    return number


def is_hardly_delivered(shipped_at: datetime, now: datetime) -> bool:
    """Whether so little time has passed since dispatch that no courier can have brought the parcel.

    Collecting, sorting and bringing take half a day at the quickest, even within a town. A delivery starts the buyer's
    48 hours and the wait for confirmation, so one that is recorded sooner is a slip of the finger or a box that was
    handed over in person: the seller has to say so.
    """
    return now - shipped_at < SOONEST_DELIVERY
