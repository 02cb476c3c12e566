"""Paying: on to the provider's page, back from it, again after a failure; cancelling what is not paid yet."""

from __future__ import annotations

from flask import Blueprint, flash, g, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from marketplace.database import run_in_transaction
from marketplace.orders import queries as orders
from marketplace.orders import services as order_services
from marketplace.orders import visitor
from marketplace.orders.models import Order, PaymentMethod
from marketplace.payments import queries, services
from marketplace.payments.gateway import ProviderRefusedError, ProviderUnsureError, SessionWish
from marketplace.payments.rules import NotPayableError, PaymentUnderWayError
from marketplace.permissions import public, signed_in

bp = Blueprint("payments", __name__)


def to_pay_page(
    order_id: int, target: str, *, channel: str | None = None, wish: SessionWish | None = None
) -> ResponseReturnValue:
    """To the provider's pay page; when it cannot be reached, to the order's page with what to do.

    A wish is what was recorded already, with the order.
    """
    try:
        page = services.ask_for_page(wish) if wish else services.open_pay_page(order_id, channel=channel)
        return redirect(page, 303)
    except ProviderUnsureError:
        flash(_("支付机构没有答复，正在确认。货先给您留着，过一会儿再点“去付款”，不会付两次。"), "warning")
    except ProviderRefusedError:
        flash(_("支付机构没有收这笔钱，没有扣款。请找人帮忙，或取消后重新下单。"), "error")
    except NotPayableError as error:
        flash(str(error), "warning")
    return redirect(target, 303)


@bp.post("/orders/<code>/pay")
@signed_in
def pay(code: str) -> ResponseReturnValue:
    """Pay one's own order, or try again."""
    order = visitor.own(code).order
    return to_pay_page(order.id, visitor.page_of(order))


@bp.post("/o/<token>/pay")
@public
def pay_guest(token: str) -> ResponseReturnValue:
    """The same by a guest's link."""
    order = visitor.by_link(token).order
    return to_pay_page(order.id, visitor.page_of(order))


@bp.get("/pay/<token>/return")
@public
def returned(token: str) -> ResponseReturnValue:
    """Back from the provider: it is asked how the payment stands, whatever the address claims."""
    order_id = orders.get_by_token(token).order.id
    services.refresh(order_id)
    order = orders.get_order(order_id)
    visitor.check_reader(order)
    return render_template(
        "payments/returned.html",
        order=order,
        order_url=visitor.page_of(order),
        again_url=url_for(".returned", token=token),
        given_back=any(payment.succeeded_at for payment in queries.payments_of(order.id)),
    )


@bp.post("/orders/<code>/cancel")
@signed_in
def cancel(code: str) -> ResponseReturnValue:
    """Cancel one's own order before it is paid, or sent for cash."""
    return _cancel(visitor.own(code).order)


@bp.post("/o/<token>/cancel")
@public
def cancel_guest(token: str) -> ResponseReturnValue:
    """The same by a guest's link."""
    return _cancel(visitor.by_link(token).order)


def _cancel(order: Order) -> ResponseReturnValue:
    target, order_id = visitor.page_of(order), order.id
    if order.payment_method == PaymentMethod.ON_DELIVERY:
        return _cancel_on_delivery(order_id, target)
    try:
        is_cancelled = services.expire_and_cancel(g.actor, order_id, "buyer")
    except (ProviderUnsureError, ProviderRefusedError):
        flash(_("支付机构没有答复，还不能取消。请过一会儿再试；不付款，到时间会自动取消。"), "warning")
    except PaymentUnderWayError as error:
        flash(str(error), "warning")
    else:
        if is_cancelled:
            flash(_("订单取消了，货已放回"), "success")
        else:
            flash(_("这个订单已经付款或者取消了，看看下面的状态"), "warning")
    return redirect(target, 303)


def _cancel_on_delivery(order_id: int, target: str) -> ResponseReturnValue:
    actor = g.actor
    count = run_in_transaction(lambda: order_services.cancel_on_delivery(actor, order_id))
    if count:
        flash(_("还没发货的都取消了，货已放回，卖家不会再发"), "success")
    else:
        flash(_("已经发货了，不能取消；不想要可以拒收，坏果可以找卖家赔"), "warning")
    return redirect(target, 303)
