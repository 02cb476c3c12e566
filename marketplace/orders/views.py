"""A buyer's orders: the list, one order, confirming receipt; and finding a guest's order by phone and code."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, g, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from marketplace import clock, sessions, settings
from marketplace.accounts import services as accounts
from marketplace.accounts.entry import client_address
from marketplace.accounts.models import CodePurpose
from marketplace.database import run_in_transaction
from marketplace.errors import NotFoundError, TooManyTriesError
from marketplace.forms import BaseForm
from marketplace.i18n import language
from marketplace.logistics import queries as logistics
from marketplace.media.queries import pictures_of
from marketplace.orders import queries, services, visitor
from marketplace.orders.forms import FindCodeForm, FindForm
from marketplace.orders.models import SellerOrderStatus
from marketplace.orders.records import Whole
from marketplace.orders.story import pack_words, stops, timeline
from marketplace.payments import queries as payments
from marketplace.permissions import public, signed_in
from marketplace.routing import row_id

bp = Blueprint("orders", __name__)


@bp.get("/orders")
@signed_in
def index() -> ResponseReturnValue:
    """One's own orders, newest first."""
    orders, after = queries.list_for_buyer(g.viewer.user_id, request.args.get("after", type=row_id))
    return _list(orders, url_for(".index", after=after) if after else None)


def _list(orders: list[Whole], next_url: str | None, **values: Any) -> str:
    images = {image for whole in orders for image in _images(whole)}
    return render_template(
        "orders/index.html",
        orders=[(whole, visitor.page_of(whole.order)) for whole in orders],
        pictures=pictures_of(images),
        next_url=next_url,
        **values,
    )


@bp.get("/orders/<code>")
@signed_in
def detail(code: str) -> ResponseReturnValue:
    """One's own order."""
    return _page(visitor.own(code))


@bp.get("/o/<token>")
@public
def guest(token: str) -> ResponseReturnValue:
    """A guest's order by its link; an account's order goes on to its own address."""
    whole = queries.get_by_token(token)
    if whole.order.buyer_id is not None:
        visitor.check_reader(whole.order)
        return redirect(visitor.page_of(whole.order), 303)
    return _page(whole)


@bp.post("/orders/<code>/confirm/<part>")
@signed_in
def confirm(code: str, part: str) -> ResponseReturnValue:
    """The buyer has received one parcel: its sale is complete."""
    return _confirm(visitor.own(code), part)


@bp.post("/o/<token>/confirm/<part>")
@public
def confirm_guest(token: str, part: str) -> ResponseReturnValue:
    """The same by a guest's link."""
    return _confirm(visitor.by_link(token), part)


def _confirm(whole: Whole, part_code: str) -> ResponseReturnValue:
    target = visitor.page_of(whole.order)
    part = next((one for one in whole.parts if one.seller_order.code == part_code), None)
    if part is None:
        raise NotFoundError
    actor, sale_id = g.actor, part.seller_order.id
    run_in_transaction(lambda: services.complete(actor, seller_order_id=sale_id))
    flash(_("确认收货了，谢谢"), "success")
    return redirect(target, 303)


