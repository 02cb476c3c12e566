"""Filling, changing, merging and emptying baskets; none of it keeps or oversells stock."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from marketplace.cart import queries, rules, services
from marketplace.cart.models import Cart, CartItem
from marketplace.catalogue import services as catalogue
from marketplace.database import db, run_in_transaction
from tests import factories

pytestmark = pytest.mark.usefixtures("app_context")


def _add(
    variant_id: int, count: int = 1, *, token: str | None = None, user_id: int | None = None
) -> tuple[int, str]:
    def put() -> tuple[int, str]:
        cart = services.add(user_id, token, variant_id, count)
        return cart.id, cart.token

    return run_in_transaction(put)


def _counts(cart_id: int) -> dict[int, int]:
    return {line.item.variant_id: line.count for line in queries.items(cart_id)}


def test_a_stranger_gets_a_basket_with_a_long_random_token() -> None:
    goods = factories.make_goods()
    cart_id, token = _add(goods.variants[0], 2)
    assert len(token) >= 32
    assert _counts(cart_id) == {goods.variants[0]: 2}
    assert _add(goods.variants[0], 1, token=token) == (cart_id, token)
    assert _counts(cart_id) == {goods.variants[0]: 3}


def test_a_wrong_token_opens_nothing_and_starts_a_new_basket() -> None:
    goods = factories.make_goods()
    first, _token = _add(goods.variants[0])
    second, _other = _add(goods.variants[0], token="guessed")
    assert first != second
    assert queries.find_cart(None, "guessed") is None
    assert queries.find_cart(None, None) is None


def test_more_than_is_left_is_refused_and_nothing_is_kept() -> None:
    goods = factories.make_goods(stock=12_500)
    with pytest.raises(rules.NotEnoughError) as refusal:
        _add(goods.variants[0], 3)
    assert refusal.value.left == 2
    cart_id, token = _add(goods.variants[0], 2)
    with pytest.raises(rules.NotEnoughError):
        _add(goods.variants[0], 1, token=token)
    assert _counts(cart_id) == {goods.variants[0]: 2}
    assert factories.pool(goods.pool_id).held == 0


def test_two_packs_of_one_pool_share_what_is_left() -> None:
    goods = factories.make_goods(packs=[(2500, 2790), (5000, 4990)], stock=10_000)
    _cart, token = _add(goods.variants[1], 1)
    _add(goods.variants[0], 2, token=token)
    with pytest.raises(rules.NotEnoughError):
        _add(goods.variants[0], 1, token=token)


def test_what_is_not_for_sale_cannot_be_added() -> None:
    draft = factories.make_goods(is_published=False)
    for variant_id in (draft.variants[0], 12345):
        with pytest.raises(rules.NotForSaleError):
            _add(variant_id)
    assert db.session.execute(select(func.count()).select_from(Cart)).scalar_one() == 0


def test_a_basket_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "MOST_LINES", 2)
    goods = factories.make_goods(packs=[(2500, 2790), (5000, 4990), (10_000, 9200)])
    _cart, token = _add(goods.variants[0])
    _add(goods.variants[1], token=token)
    with pytest.raises(rules.BasketFullError):
        _add(goods.variants[2], token=token)
    _add(goods.variants[1], token=token)


def test_counts_change_and_nought_takes_out() -> None:
    goods = factories.make_goods(packs=[(2500, 2790), (5000, 4990)], stock=20_000)
    cart_id, token = _add(goods.variants[0], 2)
    _add(goods.variants[1], 1, token=token)
    refused = run_in_transaction(
        lambda: services.change(cart_id, {goods.variants[0]: 0, goods.variants[1]: 3, 999: 5})
    )
    assert refused == {}
    assert _counts(cart_id) == {goods.variants[1]: 3}


def test_a_refused_count_stays_as_it_was_and_the_others_change() -> None:
    mine, other = factories.make_goods(stock=10_000), factories.make_goods("second_farmer")
    cart_id, token = _add(mine.variants[0], 1)
    _add(other.variants[0], 1, token=token)
    refused = run_in_transaction(
        lambda: services.change(cart_id, {mine.variants[0]: 3, other.variants[0]: 2})
    )
    assert isinstance(refused[mine.variants[0]], rules.NotEnoughError)
    assert _counts(cart_id) == {mine.variants[0]: 1, other.variants[0]: 2}


def test_a_basket_can_be_made_smaller_when_stock_is_gone() -> None:
    factories.make_freight()
    goods = factories.make_goods(stock=20_000)
    cart_id, _token = _add(goods.variants[0], 4)
    factories.place_order({goods.variants[0]: 3})
    assert run_in_transaction(lambda: services.change(cart_id, {goods.variants[0]: 1})) == {}
    assert _counts(cart_id) == {goods.variants[0]: 1}


def test_a_changed_price_is_seen_until_it_is_accepted() -> None:
    goods = factories.make_goods(price=4990)
    cart_id, _token = _add(goods.variants[0])
    by = factories.actor("coop_owner")
    run_in_transaction(
        lambda: catalogue.change_price(
            by, seller_id=goods.seller_id, variant_id=goods.variants[0], price_amount=5490
        )
    )
    assert queries.items(cart_id)[0].price_change == "涨价了：放进来时 ¥49.90，现在 ¥54.90"
    run_in_transaction(lambda: services.accept_prices(cart_id))
    assert queries.items(cart_id)[0].price_change == ""


def test_signing_in_gives_the_basket_to_the_person_and_closes_the_token() -> None:
    goods = factories.make_goods()
    buyer = factories.user_id("buyer")
    cart_id, token = _add(goods.variants[0], 2)
    assert run_in_transaction(lambda: services.adopt(buyer, token)) == 2
    found = queries.find_cart(buyer, None)
    assert found is not None
    assert found.id == cart_id
    assert queries.find_cart(None, token) is None
    assert run_in_transaction(lambda: services.adopt(buyer, token)) == 2


def test_two_baskets_become_one_with_the_larger_count() -> None:
    one, two = factories.make_goods(), factories.make_goods("second_farmer")
    buyer = factories.user_id("buyer")
    cart_id, _ = _add(one.variants[0], 3, user_id=buyer)
    _other, token = _add(one.variants[0], 2)
    _add(two.variants[0], 1, token=token)
    assert run_in_transaction(lambda: services.adopt(buyer, token)) == 4
    assert _counts(cart_id) == {one.variants[0]: 3, two.variants[0]: 1}
    assert db.session.execute(select(func.count()).select_from(Cart)).scalar_one() == 1


def test_anothers_token_is_no_way_to_anothers_basket() -> None:
    goods = factories.make_goods()
    first, second = factories.user_id("buyer"), factories.user_id("company_buyer")
    cart_id, _ = _add(goods.variants[0], 1, user_id=first)
    token = db.session.execute(select(Cart.token).where(Cart.id == cart_id)).scalar_one()
    assert run_in_transaction(lambda: services.adopt(second, token)) == 0
    assert queries.find_cart(second, None) is None
    assert _counts(cart_id) == {goods.variants[0]: 1}


def test_clearing_leaves_an_empty_basket() -> None:
    goods = factories.make_goods()
    cart_id, _token = _add(goods.variants[0])
    run_in_transaction(lambda: services.clear(cart_id))
    assert queries.items(cart_id) == []
    assert db.session.execute(select(func.count()).select_from(CartItem)).scalar_one() == 0
