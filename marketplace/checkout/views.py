"""The checkout: one page from basket to order, for people with an account and without one."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, flash, g, jsonify, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from marketplace import limits, places, settings
from marketplace.accounts import queries as accounts
from marketplace.accounts.entry import client_address
from marketplace.accounts.models import Address, BuyerCompany
from marketplace.cart import queries as carts
from marketplace.cart import visitor
from marketplace.cart.models import Cart
from marketplace.checkout import services
from marketplace.checkout.forms import CheckoutForm, read_items
from marketplace.checkout.paying import CASH, ELSEWHERE, Way, device_of, most_in_cash, ways
from marketplace.checkout.rules import BasketChangedError, PriceChangedError, Problem, Quote, changes
from marketplace.checkout.services import PlacedOrder, Placing
from marketplace.database import run_in_transaction
from marketplace.errors import DomainError
from marketplace.i18n import language
from marketplace.orders import visitor as order_visitor
from marketplace.orders.models import PaymentMethod
from marketplace.orders.rules import OrderExistsError
from marketplace.payments.views import to_pay_page
from marketplace.permissions import public
from marketplace.places import Level, province_of

bp = Blueprint("checkout", __name__)


@dataclass(frozen=True)
class Buyer:
    """Who buys, as the page needs it; a guest has neither addresses nor a company."""

    user_id: int | None
    addresses: list[Address]
    company: BuyerCompany | None
    cart: Cart | None

    @property
    def owner(self) -> str:
        """For whom a page is made: the person, or who holds the basket's cookie."""
        return f"user {self.user_id}" if self.user_id else f"basket {session.get('basket', '')}"

    @property
    def verified_company(self) -> BuyerCompany | None:
        return self.company if self.company and self.company.verified_at else None

    def address(self, code: str | None) -> Address | None:
        return next((one for one in self.addresses if str(one.id) == code), None)


@bp.route("/checkout", methods=["GET", "POST"])
@public
def start() -> ResponseReturnValue:
    """Where to, how to pay, and what all of it costs; sending it makes the order and goes on to the pay page."""
    buyer = _buyer()
    form = _form(buyer)
    if not form.items.data:
        return redirect(url_for("cart.basket"), 303)
    refusal: DomainError | None = None
    if form.is_submitted() and not form.is_choosing() and form.validate():
        try:
            placed = _place(form, buyer)
        except (BasketChangedError, PriceChangedError) as error:
            refusal = error
        except DomainError as error:
            form.refuse(error)
        else:
            return _go_on(placed, form.way)
    return _page(form, buyer, refusal)


@bp.get("/checkout/quote")
@public
def quote() -> ResponseReturnValue:
    """The sums for another place, for the script; without it the page's own buttons send the form."""
    counts = read_items(request.args.get("items", ""))
    province = _province(request.args.get("place", ""))
    wanted = services.price(counts, province)
    html = render_template(
        "checkout/_quote.html",
        quote=wanted,
        problems=_by_line(wanted.problems),
        place_known=province is not None,
    )
    return jsonify(html=html)


def _buyer() -> Buyer:
    cart, user_id = visitor.current(), g.viewer.user_id
    if user_id is None:
        return Buyer(None, [], None, cart)
    return Buyer(user_id, accounts.list_addresses(user_id), accounts.company_of(user_id), cart)


def _form(buyer: Buyer) -> CheckoutForm:
    offered = ways(device_of(request.user_agent.string), has_cash=most_in_cash() > 0)
    form = CheckoutForm(addresses=buyer.addresses, ways=offered, county=None)
    if form.is_submitted():
        return form
    lines = carts.items(buyer.cart.id if buyer.cart else None)
    form.items.data = {line.item.variant_id: line.count for line in lines}
    form.seen.data = {f"v{line.item.variant_id}": line.seen_price_amount for line in lines}
    form.form_key.data = secrets.token_urlsafe(24)
    if buyer.user_id is not None:
        form.name.data, form.phone.data = g.person.name, g.person.phone
    if buyer.company:
        form.invoice_title.data = buyer.company.name
    if not buyer.addresses and (province := visitor.province()):
        form.start_in(province)
    return form


def _province(code: str) -> str | None:
    """The province of an area's code, if there is such an area."""
    area = places.find(code[:12])
    return province_of(area.code) if area and area.level in {Level.PROVINCE, Level.COUNTY} else None


def _county(form: CheckoutForm, buyer: Buyer) -> str:
    saved = buyer.address(form.address.data)
    return saved.county_code if saved else str(form.county_code.data or form.province_code.data or "")


