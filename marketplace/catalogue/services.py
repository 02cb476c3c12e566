"""What a seller does with listings: draft, publish, pause, resume; prices, stock, words and pictures."""

from __future__ import annotations

from collections.abc import Sequence

from flask_babel import lazy_gettext as _l
from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError

from marketplace import audit, clock, places
from marketplace.audit import Actor
from marketplace.catalogue import rules, search
from marketplace.catalogue import seller_queries as queries
from marketplace.catalogue.models import (
    Category,
    PriceChange,
    Product,
    ProductImage,
    ProductStatus,
    ReturnRule,
    Variant,
)
from marketplace.catalogue.rules import ListingDraft, ListingError, Pack
from marketplace.database import db, new_code, new_id
from marketplace.errors import DomainError, NotFoundError
from marketplace.inventory import services as inventory
from marketplace.media import queries as media
from marketplace.provenance import queries as provenance
from marketplace.provenance import rules as provenance_rules
from marketplace.provenance.models import Batch
from marketplace.sellers.models import SellerStatus
from marketplace.sellers.queries import get_seller


class RepeatedListingError(DomainError):
    """The same form arrived twice at once; code is the listing that the other one made."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def create_listing(actor: Actor, *, seller_id: int, draft: ListingDraft) -> Product:
    """A listing in the state of a draft, its packs drawing from one pool of the batch, grade and size.

    stock_amount is added to that pool. A client_id that was used before gives the listing of then and changes nothing.
    ListingError for what cannot be, MarkNotAuthorisedError for a name without the right to it, NotFoundError for
    another seller's batch or picture.
    """
    repeated = queries.find_by_client_id(seller_id, draft.client_id)
    if repeated is not None:
        return repeated
    batch = provenance.get_batch_by_id(seller_id, draft.batch_id)
    category = _category_of(draft, batch)
    words = _words_of(draft, category)
    rules.check_packs(draft.packs)
    if draft.stock_amount < 0:
        raise ListingError(_l("箱数不能小于 0"), field="boxes")
    if len(media.list_own(seller_id, draft.image_ids)) != len(draft.image_ids):
        raise NotFoundError
    title, description = write_words(draft, batch, category, words)
    _check_mark(seller_id, title, description, category.code, batch.area_code)
    product = _insert(seller_id, draft, batch, category, title, description)
    pool = queries.find_pool(
        seller_id,
        batch_id=batch.id,
        grade_code=draft.grade_code,
        size_code=draft.size_code,
        unit=rules.UNIT_OF[category.measure],
    )
    if pool is None:
        pool = inventory.create_pool(
            actor,
            seller_id=seller_id,
            batch_id=batch.id,
            grade_code=draft.grade_code,
            size_code=draft.size_code,
            unit=rules.UNIT_OF[category.measure],
            amount=draft.stock_amount,
        )
    elif draft.stock_amount:
        inventory.receive(actor, seller_id=seller_id, pool_id=pool.id, amount=draft.stock_amount)
    for position, pack in enumerate(draft.packs):
        _add_variant(product, pool.id, category, pack, position)
    _put_pictures(product, draft.image_ids)
    db.session.flush()
    audit.record(
        actor, "product.created", "product", product.id, seller_id=seller_id, changes={"title": title}
    )
    return product


def write_words(
    draft: ListingDraft, batch: Batch, category: Category, words: queries.Words
) -> tuple[str, str]:
    """Title and description as typed, or as they write themselves from what is known."""
    county = places.find(places.county_of(batch.area_code))
    title = draft.title.strip()[:60] or rules.make_title(
        county=county.name if county else "",
        category=category.name,
        variety=words.variety,
        grade=words.grade,
        size_mm=words.size_mm,
    )
    description = draft.description.strip()[:2000] or rules.make_description(
        origin=places.full_name(batch.area_code),
        orchard=batch.orchard,
        picked_on=batch.picked_on,
        grade=words.grade,
        size_mm=words.size_mm,
        is_fresh=category.return_rule == ReturnRule.EXEMPT,
    )
    return title, description


def publish(actor: Actor, *, seller_id: int, product_id: int) -> None:
    """Put a draft up for sale; a published one stays as it is.

    ShopNotOpenError, CertificateMissingError, MarkNotAuthorisedError, SeasonNotOpenError, ScNumberError;
    StatusMoveError for a paused one.
    """
    product = _own(seller_id, product_id)
    if product.status == ProductStatus.PUBLISHED:
        return
    check_sale(product)
    _move(product, ProductStatus.DRAFT, ProductStatus.PUBLISHED)
    product.published_at = clock.now()
    product.listed_rank = new_id()
    db.session.flush()
    search.index(product.id)
    audit.record(actor, "product.published", "product", product.id, seller_id=seller_id)


def pause(actor: Actor, *, seller_id: int, product_id: int) -> None:
    """Take a listing off sale for a while; StatusMoveError unless it is on sale."""
    product = _own(seller_id, product_id)
    _move(product, ProductStatus.PUBLISHED, ProductStatus.PAUSED)
    search.index(product.id)
    audit.record(actor, "product.paused", "product", product.id, seller_id=seller_id)


def resume(actor: Actor, *, seller_id: int, product_id: int) -> None:
    """Sell on, at its old place in the lists; the refusals of publish(), StatusMoveError unless it is paused."""
    product = _own(seller_id, product_id)
    check_sale(product)
    _move(product, ProductStatus.PAUSED, ProductStatus.PUBLISHED)
    search.index(product.id)
    audit.record(actor, "product.resumed", "product", product.id, seller_id=seller_id)


def check_sale(product: Product) -> None:
    """Refuse to sell what may not be sold now: see publish()."""
    seller = get_seller(product.seller_id)
    category = queries.get_category(product.category_code)
    batch = provenance.get_batch_by_id(product.seller_id, product.batch_id)
    if seller.status != SellerStatus.APPROVED:
        raise rules.ShopNotOpenError
    _check_mark(product.seller_id, product.title, product.description, category.code, batch.area_code)
    if category.needs_sc_licence:
        rules.check_sc_number(product.sc_number)
    if provenance_rules.certificate_needed(seller, category):
        certificates = provenance.certificates_of(product.seller_id, [batch.id])
        if batch.id not in certificates:
            raise rules.CertificateMissingError
    today = clock.today()
    day = batch.picked_on or today
    seasons = provenance.seasons_of(category.code, provenance_rules.season_year(day))
    earliest = provenance_rules.earliest_ship_on(seasons, variety_code=product.variety_code, day=day)
    rules.check_season(earliest, today)


def change_price(actor: Actor, *, seller_id: int, variant_id: int, price_amount: int) -> None:
    """What a pack costs from now on; orders keep the price at which they were placed. ListingError, NotFoundError."""
    rules.check_price(price_amount)
    variant = db.session.execute(
        select(Variant).where(Variant.seller_id == seller_id, Variant.id == variant_id).with_for_update()
    ).scalar_one_or_none()
    if variant is None:
        raise NotFoundError
    before = variant.price_amount
    if before == price_amount:
        return
    variant.price_amount = price_amount
    _note_price(seller_id, variant_id, price_amount)
    product = _own(seller_id, variant.product_id)
    if variant.position == 0:
        product.shelf_price_amount = price_amount
        product.shelf_unit_rank = rules.unit_rank(variant.measure, variant.net_amount, price_amount)
    product.updated_at = clock.now()
    audit.record(
        actor,
        "price.changed",
        "variant",
        variant_id,
        seller_id=seller_id,
        changes={"price": [before, price_amount]},
    )


def add_stock(actor: Actor, *, seller_id: int, variant_id: int, count: int) -> None:
    """So many more packs of this kind into its pool; the other packs draw from it too.

    WrongAmountError unless above zero, NotFoundError for another's pack.
    """
    variant = db.session.execute(
        select(Variant.pool_id, Variant.pool_amount).where(
            Variant.seller_id == seller_id, Variant.id == variant_id
        )
    ).one_or_none()
    if variant is None:
        raise NotFoundError
    inventory.receive(actor, seller_id=seller_id, pool_id=variant.pool_id, amount=count * variant.pool_amount)


def change_words(actor: Actor, *, seller_id: int, product_id: int, title: str, description: str) -> None:
    """A new title and description; ListingError without a title, MarkNotAuthorisedError."""
    product = _own(seller_id, product_id)
    title, description = title.strip()[:60], description.strip()[:2000]
    if not title:
        raise ListingError(_l("请写一个名字"), field="title")
    _check_mark(seller_id, title, description, product.category_code, product.area_code)
    before = product.title
    product.title, product.description, product.updated_at = title, description, clock.now()
    db.session.flush()
    search.index(product.id)
    audit.record(
        actor,
        "product.reworded",
        "product",
        product.id,
        seller_id=seller_id,
        changes={"title": [before, title]},
    )


def set_pictures(actor: Actor, *, seller_id: int, product_id: int, image_ids: Sequence[int]) -> None:
    """These pictures in this order, the first as the main one; NotFoundError for another seller's picture."""
    product = _own(seller_id, product_id)
    if len(media.list_own(seller_id, image_ids)) != len(image_ids):
        raise NotFoundError
    db.session.execute(
        delete(ProductImage).where(ProductImage.seller_id == seller_id, ProductImage.product_id == product_id)
    )
    _put_pictures(product, image_ids)
    product.updated_at = clock.now()
    db.session.flush()
    audit.record(
        actor,
        "product.pictured",
        "product",
        product.id,
        seller_id=seller_id,
        changes={"count": len(image_ids)},
    )


