"""A pack as it is sold now: what basket, checkout and order line need to know about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import aliased

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
from marketplace.inventory.models import StockPool
from marketplace.places import Area
from marketplace.provenance.models import Batch, Certificate
from marketplace.revenue.models import AgriClass
from marketplace.sellers.models import Seller, SellerKind, SellerStatus

CITY = "江西省赣州市"  # every origin lies in it (places.GANZHOU)


@dataclass(frozen=True)
class SaleItem(packs.Priced):
    """One pack with its price (fen), weights (grams) and what is left of its pool (the pool's unit)."""

    variant_id: int
    seller_id: int
    seller_code: str
    seller_name: str
    seller_kind: SellerKind
    seller_is_enterprise: bool
    seller_county: str
    seller_county_code: str
    product_id: int
    product_code: str
    title: str
    price_amount: int
    pool_id: int
    pool_amount: int
    available: int
    is_for_sale: bool
    gross_grams: int
    net_amount: int
    measure: Measure
    pieces: int | None
    agri_class: AgriClass
    return_rule: ReturnRule
    needs_confirmation: bool
    image_id: int | None
    scene: str
    category_code: str
    snapshot: dict[str, Any]

    @property
    def left(self) -> int:
        """How many of this pack the pool still gives; 0 when it is not for sale."""
        return max(0, self.available // self.pool_amount) if self.is_for_sale else 0

    @property
    def is_bulk(self) -> bool:
        return packs.is_bulk(self.measure, self.net_amount)

    def count_label(self, count: int) -> str:
        """So many of this pack, in the word that its own page uses."""
        return packs.count_label(count, fresh=self.is_fresh, bulk=self.is_bulk)

    @property
    def pack(self) -> dict[str, Any]:
        """The pack as an order line keeps it."""
        return {
            "measure": self.measure.value,
            "net_amount": self.net_amount,
            "pieces": self.pieces,
            "gross_grams": self.gross_grams,
            "dry": self.is_dry,
        }


def first_image() -> ColumnElement[Any]:
    """The id of a product's main picture, for a select over Product."""
    return (
        select(ProductImage.image_id)
        .where(ProductImage.seller_id == Product.seller_id, ProductImage.product_id == Product.id)
        .order_by(ProductImage.position, ProductImage.image_id)
        .limit(1)
        .correlate(Product)
        .scalar_subquery()
    )


def newest_certificate() -> ColumnElement[Any]:
    """The id of a batch's last certificate, for a select over Batch."""
    return (
        select(func.max(Certificate.id))
        .where(Certificate.seller_id == Batch.seller_id, Certificate.batch_id == Batch.id)
        .correlate(Batch)
        .scalar_subquery()
    )


def sale_items(variant_ids: Iterable[int]) -> dict[int, SaleItem]:
    """The packs by id, in one statement; an unknown id is left out, one not for sale says so."""
    wanted = list(dict.fromkeys(variant_ids))
    if not wanted:
        return {}
    origin, parent, county, seat = aliased(Area), aliased(Area), aliased(Area), aliased(Area)
    query = (
        select(
            Variant,
            Product,
            Seller,
            StockPool.on_hand - StockPool.held,
            Category,
            Variety.name.label("variety"),
            Grade,
            SizeClass,
            Batch,
            Certificate,
            origin.name.label("origin"),
            parent.name.label("parent"),
            county.name.label("county"),
            seat,
            first_image().label("image_id"),
        )
        .join(Product, and_(Product.seller_id == Variant.seller_id, Product.id == Variant.product_id))
        .join(Seller, Seller.id == Variant.seller_id)
        .join(StockPool, and_(StockPool.seller_id == Variant.seller_id, StockPool.id == Variant.pool_id))
        .join(Category, Category.code == Product.category_code)
        .join(Batch, and_(Batch.seller_id == Product.seller_id, Batch.id == Product.batch_id))
        .outerjoin(Certificate, Certificate.id == newest_certificate())
        .outerjoin(Variety, Variety.code == Product.variety_code)
        .outerjoin(Grade, Grade.code == Product.grade_code)
        .outerjoin(SizeClass, SizeClass.code == Product.size_code)
        .outerjoin(origin, origin.code == Product.area_code)
        .outerjoin(parent, parent.code == origin.parent_code)
        .outerjoin(county, county.code == Product.county_code)
        .outerjoin(seat, seat.code == Seller.county_code)
        .where(Variant.id.in_(wanted))
        # A basket left open in this session must not answer with what it saw before.
        .execution_options(populate_existing=True)
    )
    items = [_sale_item(*row) for row in db.session.execute(query).tuples()]
    return {item.variant_id: item for item in items}


def _sale_item(
    variant: Variant,
    product: Product,
    seller: Seller,
    available: int,
    category: Category,
    variety: str | None,
    grade: Grade | None,
    size: SizeClass | None,
    batch: Batch,
    certificate: Certificate | None,
    origin: str | None,
    parent: str | None,
    county: str | None,
    seat: Area | None,
    image_id: int | None,
) -> SaleItem:
    is_for_sale = (
        product.status == ProductStatus.PUBLISHED
        and variant.is_offered
        and seller.status == SellerStatus.APPROVED
    )
    needs_confirmation = bool(grade and grade.needs_confirmation)
    return SaleItem(
        variant_id=variant.id,
        seller_id=seller.id,
        seller_code=seller.code,
        seller_name=seller.name,
        seller_kind=seller.kind,
        seller_is_enterprise=seller.is_enterprise,
        seller_county=seat.label if seat else "",
        seller_county_code=seller.county_code,
        product_id=product.id,
        product_code=product.code,
        title=product.title,
        price_amount=variant.price_amount,
        pool_id=variant.pool_id,
        pool_amount=variant.pool_amount,
        available=available,
        is_for_sale=is_for_sale,
        gross_grams=variant.gross_grams,
        net_amount=variant.net_amount,
        measure=variant.measure,
        pieces=variant.pieces,
        agri_class=category.agri_class,
        return_rule=category.return_rule,
        needs_confirmation=needs_confirmation,
        image_id=image_id,
        scene=category.scene,
        category_code=category.code,
        # What was promised, in the words of that moment, kept three years with the order (e-commerce law art. 31).
        snapshot={
            "product_code": product.code,
            "category": category.name,
            "variety": variety,
            "grade": grade.name if grade else None,
            "size": [size.min_mm, size.max_mm] if size else None,
            "origin": origin_name(origin, parent, county),
            "area_code": product.area_code,
            "batch": batch.code,
            "picked_on": batch.picked_on.isoformat() if batch.picked_on else None,
            "certificate": certificate.number if certificate else None,
            "sc_number": product.sc_number,
            "return_rule": category.return_rule.value,
            "needs_confirmation": needs_confirmation,
            "image_id": image_id,
            "scene": category.scene,
            "description": product.description,
            "seller": {
                "code": seller.code,
                "name": seller.name,
                "legal_name": seller.legal_name,
                "credit_code": seller.credit_code,
            },
        },
    )


def origin_name(origin: str | None, parent: str | None, county: str | None) -> str:
    """江西省赣州市信丰县… down to the township or village, as an address is written."""
    parts = list(dict.fromkeys(name for name in (county, parent, origin) if name and name not in CITY))
    return CITY + "".join(parts)
