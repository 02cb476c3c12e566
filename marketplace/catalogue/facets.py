"""How many products each choice of a list would leave: county, size, grade and pack."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from sqlalchemy import CTE, String, and_, cast, func, select

from marketplace import places
from marketplace.catalogue import packs, search, words
from marketplace.catalogue.browsing import FACETS, Browse
from marketplace.catalogue.cards import KEPT_QUERIES, is_listed, within
from marketplace.catalogue.models import Measure, Product, ProductStatus, Variant
from marketplace.database import at_most, db
from marketplace.inventory.models import StockPool
from marketplace.sellers.models import Seller, SellerStatus

MOST_COUNTED = 1000


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
    """How many products the list holds, and the choices of each facet; of a long list, of its newest goods."""

    count: int
    choices: dict[str, list[Choice]]
    is_part: bool = False  # there may be more

    @property
    def count_label(self) -> str:
        """137, or 1000+ where nobody counted on."""
        return f"{self.count}+" if self.is_part else str(self.count)


def count_facets(browse: Browse) -> Facets:
    """Counts of the list and of each facet's choices, the reader's other choices kept; one statement.

    Products are grouped by their facets in the database; a group has the packs that its products offer. Of a list
    of more than MOST_COUNTED products those of its newest are counted that can be bought, of a search those that it
    looks at.
    """
    whole = Browse(categories=browse.categories, words=browse.words, seller_id=browse.seller_id)
    query = _groups(whole)
    rows = [] if query is None else db.session.execute(query).tuples().all()
    if not browse.words and _is_sold_out(rows):
        rows = db.session.execute(_groups(whole, is_thorough=True)).tuples().all()
    return _facets(browse, rows)


def _is_sold_out(rows: Sequence[Sequence[Any]]) -> bool:
    """Whether half of the newest goods, or all of them, cannot be bought any more, so that older ones have to count."""
    return not rows or rows[0][-1] >= MOST_COUNTED > 2 * sum(number for *_facets, number, _read in rows)


@lru_cache(maxsize=KEPT_QUERIES)
def _groups(browse: Browse, *, is_thorough: bool = False) -> Any:
    """The statement for a list without choices of facets; None without a word to look for.

    A thorough one looks at each product whether it can be bought, before it counts among the newest.
    """
    pack = cast(Variant.measure, String(12)).concat("-").concat(cast(Variant.net_amount, String(20)))
    read = _read(browse, is_thorough=is_thorough)
    if read is None:
        return None
    listed = (
        select(
            Product.id,
            Product.county_code.label("county"),
            Product.size_code.label("size"),
            Product.grade_code.label("grade"),
            func.aggregate_strings(pack, ",").label("packs"),
        )
        .join(read, read.c.id == Product.id)
        .join(Seller, and_(Seller.id == Product.seller_id, Seller.status == SellerStatus.APPROVED))
        .join(Variant, and_(Variant.seller_id == Product.seller_id, Variant.product_id == Product.id))
        .join(StockPool, and_(StockPool.seller_id == Variant.seller_id, StockPool.id == Variant.pool_id))
        .where(Product.status == ProductStatus.PUBLISHED, *within(browse))
        .where(Variant.is_offered.is_(True), StockPool.on_hand - StockPool.held >= Variant.pool_amount)
        .group_by(Product.id)
    ).subquery()
    facets = (listed.c.county, listed.c.size, listed.c.grade, listed.c.packs)
    looked_at = select(func.count()).select_from(read).scalar_subquery()
    return select(*facets, func.count(), looked_at).group_by(*facets)


def _read(browse: Browse, *, is_thorough: bool) -> CTE | None:
    """Ids of the products that are looked at: the newest of a list, the best of a search; None without a word."""
    if browse.words:
        found = search.matches(browse.words)
        if found is None:
            return None
        ranked = found.subquery()
        return select(ranked.c.product_id.label("id")).cte()
    is_wanted = is_listed() if is_thorough else Product.status == ProductStatus.PUBLISHED
    newest = select(Product.id).where(is_wanted, *within(browse))
    return newest.order_by(Product.listed_rank.desc(), Product.id.desc()).limit(at_most(MOST_COUNTED)).cte()


def _facets(browse: Browse, rows: Sequence[Sequence[Any]]) -> Facets:
    total, read = 0, rows[0][-1] if rows else 0
    counts: dict[str, Counter[str]] = {facet: Counter() for facet in FACETS}
    named: dict[tuple[str, str], tuple[Any, Choice]] = {}
    for county, size, grade, packs_text, number, _read in rows:
        offered = set(packs_text.split(","))
        values = {"county": {county}, "size": {size}, "grade": {grade}, "pack": offered}
        misses = [f for f in FACETS if getattr(browse, f) and not values[f] & set(getattr(browse, f))]
        if not misses:
            total += number
        for facet in FACETS:
            if not set(misses) - {facet}:
                counts[facet].update({value: number for value in values[facet] if value})
        _name_choices(named, county, size, grade, offered)
    choices: dict[str, list[Choice]] = {}
    for (facet, code), (key, choice) in sorted(named.items(), key=lambda entry: (entry[0][0], entry[1][0])):
        del key
        if counts[facet][code] or code in getattr(browse, facet):
            choices.setdefault(facet, []).append(replace(choice, count=counts[facet][code]))
    choices.get("county", []).sort(key=lambda choice: -choice.count)
    most = search.CANDIDATES if browse.words else MOST_COUNTED
    return Facets(total, choices, is_part=read >= most)


def _name_choices(
    named: dict[tuple[str, str], tuple[Any, Choice]],
    county: str,
    size: str | None,
    grade: str | None,
    offered: set[str],
) -> None:
    place, mm, quality = places.find(county), words.size_mm(size), words.grade(grade)
    named["county", county] = (county, Choice(county, place.label if place else "", 0))
    if size and mm:
        named["size", size] = (mm[0], Choice(size, f"{mm[0]}–{mm[1]}", 0, *mm))
    if grade and quality:
        named["grade", grade] = (quality.position, Choice(grade, quality.name, 0))
    for pack in offered:
        measure, _dash, amount = pack.partition("-")
        net = int(amount)
        label = packs.pack_label(measure, net)  # one form for all: fresh and dry goods may share a pack
        named["pack", pack] = ((list(Measure).index(Measure(measure)), net), Choice(pack, label, 0))
