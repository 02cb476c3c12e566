"""Filling, changing and emptying a basket. Nothing here keeps stock: that begins at paying (D8)."""

from __future__ import annotations

import secrets
from collections.abc import Mapping

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError

from marketplace import clock
from marketplace.cart import queries, rules
from marketplace.cart.models import Cart, CartItem
from marketplace.catalogue.selling import sale_items
from marketplace.database import db
from marketplace.errors import DomainError


def add(user_id: int | None, token: str | None, variant_id: int, count: int) -> Cart:
    """Put so many of a pack into the visitor's basket, which is made when there is none.

    NotForSaleError, NotEnoughError, CountError, BasketFullError.
    """
    item = sale_items([variant_id]).get(variant_id)
    if item is None:
        raise rules.NotForSaleError
    if count < 1:
        rules.check_count(count)
    cart = _open(user_id, token)
    lines = queries.items(cart.id)
    already = next((line.count for line in lines if line.item.variant_id == variant_id), 0)
    if not already and len(lines) >= rules.MOST_LINES:
        raise rules.BasketFullError
    others = rules.taken_by_others(lines, item)
    rules.check_available(item, already + count, taken_by_others=others, already=already)
    rules.check_count(already + count)
    _put(cart.id, item.seller_id, variant_id, already + count, item.price_amount)
    cart.updated_at = clock.now()
    db.session.flush()
    return cart


def change(cart_id: int, counts: Mapping[int, int]) -> dict[int, DomainError]:
    """Set the counts of packs that are in the basket; 0 takes one out. What is refused is returned by pack and stays.

    A count that is not raised is always taken, so that a basket can be made smaller whatever the stock is.
    """
    _lock(cart_id)
    refused: dict[int, DomainError] = {}
    lines = queries.items(cart_id)
    for line in lines:
        wanted = counts.get(line.item.variant_id)
        if wanted is None:
            continue
        if wanted == 0:
            remove(cart_id, line.item.variant_id)
            continue
        try:
            if wanted > line.count:
                others = rules.taken_by_others(lines, line.item)
                rules.check_available(line.item, wanted, taken_by_others=others)
            rules.check_count(wanted)
        except DomainError as error:
            refused[line.item.variant_id] = error
            continue
        if wanted != line.count:
            _put(cart_id, line.item.seller_id, line.item.variant_id, wanted, line.item.price_amount)
    return refused


def remove(cart_id: int, variant_id: int) -> None:
    """Take a pack out; nothing happens when it is not there."""
    db.session.execute(delete(CartItem).where(CartItem.cart_id == cart_id, CartItem.variant_id == variant_id))


def accept_prices(cart_id: int) -> None:
    """The buyer has read which prices changed: today's are the seen ones from now on."""
    _lock(cart_id)
    for line in queries.items(cart_id):
        if line.price_change:
            _put(cart_id, line.item.seller_id, line.item.variant_id, line.count, line.item.price_amount)


def clear(cart_id: int) -> None:
    """Empty a basket, after its order was placed."""
    db.session.execute(delete(CartItem).where(CartItem.cart_id == cart_id))


def adopt(user_id: int, token: str | None) -> int:
    """Give a stranger's basket to the person who signed in, merged with their own; the number of packs in it.

    The token opens nothing afterwards: on a shared phone the next person must not see it.
    """
    mine = queries.find_cart(user_id, None)
    theirs = queries.find_cart(None, token)
    if theirs is not None and mine is None:
        theirs.user_id, theirs.token = user_id, _new_token()
        mine = theirs
    elif theirs is not None and mine is not None:
        lines = queries.items(mine.id)
        counts = {line.item.variant_id: line.count for line in lines}
        for line in queries.items(theirs.id):
            variant_id = line.item.variant_id
            if variant_id in counts or len(counts) < rules.MOST_LINES:
                counts[variant_id] = rules.merged_count(counts.get(variant_id, 0), line.count)
                _put(mine.id, line.item.seller_id, variant_id, counts[variant_id], line.seen_price_amount)
        clear(theirs.id)
        db.session.delete(theirs)
    db.session.flush()
    return sum(line.count for line in queries.items(mine.id)) if mine else 0


def _new_token() -> str:
    return secrets.token_urlsafe(24)


def _open(user_id: int | None, token: str | None) -> Cart:
    """The visitor's basket, locked, so that two taps at once follow each other."""
    cart = queries.find_cart(user_id, token)
    if cart is None:
        cart = Cart(token=_new_token(), user_id=user_id, updated_at=clock.now())
        try:
            with db.session.begin_nested():
                db.session.add(cart)
        except IntegrityError:  # the same person's other tap was faster
            cart = queries.find_cart(user_id, token)
            if cart is None:
                raise
    _lock(cart.id)
    return cart


def _lock(cart_id: int) -> None:
    db.session.execute(select(Cart.id).where(Cart.id == cart_id).with_for_update())


def _put(cart_id: int, seller_id: int, variant_id: int, count: int, price_amount: int) -> None:
    line = db.session.execute(
        select(CartItem).where(CartItem.cart_id == cart_id, CartItem.variant_id == variant_id)
    ).scalar_one_or_none()
    if line is None:
        line = CartItem(cart_id=cart_id, seller_id=seller_id, variant_id=variant_id)
        db.session.add(line)
    line.count, line.seen_price_amount = count, price_amount
    db.session.flush()
