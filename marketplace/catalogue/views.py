"""The storefront: home, lists, search, product and batch pages. No token, no cookie, few statements (D3)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import segno
from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from markupsafe import Markup

from marketplace import caching, clock
from marketplace.cart import visitor
from marketplace.catalogue import browsing, cards, packs, queries, season
from marketplace.catalogue.browsing import Browse, Order
from marketplace.catalogue.categories import CategoryRow, list_categories
from marketplace.catalogue.facets import Facets, count_facets
from marketplace.database import is_code
from marketplace.errors import NotFoundError
from marketplace.logistics.queries import templates_for
from marketplace.logistics.rules import Template, parcel_freight
from marketplace.permissions import public
from marketplace.routing import row_id

bp = Blueprint("catalogue", __name__)

HOUSEHOLD_NET = 50_000  # 50 kg or 50 litres: tonnes for companies stay in the lists
HOME_CARDS = 8
HOME_OF_ONE_SELLER = 2  # one busy shop must not fill the page
HOME_SHOPS = 4
FACETS_BYTES, CATEGORIES_BYTES = 20_000, 10_000  # in memory, at most about


@bp.get("/")
@public
def home() -> ResponseReturnValue:
    """What is good today."""
    return caching.page("catalogue/home.html", _show_home)


def _show_home() -> dict[str, str]:
    today = clock.today()
    newest, _after = cards.list_cards(Browse(most_net=HOUSEHOLD_NET))
    varieties = queries.list_ripe_varieties()
    categories = list_categories()
    above = render_template(
        "catalogue/_home_above.html",
        term=season.line(varieties, today),
        categories=[category for category in categories if category.has_goods],
    )
    below = render_template(
        "catalogue/_home_below.html",
        cards=_mixed(newest),
        calendar=season.calendar(varieties, today),
        shops=queries.list_shops(HOME_SHOPS),
    )
    return {"above": Markup(above), "below": Markup(below)}  # noqa: S704  templates' own


def _mixed(newest: list[cards.Card]) -> list[cards.Card]:
    """The newest of several shops; a shop's third and further ones only while there is room."""
    first: list[cards.Card] = []
    further: list[cards.Card] = []
    for card in newest:
        of_seller = sum(other.seller_name == card.seller_name for other in first)
        (first if of_seller < HOME_OF_ONE_SELLER else further).append(card)
    return [*first, *further][:HOME_CARDS]


@bp.get("/products")
@public
def listing() -> ResponseReturnValue:
    """Everything that can be bought."""
    return _list_page("catalogue.listing")


@bp.get("/c/<code>")
@public
def category(code: str) -> ResponseReturnValue:
    """A category and those below it."""
    return _list_page("catalogue.category", code)


@bp.get("/search")
@public
def search() -> ResponseReturnValue:
    """What fits the words, best first."""
    return _list_page("catalogue.search")


@bp.get("/products/filter", defaults={"code": None})
@bp.get("/c/<code>/filter")
@public
def choose_filters(code: str | None) -> ResponseReturnValue:
    """The filters as a page of their own, for phones and for those without scripts."""
    shown = _read(code)
    endpoint = (
        "catalogue.category" if code else "catalogue.search" if shown.browse.words else "catalogue.listing"
    )
    return render_template(
        "catalogue/filters.html",
        facets=_facets(shown.browse),
        **shown.context(endpoint),
    )


class _Shown:
    """A list as it was asked for, with its category."""

    def __init__(self, browse: Browse, categories: list[CategoryRow]) -> None:
        self.browse = browse
        self.categories = categories
        self.category = next((row for row in categories if row.code == browse.category), None)

    def context(self, endpoint: str) -> dict[str, Any]:
        path: dict[str, Any] = {"code": self.browse.category} if endpoint == "catalogue.category" else {}

        words: dict[str, Any] = {"q": self.browse.words} if self.browse.words else {}

        def address(**changes: Any) -> str:
            return url_for(endpoint, **path, **self.browse.arguments(**changes))

        def without(facet: str, code: str) -> str:
            return url_for(endpoint, **path, **self.browse.without(facet, code))

        return {
            "browse": self.browse,
            "category": self.category,
            "categories": [row for row in self.categories if row.has_goods or row is self.category],
            "address": address,
            "without": without,
            "bare_address": url_for(endpoint, **path, **words),
            "filter_address": url_for("catalogue.choose_filters", **path, **self.browse.arguments()),
            "orders": _orders(self.browse),
        }


