"""Lists of what can be bought: categories, cards, counts of facets. Rows, not objects; a page is three statements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask import url_for
from flask_babel import gettext as _
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    String,
    and_,
    case,
    cast,
    exists,
    func,
    literal,
    or_,
    select,
    union_all,
)
from sqlalchemy.orm import aliased

from marketplace import clock
from marketplace.catalogue import packs, search
from marketplace.catalogue.browsing import Browse, Order
from marketplace.catalogue.models import (
    Category,
    Grade,
    Measure,
    Product,
    ProductStatus,
    ReturnRule,
    SizeClass,
    Variant,
)
from marketplace.catalogue.selling import first_image
from marketplace.database import db
from marketplace.i18n import choose
from marketplace.inventory.models import StockPool
from marketplace.media.models import Image
from marketplace.media.rules import Picture
from marketplace.places import Area
from marketplace.provenance.models import Batch
from marketplace.sellers.models import Seller, SellerStatus

PAGE_SIZE = 24
FEW = 10  # from here down a card says how many packs are left


@dataclass(frozen=True)
class CategoryRow:
    """A kind of produce, and how many of its products can be bought now."""

    code: str
    parent_code: str | None
    name: str
    scene: str
    count: int

    @property
    def url(self) -> str:
        return url_for("catalogue.category", code=self.code)


@dataclass(frozen=True)
class Card:
    """A product in a list, by its first pack that can be bought; amounts in fen."""

    product_id: int
    code: str
    title: str
    scene: str
    price_amount: int
    measure: Measure
    net_amount: int
    return_rule: ReturnRule
    needs_confirmation: bool
    left: int
    picked_on: date | None
    county: str
    seller_name: str
    image: Picture | None

    # What the card says, in the words of components/card.html.

    @property
    def url(self) -> str:
        return url_for("catalogue.product", code=self.code)

    @property
    def is_dry(self) -> bool:
        return packs.is_dry(self.measure, self.return_rule)

    @property
    def is_fresh(self) -> bool:
        return self.return_rule == ReturnRule.EXEMPT

    @property
    def pack_label(self) -> str:
        return packs.pack_label(self.measure, self.net_amount, dry=self.is_dry)

    @property
    def unit_price_labels(self) -> tuple[str, ...]:
        return packs.unit_price_labels(self.measure, self.net_amount, self.price_amount, dry=self.is_dry)

    @property
    def stock_note(self) -> str:
        if self.left > FEW:
            return ""
        left = packs.count_label(self.left, fresh=self.is_fresh)
        return str(_("只剩 %(left)s", left=left))

    @property
    def flag(self) -> str:
        """When it was picked, of what is fresh and not older than a fortnight."""
        return packs.picked_label(self.picked_on, clock.today()) if self.is_fresh else ""


@dataclass(frozen=True)
class Choice:
    """One value of a facet and how many products it would leave, the reader's other facets kept."""

    code: str
    name: str
    count: int
    least_mm: int = 0
    most_mm: int = 0


@dataclass(frozen=True)
class Facets:
    """How many products the list holds, and the choices of each facet."""

    count: int
    choices: dict[str, list[Choice]]


def list_categories() -> list[CategoryRow]:
    """All categories in their order; one without anything for sale says 0."""
    counted = (
        select(Product.category_code, func.count().label("count"))
        .join(Seller, Seller.id == Product.seller_id)
        .where(is_listed())
        .group_by(Product.category_code)
        .subquery()
    )
    query = (
        select(
            Category.code,
            Category.parent_code,
            Category.name,
            Category.name_en,
            Category.scene,
            func.coalesce(counted.c.count, 0),
        )
        .outerjoin(counted, counted.c.category_code == Category.code)
        .order_by(Category.position, Category.code)
    )
    return [
        CategoryRow(code, parent, choose(name, name_en), scene, count)
        for code, parent, name, name_en, scene, count in db.session.execute(query).tuples()
    ]


def _offer(browse: Browse | None = None) -> list[ColumnElement[bool]]:
    """Conditions on Variant and its pool: a pack that can be bought now."""
    found: list[ColumnElement[bool]] = [
        Variant.seller_id == Product.seller_id,
        Variant.product_id == Product.id,
        Variant.is_offered.is_(True),
        StockPool.seller_id == Variant.seller_id,
        StockPool.id == Variant.pool_id,
        StockPool.on_hand - StockPool.held >= Variant.pool_amount,
    ]
    if browse and browse.packs:
        pairs = [
            and_(Variant.measure == measure, Variant.net_amount == amount) for measure, amount in browse.packs
        ]
        found.append(or_(*pairs))
    return found


