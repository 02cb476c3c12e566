"""The basket: putting in without a token (D3), looking, changing."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from marketplace.cart import queries, rules, services, visitor
from marketplace.cart.forms import AddForm, BasketForm, ConfirmForm, read_counts
from marketplace.catalogue.queries import list_provinces
from marketplace.catalogue.selling import sale_items
from marketplace.checkout.rules import Quote, quote
from marketplace.database import is_code, run_in_transaction
from marketplace.errors import DomainError, ForbiddenError, NotFoundError
from marketplace.extensions import csrf
from marketplace.logistics.queries import templates_for
from marketplace.media.queries import pictures_of
from marketplace.orders import visitor as orders
from marketplace.permissions import public
from marketplace.security import is_same_origin

bp = Blueprint("cart", __name__)


@bp.post("/basket/add")
@csrf.exempt
@public
def add() -> ResponseReturnValue:
    """Put a pack in: at once from our own pages, after a question when the browser says nothing, never for others."""
    own = is_same_origin()
    if own is False:
        raise ForbiddenError
    form = AddForm()
    if own:
        return _add(form)
    if not form.validate():
        return _back(form, _first_error(form))
    item = sale_items([form.variant_id]).get(form.variant_id)
    if item is None:
        raise NotFoundError
    return render_template("cart/confirm.html", form=ConfirmForm(), item=item)


@bp.post("/basket/confirm")
@public
def confirm() -> ResponseReturnValue:
    """The answer to that question, with its token."""
    return _add(ConfirmForm())


def _add(form: AddForm) -> ResponseReturnValue:
    if not form.validate():
        return _back(form, _first_error(form))
    user_id, token = visitor.identity()
    variant_id, wanted = form.variant_id, form.wanted

    def put() -> tuple[str | None, int]:
        cart = services.add(user_id, token, variant_id, wanted)
        return cart.token if user_id is None else None, sum(line.count for line in queries.items(cart.id))

    try:
        visitor.remember(*run_in_transaction(put))
    except DomainError as error:
        return _back(form, str(error))
    if form.goes_to_checkout:
        return redirect(url_for("checkout.start"), 303)
    flash(_("放进果篮了"), "success")
    return redirect(url_for("cart.basket"), 303)


def _first_error(form: AddForm) -> str:
    return str(next((errors[0] for errors in form.errors.values() if errors), _("再选一次")))


def _back(form: AddForm, sentence: str) -> ResponseReturnValue:
    """To the product again, with what was chosen, and the reason."""
    code = form.product.data or ""
    if not is_code(code):
        raise NotFoundError
    flash(sentence, "error")
    typed = {"pack": form.pack.data, "count": form.count.data}
    chosen = {name: value for name, value in typed.items() if value}
    return redirect(url_for("catalogue.product", code=code, **chosen), 303)


@bp.get("/basket")
@public
def basket() -> ResponseReturnValue:
    """Parcels by seller, with freight and total to the chosen province, and what changed."""
    cart = visitor.current()
    return _basket_page(queries.items(cart.id if cart else None), {})


@bp.post("/basket")
@public
def change() -> ResponseReturnValue:
    """New counts, something out, today's prices read, or on to the checkout."""
    cart = visitor.current()
    if cart is None:
        return redirect(url_for("cart.basket"), 303)
    cart_id = cart.id
    typed = read_counts(request.form)
    removed = request.form.get("remove", "")
    counts, unread = _read(typed)
    if removed.isascii() and removed.isdigit():
        counts = {int(removed[:19]): 0}
    accepts = request.form.get("then") == "accept"

    def apply() -> tuple[dict[int, str], int]:
        refused = {key: str(error) for key, error in services.change(cart_id, counts).items()}
        if accepts:
            services.accept_prices(cart_id)
        return refused, sum(line.count for line in queries.items(cart_id))

    refused, count = run_in_transaction(apply)
    visitor.remember(None, count)
    wrong = {} if removed else unread | refused
    if wrong:
        return _basket_page(queries.items(cart_id), wrong, typed), 422
    if request.form.get("then") == "buy":
        return redirect(url_for("checkout.start"), 303)
    return redirect(url_for("cart.basket"), 303)


def _read(typed: dict[int, str]) -> tuple[dict[int, int], dict[int, str]]:
    """The counts, and what is wrong with those that cannot be read, by pack."""
    counts: dict[int, int] = {}
    unread: dict[int, str] = {}
    for variant_id, text in typed.items():
        try:
            counts[variant_id] = rules.read_count(text)
        except rules.CountError as error:
            unread[variant_id] = str(error)
    return counts, unread


def _basket_page(
    lines: list[rules.BasketLine], wrong: dict[int, str], typed: dict[int, str] | None = None
) -> str:
    count = sum(line.count for line in lines)
    if ("basket" in session or "sid" in session) and session.get("basket_count", 0) != count:
        visitor.remember(None, count)
    province = visitor.province()
    provinces = list_provinces() if lines else []
    place = next(((code, name) for code, name in provinces if code == province), None)
    wanted = _quote(lines, place[0] if place else None)
    return render_template(
        "cart/basket.html",
        form=BasketForm() if lines else None,
        unpaid=None if lines else orders.unpaid(),
        by_variant={line.item.variant_id: line for line in lines},
        has_new_prices=any(line.price_change for line in lines),
        pictures=pictures_of([line.item.image_id for line in lines if line.item.image_id]),
        quote=wanted,
        line_problems={
            problem.variant_id: problem.message for problem in wanted.problems if problem.variant_id
        },
        problems_of_all=[one.message for one in wanted.problems if not (one.variant_id or one.seller_id)],
        provinces=provinces,
        place=place,
        count=count,
        wrong=wrong,
        typed=typed or {},
    )


def _quote(lines: list[rules.BasketLine], province_code: str | None) -> Quote:
    items = {line.item.variant_id: line.item for line in lines}
    templates = templates_for({line.item.seller_id for line in lines}) if lines else {}
    return quote(items, {line.item.variant_id: line.count for line in lines}, templates, province_code)
