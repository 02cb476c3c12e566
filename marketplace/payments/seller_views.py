"""A seller gives money back, or cancels what cannot be sent."""

from __future__ import annotations

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from marketplace.orders import queries as orders
from marketplace.orders.models import PaymentMethod, SellerOrderStatus
from marketplace.orders.rules import Move, MoveRefusedError
from marketplace.payments import refunding
from marketplace.payments.forms import CancelForm, RefundForm
from marketplace.payments.refund_pages import carry_out, scope_of, show
from marketplace.permissions import requires_member
from marketplace.routing import row_id

bp = Blueprint("payments", __name__)


@bp.route("/<code>", methods=["GET", "POST"])
@requires_member("orders:refund")
def refund(code: str) -> ResponseReturnValue:
    """Give back a line, or any amount of the shop's own part."""
    scope = scope_of(orders.get_seller_order(g.seller.id, code), request.args.get("line", type=row_id))
    form = RefundForm()
    if form.validate_on_submit() and carry_out(g.actor, scope, form):
        is_cash = scope.part.order.payment_method == PaymentMethod.ON_DELIVERY
        flash(
            _("记好了，钱要当面退给买家") if is_cash else _("退款交给支付机构了，原路退回，一般当天到"),
            "success",
        )
        return redirect(url_for("seller.orders.detail", code=code), 303)
    page = render_template("payments/seller/refund.html", tab="ship", form=show(form, scope), scope=scope)
    return page, 422 if form.errors else 200


@bp.route("/<code>/cancel", methods=["GET", "POST"])
@requires_member("orders:refund")
def cancel(code: str) -> ResponseReturnValue:
    """Cancel the shop's own part before dispatch: the goods go back into stock, the money to the buyer."""
    part = orders.get_seller_order(g.seller.id, code)
    sale = part.seller_order
    if sale.status != SellerOrderStatus.TO_SHIP:
        raise MoveRefusedError(Move.WITHDRAW)
    form = CancelForm()
    if form.validate_on_submit() and _cancel(form, sale.id):
        flash(
            _("取消了，钱原路退给买家，货放回了库存") if part.has_money else _("取消了，货放回了库存"),
            "success",
        )
        return redirect(url_for("seller.orders.detail", code=code), 303)
    page = render_template("payments/seller/cancel.html", tab="ship", form=form, part=part, sale=sale)
    return page, 422 if form.errors else 200


def _cancel(form: CancelForm, sale_id: int) -> bool:
    actor, seller_id, reason = g.actor, g.seller.id, form.reason.data or ""
    return form.carry_out(
        lambda: refunding.cancel_part(actor, seller_id=seller_id, seller_order_id=sale_id, reason=reason)
    )