def is_listed(browse: Browse | None = None) -> ColumnElement[bool]:
    """Conditions on Product and Seller: published, by an approved seller, with a pack that can be bought."""
    return and_(
        Product.status == ProductStatus.PUBLISHED,
        Seller.status == SellerStatus.APPROVED,
        exists(select(literal(1)).select_from(Variant, StockPool).where(*_offer(browse)).correlate(Product)),
    )


def _chosen(browse: Browse, *, but: str = "") -> list[ColumnElement[bool]]:
    """Conditions of the reader's choices, one facet left out when its own counts are wanted."""
    found: list[ColumnElement[bool]] = []
    if browse.categories:
        found.append(Product.category_code.in_(browse.categories))
    if browse.seller_id is not None:
        found.append(Product.seller_id == browse.seller_id)
    columns = (("county", Product.county_code), ("size", Product.size_code), ("grade", Product.grade_code))
    for facet, column in columns:
        values = getattr(browse, facet)
        if values and facet != but:
            found.append(column.in_(values))
    return found


def _unit_rank() -> ColumnElement[int]:
    """Fen per 1,000 g, 1,000 ml or 1,000 pieces; different measures do not compare, so they follow each other."""
    step = 3 * 10**18
    group = case(
        (Variant.measure == Measure.MASS, 0), (Variant.measure == Measure.VOLUME, step), else_=2 * step
    )
    return cast(group, BigInteger) + Variant.price_amount * 1000 // Variant.net_amount


def list_cards(browse: Browse, limit: int = PAGE_SIZE) -> tuple[list[Card], tuple[int, int] | None]:
    """A page of cards and the key after which the next page begins, None on the last one; one statement."""
    found = search.matches(browse.words) if browse.words else None
    if browse.words and found is None:
        return [], None
    ranked = found.subquery() if found is not None else None
    first_pack = (
        select(Variant.id)
        .join(StockPool, StockPool.id == Variant.pool_id)
        .where(*_offer(browse))
        .order_by(Variant.position, Variant.id)
        .limit(1)
        .correlate(Product)
        .scalar_subquery()
    )
    keys: dict[Order, Any] = {
        Order.NEWEST: Product.listed_rank,
        Order.PRICE: Variant.price_amount,
        Order.UNIT_PRICE: _unit_rank(),
    }
    if ranked is not None:
        keys[Order.BEST] = ranked.c.rank
    key: Any = keys.get(browse.order, Product.listed_rank)
    falls = browse.order in {Order.BEST, Order.NEWEST}
    county = aliased(Area)
    query = (
        select(
            Product.id,
            Product.code,
            Product.title,
            Category.scene,
            Variant.price_amount,
            Variant.measure,
            Variant.net_amount,
            Category.return_rule,
            func.coalesce(Grade.needs_confirmation, False),
            (StockPool.on_hand - StockPool.held) // Variant.pool_amount,
            Batch.picked_on,
            county.name,
            county.name_en,
            Seller.name,
            Image.id,
            Image.name,
            Image.state,
            Image.width,
            Image.height,
            key.label("key"),
        )
        .join(Seller, Seller.id == Product.seller_id)
        .join(Category, Category.code == Product.category_code)
        .join(Variant, Variant.id == first_pack)
        .join(StockPool, StockPool.id == Variant.pool_id)
        .join(Batch, and_(Batch.seller_id == Product.seller_id, Batch.id == Product.batch_id))
        .outerjoin(Grade, Grade.code == Product.grade_code)
        .outerjoin(county, county.code == Product.county_code)
        .outerjoin(Image, Image.id == first_image())
        .where(
            Product.status == ProductStatus.PUBLISHED,
            Seller.status == SellerStatus.APPROVED,
            *_chosen(browse),
        )
        .limit(limit + 1)
    )
    if ranked is not None:
        query = query.join(ranked, ranked.c.product_id == Product.id)
    query = _after(query, browse.after, key, falls=falls)
    rows = db.session.execute(query).tuples().all()
    cards = [_card(row) for row in rows[:limit]]
    following = (int(rows[limit - 1][-1]), cards[-1].product_id) if len(rows) > limit else None
    return cards, following


def _after(
    query: Select[Any], after: tuple[int, int] | None, key: ColumnElement[int], *, falls: bool
) -> Select[Any]:
    """Keyset paging: the depth of the page costs nothing."""
    if falls:
        query = query.order_by(key.desc(), Product.id.desc())
        return (
            query
            if after is None
            else query.where(or_(key < after[0], and_(key == after[0], Product.id < after[1])))
        )
    query = query.order_by(key, Product.id)
    return (
        query
        if after is None
        else query.where(or_(key > after[0], and_(key == after[0], Product.id > after[1])))
    )


