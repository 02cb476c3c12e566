"""Lists of what can be bought: cards. Rows, not objects; a page of them is one statement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from typing import Any

from flask import url_for
from flask_babel import gettext as _
from markupsafe import Markup
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    Subquery,
    and_,
    case,
    cast,
    exists,
    literal,
    or_,
    select,
    tuple_,
    union_all,
)

from marketplace import clock, places
from marketplace.catalogue import packs, search, words
from marketplace.catalogue.browsing import Browse, Order
from marketplace.catalogue.models import (
    Measure,
    Product,
    ProductStatus,
    ReturnRule,
    Variant,
)
from marketplace.catalogue.rules import unit_rank
from marketplace.catalogue.selling import first_image
from marketplace.database import at_most, db
from marketplace.inventory.models import StockPool
from marketplace.media.models import Image
from marketplace.media.rules import Picture
from marketplace.provenance.models import Batch
from marketplace.sellers.models import Seller, SellerStatus
from marketplace.templating import drawn

PAGE_SIZE = 24
FALLING = frozenset({Order.BEST, Order.NEWEST})
FEW = 10  # from here down a card says how many packs are left
KEPT_QUERIES = 256  # statements that are kept ready, by what was asked for


@dataclass(frozen=True)
class Card(packs.Priced):
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
    left: int  # up to FEW, then FEW + 1
    picked_on: date | None
    county: str
    seller_name: str
    image: Picture | None

    # What the card says, in the words of components/card.html.

    @property
    def url(self) -> str:
        return url_for("catalogue.product", code=self.code)

    def drawn(self, eager: bool, level: int) -> Markup:
        """The card as it stands on pages; a page that is made anew draws only the cards that changed."""
        return drawn("components/card.html", "product_card", self, eager, level)

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
    if browse and browse.most_net is not None:
        found.append(Variant.net_amount <= browse.most_net)
    return found


def _has_offer(browse: Browse | None = None) -> ColumnElement[bool]:
    return exists(
        select(literal(1)).select_from(Variant, StockPool).where(*_offer(browse)).correlate(Product)
    )


def _is_approved() -> ColumnElement[bool]:
    """The product's seller is approved: asked product by product, so that lists are read in their own order.

    In the words "none of the others", since a planner expects of a comparison with a subquery that few rows are equal.
    """
    status = select(Seller.status).where(Seller.id == Product.seller_id).correlate(Product).scalar_subquery()
    return status.not_in([other for other in SellerStatus if other != SellerStatus.APPROVED])


def is_listed() -> ColumnElement[bool]:
    """Conditions on Product: published, by an approved seller, with a pack that can be bought."""
    return and_(Product.status == ProductStatus.PUBLISHED, _is_approved(), _has_offer())


def within(browse: Browse) -> list[ColumnElement[bool]]:
    """Conditions of the list itself: its category, its shop."""
    found: list[ColumnElement[bool]] = []
    if browse.categories:
        found.append(Product.category_code.in_(browse.categories))
    if browse.seller_id is not None:
        found.append(Product.seller_id == browse.seller_id)
    return found


def _chosen(browse: Browse) -> list[ColumnElement[bool]]:
    """Conditions of the list and of the reader's choices but the pack, which is the offer's."""
    found = within(browse)
    columns = (("county", Product.county_code), ("size", Product.size_code), ("grade", Product.grade_code))
    for facet, column in columns:
        if values := getattr(browse, facet):
            found.append(column.in_(values))
    return found


def _unit_rank() -> ColumnElement[int]:
    """rules.unit_rank() of a pack."""
    step = 3 * 10**18
    group = case(
        (Variant.measure == Measure.MASS, 0), (Variant.measure == Measure.VOLUME, step), else_=2 * step
    )
    return cast(group, BigInteger) + Variant.price_amount * 1000 // Variant.net_amount


def list_cards(browse: Browse, limit: int = PAGE_SIZE) -> tuple[list[Card], tuple[int, int] | None]:
    """A page of cards and the key after which the next page begins, None on the last one; one statement."""
    query = _cards(browse, limit)
    if query is None:
        return [], None
    rows = db.session.execute(query).tuples().all()
    cards = [_card(row) for row in rows[:limit]]
    following = (int(rows[limit - 1][-1]), cards[-1].product_id) if len(rows) > limit else None
    return _as_shown(cards, browse.order), following


@lru_cache(maxsize=KEPT_QUERIES)
def _cards(browse: Browse, limit: int) -> Select[Any] | None:
    """The statement; putting it together costs more than carrying it out. None without a word to look for."""
    page = _page(browse, limit)
    if page is None:
        return None
    query = (
        select(
            Product.id,
            Product.code,
            Product.title,
            Product.category_code,
            Product.grade_code,
            Product.county_code,
            Variant.price_amount,
            Variant.measure,
            Variant.net_amount,
            (StockPool.on_hand - StockPool.held) // Variant.pool_amount,
            Batch.picked_on,
            Seller.name,
            Image.id,
            Image.name,
            Image.state,
            Image.width,
            Image.height,
            page.c.key,
        )
        .join(page, page.c.id == Product.id)
        .join(Seller, Seller.id == Product.seller_id)
        .join(Variant, Variant.id == _first_pack(browse))
        .join(StockPool, StockPool.id == Variant.pool_id)
        .join(Batch, and_(Batch.seller_id == Product.seller_id, Batch.id == Product.batch_id))
        .outerjoin(Image, Image.id == first_image())
    )
    return _after(query, None, page.c.key, Product.id, falls=browse.order in FALLING)


def _as_shown(cards: list[Card], order: Order) -> list[Card]:
    """A page by the prices on it: a card whose first pack is sold out shows that of the next one."""
    if order == Order.PRICE:
        return sorted(cards, key=lambda card: card.price_amount)
    if order == Order.UNIT_PRICE:
        return sorted(cards, key=lambda card: unit_rank(card.measure, card.net_amount, card.price_amount))
    return cards


def _page(browse: Browse, limit: int) -> Subquery | None:
    """Ids and keys of one page and one more; what a card shows is joined to these few only."""
    falls = browse.order in FALLING
    pages = [
        _after(query, browse.after, key, last, falls=falls).limit(at_most(limit + 1)).subquery()
        for query, key, last in _windows(browse)
    ]
    if len(pages) < 2:
        return pages[0] if pages else None
    page = union_all(*(select(page) for page in pages)).subquery()
    return _after(select(page), None, page.c.key, page.c.id, falls=falls).limit(at_most(limit + 1)).subquery()


def _windows(browse: Browse) -> list[tuple[Select[Any], Any, Any]]:
    """Queries of ids with their keys, each in an order that an index has, and the columns of that order.

    A list by price is in the order of the first packs' prices; of chosen packs in that of their own. In a search and
    in a shop there are few: there it is the price of the very pack that a card shows.
    """
    query = select(Product.id).where(
        Product.status == ProductStatus.PUBLISHED, _is_approved(), *_chosen(browse)
    )
    key: Any = Product.listed_rank
    if browse.order in FALLING:
        query = query.where(_has_offer(browse))
    elif browse.words or browse.seller_id is not None:
        query = query.join(Variant, Variant.id == _first_pack(browse))
        key = _pack_key(browse.order)
    elif browse.pack:
        key = _pack_key(browse.order)
        return [
            (_of_pack(query, browse, pack).add_columns(key.label("key")), key, Variant.product_id)
            for pack in browse.pack
        ]
    else:
        query = query.where(_has_offer(browse))
        key = Product.shelf_price_amount if browse.order == Order.PRICE else Product.shelf_unit_rank
    if browse.words:
        found = search.matches(browse.words)
        if found is None:
            return []
        ranked = found.subquery()
        query = query.join(ranked, ranked.c.product_id == Product.id)
        if browse.order == Order.BEST:
            key = ranked.c.rank
    return [(query.add_columns(key.label("key")), key, Product.id)]


def _pack_key(order: Order) -> ColumnElement[int]:
    return Variant.price_amount.expression if order == Order.PRICE else _unit_rank()


def _of_pack(query: Select[Any], browse: Browse, pack: str) -> Select[Any]:
    """Products with one of the chosen packs, unless an earlier pack of theirs is chosen as well and can be bought."""
    query = query.join(Variant, Variant.product_id == Product.id).join(StockPool, StockPool.id == Variant.pool_id)
    query = query.where(*_offer(replace(browse, pack=(pack,))))
    if len(browse.pack) == 1:
        return query
    return query.where(Variant.id == _first_pack(browse))


def _first_pack(browse: Browse) -> ColumnElement[Any]:
    """The id of the first pack that can be bought, for a select over Product."""
    return (
        select(Variant.id)
        .join(StockPool, StockPool.id == Variant.pool_id)
        .where(*_offer(browse))
        .order_by(Variant.position, Variant.id)
        .limit(at_most(1))
        .correlate(Product)
        .scalar_subquery()
    )


def _after(
    query: Select[Any], after: tuple[int, int] | None, key: Any, last: Any, *, falls: bool
) -> Select[Any]:
    """Keyset paging: the depth of the page costs nothing."""
    if after is not None:
        here, there = tuple_(key, last), tuple_(*(literal(value, BigInteger) for value in after))
        query = query.where(here < there if falls else here > there)
    return query.order_by(key.desc(), last.desc()) if falls else query.order_by(key, last)


def _card(row: Sequence[Any]) -> Card:
    code, title, category_code, grade_code, county_code, price, measure, net, left, picked, seller = row[1:12]
    category, grade, county = words.category(category_code), words.grade(grade_code), places.find(county_code)
    return Card(
        product_id=row[0],
        code=code,
        title=title,
        scene=category.scene,
        price_amount=price,
        measure=measure,
        net_amount=net,
        return_rule=category.return_rule,
        needs_confirmation=bool(grade and grade.needs_confirmation),
        left=min(left, FEW + 1),
        picked_on=picked,
        county=county.label if county else "",
        seller_name=seller,
        image=_picture(*row[12:17]),
    )


def _picture(
    image_id: int | None, name: str, state: Any, width: int | None, height: int | None
) -> Picture | None:
    return Picture(image_id, name, state, width, height) if image_id else None
