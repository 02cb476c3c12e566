"""The pages of one thing: a product, a batch, the shops and seasons of the home page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import and_, func, select
from sqlalchemy.orm import aliased

from marketplace.catalogue.cards import is_listed
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
from marketplace.catalogue.selling import newest_certificate, origin_name
from marketplace.database import db
from marketplace.errors import NotFoundError
from marketplace.i18n import choose
from marketplace.inventory.models import StockPool
from marketplace.media.models import Image
from marketplace.media.rules import Picture
from marketplace.places import GANZHOU, Area
from marketplace.provenance.models import Batch, Certificate
from marketplace.sellers.models import Seller, SellerKind, SellerStatus

RECENT_GOODS = 500


@dataclass(frozen=True)
class Pack:
    """One pack of a product page; amounts in fen and grams, left in packs."""

    variant_id: int
    measure: Measure
    net_amount: int
    pieces: int | None
    gross_grams: int
    price_amount: int
    left: int


@dataclass(frozen=True)
class Shop:
    """Who sells, as a buyer may know it (e-commerce law art. 15)."""

    code: str
    name: str
    legal_name: str
    kind: SellerKind
    credit_code: str | None
    own_produce_declared_on: date | None
    county: str
    is_demo: bool


@dataclass(frozen=True)
class TraceBatch:
    """A batch as its page shows it: no grower's name, phone or id."""

    code: str
    orchard: str
    picked_on: date | None
    origin: str
    certificate_number: str | None
    certificate_issued_on: date | None


@dataclass(frozen=True)
class ProductPage:
    """Everything on a product's page but its pictures and freight."""

    product_id: int
    seller_id: int
    code: str
    title: str
    description: str
    category_code: str
    category: str
    scene: str
    return_rule: ReturnRule
    variety: str | None
    grade: str | None
    needs_confirmation: bool
    size_mm: tuple[int, int] | None
    sc_number: str | None
    county: str
    origin: str
    is_published: bool
    published_at: datetime | None
    batch: TraceBatch
    shop: Shop
    packs: tuple[Pack, ...]

    @property
    def is_fresh(self) -> bool:
        return self.return_rule == ReturnRule.EXEMPT


