"""Search by an inverted table of our own: one SQL on both databases, ranked by the sum of weights.

Words are single characters and pairs of neighbouring characters of Han runs, and whole Latin words and numbers.
A query is split in the same way: every character and word of it is required, pairs only raise the rank, so that
信丰脐橙 finds a title in which other words stand between the two.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    SQLColumnExpression,
    String,
    cast,
    delete,
    func,
    insert,
    literal,
    select,
    union_all,
)
from sqlalchemy.orm import aliased

from marketplace.catalogue.models import (
    Category,
    Grade,
    Product,
    ProductStatus,
    SearchTerm,
    SizeClass,
    Variety,
)
from marketplace.database import db
from marketplace.places import Area
from marketplace.sellers.models import Seller

TITLE, PLACE, SELLER = 10, 5, 3  # weights: the title first, then what and where, then who
LONGEST_TERM = 30
CANDIDATES = 500
COUNTED = 20_000  # of a term's products, to tell rare from frequent
MOST_TERMS = 24  # of a query; what a person types is far shorter

_RUN = re.compile(r"[\u3400-\u9fff]+|[a-z]+|[0-9]+")


def split(text: str) -> tuple[list[str], list[str]]:
    """The required terms of a text (characters, words, numbers), and the pairs that only raise the rank."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    single: dict[str, None] = {}
    pairs: dict[str, None] = {}
    for run in _RUN.findall(plain):
        if run[0].isascii():
            single[_stem(run)[:LONGEST_TERM]] = None
        else:
            single.update(dict.fromkeys(run))
            pairs.update(dict.fromkeys(run[at : at + 2] for at in range(len(run) - 1)))
    return list(single), list(pairs)


def _stem(word: str) -> str:
    """oranges and orange are one word."""
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


def weigh(sources: Iterable[tuple[str, int]]) -> dict[str, int]:
    """The weight of each term of texts with their weights; a term in several texts counts each of them once."""
    weights: dict[str, int] = {}
    for text, weight in sources:
        single, pairs = split(text)
        for term in (*single, *pairs):
            weights[term] = weights.get(term, 0) + weight
    return weights


def index(product_id: int) -> None:
    """Write the terms of a published product afresh, in the caller's transaction; drop those of any other."""
    db.session.execute(delete(SearchTerm).where(SearchTerm.product_id == product_id))
    weights = weigh(_sources(product_id))
    if weights:
        rows = [
            {"term": term, "product_id": product_id, "weight": weight} for term, weight in weights.items()
        ]
        db.session.execute(insert(SearchTerm), rows)


def _sources(product_id: int) -> list[tuple[str, int]]:
    county, origin = aliased(Area), aliased(Area)
    row = db.session.execute(
        select(Product, Category, Variety, Grade, SizeClass, county, origin, Seller.name)
        .join(Category, Category.code == Product.category_code)
        .join(Seller, Seller.id == Product.seller_id)
        .outerjoin(Variety, Variety.code == Product.variety_code)
        .outerjoin(Grade, Grade.code == Product.grade_code)
        .outerjoin(SizeClass, SizeClass.code == Product.size_code)
        .outerjoin(county, county.code == Product.county_code)
        .outerjoin(origin, origin.code == Product.area_code)
        .where(Product.id == product_id, Product.status == ProductStatus.PUBLISHED)
    ).one_or_none()
    if row is None:
        return []
    product, category, variety, grade, size, county_area, origin_area, seller_name = row
    named = [thing for thing in (category, variety, grade, county_area, origin_area) if thing is not None]
    words = [f"{thing.name} {thing.name_en or ''}" for thing in named]
    if size is not None:
        words.append(f"{size.min_mm} {size.max_mm} mm")
    return [(product.title, TITLE), *((text, PLACE) for text in words), (seller_name, SELLER)]


def matches(text: str) -> Select[tuple[int, int]] | None:
    """Product ids with their rank, the best 500, for a join; None when the text holds nothing to look for.

    The products of the rarest required term are read, the heaviest first, until so many have all the others too: a
    frequent word ends soon, a rare one has few. Whoever wants more than 500 wants a narrower word.
    """
    required, pairs = split(text[:120])
    required = required[:MOST_TERMS]
    if not required:
        return None
    driver = aliased(SearchTerm)
    query = select(driver.product_id).where(driver.term == _rarest(required))
    if len(required) > 1:
        query = query.where(*(_has(driver.product_id, term) for term in _from_both_ends(required)))
    found = query.order_by(driver.weight.desc(), driver.product_id.desc()).limit(CANDIDATES).subquery()
    rank = _weight_of(found.c.product_id, [*required, *pairs[:MOST_TERMS]])
    return select(found.c.product_id, rank.label("rank"))


def _rarest(terms: list[str]) -> ColumnElement[str]:
    """The term with the fewest products, as far as anybody needs to count them."""
    if len(terms) == 1:
        return literal(terms[0], String)
    counted = []
    for term in terms:
        some = select(SearchTerm.product_id).where(SearchTerm.term == term).limit(COUNTED).subquery()
        counted.append(
            select(literal(term, String).label("term"), func.count(some.c.product_id).label("products"))
        )
    frequency = union_all(*counted).subquery()
    return select(frequency.c.term).order_by(frequency.c.products, frequency.c.term).limit(1).scalar_subquery()


def _from_both_ends(terms: list[str]) -> list[str]:
    """信丰茶油 as 信油丰茶: neighbours mostly come together, so what is far away tells sooner that it is missing."""
    return list(dict.fromkeys(term for both in zip(terms, reversed(terms), strict=True) for term in both))


def _has(product_id: SQLColumnExpression[int], term: str) -> ColumnElement[bool]:
    """A scalar, not EXISTS: a planner that joins whole terms reads a hundred thousand rows to show twenty-four."""
    found = select(SearchTerm.product_id).where(SearchTerm.term == term, SearchTerm.product_id == product_id)
    return found.scalar_subquery().is_not(None)


def _weight_of(product_id: SQLColumnExpression[int], terms: list[str]) -> ColumnElement[int]:
    """The sum of some terms' weights in one product; NULL where it has none of them."""
    weight = select(cast(func.sum(SearchTerm.weight), BigInteger))
    return weight.where(SearchTerm.product_id == product_id, SearchTerm.term.in_(terms)).scalar_subquery()
