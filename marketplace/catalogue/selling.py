"""A pack as it is sold now: what basket, checkout and order line need to know about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, bindparam, select

from marketplace import places
from marketplace.catalogue import packs, words
from marketplace.catalogue.models import Measure, Product, ProductImage, ProductStatus, ReturnRule, Variant
from marketplace.database import at_most, db
from marketplace.inventory.models import StockPool
from marketplace.places import Place
from marketplace.provenance.models import Batch, Certificate
from marketplace.revenue.models import AgriClass
from marketplace.sellers.models import Seller, SellerKind, SellerStatus, is_enterprise

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
        .limit(at_most(1))
        .correlate(Product)
        .scalar_subquery()
    )


def newest_certificate(column: Any) -> ColumnElement[Any]:
    """A column of a batch's last certificate, for a select over Batch."""
    return (
        select(column)
        .where(Certificate.seller_id == Batch.seller_id, Certificate.batch_id == Batch.id)
        .order_by(Certificate.id.desc())
        .limit(at_most(1))
        .correlate(Batch)
        .scalar_subquery()
    )


def sale_items(variant_ids: Iterable[int]) -> dict[int, SaleItem]:
    """The packs by id, in one statement; an unknown id is left out, one not for sale says so."""
    wanted = list(dict.fromkeys(variant_ids))
    if not wanted:
        return {}
    rows = db.session.execute(_offers(), {"wanted": wanted})
    return {row.id: _sale_item(row) for row in rows}


@lru_cache(maxsize=1)
def _offers() -> Select[Any]:
    """The statement, made once: rows and no objects, so that nothing is answered from what was seen before."""
    return (
        select(
            Variant.id,
            Variant.pool_id,
            Variant.pool_amount,
            Variant.measure,
            Variant.net_amount,
            Variant.pieces,
            Variant.gross_grams,
            Variant.price_amount,
            Variant.is_offered,
            Product.id.label("product_id"),
            Product.code,
            Product.title,
            Product.description,
            Product.status,
            Product.category_code,
            Product.variety_code,
            Product.grade_code,
            Product.size_code,
            Product.area_code,
            Product.sc_number,
            Seller.id.label("seller_id"),
            Seller.code.label("seller_code"),
            Seller.name.label("seller_name"),
            Seller.legal_name,
            Seller.credit_code,
            Seller.kind,
            Seller.registered_as,
            Seller.status.label("seller_status"),
            Seller.county_code.label("seat_code"),
            (StockPool.on_hand - StockPool.held).label("available"),
            Batch.code.label("batch_code"),
            Batch.picked_on,
            newest_certificate(Certificate.number).label("certificate"),
            first_image().label("image_id"),
        )
        .join(Product, and_(Product.seller_id == Variant.seller_id, Product.id == Variant.product_id))
        .join(Seller, Seller.id == Variant.seller_id)
        .join(StockPool, and_(StockPool.seller_id == Variant.seller_id, StockPool.id == Variant.pool_id))
        .join(Batch, and_(Batch.seller_id == Product.seller_id, Batch.id == Product.batch_id))
        .where(Variant.id.in_(bindparam("wanted", expanding=True)))
    )


def _sale_item(row: Any) -> SaleItem:
    is_for_sale = (
        row.status == ProductStatus.PUBLISHED
        and row.is_offered
        and row.seller_status == SellerStatus.APPROVED
    )
    category, variety = words.category(row.category_code), words.variety(row.variety_code)
    grade, size = words.grade(row.grade_code), words.size_mm(row.size_code)
    seat = places.find(row.seat_code)
    needs_confirmation = bool(grade and grade.needs_confirmation)
    return SaleItem(
        variant_id=row.id,
        seller_id=row.seller_id,
        seller_code=row.seller_code,
        seller_name=row.seller_name,
        seller_kind=row.kind,
        seller_is_enterprise=is_enterprise(row.kind, row.registered_as),
        seller_county=seat.label if seat else "",
        seller_county_code=row.seat_code,
        product_id=row.product_id,
        product_code=row.code,
        title=row.title,
        price_amount=row.price_amount,
        pool_id=row.pool_id,
        pool_amount=row.pool_amount,
        available=row.available,
        is_for_sale=is_for_sale,
        gross_grams=row.gross_grams,
        net_amount=row.net_amount,
        measure=row.measure,
        pieces=row.pieces,
        agri_class=category.agri_class,
        return_rule=category.return_rule,
        needs_confirmation=needs_confirmation,
        image_id=row.image_id,
        scene=category.scene,
        category_code=category.code,
        # What was promised, in the words of that moment, kept three years with the order (e-commerce law art. 31).
        snapshot={
            "product_code": row.code,
            "category": category.zh,
            "variety": variety.zh if variety else None,
            "grade": grade.zh if grade else None,
            "size": list(size) if size else None,
            "origin": origin_name(*(place.name if place else None for place in origin_of(row.area_code))),
            "area_code": row.area_code,
            "batch": row.batch_code,
            "picked_on": row.picked_on.isoformat() if row.picked_on else None,
            "certificate": row.certificate,
            "sc_number": row.sc_number,
            "return_rule": category.return_rule.value,
            "needs_confirmation": needs_confirmation,
            "image_id": row.image_id,
            "scene": category.scene,
            "description": row.description,
            "seller": {
                "code": row.seller_code,
                "name": row.seller_name,
                "legal_name": row.legal_name,
                "credit_code": row.credit_code,
            },
        },
    )


def origin_of(code: str) -> tuple[Place | None, Place | None, Place | None]:
    """Where goods come from: the place itself, the one above it, and the county."""
    place = places.find(code)
    return place, places.find(place.parent_code) if place else None, places.find(places.county_of(code))


def origin_name(origin: str | None, parent: str | None, county: str | None) -> str:
    """江西省赣州市信丰县… down to the township or village, as an address is written."""
    parts = list(dict.fromkeys(name for name in (county, parent, origin) if name and name not in CITY))
    return CITY + "".join(parts)
