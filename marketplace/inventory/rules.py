"""Refusals of the stock."""

from __future__ import annotations

from collections.abc import Collection

from flask_babel import lazy_gettext as _l

from marketplace.errors import DomainError


class OutOfStockError(DomainError):
    """Some pools hold less than is asked for; pool_ids names them."""

    def __init__(self, pool_ids: Collection[int]) -> None:
        super().__init__(_l("有的货不够了，请改一下数量"))
        self.pool_ids = tuple(sorted(pool_ids))


class HoldLapsedError(DomainError):
    """What an order kept was released before it could be confirmed."""

    def __init__(self) -> None:
        super().__init__(_l("留货的时间过了，货已放回"))


class BelowHeldError(DomainError):
    """A count would fall below what unpaid orders keep."""

    def __init__(self) -> None:
        super().__init__(_l("有买家已下单、还没付款的货在里面，不能改到这个数以下"), field="on_hand")


class WrongAmountError(DomainError):
    """An amount of stock is not above zero, or is negative where zero is allowed."""

    def __init__(self, field: str) -> None:
        super().__init__(_l("数量要大于 0"), field=field)
