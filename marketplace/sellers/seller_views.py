"""The seller's own desk: what is to do today, the shop's page, its people."""

from __future__ import annotations

from flask import Blueprint, flash, g, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from marketplace import places
from marketplace.catalogue import seller_queries as catalogue
from marketplace.catalogue.models import ProductStatus
from marketplace.catalogue.seller_queries import OwnListing
from marketplace.errors import NotFoundError
from marketplace.ledger import queries as ledger
from marketplace.orders import work
from marketplace.permissions import may_open, member_can, requires_member, signed_in
from marketplace.sellers import queries, services
from marketplace.sellers.forms import ShopForm

bp = Blueprint("sellers", __name__)

ON_SALE = 5  # listings on the first page


@bp.get("/")
@requires_member("shop:read")
def today() -> ResponseReturnValue:
    """What waits for this shop, largest first."""
    may_see_money = may_open("seller.ledger.index")
    return render_template(
        "sellers/seller/today.html",
        tab="today",
        work=work.count_work(g.seller.id) if may_open("seller.orders.index") else None,
        money_facts=ledger.seller_summary(g.seller.id) if may_see_money else None,
        settles_next=work.next_settlement(g.seller.id) if may_see_money else None,
        listings=_on_sale(g.seller.id) if may_open("seller.catalogue.index") else [],
    )


def _on_sale(seller_id: int) -> list[OwnListing]:
    """The newest listings that are on sale, a handful; the page of all of them is one tap away."""
    listings, _more = catalogue.list_listings(seller_id, status=ProductStatus.PUBLISHED, limit=ON_SALE)
    return listings


@bp.route("/account", methods=["GET", "POST"])
@requires_member("shop:read", to_write="shop:write")
def account() -> ResponseReturnValue:
    """The shop's page and its people; only an owner changes them."""
    seller = queries.get_seller(g.seller.id)
    form = ShopForm(obj=seller)
    may_write = member_can(g.member, "shop:write")
    if form.validate_on_submit() and _save(form):
        flash(_("存好了"), "success")
        return redirect(url_for("seller.sellers.account"), 303)
    return render_template(
        "sellers/seller/account.html",
        tab="account",
        form=form,
        may_write=may_write,
        team=queries.team_of(g.seller.id),
        place=places.shown_name(g.seller.area_code),
        memberships=g.memberships,
    ), 422 if form.errors else 200


def _save(form: ShopForm) -> bool:
    actor, seller_id = g.actor, g.seller.id
    return form.carry_out(
        lambda: services.change_shop(
            actor,
            seller_id=seller_id,
            name=form.name.data or "",
            story=form.story.data or "",
            phone=form.phone.data or "",
        )
    )


@bp.post("/choose")
@signed_in
def choose() -> ResponseReturnValue:
    """Act for another of one's shops."""
    wanted = request.form.get("shop", "")
    found = next((one for one in g.memberships if one.shop.code == wanted), None)
    if found is None:
        raise NotFoundError
    session["seller_id"] = found.shop.id
    return redirect(url_for("seller.sellers.today"), 303)


@bp.get("/none")
@signed_in
def no_shop() -> ResponseReturnValue:
    """A person without a shop learns how to get one."""
    return render_template("sellers/seller/no_shop.html", tab="today")
