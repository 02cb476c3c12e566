"""The seller's area: which shop a member acts for, and what the member's role allows."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, current_app, g, redirect, request, session, url_for
from flask_babel import lazy_gettext as _l

from marketplace.errors import ForbiddenError, NotFoundError
from marketplace.permissions import access_of, may_open, member_can, sign_in_redirect
from marketplace.sellers import queries

# Pages that a person reaches before a shop is chosen.
WITHOUT_SHOP = frozenset({"seller.sellers.choose", "seller.sellers.no_shop"})
DOOR = "seller.sellers.today"


# Name of the place (`tab` of a page), icon, endpoint, words.
MENU = (
    ("today", "home", DOOR, _l("今天")),
    ("ship", "truck", "seller.orders.index", _l("发货")),
    ("sell", "plus", "seller.catalogue.new", _l("卖货")),
    ("money", "money", "seller.ledger.index", _l("钱")),
    ("account", "user", "seller.sellers.account", _l("我的")),
)


def make_area() -> Blueprint:
    """The blueprint below which all seller pages lie, with its guard."""
    area = Blueprint("seller", __name__)
    area.before_request(guard)
    area.app_context_processor(lambda: {"seller_menu": menu})
    return area


def menu() -> list[tuple[str, str, str, Any]]:
    """Name, icon, address and words of the places that the member's role may open."""
    return [
        place
        for place, (_name, _icon, endpoint, _words) in zip(whole_menu(), MENU, strict=True)
        if may_open(endpoint)
    ]


def whole_menu() -> list[tuple[str, str, str, Any]]:
    """The same for an owner, who may open all."""
    return [(name, icon, url_for(endpoint), words) for name, icon, endpoint, words in MENU]


def guard() -> Any:
    """Set g.seller and g.member, or refuse: signed out goes to sign-in, a lacking right is 403.

    Who has no shop lacks the right to all of it; the area's own door leads to how to open one.
    """
    if g.viewer.user_id is None:
        return sign_in_redirect()
    g.memberships = queries.memberships_of(g.viewer.user_id)
    if request.endpoint in WITHOUT_SHOP:
        return None
    if not g.memberships:
        if request.endpoint != DOOR:
            raise ForbiddenError
        return redirect(url_for("seller.sellers.no_shop"), 303)
    chosen = session.get("seller_id")
    found = next((one for one in g.memberships if one.shop.id == chosen), g.memberships[0])
    g.seller, g.member = found.shop, found.role
    access = access_of(current_app, request.endpoint or "")
    if access is None or access.kind != "member":
        raise NotFoundError
    if not member_can(g.member, access.needed(request.method)):
        raise ForbiddenError
    return None
