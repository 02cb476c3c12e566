"""A seller's own listings, in every state, and the words of the trade that a listing is made of."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from flask_babel import gettext as _
from sqlalchemy import select

from marketplace.catalogue import packs
from marketplace.catalogue.models import (
    Category,
    Grade,
    Measure,
    Product,
    ProductImage,
    ProductStatus,
    ReturnRule,
    SizeClass,
    Variant,
    Variety,
)
from marketplace.database import db
from marketplace.errors import NotFoundError
from marketplace.i18n import choose
from marketplace.inventory.models import StockPool, Unit
from marketplace.media.queries import pictures_of
from marketplace.media.rules import Picture
from marketplace.paging import page_of_rows

PAGE = 20


@dataclass(frozen=True)
class OwnPack:
    """A pack of one's own listing; left is in packs, held is what unpaid orders keep, in the pool's unit."""

    variant_id: int
    pool_id: int
    pool_amount: int
    measure: Measure
    net_amount: int
    gross_grams: int
    pieces: int | None
    price_amount: int
    is_offered: bool
    available: int
    is_fresh: bool

    @property
    def left(self) -> int:
        return max(0, self.available // self.pool_amount)

    @property
    def is_dry(self) -> bool:
        return self.measure == Measure.MASS and not self.is_fresh

    @property
    def label(self) -> str:
        """10斤装（5 kg），约 24 个."""
        label = packs.pack_label(self.measure, self.net_amount, dry=self.is_dry)
        about = packs.about_pieces(self.pieces) if self.pieces and self.measure != Measure.COUNT else ""
        return str(_("，")).join(words for words in (label, about) if words)

    @property
    def left_label(self) -> str:
        """还剩 14 箱."""
        return str(_("还剩 %(boxes)s", boxes=packs.count_label(self.left, fresh=self.is_fresh)))

    @property
    def unit_price_labels(self) -> tuple[str, ...]:
        return packs.unit_price_labels(self.measure, self.net_amount, self.price_amount, dry=self.is_dry)


@dataclass(frozen=True)
class OwnListing:
    """A listing as its seller sees it in the list."""

    product_id: int
    code: str
    title: str
    status: ProductStatus
    scene: str
    is_fresh: bool
    published_at: datetime | None
    packs: Sequence[OwnPack] = field(default=())
    picture: Picture | None = None

    @property
    def state(self) -> str:
        """The word of the status component: a listing in sale whose packs are gone is sold out."""
        if self.status == ProductStatus.PUBLISHED and not any(pack.left for pack in self.packs):
            return "sold_out"
        return self.status.value


def get_product(seller_id: int, code: str) -> Product:
    """One's own product in any state, by its code; NotFoundError for another's."""
    query = select(Product).where(Product.seller_id == seller_id, Product.code == code)
    product = db.session.execute(query).scalar_one_or_none()
    if product is None:
        raise NotFoundError
    return product


def find_by_client_id(seller_id: int, client_id: str | None) -> Product | None:
    """The product that the same form made before."""
    if not client_id:
        return None
    query = select(Product).where(Product.seller_id == seller_id, Product.client_id == client_id)
    return db.session.execute(query).scalar_one_or_none()


def find_pool(
    seller_id: int, *, batch_id: int, grade_code: str | None, size_code: str | None, unit: Unit
) -> StockPool | None:
    """The pool of this batch, grade and size from which another listing draws already."""
    query = (
        select(StockPool)
        .where(
            StockPool.seller_id == seller_id,
            StockPool.batch_id == batch_id,
            StockPool.grade_code == grade_code,
            StockPool.size_code == size_code,
            StockPool.unit == unit,
        )
        .order_by(StockPool.id)
        .limit(1)
    )
    return db.session.execute(query).scalar_one_or_none()


def list_listings(
    seller_id: int, *, after: int | None = None, status: ProductStatus | None = None, limit: int = PAGE
) -> tuple[list[OwnListing], int | None]:
    """One's own listings, newest first, and the id after which the next page starts; three statements."""
    query = (
        select(Product, Category)
        .join(Category, Category.code == Product.category_code)
        .where(Product.seller_id == seller_id)
    )
    if status:
        query = query.where(Product.status == status)
    rows, following = page_of_rows(query, Product.id, after, limit)
    ids = [product.id for product, _category, _key in rows]
    own_packs, pictures = packs_of(seller_id, ids), main_pictures(seller_id, ids)
    return [
        _listing(product, category, own_packs.get(product.id, []), pictures.get(product.id))
        for product, category, _key in rows
    ], following


def get_listing(seller_id: int, code: str) -> OwnListing:
    """One of one's own listings with its packs and main picture; NotFoundError for another's."""
    product = get_product(seller_id, code)
    category = get_category(product.category_code)
    own_packs, pictures = packs_of(seller_id, [product.id]), main_pictures(seller_id, [product.id])
    return _listing(product, category, own_packs.get(product.id, []), pictures.get(product.id))


