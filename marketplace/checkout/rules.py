"""From basket to order: parcels by seller, their freight, the total, and what stands in the way."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from marketplace.catalogue import packs
from marketplace.catalogue.selling import SaleItem
from marketplace.errors import DomainError
from marketplace.logistics.rules import Freight, Template, parcel_freight
from marketplace.money import format_fen
from marketplace.payments.rules import MOST_TO_PAY


class ProblemKind(enum.StrEnum):
    """Why a line or a parcel cannot be bought as it stands."""

    GONE = "gone"
    TOO_FEW = "too_few"
    TOO_MUCH = "too_much"
    NOT_SERVED = "not_served"
    NOT_CONFIRMED = "not_confirmed"
    NEW_PRICE = "new_price"
    NEW_FREIGHT = "new_freight"


@dataclass(frozen=True)
class Problem:
    """One sentence about one line (variant_id), one parcel (seller_id), or all of it (neither)."""

    kind: ProblemKind
    message: str
    variant_id: int | None = None
    seller_id: int | None = None
    is_good: bool = False  # good news: it costs less

    @property
    def place(self) -> str:
        """The id of its line or parcel on the page."""
        return f"line-{self.variant_id}" if self.variant_id else f"freight-{self.seller_id}"


@dataclass(frozen=True)
class Line:
    """So many of one pack; amount in fen."""

    item: SaleItem
    count: int

    @property
    def amount(self) -> int:
        return self.item.price_amount * self.count

    @property
    def pool_amount(self) -> int:
        return self.item.pool_amount * self.count


@dataclass(frozen=True)
class Parcel:
    """One seller's part: its lines and freight; freight None while the place is unknown or not served."""

    seller_id: int
    lines: tuple[Line, ...]
    freight: Freight | None

    @property
    def first(self) -> SaleItem:
        return self.lines[0].item

    @property
    def goods_amount(self) -> int:
        return sum(line.amount for line in self.lines)

    @property
    def freight_amount(self) -> int:
        return self.freight.amount if self.freight else 0

    @property
    def total_amount(self) -> int:
        return self.goods_amount + self.freight_amount

    @property
    def gross_grams(self) -> int:
        return sum(line.item.gross_grams * line.count for line in self.lines)

    @property
    def pool_amounts(self) -> dict[int, int]:
        """What the parcel takes from each pool, all its lines summed (D2)."""
        taken: dict[int, int] = {}
        for line in self.lines:
            taken[line.item.pool_id] = taken.get(line.item.pool_id, 0) + line.pool_amount
        return dict(sorted(taken.items()))


@dataclass(frozen=True)
class Quote:
    """What all of it costs to one province, in fen; problems are empty when it can be bought."""

    parcels: tuple[Parcel, ...]
    problems: tuple[Problem, ...]

    @property
    def goods_amount(self) -> int:
        return sum(parcel.goods_amount for parcel in self.parcels)

    @property
    def freight_amount(self) -> int:
        return sum(parcel.freight_amount for parcel in self.parcels)

    @property
    def total_amount(self) -> int:
        return self.goods_amount + self.freight_amount

    @property
    def amounts(self) -> dict[str, int]:
        """What the page shows of each price (v and the variant) and each freight (s and the seller), in fen."""
        prices = {
            f"v{line.item.variant_id}": line.item.price_amount
            for parcel in self.parcels
            for line in parcel.lines
        }
        return prices | {
            f"s{parcel.seller_id}": parcel.freight.amount for parcel in self.parcels if parcel.freight
        }

    @property
    def to_confirm(self) -> tuple[Line, ...]:
        """Lines that ask a tick at each single purchase: blemished fruit."""
        return tuple(line for parcel in self.parcels for line in parcel.lines if line.item.needs_confirmation)


