"""The seller's freight, and sending parcels."""

from __future__ import annotations

from datetime import timedelta

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from marketplace import clock, places, settings
from marketplace.database import run_in_transaction
from marketplace.errors import DomainError
from marketplace.i18n import language
from marketplace.logistics import queries, rules, services
from marketplace.logistics.forms import GROUPS, DeliveredForm, DispatchForm, FreightForm, ParcelsForm
from marketplace.orders import queries as orders
from marketplace.orders.models import SellerOrder, SellerOrderStatus
from marketplace.permissions import requires_member

bp = Blueprint("logistics", __name__)


@bp.route("/freight", methods=["GET", "POST"])
@requires_member("listing:read", to_write="listing:write")
def freight() -> ResponseReturnValue:
    """One template per shop: what a parcel costs to each province, and where none goes."""
    provinces = places.list_children(None)
    form = FreightForm()
    if not form.is_submitted():
        groups, free_from = queries.groups_of(g.seller.id)
        form.fill(groups, provinces, free_from)
    form.set_provinces(provinces, [_("第 %(number)s 组", number=number + 1) for number in range(GROUPS)])
    if form.validate_on_submit() and _save(form, frozenset(area.code for area in provinces)):
        flash(_("运费存好了，新订单按新的算"), "success")
        return redirect(url_for(".freight"), 303)
    return render_template(
        "logistics/seller/freight.html", tab="account", form=form
    ), 422 if form.errors else 200


def _save(form: FreightForm, known: frozenset[str]) -> bool:
    actor, seller_id = g.actor, g.seller.id
    return form.carry_out(
        lambda: services.save_template(
            actor,
            seller_id=seller_id,
            groups=form.read_groups(known),
            free_from_amount=form.free_from.data,
        )
    )


@bp.route("/ship/<code>", methods=["GET", "POST"])
@requires_member("orders:ship")
def ship(code: str) -> ResponseReturnValue:
    """Enter the waybill numbers of a seller order; another shop's order is not found."""
    order = orders.get_seller_order(g.seller.id, code).seller_order
    form = DispatchForm()
    form.set_carriers(queries.list_carriers(), language())
    if form.validate_on_submit() and _dispatch(form, order.id):
        return redirect(url_for("seller.orders.detail", code=code), 303)
    form.seen.data = order.mark
    return render_template(
        "logistics/seller/ship.html", tab="ship", form=form, order=order
    ), 422 if form.errors else 200


def _dispatch(form: DispatchForm, seller_order_id: int) -> bool:
    actor, seller_id = g.actor, g.seller.id
    try:
        numbers = run_in_transaction(
            lambda: [
                shipment.waybill
                for shipment in services.dispatch(
                    actor,
                    seller_id=seller_id,
                    seller_order_id=seller_order_id,
                    carrier_code=form.carrier_code.data,
                    waybills=(form.waybills.data or "").splitlines(),
                    seen=form.seen.data or None,
                )
            ]
        )
    except DomainError as error:
        form.refuse(error)
        return False
    flash(ngettext("发出 %(num)s 个包裹", "发出 %(num)s 个包裹", len(numbers)), "success")
    _warn_of_repeats(seller_order_id, numbers)
    return True


def _warn_of_repeats(seller_order_id: int, numbers: list[str]) -> None:
    repeated = queries.waybills_elsewhere(g.seller.id, seller_order_id, numbers)
    if repeated:
        flash(_("这些单号以前用过，请核对：%(numbers)s", numbers="、".join(repeated)), "warning")


@bp.route("/numbers/<code>", methods=["GET", "POST"])
@requires_member("orders:ship")
def numbers(code: str) -> ResponseReturnValue:
    """Correct the numbers of a dispatched order and add a parcel, until it is delivered."""
    order = orders.get_seller_order(g.seller.id, code).seller_order
    if _leads_on(order):
        return redirect(url_for("seller.orders.detail", code=code), 303)
    form = ParcelsForm()
    if not form.is_submitted():
        form.fill(queries.shipments_of(g.seller.id, order.id))
    form.set_carriers(queries.list_carriers(), language())
    if form.validate_on_submit() and _change_parcels(form, order.id):
        return redirect(url_for("seller.orders.detail", code=code), 303)
    return render_template(
        "logistics/seller/numbers.html", tab="ship", form=form, order=order
    ), 422 if form.errors else 200


def _leads_on(order: SellerOrder) -> bool:
    """Whether a page about parcels on their way is opened for an order that has none."""
    return request.method == "GET" and order.status != SellerOrderStatus.SHIPPED


def _change_parcels(form: ParcelsForm, seller_order_id: int) -> bool:
    actor, seller_id, changes = g.actor, g.seller.id, form.changes()
    try:
        is_changed = run_in_transaction(
            lambda: services.change_parcels(
                actor, seller_id=seller_id, seller_order_id=seller_order_id, changes=changes
            )
        )
    except DomainError as error:
        form.refuse(error)
        return False
    flash(_("单号改好了，发短信告诉买家了") if is_changed else _("没有改动"), "success")
    return True


@bp.route("/delivered/<code>", methods=["GET", "POST"])
@requires_member("orders:ship")
def delivered(code: str) -> ResponseReturnValue:
    """Ask once more, since it starts the buyer's times; then record that all parcels were signed for."""
    order = orders.get_seller_order(g.seller.id, code).seller_order
    if _leads_on(order):
        return redirect(url_for("seller.orders.detail", code=code), 303)
    actor, seller_id, order_id = g.actor, g.seller.id, order.id
    form = DeliveredForm()
    is_done = form.validate_on_submit() and form.carry_out(
        lambda: services.record_delivery(
            actor, seller_id=seller_id, seller_order_id=order_id, is_sure=form.is_sure.data
        )
    )
    if is_done:
        flash(_("记下了：已签收"), "success")
        return redirect(url_for("seller.orders.detail", code=code), 303)
    return render_template(
        "logistics/seller/delivered.html",
        tab="ship",
        form=form,
        order=order,
        is_early=order.shipped_at is not None and rules.is_hardly_delivered(order.shipped_at, clock.now()),
        soonest_hours=rules.SOONEST_DELIVERY // timedelta(hours=1),
        claim_hours=settings.get("aftersales.claim_hours"),
        confirm_days=settings.get("orders.confirm_days_after_delivery"),
    ), 422 if form.errors else 200
