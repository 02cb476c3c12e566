"""What is for sale: categories and their words, products, the packs in which they are sold."""

from __future__ import annotations

import enum
from datetime import date, datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    PrimaryKeyConstraint,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.database import Base, UtcDateTime, enum_column, fen_column, id_column
from marketplace.revenue.models import AgriClass


class Measure(enum.StrEnum):
    """What a pack is measured by, and so its unit price: 斤 and kg, litre, piece."""

    MASS = "mass"
    VOLUME = "volume"
    COUNT = "count"


class ReturnRule(enum.StrEnum):
    """Seven-day return without reason (consumer law art. 25): allowed, or exempt as fresh and perishable."""

    ALLOWED = "allowed"
    EXEMPT = "exempt"


class Category(Base):
    """A kind of produce and the rules that go with it."""

    __tablename__ = "categories"

    code: Mapped[str] = mapped_column(String(40), primary_key=True)
    parent_code: Mapped[str | None] = mapped_column(ForeignKey("categories.code"))
    name: Mapped[str] = mapped_column(String(40))
    name_en: Mapped[str] = mapped_column(String(60))
    agri_class: Mapped[AgriClass] = enum_column(AgriClass)
    measure: Mapped[Measure] = enum_column(Measure)
    return_rule: Mapped[ReturnRule] = enum_column(ReturnRule)
    certificate_required: Mapped[bool] = mapped_column(Boolean)
    needs_sc_licence: Mapped[bool] = mapped_column(Boolean)
    scene: Mapped[str] = mapped_column(String(20))  # the drawing that stands in for a photo
    position: Mapped[int]
    source: Mapped[str] = mapped_column(String(300), default="")


class Variety(Base):
    """A named variety of a category."""

    __tablename__ = "varieties"

    code: Mapped[str] = mapped_column(String(40), primary_key=True)
    category_code: Mapped[str] = mapped_column(ForeignKey("categories.code"))
    name: Mapped[str] = mapped_column(String(40))
    name_en: Mapped[str] = mapped_column(String(60))
    ripe: Mapped[str] = mapped_column(String(60), default="")
    position: Mapped[int]
    source: Mapped[str] = mapped_column(String(300))


class Grade(Base):
    """A grade of a published standard, or a trade word."""

    __tablename__ = "grades"

    code: Mapped[str] = mapped_column(String(40), primary_key=True)
    name: Mapped[str] = mapped_column(String(40))
    name_en: Mapped[str] = mapped_column(String(60))
    needs_confirmation: Mapped[bool] = mapped_column(Boolean, default=False)  # blemished: a tick at each purchase
    position: Mapped[int]
    source: Mapped[str] = mapped_column(String(300))


class SizeClass(Base):
    """A diameter class in millimetres."""

    __tablename__ = "size_classes"

    code: Mapped[str] = mapped_column(String(40), primary_key=True)
    min_mm: Mapped[int]
    max_mm: Mapped[int]
    position: Mapped[int]
    source: Mapped[str] = mapped_column(String(300))


class ProductStatus(enum.StrEnum):
    DRAFT = "draft"
    PUBLISHED = "published"
    PAUSED = "paused"