class BasketChangedError(DomainError):
    """Something cannot be bought as it was shown; problems say what, line by line."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(_l("有几样要先改一下，再提交"))
        self.problems = tuple(problems)


class PriceChangedError(DomainError):
    """The total is not the one the buyer saw: nothing was ordered; changes() says what is new."""

    def __init__(self) -> None:
        super().__init__(_l("价钱或运费刚刚变了，请看一眼新的合计再提交"))


class EmptyBasketError(DomainError):
    """There is nothing to order."""

    def __init__(self) -> None:
        super().__init__(_l("果篮是空的"))


def quote(
    items: Mapping[int, SaleItem],
    counts: Mapping[int, int],
    templates: Mapping[int, Template],
    province_code: str | None,
) -> Quote:
    """Price the wanted counts (by variant) to a province; None prices the goods alone."""
    problems: list[Problem] = []
    by_seller: dict[int, list[Line]] = {}
    for variant_id, count in counts.items():
        item = items.get(variant_id)
        if item is None:
            problems.append(Problem(ProblemKind.GONE, _("有一样已经下架了"), variant_id=variant_id))
            continue
        if not item.is_for_sale:
            message = _("“%(title)s”已经下架了", title=item.title)
            problems.append(Problem(ProblemKind.GONE, message, variant_id=variant_id))
        by_seller.setdefault(item.seller_id, []).append(Line(item, count))
    parcels = tuple(
        _parcel(seller_id, tuple(lines), templates.get(seller_id, Template()), province_code)
        for seller_id, lines in sorted(by_seller.items())  # the same numbers as on the order's page
    )
    for parcel in parcels:
        problems.extend(_too_few(parcel))
        if province_code and parcel.freight is None:
            message = _("“%(seller)s”不送这个地方", seller=parcel.first.seller_name)
            problems.append(Problem(ProblemKind.NOT_SERVED, message, seller_id=parcel.seller_id))
    found = Quote(parcels, tuple(problems))
    return Quote(parcels, (*problems, *_too_much(found))) if found.total_amount > MOST_TO_PAY else found


def changes(wanted: Quote, seen: Mapping[str, int]) -> tuple[Problem, ...]:
    """What costs something else than was seen (as Quote.amounts gives it), with before and after; only for telling."""
    found = []
    for parcel in wanted.parcels:
        for line in parcel.lines:
            before, now = seen.get(f"v{line.item.variant_id}"), line.item.price_amount
            if before is None or before == now:
                continue
            values = {"title": line.item.title, "before": format_fen(before), "now": format_fen(now)}
            message = (
                _("“%(title)s”涨价了：原来 ¥%(before)s，现在 ¥%(now)s", **values)
                if now > before
                else _("“%(title)s”降价了：原来 ¥%(before)s，现在 ¥%(now)s", **values)
            )
            found.append(Problem(ProblemKind.NEW_PRICE, message, line.item.variant_id, is_good=now < before))
        was = seen.get(f"s{parcel.seller_id}")
        if parcel.freight and was is not None and was != parcel.freight.amount:
            message = _(
                "“%(seller)s”的运费变了：原来 ¥%(before)s，现在 ¥%(now)s",
                seller=parcel.first.seller_name,
                before=format_fen(was),
                now=format_fen(parcel.freight.amount),
            )
            is_good = parcel.freight.amount < was
            found.append(Problem(ProblemKind.NEW_FREIGHT, message, seller_id=parcel.seller_id, is_good=is_good))
    return tuple(found)


def _parcel(seller_id: int, lines: tuple[Line, ...], template: Template, province_code: str | None) -> Parcel:
    bare = Parcel(seller_id, lines, None)
    if not province_code:
        return bare
    freight = parcel_freight(
        template, province_code=province_code, gross_grams=bare.gross_grams, goods_amount=bare.goods_amount
    )
    return Parcel(seller_id, lines, freight)


def _too_few(parcel: Parcel) -> list[Problem]:
    """Each line of a pool that all its lines overdraw: how many are left, or how much for its packs together."""
    found = []
    for pool_id, wanted in parcel.pool_amounts.items():
        lines = [line for line in parcel.lines if line.item.pool_id == pool_id and line.item.is_for_sale]
        if not lines or wanted <= lines[0].item.available:
            continue
        fitting = [line for line in lines if line.item.left]
        for line in lines:
            item = line.item
            if not item.left:
                message = _("“%(title)s”卖完了", title=item.title)
            elif len(fitting) == 1:
                message = _("“%(title)s”只够 %(count)s了", title=item.title, count=item.count_label(item.left))
            else:
                left = packs.amount_label(item.measure, item.available)
                message = _("“%(title)s”几种装法合起来只剩 %(left)s，改少一点", title=item.title, left=left)
            found.append(Problem(ProblemKind.TOO_FEW, message, variant_id=item.variant_id))
    return found


def _too_much(wanted: Quote) -> list[Problem]:
    """More than one payment can be: told before anything is held, with the count of the dearest line that would do."""
    line = max((line for parcel in wanted.parcels for line in parcel.lines), key=lambda line: line.amount)
    room = MOST_TO_PAY - (wanted.total_amount - line.amount)
    values = {"most": format_fen(MOST_TO_PAY), "total": format_fen(wanted.total_amount)}
    if room < line.item.price_amount:
        message = _("一次最多付 %(most)s 元，这里一共 %(total)s 元：拿掉几样，分几次下单。", **values)
        return [Problem(ProblemKind.TOO_MUCH, message)]
    message = _(
        "一次最多付 %(most)s 元，这里一共 %(total)s 元：“%(title)s”这一单最多 %(count)s，其余的再下一单。",
        title=line.item.title,
        count=line.item.count_label(room // line.item.price_amount),
        **values,
    )
    return [Problem(ProblemKind.TOO_MUCH, message, variant_id=line.item.variant_id)]


def check_order(wanted: Quote, *, confirmed: frozenset[int], expected_total: int) -> None:
    """Refuse what is empty, cannot be bought, lacks its tick, or costs something else than was shown.

    EmptyBasketError, BasketChangedError, PriceChangedError.
    """
    if not wanted.parcels:
        raise EmptyBasketError
    problems = list(wanted.problems)
    for line in wanted.to_confirm:
        if line.item.variant_id not in confirmed:
            message = _("“%(title)s”是次果，请勾选知道了再买", title=line.item.title)
            problems.append(Problem(ProblemKind.NOT_CONFIRMED, message, variant_id=line.item.variant_id))
    if problems:
        raise BasketChangedError(problems)
    if wanted.total_amount != expected_total:
        raise PriceChangedError
