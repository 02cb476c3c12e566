"""The pages of one thing: a product, a batch, the shops and seasons of the home page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Select, and_, bindparam, func, select

from marketplace import places
from marketplace.catalogue import words
from marketplace.catalogue.cards import is_listed
from marketplace.catalogue.models import (
    Measure,
    Product,
    ProductImage,
    ProductStatus,
    ReturnRule,
    Variant,
    Variety,
)
from marketplace.catalogue.selling import newest_certificate, origin_name, origin_of
from marketplace.database import db
from marketplace.errors import NotFoundError
from marketplace.i18n import choose
from marketplace.inventory.models import StockPool
from marketplace.media.models import Image
from marketplace.media.rules import Picture
from marketplace.places import GANZHOU, Place
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
    rows = db.session.execute(_product(), {"code": code}).all()
    if not rows:
        raise NotFoundError
    row = rows[0]
    category, variety = words.category(row.category_code), words.variety(row.variety_code)
    grade, county = words.grade(row.grade_code), places.find(row.county_code)
    seat, origin = places.find(row.seat_code), _origin(*origin_of(row.area_code))
    return ProductPage(
        product_id=row.id,
        seller_id=row.seller_id,
        code=code,
        title=row.title,
        description=row.description,
        category_code=category.code,
        category=category.name,
        scene=category.scene,
        return_rule=category.return_rule,
        variety=variety.name if variety else None,
        grade=grade.name if grade else None,
        needs_confirmation=bool(grade and grade.needs_confirmation),
        size_mm=words.size_mm(row.size_code),
        sc_number=row.sc_number,
        county=county.label if county else "",
        origin=origin,
        is_published=row.status == ProductStatus.PUBLISHED,
        published_at=row.published_at,
        batch=TraceBatch(
            row.batch_code,
            row.orchard,
            row.picked_on,
            origin,
            row.certificate_number,
            row.certificate_issued_on,
        ),
        shop=Shop(
            row.seller_code,
            row.seller_name,
            row.legal_name,
            row.kind,
            row.credit_code,
            row.own_produce_declared_on,
            seat.label if seat else "",
            row.is_demo,
        ),
        packs=tuple(
            Pack(
                pack.variant_id,
                pack.measure,
                pack.net_amount,
                pack.pieces,
                pack.gross_grams,
                pack.price_amount,
                left=max(0, pack.available // pack.pool_amount),
            )
            for pack in rows
            if pack.variant_id is not None
        ),
    )


@lru_cache(maxsize=1)
def _product() -> Select[Any]:
    """The statement, made once: a row for each pack that is offered, one at least."""
    return (
        select(
            Product.id,
            Product.seller_id,
            Product.title,
            Product.description,
            Product.status,
            Product.published_at,
            Product.category_code,
            Product.variety_code,
            Product.grade_code,
            Product.size_code,
            Product.county_code,
            Product.area_code,
            Product.sc_number,
            Batch.code.label("batch_code"),
            Batch.orchard,
            Batch.picked_on,
            newest_certificate(Certificate.number).label("certificate_number"),
            newest_certificate(Certificate.issued_on).label("certificate_issued_on"),
            Seller.code.label("seller_code"),
            Seller.name.label("seller_name"),
            Seller.legal_name,
            Seller.kind,
            Seller.credit_code,
            Seller.own_produce_declared_on,
            Seller.county_code.label("seat_code"),
            Seller.is_demo,
            Variant.id.label("variant_id"),
            Variant.measure,
            Variant.net_amount,
            Variant.pieces,
            Variant.gross_grams,
            Variant.price_amount,
            Variant.pool_amount,
            (StockPool.on_hand - StockPool.held).label("available"),
        )
        .join(Seller, Seller.id == Product.seller_id)
        .join(Batch, and_(Batch.seller_id == Product.seller_id, Batch.id == Product.batch_id))
        .outerjoin(
            Variant,
            and_(
                Variant.seller_id == Product.seller_id, Variant.product_id == Product.id, Variant.is_offered
            ),
        )
        .outerjoin(StockPool, and_(StockPool.seller_id == Variant.seller_id, StockPool.id == Variant.pool_id))
        .where(
            Product.code == bindparam("code"),
            Product.status.in_((ProductStatus.PUBLISHED, ProductStatus.PAUSED)),
            Seller.status == SellerStatus.APPROVED,
        )
        .order_by(Variant.position, Variant.id)
    )


def _origin(origin: Place | None, parent: Place | None, county: Place | None) -> str:
    named = [area for area in (origin, parent, county) if area is not None]
    # Townships have no official English names in the source: they stay as they are written.
    return choose(
        origin_name(*(area.name if area else None for area in (origin, parent, county))),
        ", ".join(
            dict.fromkeys([*(area.label for area in named if area.code != GANZHOU), "Ganzhou", "Jiangxi"])
        ),
    )


def _shop(seller: Seller) -> Shop:
    seat = places.find(seller.county_code)
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
    row = (
        db.session.execute(
            select(Batch, Seller)
            .join(Seller, Seller.id == Batch.seller_id)
            .where(
                Seller.code == seller_code, Batch.code == batch_code, Seller.status == SellerStatus.APPROVED
            )
        )
        .tuples()
        .one_or_none()
    )
    if row is None:
        raise NotFoundError
    batch, seller = row
    certificates = db.session.execute(
        select(Certificate)
        .where(Certificate.seller_id == batch.seller_id, Certificate.batch_id == batch.id)
        .order_by(Certificate.id)
    ).scalars()
    found = tuple(certificates)
    category, variety = words.category(batch.category_code), words.variety(batch.variety_code)
    return TracePage(
        seller_id=seller.id,
        batch_id=batch.id,
        batch=TraceBatch(
            batch.code,
            batch.orchard,
            batch.picked_on,
            _origin(*origin_of(batch.area_code)),
            found[-1].number if found else None,
            found[-1].issued_on if found else None,
        ),
        category=category.name,
        scene=category.scene,
        variety=variety.name if variety else None,
        shop=_shop(seller),
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
    query = select(Seller, count).join(recent, recent.c.seller_id == Seller.id).order_by(recent.c.rank.desc())
    return [(_shop(seller), seller.story, count) for seller, count in db.session.execute(query).tuples()]


def list_provinces() -> list[tuple[str, str]]:
    """Code and name of every province, for the choice of where to send."""
    return [(place.code, place.label) for place in places.list_children(None)]