def _category_of(draft: ListingDraft, batch: Batch) -> Category:
    category = queries.find_category(draft.category_code)
    if category is None or batch.category_code != category.code:
        raise ListingError(_l("这一批不是这种货，请另选一批"), field="batch")
    return category


def _words_of(draft: ListingDraft, category: Category) -> queries.Words:
    words = queries.words_of(draft.variety_code, draft.grade_code, draft.size_code)
    varieties = {code for code, _name in queries.list_varieties(category.code)}
    if words is None or (draft.variety_code and draft.variety_code not in varieties):
        raise ListingError(_l("请重新选品种、等级和大小"), field="variety_code")
    return words


def _check_mark(seller_id: int, title: str, description: str, category_code: str, area_code: str) -> None:
    if rules.claims_mark(title) or rules.claims_mark(description):
        rules.check_mark(
            title=title,
            description=description,
            category_code=category_code,
            area_code=area_code,
            is_authorised=provenance.has_mark(seller_id, provenance_rules.MARK, clock.today()),
        )


def _insert(
    seller_id: int, draft: ListingDraft, batch: Batch, category: Category, title: str, description: str
) -> Product:
    moment, first = clock.now(), draft.packs[0]
    product = Product(
        seller_id=seller_id,
        code=new_code(9),
        client_id=draft.client_id,
        category_code=draft.category_code,
        variety_code=draft.variety_code,
        grade_code=draft.grade_code,
        size_code=draft.size_code,
        batch_id=batch.id,
        title=title,
        description=description,
        county_code=places.county_of(batch.area_code),
        area_code=batch.area_code,
        status=ProductStatus.DRAFT,
        shelf_price_amount=first.price_amount,
        shelf_unit_rank=rules.unit_rank(category.measure, first.net_amount, first.price_amount),
        sc_number=draft.sc_number,
        created_at=moment,
        updated_at=moment,
    )
    try:
        with db.session.begin_nested():
            db.session.add(product)
    except IntegrityError as error:
        repeated = queries.find_by_client_id(seller_id, draft.client_id)
        if repeated is None:
            raise
        raise RepeatedListingError(repeated.code) from error
    return product


