"""What a listing must be before it is sold, and the words that it gets by itself."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from flask_babel import lazy_gettext as _l

from marketplace.catalogue.models import Measure
from marketplace.errors import DomainError
from marketplace.inventory.models import Unit
from marketplace.places import is_of_ganzhou
from marketplace.provenance.rules import MARK, EarliestDay
from marketplace.templating import short_day

NAVEL = "navel"  # the only category to which the mark 赣南脐橙 belongs; 夏橙 is another fruit
GRADED = frozenset({"navel", "mandarin", "pomelo", "valencia", "fruit"})  # sold by grade
SIZED = frozenset({"navel", "mandarin", "valencia"})  # sold by diameter
MOST_PACKS = 5
MOST_PRICE = 100_000_00  # fen for one pack: more is a slipped decimal
MOST_NET = 1_000_000  # a tonne, or as many pieces: larger sales are asked for, not listed
UNIT_OF = {Measure.MASS: Unit.GRAM, Measure.VOLUME: Unit.MILLILITRE, Measure.COUNT: Unit.PIECE}

SC_NUMBER = re.compile(r"SC[0-9]{14}", re.ASCII)


class ListingError(DomainError):
    """Something typed into a listing cannot be."""


class ShopNotOpenError(DomainError):
    """The seller is not approved, or stands still."""

    def __init__(self) -> None:
        super().__init__(_l("店铺还没通过审核或已停用，先存成草稿，审核通过后再发布"))


class CertificateMissingError(DomainError):
    """A cooperative's or company's batch has no 承诺达标合格证 yet."""

    def __init__(self) -> None:
        super().__init__(_l("合作社和公司要先有这一批的承诺达标合格证，才能发布"), field="certificate")


class MarkNotAuthorisedError(DomainError):
    """The name 赣南脐橙 is claimed without the right to it."""


class SeasonNotOpenError(DomainError):
    """The season's earliest shipping day lies ahead, and there is no presale yet."""

    def __init__(self, earliest: EarliestDay) -> None:
        super().__init__(
            _l(
                "这一季要到 %(day)s起才发货（%(source)s），到时再发布，现在可以先存成草稿",
                day=short_day(earliest.on),
                source=earliest.source,
            ),
            field="picked_on",
        )


class ScNumberError(DomainError):
    """Processed food needs the maker's licence number."""

    def __init__(self) -> None:
        super().__init__(_l("加工食品要填生产者的 SC 编号：SC 加 14 位数字"), field="sc_number")


class StatusMoveError(DomainError):
    """The listing is not in the state from which this can be done."""

    def __init__(self) -> None:
        super().__init__(_l("商品的状态刚刚变了，请看一眼再来"))


@dataclass(frozen=True)
class Pack:
    """One pack as it is offered: net amount in grams, millilitres or pieces; price in fen."""

    net_amount: int
    price_amount: int
    gross_grams: int | None = None  # with its box; None: as usual for such a pack
    pieces: int | None = None


@dataclass(frozen=True)
class ListingDraft:
    """Everything that a seller says about a listing; stock_amount is in the pool's unit, on top of what it holds."""

    category_code: str
    batch_id: int
    packs: Sequence[Pack]
    stock_amount: int
    variety_code: str | None = None
    grade_code: str | None = None
    size_code: str | None = None
    title: str = ""  # empty: written from county, variety, grade and size
    description: str = ""
    image_ids: Sequence[int] = field(default=())
    sc_number: str | None = None
    client_id: str | None = None  # of the form: the same one again is the same listing