def _place(form: CheckoutForm, buyer: Buyer) -> PlacedOrder:
    placing = _placing(form, buyer)
    actor = g.actor

    def place() -> PlacedOrder:
        placed = services.place_order(actor, placing)
        if placed.is_new and placing.buyer_id is None and placing.payment_method == PaymentMethod.ON_DELIVERY:
            limits.take(limits.GUEST_CASH_PHONE, placing.contact_phone)
            limits.take(limits.GUEST_CASH_ADDRESS, client_address())
        return placed

    try:
        placed = run_in_transaction(place)
    except OrderExistsError:  # the same press in another request was a moment faster
        placed = run_in_transaction(place)
    if not placed.is_new:
        flash(_("这张单刚才已经下过了，下面就是；要改地址或数量，请取消后重新下单"), "warning")
    if placed.is_new and placing.cart_id is not None:
        visitor.remember(None, sum(line.count for line in carts.items(placing.cart_id)))
    return placed


def _placing(form: CheckoutForm, buyer: Buyer) -> Placing:
    saved = buyer.address(form.address.data)
    is_guest = buyer.user_id is None
    phone = saved.phone if saved else str(form.phone.data)
    return Placing(
        form_key=str(form.form_key.data),
        owner=buyer.owner,
        counts=form.items.data,
        expected_total=form.expected_total.data,
        payment_method=form.way.method,
        contact_phone=(form.contact_phone.data or phone) if is_guest else g.person.phone,
        recipient_name=saved.name if saved else str(form.name.data),
        recipient_phone=phone,
        county_code=_county(form, buyer),
        address_detail=saved.detail if saved else str(form.detail.data),
        buyer_id=buyer.user_id,
        cart_id=buyer.cart.id if buyer.cart else None,
        confirmed=form.confirmed,
        buys_as_company=bool(form.as_company.data and buyer.verified_company),
        invoice_title=form.invoice_title.data or "",
        note=form.note.data or "",
        language=language(),
        accepted=str(form.versions.data) if is_guest else "",
        keeps_address=bool(not saved and not is_guest and form.keep.data),
        channel=form.way.channel,
    )


def _go_on(placed: PlacedOrder, way: Way) -> ResponseReturnValue:
    """To the provider's page; cash on delivery and paying elsewhere go to the order."""
    if g.viewer.user_id is None:
        target = url_for("orders.guest", token=placed.access_token)
    else:
        target = url_for("orders.detail", code=placed.code)
    if way.method == PaymentMethod.ON_DELIVERY:
        if placed.is_new:
            flash(_("下单好了，卖家会尽快发货。货送到再付钱。"), "success")
        return redirect(target, 303)
    if g.viewer.user_id is None:
        order_visitor.remember_order(placed.access_token)
    if way.code == ELSEWHERE:
        return redirect(target + "#pay", 303)
    return to_pay_page(placed.order_id, target, channel=way.code, wish=placed.wish)


def _page(form: CheckoutForm, buyer: Buyer, refusal: DomainError | None) -> ResponseReturnValue:
    """The page with today's prices; what stands in the way is told line by line, and so is what costs something else.

    A refusal that the lines explain is not told a second time.
    """
    wanted: Quote = services.price(form.items.data, _province(_county(form, buyer)))
    found = (*wanted.problems, *getattr(refusal, "problems", ()))
    news = changes(wanted, _seen(form))
    is_repriced = isinstance(refusal, PriceChangedError)
    if refusal is not None and not found and not is_repriced:
        form.refuse(refusal)
    has_cash = most_in_cash() > 0 and wanted.total_amount <= most_in_cash()
    offered = ways(device_of(request.user_agent.string), has_cash=has_cash)
    if form.pay_by.data == CASH and not has_cash:
        form.pay_by.data = offered[0].code
    return render_template(
        "checkout/start.html",
        form=form,
        buyer=buyer,
        quote=wanted,
        problems=_by_line(found),
        news=news,
        is_repriced=is_repriced,
        news_by_line={problem.place: problem for problem in news},
        refusals=list(dict.fromkeys(problem.message for problem in found))
        if refusal is not None or form.errors
        else [],
        place_known=bool(_province(_county(form, buyer))),
        area_names={one.id: places.full_name(one.county_code) for one in buyer.addresses},
        ways={way.code: way for way in offered},
        most_in_cash=0 if has_cash else most_in_cash(),
        claim_hours=settings.get("aftersales.claim_hours"),
    ), 422 if refusal is not None or form.errors else 200


def _seen(form: CheckoutForm) -> dict[str, int]:
    """What the buyer saw; another place has another freight, which is no news."""
    seen: dict[str, int] = form.seen.data or {}
    return {key: amount for key, amount in seen.items() if key.startswith("v") or not form.is_choosing()}


def _by_line(problems: tuple[Problem, ...]) -> Mapping[Any, str]:
    """Sentences by variant, and by seller for what concerns a whole parcel; "all" for what belongs to neither."""
    found: dict[Any, str] = {}
    for problem in problems:
        if problem.variant_id is not None:
            found[problem.variant_id] = problem.message
        elif problem.seller_id is not None:
            found[f"seller {problem.seller_id}"] = problem.message
        else:
            found["all"] = problem.message
    return found
