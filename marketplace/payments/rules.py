"""What a provider's answer means for an order."""

from __future__ import annotations

import enum
from datetime import timedelta
from typing import Literal

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from marketplace.errors import DomainError
from marketplace.money import format_fen
from marketplace.payments.models import DisputeStatus

# The provider closes its session one minute after the hold's end; we close it before we release (D8).
SESSION_AFTER_HOLD = timedelta(minutes=1)
SHORTEST_SESSION = timedelta(minutes=30, seconds=10)  # the provider's minimum, and the way there

# Stripe takes amounts of up to eight digits, whatever the currency: a price of a line and the sum of all alike.
# https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts
MOST_TO_PAY = 99_999_999  # fen in one payment: 999,999.99 yuan

Channel = Literal["alipay", "wechat_pay", "card"]
CHANNELS: tuple[Channel, ...] = ("alipay", "wechat_pay", "card")


def channels(wished: str | None) -> list[Channel]:
    """All that may be paid with, the wished one first: the pay page shows them in this order."""
    return sorted(CHANNELS, key=lambda channel: channel != wished)


class NotPayableError(DomainError):
    """The order needs no payment, or can have none any more."""

    def __init__(self) -> None:
        super().__init__(_l("这个订单现在不用付款"))


class PaymentUnderWayError(DomainError):
    """The provider is still deciding: neither paid nor free to cancel."""

    def __init__(self) -> None:
        super().__init__(_l("支付机构还在处理这笔付款，请过一会儿再看"))


class OtherRefundError(DomainError):
    """This page made a refund already, and of another amount or line; amount in fen."""

    def __init__(self, amount: int) -> None:
        made = format_fen(amount)
        super().__init__(
            _("这一页已经退过一次：%(amount)s 元，没有再退。还要退，请重新打开退款页。", amount=made)
        )


class DisputedPaymentError(DomainError):
    """The buyer's bank has taken the money back, or may: giving it back as well would pay twice."""

    def __init__(self) -> None:
        super().__init__(
            _l("买家让银行拒付了这笔款，钱由银行定归谁，这里不能再退；拒付撤销或我们赢了以后才能退。")
        )


# A state is only ever left for a later one, so that events in another order change nothing back.
_STAGES = {DisputeStatus.INQUIRY: 0, DisputeStatus.NEEDS_RESPONSE: 1, DisputeStatus.UNDER_REVIEW: 2}
OPEN_DISPUTES = tuple(_STAGES)
REFUNDABLE_DISPUTES = (DisputeStatus.INQUIRY, DisputeStatus.DROPPED, DisputeStatus.WON)


def is_later(told: DisputeStatus, known: DisputeStatus) -> bool:
    """Whether what is told of a dispute comes after what is known of it; a decision is final."""
    return known in _STAGES and _STAGES.get(told, len(_STAGES)) > _STAGES[known]


class Fit(enum.StrEnum):
    """Whether a provider's paid session is the payment that we asked for."""

    FITS = "fits"
    WRONG_AMOUNT = "wrong amount"
    WRONG_CURRENCY = "wrong currency"


def fit(*, asked_amount: int, asked_currency: str, amount: int, currency: str) -> Fit:
    """Compare what came with what was asked; fen and three-letter codes."""
    if currency.lower() != asked_currency.lower():
        return Fit.WRONG_CURRENCY
    return Fit.FITS if amount == asked_amount else Fit.WRONG_AMOUNT