def _page(whole: Whole) -> str:
    order = whole.order
    sale_ids = [part.seller_order.id for part in whole.parts]
    key: dict[str, Any] = {"code": order.code} if order.buyer_id else {"token": order.access_token}
    suffix = "" if order.buyer_id else "_guest"
    carriers = logistics.shown_carriers()
    tries = payments.payments_of(order.id)
    is_begun = whole.status == "to_pay" and any(one.session_ref for one in tries)
    return render_template(
        "orders/detail.html",
        whole=whole,
        order=order,
        timelines={
            part.seller_order.id: timeline(whole.events, carriers, seller_id=part.seller_order.seller_id)
            for part in whole.parts
        },
        routes={part.seller_order.id: stops(part.seller_order, part.order) for part in whole.parts},
        shipments=logistics.shipments_by_order(sale_ids),
        carriers=carriers,
        payments=tries,
        return_url=url_for("payments.returned", token=order.access_token) if is_begun else "",
        refunds=payments.refunds_by_order(sale_ids),
        pictures=pictures_of(_images(whole)),
        pack_label=pack_words,
        claim_hours=settings.get("aftersales.claim_hours"),
        is_payable=whole.status == "to_pay" and order.hold_until > clock.now(),
        is_masked=order.buyer_id is None and visitor.proved_phone() != order.contact_phone,
        pay_url=url_for(f"payments.pay{suffix}", **key),
        cancel_url=url_for(f"payments.cancel{suffix}", **key),
        confirm_urls={
            part.seller_order.id: url_for(f"orders.confirm{suffix}", part=part.seller_order.code, **key)
            for part in whole.parts
            if part.seller_order.status in {SellerOrderStatus.SHIPPED, SellerOrderStatus.DELIVERED}
        },
        order_link=url_for("orders.guest", token=order.access_token, _external=True),
    )


def _images(whole: Whole) -> set[int]:
    found = {line.snapshot.get("image_id") for part in whole.parts for line in part.lines}
    return {image_id for image_id in found if image_id}


# Finding a guest's orders


@bp.route("/orders/find", methods=["GET", "POST"])
@public
def find() -> ResponseReturnValue:
    """The phone with which was ordered gets a code; the answer is the same whether or not there is an order."""
    form = FindForm()
    if not form.validate_on_submit():
        return _form("orders/find.html", form, unpaid=visitor.unpaid())
    phone, address, spoken = form.phone.data, client_address(), language()
    try:
        run_in_transaction(
            lambda: accounts.request_code(phone, CodePurpose.FIND_ORDER, address, language=spoken)
        )
    except TooManyTriesError as error:
        form.refuse(error)
        return _form("orders/find.html", form, 429, unpaid=visitor.unpaid())
    session["find_phone"] = phone
    return redirect(url_for(".find_code"), 303)


@bp.route("/orders/find/code", methods=["GET", "POST"])
@public
def find_code() -> ResponseReturnValue:
    """The code proves the phone for an hour."""
    phone = session.get("find_phone")
    if not isinstance(phone, str):
        return redirect(url_for(".find"), 303)
    form = FindCodeForm()
    if not form.validate_on_submit():
        return _form("orders/find_code.html", form, phone=phone)
    code, current = form.code.data, sessions.current()
    session_id = current.id if current and current.user_id else None
    try:
        is_right = run_in_transaction(lambda: visitor.prove_phone(phone, code, session_id))
    except TooManyTriesError as error:
        form.refuse(error)
        return _form("orders/find_code.html", form, 429, phone=phone)
    if not is_right:
        form.code.errors = [_("验证码不对，或者过期了")]
        return _form("orders/find_code.html", form, phone=phone)
    if session_id is None:
        sessions.remember()
    session.pop("find_phone", None)
    return redirect(url_for(".found"), 303)


@bp.get("/orders/found")
@public
def found() -> ResponseReturnValue:
    """The guest orders of the phone that was proved."""
    phone = visitor.proved_phone()
    if phone is None:
        return redirect(url_for(".find"), 303)
    orders, after = queries.list_for_phone(phone, request.args.get("after", type=row_id))
    return _list(orders, url_for(".found", after=after) if after else None, phone=phone)


@bp.post("/orders/found/close")
@public
def close() -> ResponseReturnValue:
    """Forget the proved phone in this browser."""
    current = sessions.current()
    if current is not None:
        session_id = current.id
        run_in_transaction(lambda: visitor.forget_phone(session_id))
    flash(_("关好了，再查要重新收验证码"), "success")
    return redirect(url_for(".find"), 303)


def _form(template: str, form: BaseForm, status: int = 0, **values: Any) -> ResponseReturnValue:
    return render_template(template, form=form, **values), status or (422 if form.errors else 200)
