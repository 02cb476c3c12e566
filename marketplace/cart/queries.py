"""The basket of one visitor: found by the person, or by the random token of the cookie."""

from __future__ import annotations

from sqlalchemy import select

from marketplace.cart.models import Cart, CartItem
from marketplace.cart.rules import BasketLine
from marketplace.catalogue.selling import sale_items
from marketplace.database import db


def find_cart(user_id: int | None, token: str | None) -> Cart | None:
    """The person's basket; for a stranger the one of the token, as long as it belongs to nobody."""
    if user_id is not None:
        query = select(Cart).where(Cart.user_id == user_id)
    elif token:
        query = select(Cart).where(Cart.token == token, Cart.user_id.is_(None))
    else:
        return None
    return db.session.execute(query).scalar_one_or_none()


def items(cart_id: int | None) -> list[BasketLine]:
    """The lines of a basket in the order in which they came, in two statements."""
    if cart_id is None:
        return []
    rows = (
        db.session.execute(
            select(CartItem.variant_id, CartItem.count, CartItem.seen_price_amount)
            .where(CartItem.cart_id == cart_id)
            .order_by(CartItem.id)
        )
        .tuples()
        .all()
    )
    found = sale_items(row[0] for row in rows)
    return [
        BasketLine(found[variant_id], count, seen) for variant_id, count, seen in rows if variant_id in found
    ]
