"""Status moves as data, totals from lines, who counts as a company, when things fall due."""

from __future__ import annotations

import enum
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from flask_babel import lazy_gettext as _l

from marketplace.errors import DomainError
from marketplace.money import allocate
from marketplace.orders.models import BuyerKind, PaymentMethod, PaymentState, SellerOrderStatus
from marketplace.revenue.models import AgriClass, Mode

MODE_RULE = "2026-01"


class Move(enum.StrEnum):
    """What can happen to a seller order."""

    PAY = "pay"
    CANCEL_UNPAID = "cancel_unpaid"
    REVIVE = "revive"  # the payment came late and the stock was still there (D8)
    SHIP = "ship"
    DELIVER = "deliver"
    COMPLETE = "complete"
    WITHDRAW = "withdraw"  # before dispatch, paid or to be paid in cash


# From which statuses a move starts, and where it ends.
MOVES: dict[Move, tuple[frozenset[SellerOrderStatus], SellerOrderStatus]] = {
    Move.PAY: (frozenset({SellerOrderStatus.WAITING}), SellerOrderStatus.TO_SHIP),
    Move.CANCEL_UNPAID: (frozenset({SellerOrderStatus.WAITING}), SellerOrderStatus.CANCELLED),
    Move.REVIVE: (frozenset({SellerOrderStatus.CANCELLED}), SellerOrderStatus.WAITING),
    Move.SHIP: (frozenset({SellerOrderStatus.TO_SHIP}), SellerOrderStatus.SHIPPED),
    Move.DELIVER: (frozenset({SellerOrderStatus.SHIPPED}), SellerOrderStatus.DELIVERED),
    Move.COMPLETE: (
        frozenset({SellerOrderStatus.SHIPPED, SellerOrderStatus.DELIVERED}),
        SellerOrderStatus.COMPLETED,
    ),
    Move.WITHDRAW: (frozenset({SellerOrderStatus.TO_SHIP}), SellerOrderStatus.CANCELLED),
}

# Statuses in which a move lies behind already: asking for it again is a repeat, not a mistake.
PASSED: dict[Move, frozenset[SellerOrderStatus]] = {
    Move.SHIP: frozenset(
        {SellerOrderStatus.SHIPPED, SellerOrderStatus.DELIVERED, SellerOrderStatus.COMPLETED}
    ),
    Move.DELIVER: frozenset({SellerOrderStatus.DELIVERED, SellerOrderStatus.COMPLETED}),
    Move.COMPLETE: frozenset({SellerOrderStatus.COMPLETED}),
    Move.WITHDRAW: frozenset({SellerOrderStatus.CANCELLED}),
}

REFUSALS: dict[Move, Any] = {
    Move.SHIP: _l("这一单现在不能发货，请刷新看看"),
    Move.DELIVER: _l("这一单还没有发货"),
    Move.COMPLETE: _l("卖家发货以后才能确认收货"),
    Move.WITHDRAW: _l("已经发货，不能取消了；收到有坏果，给卖家打电话退款"),
}


class MoveRefusedError(DomainError):
    """The seller order's status does not allow the move."""

    def __init__(self, move: Move) -> None:
        super().__init__(REFUSALS.get(move, _l("这一步现在不能做，请刷新看看")))
        self.move = move


class PartChangedError(DomainError):
    """Somebody shipped, cancelled or refunded after the page was shown on which this was decided."""

    def __init__(self) -> None:
        super().__init__(_l("这一单刚刚有变化（发货、取消或者退款），请看看现在的样子，再决定"))


class ParcelsClosedError(DomainError):
    """Numbers are corrected while the parcels are on their way, not before and not afterwards."""

    def __init__(self) -> None:
        super().__init__(_l("只有发了货、还没签收的，才能改单号、加包裹"))


class NothingPaidError(DomainError):
    """There is no money to give back yet."""

    def __init__(self) -> None:
        super().__init__(_l("这一单还没有收到钱，没有可退的"))


class RefundTooHighError(DomainError):
    """More than what is left of the goods or the freight."""

    def __init__(self, name: str) -> None:
        super().__init__(_l("退款不能多于买家付的、还没退的钱"), field=name)


class NothingToRefundError(DomainError):
    """A refund of zero."""

    def __init__(self) -> None:
        super().__init__(_l("退款金额要大于 0"), field="goods_amount")


class EmptyOrderError(DomainError):
    """An order without a line."""

    def __init__(self) -> None:
        super().__init__(_l("订单里没有商品"))


class OrderExistsError(DomainError):
    """The same form was sent before: find_by_form_key() has the order it made; nothing of this act may stay."""

    def __init__(self) -> None:
        super().__init__(_l("这一单已经提交过了"))


# What a cancelled order says of its reason, when the reason is one of ours and not somebody's own words.
CANCEL_REASONS: dict[str, Any] = {
    "buyer": _l("买家取消了"),
    "lapsed": _l("付款时间过了"),
    "expired": _l("付款时间过了"),
    "payment_failed": _l("付款没成功"),
    "sold_out": _l("货卖完了"),
    "seller": _l("卖家取消了"),
}


