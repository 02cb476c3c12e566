"""What happened to an order, in words for its readers; and until when a seller may read the address."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from flask_babel import gettext as _

from marketplace import clock
from marketplace.audit import SYSTEM
from marketplace.catalogue.packs import label_of
from marketplace.money import format_fen
from marketplace.orders.models import OrderEvent, PaymentState, SellerOrder, SellerOrderStatus
from marketplace.orders.records import OrderHead
from marketplace.orders.rules import CANCEL_REASONS

# Long enough to settle a claim; afterwards the address is nobody's business (personal information law art. 19).
ADDRESS_KEPT = timedelta(days=30)


def reason_words(reason: str) -> str:
    """A reason of ours in the reader's language; somebody's own words as they are."""
    return str(CANCEL_REASONS.get(reason, reason))


def words(event: OrderEvent, carriers: Mapping[str, str]) -> str:
    """One event as a sentence; an unknown kind says its own name, so that it is noticed."""
    data: dict[str, Any] = event.data or {}
    if event.kind == "placed":
        return str(_("下单了"))
    if event.kind == "paid":
        return str(_("付款成功，由持牌支付机构收款"))
    if event.kind == "revived":
        return str(_("付款来得晚，货还在，订单恢复了"))
    if event.kind == "cancelled":
        return str(_("取消了：%(reason)s", reason=reason_words(str(data.get("reason", "")))))
    if event.kind == "shipped":
        name = str(data.get("carrier") or "")
        carrier = carriers.get(name, name)
        return str(_("发货了，%(carrier)s", carrier=carrier)) if carrier else str(_("发货了"))
    if event.kind == "parcels_changed":
        return _parcel_words(data)
    if event.kind == "delivered":
        return str(_("已签收"))
    if event.kind == "completed":
        return str(_("确认收货，完成"))
    if event.kind == "refund_decided":
        amount = int(data.get("goods_amount", 0)) + int(data.get("freight_amount", 0))
        reason = reason_words(str(data.get("reason", "")))
        return str(_("退款 %(amount)s 元：%(reason)s", amount=format_fen(amount), reason=reason))
    return event.kind


def _parcel_words(data: Mapping[str, Any]) -> str:
    said = []
    for before, after in data.get("corrected", []):
        if before == after:
            said.append(_("单号 %(number)s 换了快递公司", number=after))
        else:
            said.append(_("单号 %(before)s 改成 %(after)s", before=before, after=after))
    said += [_("又发了一个包裹，单号 %(number)s", number=number) for number in data.get("added", [])]
    return str(_("；")).join(said)


def pack_words(pack: dict[str, Any]) -> str:
    """The pack as an order line keeps it, in the reader's language."""
    return label_of(pack) if pack else ""


def timeline(
    events: tuple[OrderEvent, ...],
    carriers: Mapping[str, str],
    *,
    seller_id: int | None = None,
    named: bool = False,
) -> list[dict[str, Any]]:
    """Newest first; seller_id leaves out what concerns other sellers' parts, named adds who did it.

    carriers are the names as the reader knows them, by the name that the event keeps.
    """
    mine = [one for one in events if seller_id is None or one.seller_id in {None, seller_id}]
    return [
        {"text": words(one, carriers), "at": one.at, "now": number == 0, "by": _by(one) if named else ""}
        for number, one in enumerate(mine)
    ]


def _by(event: OrderEvent) -> str:
    """Who did it: people of the shop and the office by name, the buyer never by theirs."""
    if event.kind in {"placed", "paid", "revived"}:
        return ""
    if event.actor_label == SYSTEM.label:
        return str(_("系统"))
    is_cancelled_by_buyer = event.kind == "cancelled" and (
        event.seller_id is None or (event.data or {}).get("reason") == "buyer"
    )
    is_buyers = event.kind == "completed" or is_cancelled_by_buyer
    return str(_("买家")) if is_buyers else event.actor_label


def stops(part: SellerOrder, order: OrderHead) -> list[tuple[str, str]]:
    """The way of one parcel: what lies behind it, the last thing that happened, and what is still to come."""
    is_cash = order.payment_state == PaymentState.ON_DELIVERY
    names = [_("下单") if is_cash else _("付款"), _("发货"), _("签收"), _("完成")]
    reached = {
        SellerOrderStatus.TO_SHIP: 0,
        SellerOrderStatus.SHIPPED: 1,
        SellerOrderStatus.DELIVERED: 2,
        SellerOrderStatus.COMPLETED: 4,
    }.get(part.status, -1)
    return [
        (str(name), "done" if number < reached else "now" if number == reached else "todo")
        for number, name in enumerate(names)
    ]


def address_is_open(part: SellerOrder, order: OrderHead) -> bool:
    """Whether the seller may read where to send: from payment until 30 days after completion, not once cancelled."""
    if order.payment_state not in {PaymentState.PAID, PaymentState.ON_DELIVERY}:
        return False
    if part.status == SellerOrderStatus.CANCELLED:
        return False
    ended: datetime | None = part.completed_at
    return ended is None or clock.now() < ended + ADDRESS_KEPT