def _read(code: str | None) -> _Shown:
    categories = caching.kept("categories", list_categories, size=lambda _rows: CATEGORIES_BYTES)
    codes: tuple[str, ...] = ()
    if code is not None:
        if all(row.code != code for row in categories):
            raise NotFoundError
        codes = (code, *(row.code for row in categories if row.parent_code == code))
    lists = {facet: request.args.getlist(facet) for facet in browsing.FACETS}
    return _Shown(browsing.read(request.args, lists, codes), categories)


def _orders(browse: Browse) -> list[tuple[Order, str]]:
    found = [
        (Order.NEWEST, _("新上架")),
        (Order.UNIT_PRICE, _("按量价低到高")),
        (Order.PRICE, _("一箱价低到高")),
    ]
    return [(Order.BEST, _("最合适")), *found] if browse.words else found


def _list_page(endpoint: str, code: str | None = None) -> ResponseReturnValue:
    return caching.page("catalogue/list.html", lambda: _show_list(endpoint, code))


def _show_list(endpoint: str, code: str | None) -> dict[str, str]:
    shown = _read(code)
    found, following = cards.list_cards(shown.browse)
    facets = _facets(shown.browse)
    context = shown.context(endpoint)
    next_url = None
    if following:
        position = f"{following[0]}.{following[1]}"
        next_url = f"{context['address']()}{'&' if '?' in context['address']() else '?'}after={position}"
    heading = _heading(shown)
    context |= {"cards": found, "facets": facets, "next_url": next_url, "heading": heading}
    goods = render_template("catalogue/_list.html", **context)
    return {"heading": heading, "goods": Markup(goods)}  # noqa: S704  a template's own


def _facets(browse: Browse) -> Facets:
    """The counts of a list are the same on all its pages and in each order."""
    counted = replace(browse, order=Order.NEWEST, after=None)
    return caching.kept(counted, lambda: count_facets(browse), size=lambda _facets: FACETS_BYTES)


def _heading(shown: _Shown) -> str:
    if shown.browse.words:
        return str(_("搜“%(words)s”", words=shown.browse.words))
    return shown.category.name if shown.category else str(_("全部商品"))


@bp.get("/p/<code>")
@public
def product(code: str) -> ResponseReturnValue:
    """A product: decide, choose a pack, put it into the basket."""
    if not is_code(code):
        raise NotFoundError
    page = queries.get_product_page(code)
    province = visitor.province()
    chosen = _chosen_pack(page)
    template = templates_for([page.seller_id]).get(page.seller_id, Template())
    provinces = queries.list_provinces()
    served = {code for code, _name in provinces if code in template.rates}
    freights = [
        (
            packs.pack_name(pack.measure, pack.net_amount, dry=packs.is_dry(pack.measure, page.return_rule)),
            parcel_freight(
                template, province_code=province, gross_grams=pack.gross_grams, goods_amount=pack.price_amount
            ),
        )
        for pack in page.packs
        if province
    ]
    return render_template(
        "catalogue/product.html",
        page=page,
        pictures=queries.list_pictures(page.product_id),
        chosen=chosen,
        count=request.args.get("count", type=row_id) or 1,
        packs=packs,
        provinces=provinces,
        province=next(((code, name) for code, name in provinces if code == province), None),
        served=served,
        freights=freights,
        free_from=template.free_from_amount,
        flag=packs.picked_label(page.batch.picked_on, clock.today()) if page.is_fresh else "",
    )


def _chosen_pack(page: queries.ProductPage) -> queries.Pack | None:
    """The pack that the address names, else the first that is left, else the first."""
    asked = request.args.get("pack", type=row_id)
    named = [pack for pack in page.packs if pack.variant_id == asked]
    left = [pack for pack in page.packs if pack.left]
    return next(iter([*named, *left, *page.packs]), None)


@bp.get("/batch/<seller_code>/<batch_code>")
@public
def batch(seller_code: str, batch_code: str) -> ResponseReturnValue:
    """Where a batch comes from, with a QR code of this very page for the box."""
    page = queries.get_trace_page(seller_code, batch_code)
    address = url_for("catalogue.batch", seller_code=seller_code, batch_code=batch_code, _external=True)
    drawing = segno.make(address, error="m", micro=False).svg_inline(
        scale=5, border=2, svgclass="qr-code", lineclass=None
    )
    return render_template(
        "catalogue/batch.html",
        page=page,
        address=address,
        drawing=drawing,
        products=queries.list_products_of_batch(page.seller_id, page.batch_id),
    )
