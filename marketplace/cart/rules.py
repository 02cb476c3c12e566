"""What a basket takes, and what changed since something was put in."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from marketplace.catalogue.selling import SaleItem
from marketplace.errors import DomainError
from marketplace.money import format_fen, plain_digits

MOST_LINES = 60
MOST_OF_ONE = 10_000  # an enterprise buys by the tonne


class NotForSaleError(DomainError):
    """The pack is not, or no longer, for sale."""

    def __init__(self) -> None:
        super().__init__(_l("这个已经不卖了，看看别的"), field="pack")


class NotEnoughError(DomainError):
    """Fewer are left than were asked for; left and already as words with their unit."""

    def __init__(self, item: SaleItem, left: int, already: int = 0) -> None:
        if left <= 0:
            message = _("卖完了，等果农再加货")
        elif already:
            values = {"left": item.count_label(left), "already": item.count_label(already)}
            message = _("只剩 %(left)s，果篮里已经有 %(already)s", **values)
        else:
            message = _("只剩 %(left)s，改少一点", left=item.count_label(left))
        super().__init__(message, field="count")
        self.left = left


class CountError(DomainError):
    """What was typed is no count that a basket takes; the sentence says which way it is none."""

    def __init__(self, message: str) -> None:
        super().__init__(message, field="count")


class BasketFullError(DomainError):
    """The basket holds as many different packs as it can."""

    def __init__(self) -> None:
        super().__init__(_("果篮里最多放 %(most)s 样，先付掉几样", most=MOST_LINES))


@dataclass(frozen=True)
class BasketLine:
    """So many of one pack, and the price (fen) at which it was put in."""

    item: SaleItem
    count: int
    seen_price_amount: int

    @property
    def amount(self) -> int:
        return self.item.price_amount * self.count

    @property
    def price_change(self) -> str:
        """One sentence when the price is not the one that was seen; empty when it is."""
        before, now = self.seen_price_amount, self.item.price_amount
        if before == now:
            return ""
        values = {"before": format_fen(before), "now": format_fen(now)}
        if now > before:
            return str(_("涨价了：放进来时 ¥%(before)s，现在 ¥%(now)s", **values))
        return str(_("降价了：放进来时 ¥%(before)s，现在 ¥%(now)s", **values))


def read_count(text: str) -> int:
    """The count that was typed; CountError with what is wrong. 0 takes a pack out of the basket."""
    plain = plain_digits(text)
    if re.fullmatch(r"[0-9]{1,20}", plain, re.ASCII):
        return int(plain)
    if re.fullmatch(r"[-−－][0-9]{1,20}", plain):
        raise CountError(_("至少买 1 份"))
    if re.fullmatch(r"[0-9]*[.．][0-9]*", plain) and plain.strip(".．"):
        raise CountError(_("只能整份买，写 1、2、3 这样的整数"))
    raise CountError(_("数量写成数字，比如 2"))


def check_count(wanted: int) -> None:
    """Refuse a count outside of 1 to MOST_OF_ONE with CountError."""
    if wanted < 1:
        raise CountError(_("至少买 1 份"))
    if wanted > MOST_OF_ONE:
        raise CountError(_("一次最多买 %(most)s 份", most=f"{MOST_OF_ONE:,}"))


def check_available(item: SaleItem, wanted: int, *, taken_by_others: int, already: int = 0) -> None:
    """Refuse what the pool cannot give: its other packs in the same basket count too (pool's unit).

    NotForSaleError, NotEnoughError. Nothing is kept for the buyer: that happens at paying.
    """
    if not item.is_for_sale:
        raise NotForSaleError
    left = max(0, item.available - taken_by_others) // item.pool_amount
    if wanted > left:
        raise NotEnoughError(item, left, already)


def taken_by_others(lines: Iterable[BasketLine], item: SaleItem) -> int:
    """What the other lines of a basket take from the pool of an item."""
    return sum(
        line.count * line.item.pool_amount
        for line in lines
        if line.item.pool_id == item.pool_id and line.item.variant_id != item.variant_id
    )


def merged_count(one: int, other: int) -> int:
    """The count of a pack that stood in two baskets: the larger, as the second is mostly the same wish again."""
    return min(max(one, other), MOST_OF_ONE)
