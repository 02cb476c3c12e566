"""Listings as they change: states, prices, pictures, races."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from marketplace.audit import AuditEntry
from marketplace.catalogue import rules, seller_queries, services
from marketplace.catalogue.models import PriceChange, Product, ProductStatus, SearchTerm
from marketplace.catalogue.rules import ListingDraft, Pack
from marketplace.database import db, run_in_transaction
from marketplace.errors import NotFoundError
from marketplace.inventory.models import StockPool
from marketplace.inventory.rules import WrongAmountError
from marketplace.media import services as media
from marketplace.sellers import services as sellers
from marketplace.sellers.models import SellerStatus
from tests.factories import Goods, actor, make_goods, shop
from tests.media import samples

pytestmark = pytest.mark.usefixtures("app_context")


def product(goods: Goods) -> Product:
    db.session.expire_all()
    return db.session.get_one(Product, goods.product_id)


def count(model: type) -> int:
    return int(db.session.execute(select(func.count()).select_from(model)).scalar_one())


def act(verb: str, goods: Goods, seller: str = "coop_owner") -> None:
    run_in_transaction(
        lambda: getattr(services, verb)(actor(seller), seller_id=shop(seller).id, product_id=goods.product_id)
    )


def test_publishing_makes_it_findable_and_pausing_takes_it_away() -> None:
    goods = make_goods(is_published=False)
    assert count(SearchTerm) == 0
    act("publish", goods)
    published = product(goods)
    rank = published.listed_rank
    assert published.status == ProductStatus.PUBLISHED
    assert published.published_at is not None
    assert count(SearchTerm) > 0
    act("publish", goods)
    assert product(goods).listed_rank == rank, "a second tap changes nothing"

    act("pause", goods)
    assert product(goods).status == ProductStatus.PAUSED
    assert count(SearchTerm) == 0
    with pytest.raises(rules.StatusMoveError):
        act("pause", goods)
    with pytest.raises(rules.StatusMoveError):
        act("publish", goods)
    act("resume", goods)
    assert product(goods).listed_rank == rank, "pausing is no way to the top of the list"
    with pytest.raises(rules.StatusMoveError):
        act("resume", goods)
    actions = set(db.session.execute(select(AuditEntry.action)).scalars())
    assert {"product.created", "product.published", "product.paused", "product.resumed"} <= actions


def test_suspended_shop_cannot_publish_or_resume() -> None:
    draft, paused = make_goods(is_published=False), make_goods()
    act("pause", paused)
    run_in_transaction(
        lambda: sellers.set_status(
            actor("coop_owner"), seller_id=shop("coop_owner").id, status=SellerStatus.SUSPENDED, reason="test"
        )
    )
    with pytest.raises(rules.ShopNotOpenError):
        act("publish", draft)
    with pytest.raises(rules.ShopNotOpenError):
        act("resume", paused)


def test_price_change_is_dated_and_the_first_packs_price_is_the_shelf_price() -> None:
    goods = make_goods(packs=((5000, 4990), (2500, 2790)))

    def change(variant: int, price: int) -> None:
        run_in_transaction(
            lambda: services.change_price(
                actor("coop_owner"), seller_id=goods.seller_id, variant_id=variant, price_amount=price
            )
        )

    change(goods.variants[0], 5250)
    change(goods.variants[0], 5250)
    change(goods.variants[1], 2990)
    assert product(goods).shelf_price_amount == 5250
    amounts = db.session.execute(select(PriceChange.price_amount).order_by(PriceChange.id)).scalars().all()
    assert amounts == [4990, 2790, 5250, 2990]
    for wrong in (0, -1, 10**12):
        with pytest.raises(rules.ListingError):
            change(goods.variants[0], wrong)


def test_another_seller_changes_nothing() -> None:
    goods = make_goods()
    stranger = shop("farmer").id

    def as_stranger(verb: str, **values: object) -> None:
        with pytest.raises(NotFoundError):
            run_in_transaction(lambda: getattr(services, verb)(actor("farmer"), seller_id=stranger, **values))

    for verb in ("publish", "pause", "resume"):
        as_stranger(verb, product_id=goods.product_id)
    as_stranger("change_price", variant_id=goods.variants[0], price_amount=100)
    as_stranger("add_stock", variant_id=goods.variants[0], count=1)
    as_stranger("change_words", product_id=goods.product_id, title="x", description="")
    as_stranger("set_pictures", product_id=goods.product_id, image_ids=[])


def test_boxes_go_into_the_pool_that_all_packs_share() -> None:
    goods = make_goods(packs=((5000, 4990), (2500, 2790)), stock=10_000)

    def add(number: int) -> None:
        run_in_transaction(
            lambda: services.add_stock(
                actor("coop_owner"), seller_id=goods.seller_id, variant_id=goods.variants[1], count=number
            )
        )

    add(4)
    assert db.session.get_one(StockPool, goods.pool_id, populate_existing=True).on_hand == 20_000
    with pytest.raises(WrongAmountError):
        add(0)


def draft_of(goods: Goods, **changes: object) -> ListingDraft:
    found = product(goods)
    usual: dict[str, object] = {
        "category_code": "navel",
        "batch_id": found.batch_id,
        "packs": [Pack(5000, 4990)],
        "stock_amount": 5000,
        "variety_code": "newhall",
        "grade_code": "first",
        "size_code": "d75_80",
    }
    return ListingDraft(**(usual | changes))  # type: ignore[arg-type]


def create(draft: ListingDraft, seller: str = "coop_owner") -> Product:
    return run_in_transaction(
        lambda: services.create_listing(actor(seller), seller_id=shop(seller).id, draft=draft)
    )


def test_second_listing_of_the_same_batch_grade_and_size_draws_from_the_same_pool() -> None:
    goods = make_goods(stock=10_000)
    create(draft_of(goods))
    assert count(StockPool) == 1
    assert db.session.get_one(StockPool, goods.pool_id, populate_existing=True).on_hand == 15_000
    create(draft_of(goods, grade_code="second"))
    create(draft_of(goods, size_code=None))
    assert count(StockPool) == 3


def test_same_client_id_is_the_same_listing() -> None:
    goods = make_goods()
    first = create(draft_of(goods, client_id="phone-0001")).id
    assert create(draft_of(goods, client_id="phone-0001", title="another")).id == first
    assert count(Product) == 2


def test_same_client_id_from_two_taps_at_once_is_told_to_the_slower_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    goods = make_goods()
    first = create(draft_of(goods, client_id="phone-0002"))
    code, real = first.code, seller_queries.find_by_client_id
    answers = [None]
    monkeypatch.setattr(
        seller_queries, "find_by_client_id", lambda *known: answers.pop() if answers else real(*known)
    )
    with pytest.raises(services.RepeatedListingError) as repeated:
        create(draft_of(goods, client_id="phone-0002"))
    assert repeated.value.code == code
    assert count(Product) == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"category_code": "mandarin"},
        {"variety_code": "xunwu_mandarin"},
        {"variety_code": "none"},
        {"grade_code": "none"},
        {"size_code": "none"},
        {"stock_amount": -1},
        {"packs": []},
    ],
)
def test_draft_that_contradicts_itself_is_refused(changes: dict[str, object]) -> None:
    goods = make_goods()
    with pytest.raises(rules.ListingError):
        create(draft_of(goods, **changes))


def test_pictures_and_batches_of_others_are_not_found() -> None:
    goods = make_goods()
    with pytest.raises(NotFoundError):
        create(draft_of(goods), seller="farmer")
    received = media.receive(samples.upload(samples.jpeg(64, 48)))
    foreign = run_in_transaction(lambda: media.store(seller_id=shop("farmer").id, received=received).id)
    with pytest.raises(NotFoundError):
        create(draft_of(goods, image_ids=[foreign]))