def _listing(
    product: Product, category: Category, own_packs: list[OwnPack], picture: Picture | None
) -> OwnListing:
    return OwnListing(
        product_id=product.id,
        code=product.code,
        title=product.title,
        status=product.status,
        scene=category.scene,
        is_fresh=category.return_rule == ReturnRule.EXEMPT,
        published_at=product.published_at,
        packs=own_packs,
        picture=picture,
    )


def packs_of(seller_id: int, product_ids: Collection[int]) -> dict[int, list[OwnPack]]:
    """The packs of products with what their pools still give, in one statement."""
    if not product_ids:
        return {}
    rows = db.session.execute(
        select(Variant, StockPool.on_hand - StockPool.held, Category.return_rule)
        .join(StockPool, (StockPool.seller_id == Variant.seller_id) & (StockPool.id == Variant.pool_id))
        .join(Product, Product.id == Variant.product_id)
        .join(Category, Category.code == Product.category_code)
        .where(Variant.seller_id == seller_id, Variant.product_id.in_(product_ids))
        .order_by(Variant.product_id, Variant.position, Variant.id)
        .execution_options(populate_existing=True)
    ).tuples()
    found: dict[int, list[OwnPack]] = {}
    for variant, available, return_rule in rows:
        found.setdefault(variant.product_id, []).append(
            OwnPack(
                variant_id=variant.id,
                pool_id=variant.pool_id,
                pool_amount=variant.pool_amount,
                measure=variant.measure,
                net_amount=variant.net_amount,
                gross_grams=variant.gross_grams,
                pieces=variant.pieces,
                price_amount=variant.price_amount,
                is_offered=variant.is_offered,
                available=available,
                is_fresh=return_rule == ReturnRule.EXEMPT,
            )
        )
    return found


def image_ids_of(seller_id: int, product_id: int) -> list[int]:
    """A product's pictures in order."""
    query = (
        select(ProductImage.image_id)
        .where(ProductImage.seller_id == seller_id, ProductImage.product_id == product_id)
        .order_by(ProductImage.position, ProductImage.image_id)
    )
    return list(db.session.execute(query).scalars())


def main_pictures(seller_id: int, product_ids: Collection[int]) -> dict[int, Picture]:
    """The first picture of each product that has one."""
    if not product_ids:
        return {}
    rows = db.session.execute(
        select(ProductImage.product_id, ProductImage.image_id)
        .where(ProductImage.seller_id == seller_id, ProductImage.product_id.in_(product_ids))
        .order_by(ProductImage.product_id, ProductImage.position.desc(), ProductImage.image_id.desc())
    )
    first = dict(rows.tuples().all())
    pictures = pictures_of(list(first.values()))
    return {product_id: pictures[image_id] for product_id, image_id in first.items() if image_id in pictures}


def find_last_listing(seller_id: int, category_code: str | None = None) -> Product | None:
    """What the seller listed last, of the category or at all: the next form starts from it."""
    query = select(Product).where(Product.seller_id == seller_id).order_by(Product.id.desc()).limit(1)
    if category_code:
        query = query.where(Product.category_code == category_code)
    return db.session.execute(query).scalar_one_or_none()


def find_category(code: str) -> Category | None:
    return db.session.get(Category, code)


def get_category(code: str) -> Category:
    """A category by its code; NotFoundError."""
    category = find_category(code)
    if category is None:
        raise NotFoundError
    return category


def list_categories() -> list[Category]:
    """All categories in their order."""
    return list(db.session.execute(select(Category).order_by(Category.position)).scalars())


def list_varieties(category_code: str) -> list[tuple[str, str]]:
    """Code and name of a category's varieties."""
    query = select(Variety).where(Variety.category_code == category_code).order_by(Variety.position)
    return [(row.code, choose(row.name, row.name_en)) for row in db.session.execute(query).scalars()]


def list_grades() -> list[tuple[str, str]]:
    """Code and name of the grades."""
    rows = db.session.execute(select(Grade).order_by(Grade.position)).scalars()
    return [(row.code, choose(row.name, row.name_en)) for row in rows]


def list_sizes() -> list[SizeClass]:
    """The diameter classes, small to large."""
    return list(db.session.execute(select(SizeClass).order_by(SizeClass.position)).scalars())


@dataclass(frozen=True)
class Words:
    """The Chinese words of a listing's variety, grade and size."""

    variety: str = ""
    grade: str = ""
    size_mm: tuple[int, int] | None = None


def words_of(variety_code: str | None, grade_code: str | None, size_code: str | None) -> Words | None:
    """The words for three codes; None when one of them does not exist."""
    variety = db.session.get(Variety, variety_code) if variety_code else None
    grade = db.session.get(Grade, grade_code) if grade_code else None
    size = db.session.get(SizeClass, size_code) if size_code else None
    asked, found = (variety_code, grade_code, size_code), (variety, grade, size)
    if any(code and row is None for code, row in zip(asked, found, strict=True)):
        return None
    return Words(
        variety=variety.name if variety else "",
        grade=grade.name if grade else "",
        size_mm=(size.min_mm, size.max_mm) if size else None,
    )