@dataclass(frozen=True)
class NewLine:
    """So many of one pack, as the buyer was promised it; amounts in fen, pool_amount for the whole line."""

    product_id: int
    variant_id: int
    pool_id: int
    pool_amount: int
    count: int
    price_amount: int
    agri_class: AgriClass
    title: str
    pack: dict[str, Any]
    snapshot: dict[str, Any]
    needs_confirmation: bool = False
    discount_amount: int = 0
    vat_amount: int = 0

    @property
    def amount(self) -> int:
        return self.count * self.price_amount - self.discount_amount


@dataclass(frozen=True)
class NewPart:
    """One seller's part of a new order."""

    seller_id: int
    lines: tuple[NewLine, ...]
    freight_amount: int = 0
    freight_reason: dict[str, Any] = field(default_factory=dict)

    @property
    def goods_amount(self) -> int:
        return sum(line.amount for line in self.lines)

    @property
    def pool_amounts(self) -> dict[int, int]:
        """What the part draws from each pool, all lines summed (D2)."""
        return pool_amounts(self.lines)


@dataclass(frozen=True)
class NewOrder:
    """What a buyer places; order_id is the one under which the stock is held."""

    order_id: int
    form_key: str
    buyer_id: int | None
    contact_phone: str
    payment_method: PaymentMethod
    recipient_name: str
    recipient_phone: str
    county_code: str
    area_name: str
    address_detail: str
    hold_until: datetime
    parts: tuple[NewPart, ...]
    buys_as_company: bool = False
    invoice_title: str = ""
    note: str = ""
    language: str = "zh"

    @property
    def goods_amount(self) -> int:
        return sum(part.goods_amount for part in self.parts)

    @property
    def freight_amount(self) -> int:
        return sum(part.freight_amount for part in self.parts)


class Drawing(Protocol):
    """A line, as far as the stock goes."""

    @property
    def pool_id(self) -> int: ...
    @property
    def pool_amount(self) -> int: ...


class Refundable(Protocol):
    """A line, as far as a refund goes."""

    @property
    def amount(self) -> int: ...
    @property
    def refunded_amount(self) -> int: ...


def pool_amounts(lines: Iterable[Drawing]) -> dict[int, int]:
    """What lines draw from each pool, summed, in the order of the pools' ids."""
    found: dict[int, int] = {}
    for line in lines:
        found[line.pool_id] = found.get(line.pool_id, 0) + line.pool_amount
    return dict(sorted(found.items()))


def mode_of(seller_is_enterprise: bool, buyer_kind: BuyerKind) -> Mode:
    """The award mode by the parties of the sale (policy section 4, D16)."""
    if buyer_kind == BuyerKind.ENTERPRISE:
        return Mode.B2B if seller_is_enterprise else Mode.UNCLASSIFIED
    return Mode.B2C if seller_is_enterprise else Mode.C2C


def confirm_at(
    *, shipped_at: datetime, delivered_at: datetime | None, days_after_delivery: int, days_after_dispatch: int
) -> datetime:
    """When receipt counts as confirmed: so long after recorded delivery, else after dispatch (D18)."""
    if delivered_at is not None:
        return delivered_at + timedelta(days=days_after_delivery)
    return shipped_at + timedelta(days=days_after_dispatch)


def divide_refund(goods_amount: int, lines: Sequence[Refundable]) -> list[int]:
    """A refund of goods over the lines, by what is left of each: the parts sum to it and none exceeds its line.

    RefundTooHighError at goods_amount when more is asked than is left.
    """
    left = [line.amount - line.refunded_amount for line in lines]
    if goods_amount > sum(left):
        raise RefundTooHighError("goods_amount")
    return allocate(goods_amount, left) if goods_amount else [0] * len(lines)


def has_money(payment_state: PaymentState, status: SellerOrderStatus) -> bool:
    """Whether a part's money has come: paid online at once, paid in cash once it was received."""
    return payment_state == PaymentState.PAID or status == SellerOrderStatus.COMPLETED


def order_status(payment_state: PaymentState, statuses: Collection[SellerOrderStatus]) -> str:
    """The status of a whole order on screen, derived from its parts (D7)."""
    if payment_state == PaymentState.UNPAID:
        return "to_pay"
    live = [status for status in statuses if status != SellerOrderStatus.CANCELLED]
    if payment_state == PaymentState.CANCELLED or not live:
        return "cancelled"
    if all(status == SellerOrderStatus.COMPLETED for status in live):
        return "completed"
    waiting = [status for status in live if status in {SellerOrderStatus.TO_SHIP, SellerOrderStatus.WAITING}]
    if len(waiting) == len(live):
        return "to_ship"
    if waiting:
        return "partly_shipped"
    return "shipped" if SellerOrderStatus.SHIPPED in live else "delivered"
