"""A shop as anyone sees it: what it sells, its story, and who stands behind it (e-commerce law art. 10, 15)."""

from __future__ import annotations

from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from marketplace import caching, places
from marketplace.catalogue import browsing, cards
from marketplace.permissions import public
from marketplace.sellers import queries
from marketplace.sellers.rules import REGISTERED, legal_kind

bp = Blueprint("sellers", __name__)


@bp.get("/shop/<code>")
@public
def shop(code: str) -> ResponseReturnValue:
    """An open shop with its goods and its licence block; a closed one is not found."""
    return caching.page("sellers/shop.html", lambda: _show(code))


def _show(code: str) -> dict[str, str]:
    seller = queries.get_public_shop(code)
    asked = browsing.read(request.args, {})
    found, following = cards.list_cards(browsing.Browse(seller_id=seller.id, after=asked.after))
    place = places.shown_name(seller.area_code)
    content = render_template(
        "sellers/_shop.html",
        shop=seller,
        place=place,
        is_registered=legal_kind(seller.kind, seller.registered_as) in REGISTERED,
        cards=found,
        is_first=asked.after is None,
        next_url=url_for(".shop", code=code, after=f"{following[0]}.{following[1]}") if following else None,
    )
    return {"name": seller.name, "place": place, "content": Markup(content)}  # noqa: S704  a template's own
