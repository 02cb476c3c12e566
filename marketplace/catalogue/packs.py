"""How a pack and its unit price are written: 10斤装（5 kg）, 合 4.99 元/斤; English puts kilograms first."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask_babel import gettext as _
from flask_babel import ngettext

from marketplace.catalogue.models import Measure, ReturnRule
from marketplace.i18n import language
from marketplace.money import format_fen, share_half_up
from marketplace.templating import jin, kilos, short_day

JIN = 500  # grams
TONNE = 1_000_000
FRESH_DAYS = 14  # as long the picking day is news


def is_dry(measure: Measure | str, return_rule: ReturnRule | str) -> bool:
    """Dry goods by weight: they keep, so the seven-day return holds, and they are priced by 500 g."""
    return measure == Measure.MASS and return_rule == ReturnRule.ALLOWED


def pack_label(measure: Measure | str, net_amount: int, *, dry: bool = False) -> str:
    """The pack in words; net_amount in grams, millilitres or pieces."""
    if measure == Measure.VOLUME:
        return str(_("%(amount)s 装", amount=litres(net_amount)))
    if measure == Measure.COUNT:
        return str(_("%(count)s 个装", count=net_amount))
    if dry:
        return str(_("%(amount)s 装", amount=kilos(net_amount)))
    if is_bulk(measure, net_amount):
        return tonnes(net_amount)
    return str(_("%(jin)s斤装（%(kilos)s）", jin=_decimal(net_amount, JIN), kilos=kilos(net_amount)))


def pack_name(measure: Measure | str, net_amount: int, *, dry: bool = False) -> str:
    """The shortest name of a pack, for a tile or a filter: 10斤, 1 L, 2 个."""
    if measure == Measure.VOLUME:
        return litres(net_amount)
    if measure == Measure.COUNT:
        return str(ngettext("%(count)s 个", "%(count)s 个", net_amount, count=net_amount))
    if is_bulk(measure, net_amount):
        return tonnes(net_amount)
    if dry or language() == "en":
        return kilos(net_amount)
    return str(_("%(jin)s斤", jin=_decimal(net_amount, JIN)))


def pack_note(measure: Measure | str, net_amount: int, pieces: int | None, *, dry: bool = False) -> str:
    """What stands under the name in a tile, the other measure first: 5 kg，约 24 个; 10 jin in English."""
    parts = []
    if measure == Measure.MASS and not dry:
        parts.append(jin(net_amount) if language() == "en" else kilos(net_amount))
    if pieces and measure != Measure.COUNT:
        parts.append(about_pieces(pieces))
    return str(_("，")).join(parts)


def unit_price_labels(
    measure: Measure | str, net_amount: int, price_amount: int, *, dry: bool = False
) -> tuple[str, ...]:
    """The price per measure, the reader's usual one first; fen, rounded half up."""

    def per(amount: int) -> str:
        return format_fen(share_half_up(price_amount, amount, net_amount))

    if measure == Measure.VOLUME:
        return _("合 %(price)s 元/升", price=per(1000)), _("%(price)s 元/500ml", price=per(500))
    if measure == Measure.COUNT:
        return (_("合 %(price)s 元/个", price=per(1)),)
    if dry:
        return (_("合 %(price)s 元/500g", price=per(500)),)
    pair = (_("合 %(price)s 元/斤", price=per(JIN)), _("%(price)s 元/kg", price=per(1000)))
    return pair[::-1] if language() == "en" else pair


def is_bulk(measure: Measure | str, net_amount: int) -> bool:
    """Sold by the tonne: nobody calls that a box."""
    return measure == Measure.MASS and net_amount >= TONNE


def count_label(count: int, *, fresh: bool, bulk: bool = False) -> str:
    """So many packs: boxes of what is fresh, pieces of anything else, portions of what is sold by the tonne."""
    values = {"count": f"{count:,}"}
    if bulk:
        return str(ngettext("%(count)s 份", "%(count)s 份", count, **values))
    if fresh:
        return str(ngettext("%(count)s 箱", "%(count)s 箱", count, **values))
    return str(ngettext("%(count)s 件", "%(count)s 件", count, **values))


def amount_label(measure: Measure | str, amount: int) -> str:
    """So much of a pool in its own unit: 12.5 kg, 3 L, 4 个."""
    if measure == Measure.VOLUME:
        return litres(amount)
    if measure == Measure.COUNT:
        return str(ngettext("%(count)s 个", "%(count)s 个", amount, count=f"{amount:,}"))
    return kilos(amount)


def tonnes(grams: int) -> str:
    """1 吨, 2.5 吨."""
    return str(_("%(amount)s 吨", amount=_decimal(grams, TONNE)))


def about_pieces(pieces: int) -> str:
    """约 24 个."""
    return str(ngettext("约 %(count)s 个", "约 %(count)s 个", pieces, count=pieces))


def picked_label(picked_on: date | None, today: date) -> str:
    """今天采摘, 昨天采摘, 11月21日采摘; nothing when it is unknown or more than a fortnight ago."""
    age = (today - picked_on).days if picked_on else -1
    if age == 0:
        return str(_("今天采摘"))
    if age == 1:
        return str(_("昨天采摘"))
    return str(_("%(day)s采摘", day=short_day(picked_on))) if 0 < age <= FRESH_DAYS else ""


def label_of(pack: dict[str, Any]) -> str:
    """The label of the pack as it is stored with an order line."""
    return pack_label(pack["measure"], pack["net_amount"], dry=bool(pack.get("dry")))


def litres(millilitres: int) -> str:
    """1 L, 2.5 L, 500 ml."""
    return f"{millilitres} ml" if millilitres < 1000 else f"{_decimal(millilitres, 1000)} L"


def _decimal(amount: int, unit: int) -> str:
    whole, rest = divmod(amount * 1000 // unit, 1000)
    return f"{whole:,}{('.' + f'{rest:03d}').rstrip('0') if rest else ''}"


class Priced:
    """The words for whatever has a pack's measure, content and price (fen), and its goods' return rule."""

    measure: Measure
    net_amount: int
    price_amount: int
    return_rule: ReturnRule

    @property
    def is_dry(self) -> bool:
        return is_dry(self.measure, self.return_rule)

    @property
    def is_fresh(self) -> bool:
        return self.return_rule == ReturnRule.EXEMPT

    @property
    def pack_label(self) -> str:
        return pack_label(self.measure, self.net_amount, dry=self.is_dry)

    @property
    def unit_price_labels(self) -> tuple[str, ...]:
        return unit_price_labels(self.measure, self.net_amount, self.price_amount, dry=self.is_dry)