def usual_gross(measure: Measure, net_amount: int) -> int:
    """What a pack weighs with its box when nobody said so: a tenth more, at least 300 g, up to a full 100 g.

    A piece (a pomelo, a duck) counts as a kilogram. It only serves the freight, and the seller may change it.
    """
    net_grams = net_amount * 1000 if measure == Measure.COUNT else net_amount
    packing = max(300, net_grams // 10)
    return -(-(net_grams + packing) // 100) * 100


def unit_rank(measure: Measure, net_amount: int, price_amount: int) -> int:
    """Fen per 1,000 g, 1,000 ml or 1,000 pieces, for ordering; measures do not compare, so they follow each other."""
    return list(Measure).index(measure) * 3 * 10**18 + price_amount * 1000 // net_amount


def check_packs(packs: Sequence[Pack]) -> None:
    """Refuse none, too many, two of the same content, and amounts beyond reason."""
    if not packs:
        raise ListingError(_l("至少要有一种箱子：写净重和价钱"), field="packs")
    if len(packs) > MOST_PACKS:
        raise ListingError(_l("一件商品最多 %(count)s 种箱子", count=MOST_PACKS), field="packs")
    if len({pack.net_amount for pack in packs}) < len(packs):
        raise ListingError(_l("有两种箱子一样重，请改一个"), field="packs")
    for pack in packs:
        if not 0 < pack.net_amount <= MOST_NET:
            raise ListingError(_l("一箱的净含量要大于 0，最多 1 吨"), field="packs")
        check_price(pack.price_amount)


def check_price(price_amount: int) -> None:
    """Refuse a price of nothing, and one above 100,000 yuan for a pack."""
    if not 0 < price_amount <= MOST_PRICE:
        raise ListingError(_l("价钱要大于 0，一箱最多 10 万元，请看看小数点"), field="price")


def check_sc_number(number: str | None) -> None:
    """SC and fourteen digits (food production licence)."""
    if not number or not SC_NUMBER.fullmatch(number):
        raise ScNumberError


def claims_mark(text: str) -> bool:
    """Whether a text uses the name 赣南脐橙 itself, however it is spaced or written.

    A sentence about the origin, such as 产自赣南的脐橙 or 产地：赣州信丰, is no claim of the mark.
    """
    plain = unicodedata.normalize("NFKC", text).replace("贛", "赣").replace("臍", "脐")
    return MARK in re.sub(r"[\W_]+", "", plain)


def check_mark(
    *, title: str, description: str, category_code: str, area_code: str, is_authorised: bool
) -> None:
    """Refuse the name 赣南脐橙 for other fruit, for fruit of other places, and without a valid authorisation."""
    for name, text in (("title", title), ("description", description)):
        if not claims_mark(text):
            continue
        if category_code != NAVEL or not is_of_ganzhou(area_code):
            raise MarkNotAuthorisedError(
                _l("只有赣州 18 个县（市、区）产的脐橙才能叫“赣南脐橙”，请改名字"), field=name
            )
        if not is_authorised:
            raise MarkNotAuthorisedError(
                _l("用“赣南脐橙”这个名字要有有效的授权。可以写产地，比如“信丰纽荷尔脐橙”"), field=name
            )


def check_season(earliest: EarliestDay | None, today: date) -> None:
    """Refuse to sell before the season's earliest shipping day, where one was announced."""
    if earliest is not None and today < earliest.on:
        raise SeasonNotOpenError(earliest)


def short_county(name: str) -> str:
    """信丰 for 信丰县: as people say it."""
    return name[:-1] if len(name) > 2 and name[-1] in "县市区" and not name.endswith("开发区") else name


def make_title(
    *, county: str, category: str, variety: str, grade: str, size_mm: tuple[int, int] | None
) -> str:
    """信丰纽荷尔脐橙 一等 75–80mm; a variety that carries the fruit's or the county's name says it once."""
    place = short_county(county)
    fruit = variety if category in variety else variety + category
    name = fruit if fruit.startswith(place) else place + fruit
    size = f"{size_mm[0]}–{size_mm[1]}mm" if size_mm else ""
    return " ".join(part for part in (name, grade, size) if part)[:60]


def make_description(
    *,
    origin: str,
    orchard: str,
    picked_on: date | None,
    grade: str,
    size_mm: tuple[int, int] | None,
    is_fresh: bool,
) -> str:
    """Only what the seller said: origin, picking day, grade and size. It is the seller's own Chinese text."""
    size = f"果径 {size_mm[0]}–{size_mm[1]} 毫米" if size_mm else ""
    sentences = [f"产自{origin}{orchard}"]
    if picked_on:
        done = "采摘" if is_fresh else "采收或生产"
        sentences.append(f"{picked_on.year}年{picked_on.month}月{picked_on.day}日{done}")
    sentences.append("，".join(part for part in (grade, size) if part))
    return "".join(f"{sentence}。" for sentence in sentences if sentence)