def get_product_page(code: str) -> ProductPage:
    """A published or paused product of an approved seller, in one statement; NotFoundError for any other."""
    origin, parent, county, seat = aliased(Area), aliased(Area), aliased(Area), aliased(Area)
    query = (
        select(
            Product,
            Category,
            Variety,
            Grade,
            SizeClass,
            Batch,
            Certificate,
            Seller,
            origin,
            parent,
            county,
            seat,
            Variant,
            StockPool.on_hand - StockPool.held,
        )
        .join(Category, Category.code == Product.category_code)
        .join(Seller, Seller.id == Product.seller_id)
        .join(Batch, and_(Batch.seller_id == Product.seller_id, Batch.id == Product.batch_id))
        .outerjoin(Certificate, Certificate.id == newest_certificate())
        .outerjoin(Variety, Variety.code == Product.variety_code)
        .outerjoin(Grade, Grade.code == Product.grade_code)
        .outerjoin(SizeClass, SizeClass.code == Product.size_code)
        .outerjoin(origin, origin.code == Product.area_code)
        .outerjoin(parent, parent.code == origin.parent_code)
        .outerjoin(county, county.code == Product.county_code)
        .outerjoin(seat, seat.code == Seller.county_code)
        .outerjoin(
            Variant,
            and_(
                Variant.seller_id == Product.seller_id, Variant.product_id == Product.id, Variant.is_offered
            ),
        )
        .outerjoin(StockPool, and_(StockPool.seller_id == Variant.seller_id, StockPool.id == Variant.pool_id))
        .where(
            Product.code == code,
            Product.status.in_((ProductStatus.PUBLISHED, ProductStatus.PAUSED)),
            Seller.status == SellerStatus.APPROVED,
        )
        .order_by(Variant.position, Variant.id)
    )
    rows = db.session.execute(query).tuples().all()
    if not rows:
        raise NotFoundError
    product, category, variety, grade, size, batch, certificate, seller, *areas = rows[0][:12]
    place, above, county_area, seat_area = areas
    origin_line = _origin(place, above, county_area)
    return ProductPage(
        product_id=product.id,
        seller_id=product.seller_id,
        code=product.code,
        title=product.title,
        description=product.description,
        category_code=category.code,
        category=choose(category.name, category.name_en),
        scene=category.scene,
        return_rule=category.return_rule,
        variety=choose(variety.name, variety.name_en) if variety else None,
        grade=choose(grade.name, grade.name_en) if grade else None,
        needs_confirmation=bool(grade and grade.needs_confirmation),
        size_mm=(size.min_mm, size.max_mm) if size else None,
        sc_number=product.sc_number,
        county=county_area.label if county_area else "",
        origin=origin_line,
        is_published=product.status == ProductStatus.PUBLISHED,
        published_at=product.published_at,
        batch=_trace(batch, certificate, origin_line),
        shop=_shop(seller, seat_area),
        packs=tuple(
            Pack(
                variant_id=variant.id,
                measure=variant.measure,
                net_amount=variant.net_amount,
                pieces=variant.pieces,
                gross_grams=variant.gross_grams,
                price_amount=variant.price_amount,
                left=max(0, available // variant.pool_amount),
            )
            for *_before, variant, available in rows
            if variant is not None
        ),
    )


def _origin(origin: Area | None, parent: Area | None, county: Area | None) -> str:
    named = [area for area in (origin, parent, county) if area is not None]
    # Townships have no official English names in the source: they stay as they are written.
    return choose(
        origin_name(*(area.name if area else None for area in (origin, parent, county))),
        ", ".join(
            dict.fromkeys([*(area.label for area in named if area.code != GANZHOU), "Ganzhou", "Jiangxi"])
        ),
    )


def _trace(batch: Batch, certificate: Certificate | None, origin: str) -> TraceBatch:
    return TraceBatch(
        code=batch.code,
        orchard=batch.orchard,
        picked_on=batch.picked_on,
        origin=origin,
        certificate_number=certificate.number if certificate else None,
        certificate_issued_on=certificate.issued_on if certificate else None,
    )


def _shop(seller: Seller, seat: Area | None) -> Shop:
    return Shop(
        code=seller.code,
        name=seller.name,
        legal_name=seller.legal_name,
        kind=seller.kind,
        credit_code=seller.credit_code,
        own_produce_declared_on=seller.own_produce_declared_on,
        county=seat.label if seat else "",
        is_demo=seller.is_demo,
    )


def list_pictures(product_id: int) -> list[Picture]:
    """A product's pictures in order, in one statement."""
    query = (
        select(Image.id, Image.name, Image.state, Image.width, Image.height, Image.credit)
        .join(ProductImage, ProductImage.image_id == Image.id)
        .where(ProductImage.product_id == product_id)
        .order_by(ProductImage.position, ProductImage.image_id)
    )
    return [Picture(*row) for row in db.session.execute(query).tuples()]


@dataclass(frozen=True)
class TracePage:
    """A batch, its certificates as they must be shown (agriculture order 2025-4), and its seller."""

    seller_id: int
    batch_id: int
    batch: TraceBatch
    category: str
    scene: str
    variety: str | None
    shop: Shop
    certificates: tuple[Certificate, ...]


def get_trace_page(seller_code: str, batch_code: str) -> TracePage:
    """A batch of an approved seller by both codes; NotFoundError for any other."""
    origin, parent, county, seat = aliased(Area), aliased(Area), aliased(Area), aliased(Area)
    row = (
        db.session.execute(
            select(Batch, Category, Variety, Seller, origin, parent, county, seat)
            .join(Seller, Seller.id == Batch.seller_id)
            .join(Category, Category.code == Batch.category_code)
            .outerjoin(Variety, Variety.code == Batch.variety_code)
            .outerjoin(origin, origin.code == Batch.area_code)
            .outerjoin(parent, parent.code == origin.parent_code)
            .outerjoin(county, county.code == func.substr(Batch.area_code, 1, 6))
            .outerjoin(seat, seat.code == Seller.county_code)
            .where(
                Seller.code == seller_code, Batch.code == batch_code, Seller.status == SellerStatus.APPROVED
            )
        )
        .tuples()
        .one_or_none()
    )
    if row is None:
        raise NotFoundError
    batch, category, variety, seller, place, above, county_area, seat_area = row
    certificates = db.session.execute(
        select(Certificate)
        .where(Certificate.seller_id == batch.seller_id, Certificate.batch_id == batch.id)
        .order_by(Certificate.id)
    ).scalars()
    found = tuple(certificates)
    return TracePage(
        seller_id=seller.id,
        batch_id=batch.id,
        batch=_trace(batch, found[-1] if found else None, _origin(place, above, county_area)),
        category=choose(category.name, category.name_en),
        scene=category.scene,
        variety=choose(variety.name, variety.name_en) if variety else None,
        shop=_shop(seller, seat_area),
        certificates=found,
    )


def list_products_of_batch(seller_id: int, batch_id: int) -> list[tuple[str, str]]:
    """Code and title of what is on sale from a batch."""
    query = (
        select(Product.code, Product.title)
        .where(Product.seller_id == seller_id, Product.batch_id == batch_id, is_listed())
        .order_by(Product.listed_rank.desc())
        .limit(20)
    )
    return [(code, title) for code, title in db.session.execute(query).tuples()]


def list_ripe_varieties() -> list[tuple[str, str]]:
    """Name and text of ripeness of each variety that has one, in order."""
    query = (
        select(Variety.name, Variety.name_en, Variety.ripe)
        .where(Variety.ripe != "")
        .order_by(Variety.position)
    )
    return [(choose(name, name_en), ripe) for name, name_en, ripe in db.session.execute(query).tuples()]


def list_shops(limit: int) -> list[tuple[Shop, str, int]]:
    """Shops with something to buy, the most recently stocked first: shop, its story, how many products.

    They are those of the newest goods of all; however large the market, no more is read.
    """
    newest = (
        select(Product.seller_id, Product.listed_rank)
        .where(is_listed())
        .order_by(Product.listed_rank.desc(), Product.id.desc())
        .limit(RECENT_GOODS)
        .subquery()
    )
    recent = (
        select(newest.c.seller_id, func.max(newest.c.listed_rank).label("rank"))
        .group_by(newest.c.seller_id)
        .order_by(func.max(newest.c.listed_rank).desc())
        .limit(limit)
        .subquery()
    )
    count = (
        select(func.count())
        .select_from(Product)
        .where(Product.seller_id == Seller.id, is_listed())
        .correlate(Seller)
        .scalar_subquery()
    )
    query = (
        select(Seller, Area, count)
        .join(recent, recent.c.seller_id == Seller.id)
        .outerjoin(Area, Area.code == Seller.county_code)
        .order_by(recent.c.rank.desc())
    )
    return [
        (_shop(seller, seat), seller.story, count)
        for seller, seat, count in db.session.execute(query).tuples()
    ]


def list_provinces() -> list[tuple[str, str]]:
    """Code and name of every province, for the choice of where to send."""
    query = select(Area.code, Area.name, Area.name_en).where(Area.parent_code.is_(None)).order_by(Area.code)
    return [(code, choose(name, name_en)) for code, name, name_en in db.session.execute(query).tuples()]