def _card(row: Sequence[Any]) -> Card:
    code, title, scene, price, measure, net, rule, blemished, left, picked, name, name_en, seller = row[1:14]
    return Card(
        product_id=row[0],
        code=code,
        title=title,
        scene=scene,
        price_amount=price,
        measure=measure,
        net_amount=net,
        return_rule=rule,
        needs_confirmation=bool(blemished),
        left=left,
        picked_on=picked,
        county=choose(name or "", name_en),
        seller_name=seller,
        image=_picture(*row[14:19]),
    )


def _picture(
    image_id: int | None, name: str, state: Any, width: int | None, height: int | None
) -> Picture | None:
    return Picture(image_id, name, state, width, height) if image_id else None


def count_facets(browse: Browse) -> Facets:
    """Counts of the whole list and of each facet's choices, in one statement."""
    found = search.matches(browse.words) if browse.words else None
    if browse.words and found is None:
        return Facets(0, {})
    ranked = found.subquery() if found is not None else None

    def base(*columns: Any, but: str = "") -> Select[Any]:
        within = Browse() if but == "pack" else browse
        query = (
            select(*columns)
            .select_from(Product)
            .join(Seller, Seller.id == Product.seller_id)
            .where(is_listed(within), *_chosen(browse, but=but))
        )
        return query if ranked is None else query.join(ranked, ranked.c.product_id == Product.id)

    def text(value: str) -> ColumnElement[str]:
        return cast(literal(value), String(12))

    none, nothing = cast(literal(""), String(60)), cast(literal(0), BigInteger)
    county, number = aliased(Area), func.count().label("count")
    parts = [
        base(text("all"), none, none, none, nothing, nothing, number),
        base(text("county"), county.code, county.name, func.coalesce(county.name_en, ""), nothing, nothing, number,
             but="county")
        .join(county, county.code == Product.county_code)
        .group_by(county.code, county.name, county.name_en),
        base(text("size"), SizeClass.code, none, none, SizeClass.min_mm, SizeClass.max_mm, number, but="size")
        .join(SizeClass, SizeClass.code == Product.size_code)
        .group_by(SizeClass.code, SizeClass.min_mm, SizeClass.max_mm),
        base(text("grade"), Grade.code, Grade.name, Grade.name_en, Grade.position, nothing, number, but="grade")
        .join(Grade, Grade.code == Product.grade_code)
        .group_by(Grade.code, Grade.name, Grade.name_en, Grade.position),
        base(
            text("pack"), cast(Variant.measure, String(12)), cast(Category.return_rule, String(12)), none,
            Variant.net_amount, nothing, func.count(Product.id.distinct()), but="pack",
        )
        .join(Category, Category.code == Product.category_code)
        .join(Variant, and_(Variant.seller_id == Product.seller_id, Variant.product_id == Product.id))
        .join(StockPool, and_(*_offer()[3:]))
        .where(Variant.is_offered)
        .group_by(Variant.measure, Category.return_rule, Variant.net_amount),
    ]  # fmt: skip
    return _facets(db.session.execute(union_all(*parts)).tuples().all())


def _facets(rows: Sequence[Sequence[Any]]) -> Facets:
    count = 0
    choices: dict[str, list[tuple[Any, Choice]]] = {}
    seen: dict[str, int] = {}
    for kind, code, name, name_en, least, most, number in rows:
        if kind == "all":
            count = number
        elif kind == "county":
            choices.setdefault(kind, []).append(
                ((-number, code), Choice(code, choose(name, name_en), number))
            )
        elif kind == "size":
            choices.setdefault(kind, []).append((least, Choice(code, f"{least}–{most}", number, least, most)))
        elif kind == "grade":
            choices.setdefault(kind, []).append((least, Choice(code, choose(name, name_en), number)))
        else:
            pack = f"{code}-{least}"
            number += seen.get(pack, 0)  # fresh and dry goods of one weight are one choice
            seen[pack] = number
            choices[kind] = [entry for entry in choices.get(kind, []) if entry[1].code != pack]
            words = packs.pack_label(code, least, dry=packs.is_dry(code, name))
            choices[kind].append(((list(Measure).index(Measure(code)), least), Choice(pack, words, number)))
    ordered = {
        kind: [choice for _key, choice in sorted(found, key=lambda e: e[0])]
        for kind, found in choices.items()
    }
    return Facets(count, ordered)