def _add_variant(product: Product, pool_id: int, category: Category, pack: Pack, position: int) -> None:
    variant = Variant(
        seller_id=product.seller_id,
        product_id=product.id,
        pool_id=pool_id,
        pool_amount=pack.net_amount,
        measure=category.measure,
        net_amount=pack.net_amount,
        pieces=pack.pieces,
        gross_grams=pack.gross_grams or rules.usual_gross(category.measure, pack.net_amount),
        price_amount=pack.price_amount,
        position=position,
    )
    db.session.add(variant)
    db.session.flush()
    _note_price(product.seller_id, variant.id, pack.price_amount)


def _note_price(seller_id: int, variant_id: int, price_amount: int) -> None:
    db.session.add(
        PriceChange(
            seller_id=seller_id,
            variant_id=variant_id,
            price_amount=price_amount,
            at=clock.now(),
            valid_from=clock.today(),
        )
    )


def _put_pictures(product: Product, image_ids: Sequence[int]) -> None:
    db.session.add_all(
        ProductImage(seller_id=product.seller_id, product_id=product.id, image_id=image_id, position=position)
        for position, image_id in enumerate(dict.fromkeys(image_ids))
    )


def _own(seller_id: int, product_id: int) -> Product:
    product = db.session.execute(
        select(Product).where(Product.seller_id == seller_id, Product.id == product_id).with_for_update()
    ).scalar_one_or_none()
    if product is None:
        raise NotFoundError
    return product


def _move(product: Product, before: ProductStatus, after: ProductStatus) -> None:
    """One guarded step: of two taps at once, one moves."""
    moved = db.session.execute(
        update(Product)
        .where(Product.id == product.id, Product.seller_id == product.seller_id, Product.status == before)
        .values(status=after, updated_at=clock.now())
    )
    if moved.rowcount != 1:  # type: ignore[attr-defined]
        raise rules.StatusMoveError