class Product(Base):
    """A listing of one seller, from one batch."""

    __tablename__ = "products"
    __table_args__ = (
        UniqueConstraint("seller_id", "id"),
        UniqueConstraint("seller_id", "client_id"),
        ForeignKeyConstraint(["seller_id", "batch_id"], ["batches.seller_id", "batches.id"]),
        # Each order of the lists, of all and of one category: a page begins at its key and reads no more than it shows.
        Index("ix_products_newest", "status", "listed_rank", "id"),
        Index("ix_products_price", "status", "shelf_price_amount", "id"),
        Index("ix_products_unit", "status", "shelf_unit_rank", "id"),
        Index("ix_products_listed", "status", "category_code", "listed_rank", "id"),
        Index("ix_products_listed_price", "status", "category_code", "shelf_price_amount", "id"),
        Index("ix_products_listed_unit", "status", "category_code", "shelf_unit_rank", "id"),
        Index("ix_products_county", "status", "county_code", "listed_rank", "id"),
        Index("ix_products_seller", "seller_id", "status", "id"),
    )

    id: Mapped[int] = id_column()
    seller_id: Mapped[int] = mapped_column(ForeignKey("sellers.id"))
    code: Mapped[str] = mapped_column(String(16), unique=True)
    client_id: Mapped[str | None] = mapped_column(String(64))  # of the form: a repeated post makes no second product
    category_code: Mapped[str] = mapped_column(ForeignKey("categories.code"))
    variety_code: Mapped[str | None] = mapped_column(ForeignKey("varieties.code"))
    grade_code: Mapped[str | None] = mapped_column(ForeignKey("grades.code"))
    size_code: Mapped[str | None] = mapped_column(ForeignKey("size_classes.code"))
    batch_id: Mapped[int] = mapped_column(BigInteger)
    title: Mapped[str] = mapped_column(String(60))
    description: Mapped[str] = mapped_column(Text, default="")
    county_code: Mapped[str] = mapped_column(String(12))
    area_code: Mapped[str] = mapped_column(String(12))  # origin to the township
    status: Mapped[ProductStatus] = enum_column(ProductStatus, default=ProductStatus.DRAFT)
    published_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    listed_rank: Mapped[int] = mapped_column(BigInteger, default=0)  # newest first: the id at publishing
    # Of the first pack, kept by the listing service: what lists are ordered by (rules.unit_rank).
    shelf_price_amount: Mapped[int | None] = fen_column()
    shelf_unit_rank: Mapped[int | None] = mapped_column(BigInteger)
    sc_number: Mapped[str | None] = mapped_column(String(20))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Variant(Base):
    """One pack: what it holds, what it costs, how much it takes from its pool."""

    __tablename__ = "variants"
    __table_args__ = (
        UniqueConstraint("seller_id", "id"),
        ForeignKeyConstraint(["seller_id", "product_id"], ["products.seller_id", "products.id"]),
        ForeignKeyConstraint(["seller_id", "pool_id"], ["stock_pools.seller_id", "stock_pools.id"]),
        Index("ix_variants_product", "seller_id", "product_id", "position"),
        Index("ix_variants_product_only", "product_id", "position"),
        Index("ix_variants_pack", "measure", "net_amount", "price_amount", "product_id"),
        Index("ix_variants_pool", "seller_id", "pool_id"),
        CheckConstraint("price_amount > 0 AND pool_amount > 0 AND net_amount > 0", name="positive"),
    )

    id: Mapped[int] = id_column()
    seller_id: Mapped[int] = mapped_column(BigInteger)
    product_id: Mapped[int] = mapped_column(BigInteger)
    pool_id: Mapped[int] = mapped_column(BigInteger)
    pool_amount: Mapped[int] = mapped_column(BigInteger)  # taken from the pool per sale unit, in the pool's unit
    measure: Mapped[Measure] = enum_column(Measure)
    net_amount: Mapped[int] = mapped_column(BigInteger)  # grams, millilitres or pieces in the pack
    pieces: Mapped[int | None]  # about how many fruit
    gross_grams: Mapped[int]  # billed by the courier
    price_amount: Mapped[int] = fen_column()
    is_offered: Mapped[bool] = mapped_column(Boolean, default=True)
    position: Mapped[int] = mapped_column(default=0)


class ProductImage(Base):
    """A product's pictures in order; the first is its main one."""

    __tablename__ = "product_images"
    __table_args__ = (
        PrimaryKeyConstraint("product_id", "image_id"),
        ForeignKeyConstraint(["seller_id", "product_id"], ["products.seller_id", "products.id"]),
    )

    seller_id: Mapped[int] = mapped_column(BigInteger)
    product_id: Mapped[int] = mapped_column(BigInteger)
    image_id: Mapped[int] = mapped_column(ForeignKey("images.id"))
    position: Mapped[int]


class SearchTerm(Base):
    """A term of a published product's title, variety, category, place or seller, with its weight."""

    __tablename__ = "search_terms"
    __table_args__ = (
        PrimaryKeyConstraint("term", "product_id"),
        Index("ix_search_terms_product", "product_id"),
        Index("ix_search_terms_best", "term", "weight", "product_id"),  # the heaviest first
        {"sqlite_with_rowid": False},  # the weight lies beside its key: one look-up a hit instead of two
    )

    term: Mapped[str] = mapped_column(String(30))
    product_id: Mapped[int] = mapped_column(BigInteger)
    weight: Mapped[int]


class PriceChange(Base):
    """What a pack cost from a moment on."""

    __tablename__ = "price_changes"
    __table_args__ = (Index("ix_price_changes_variant", "seller_id", "variant_id", "id"),)

    id: Mapped[int] = id_column()
    seller_id: Mapped[int] = mapped_column(BigInteger)
    variant_id: Mapped[int] = mapped_column(BigInteger)
    price_amount: Mapped[int] = fen_column()
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    valid_from: Mapped[date]
