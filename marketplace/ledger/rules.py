"""What an entry must fulfil, how a sale's money divides, and when it falls due."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from marketplace.ledger.models import Account
from marketplace.money import share_half_up

PPM = 1_000_000


class UnbalancedEntryError(ValueError):
    """Postings that don't sum to zero, or fewer than two: a fault of the program, never of a person."""


def balanced(postings: Sequence[tuple[Account, int]]) -> list[tuple[Account, int]]:
    """The postings without their zeros; UnbalancedEntryError unless they sum to zero."""
    if sum(amount for _account, amount in postings):
        raise UnbalancedEntryError(str([(account.value, amount) for account, amount in postings]))
    kept = [(account, amount) for account, amount in postings if amount]
    if len(kept) == 1:
        raise UnbalancedEntryError(str(kept))
    return kept


def commission_of(goods_amount: int, rate_ppm: int) -> int:
    """The platform's commission on goods, net of refunds; freight bears none. Half up to the fen."""
    return share_half_up(goods_amount, rate_ppm, PPM)


def settlement_from(completed_at: datetime, delivered_at: datetime | None, claim_hours: int) -> datetime:
    """The earliest moment of settlement: receipt confirmed and the claim window over (D17).

    The window runs from the recorded delivery; without one, from the confirmation.
    """
    return max(completed_at, (delivered_at or completed_at) + timedelta(hours=claim_hours))


# On which side an account may stand within a book: +1 debit, -1 credit.
SIDES: dict[Account, int] = {
    Account.PROVIDER_CLEARING: 1,
    Account.COD_COLLECTED: 1,
    Account.PROVIDER_FEE: 1,
    Account.DISPUTED: 1,
    Account.DISPUTE_LOST: 1,
    Account.UNEARNED_GOODS: -1,
    Account.UNEARNED_FREIGHT: -1,
    Account.SELLER_PAYABLE: -1,
    Account.REFUNDS_DUE: -1,
    Account.UNMATCHED: -1,
    Account.COMMISSION_INCOME: -1,
    Account.PROVIDER_PAYABLE: -1,
}


@dataclass(frozen=True)
class SaleFacts:
    """A seller order as the shop recorded it, apart from the books; amounts in fen."""

    is_paid: bool  # at the provider, or in cash once completed
    is_cash: bool
    is_completed: bool
    goods_amount: int
    freight_amount: int
    commission_amount: int
    refunded_goods_amount: int
    refunded_freight_amount: int
    refunds_open_amount: int
    refunds_done_amount: int
    disputed_amount: int = 0  # taken back by the buyer's bank, not decided
    dispute_lost_amount: int = 0


def expected_accounts(sale: SaleFacts) -> dict[Account, int]:
    """What each account of the seller's book must say about one seller order; zeros are left out."""
    if not sale.is_paid:
        return {}
    total = sale.goods_amount + sale.freight_amount
    refunded = sale.refunded_goods_amount + sale.refunded_freight_amount
    money = Account.COD_COLLECTED if sale.is_cash else Account.PROVIDER_CLEARING
    taken_back = sale.disputed_amount + sale.dispute_lost_amount
    accounts = {
        money: total - sale.refunds_done_amount - taken_back,
        Account.REFUNDS_DUE: -sale.refunds_open_amount,
        Account.DISPUTED: sale.disputed_amount,
        Account.DISPUTE_LOST: sale.dispute_lost_amount,
    }
    if sale.is_completed:
        accounts[Account.SELLER_PAYABLE] = sale.commission_amount + refunded - total
        accounts[Account.BOOK_TRANSFER] = -sale.commission_amount
    else:
        accounts[Account.UNEARNED_GOODS] = sale.refunded_goods_amount - sale.goods_amount
        accounts[Account.UNEARNED_FREIGHT] = sale.refunded_freight_amount - sale.freight_amount
    return {account: amount for account, amount in accounts.items() if amount}


@dataclass(frozen=True)
class SaleMoney:
    """The money facts of one seller order, as the books tell them, in fen."""

    seller_order_id: int
    goods_amount: int
    freight_amount: int
    commission_amount: int
    refunded_amount: int
    cash_amount: int  # of it, collected in cash by the seller's courier
    completed_at: datetime | None
    disputed_amount: int = 0  # taken back by the buyer's bank, not decided
    dispute_lost_amount: int = 0

    @property
    def paid_amount(self) -> int:
        """What the buyer paid, freight included."""
        return self.goods_amount + self.freight_amount

    @property
    def net_amount(self) -> int:
        """到手: what the seller gets."""
        return self.paid_amount - self.commission_amount - self.refunded_amount - self.dispute_lost_amount
