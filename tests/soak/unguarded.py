"""The site with one guard switched off, named by UNGUARDED: the controls of ./run soak. The product has no such switch.

stock: the act of placing asks nobody whether there is enough, only the pages before it look.
order: pools are taken in the order of the basket.
repeats: an event, and a payment, that was taken before is taken again.
ends: a payment that was told to have expired is never taken as paid.
form keys: the same press twice is two orders.
provider keys: each call to the provider has a key of its own.
"""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import event, true
from sqlalchemy.engine import Engine

from marketplace import serving
from marketplace.checkout import rules as checkout_rules
from marketplace.checkout import services as checkout
from marketplace.database import Base, count_changed, insert_once
from marketplace.inventory import services as inventory
from marketplace.inventory.rules import OutOfStockError
from marketplace.payments import services as payments
from marketplace.payments import webhooks
from marketplace.payments.answers import ProviderSession
from marketplace.payments.gateway import gateway
from marketplace.payments.models import Payment, PaymentStatus


def without_stock_guard() -> None:
    inventory._guard = lambda _amount: true()  # type: ignore[assignment]
    checkout_rules.check_order = lambda *_values, **_options: None  # type: ignore[assignment]

    @event.listens_for(Engine, "connect")
    def ignore_checks(connection: Any, _record: Any) -> None:
        if "sqlite" in type(connection).__module__:
            connection.execute("PRAGMA ignore_check_constraints=ON")


def without_order() -> None:
    def hold_all(*, order_id: int, by_seller: Mapping[int, Mapping[int, int]], expires_at: datetime) -> None:
        for seller_id, amounts in by_seller.items():
            for pool_id, amount in amounts.items():
                if not inventory._hold_one(order_id, seller_id, pool_id, amount, expires_at):
                    raise OutOfStockError([pool_id])

    def pool_amounts(parcel: checkout_rules.Parcel) -> dict[int, int]:
        taken: dict[int, int] = {}
        for line in parcel.lines:
            taken[line.item.pool_id] = taken.get(line.item.pool_id, 0) + line.pool_amount
        return taken

    inventory.hold_all = hold_all
    checkout_rules.Parcel.pool_amounts = property(pool_amounts)  # type: ignore[assignment, method-assign]


def without_memory_of_events() -> None:
    """Whatever was done before, is done again."""

    def count(statement: Any) -> int:
        return count_changed(statement) or 1

    def write(model: type[Base], **values: Any) -> bool:
        return insert_once(model, **values) or True

    setattr(payments, "count_changed", count)  # noqa: B010  the modules themselves only import them
    setattr(webhooks, "insert_once", write)  # noqa: B010


def first_word_wins() -> None:
    take = payments._take_payment

    def refuse_after_the_end(payment: Payment, session: ProviderSession) -> str:
        return "ignored" if payment.status == PaymentStatus.EXPIRED else take(payment, session)

    payments._take_payment = refuse_after_the_end


def without_form_keys() -> None:
    checkout.Placing.key = property(lambda _placing: secrets.token_hex(32))  # type: ignore[assignment, method-assign]


def without_provider_keys() -> None:
    wish = payments._wish
    payments._wish = lambda order, payment, sales=(): replace(
        wish(order, payment, sales), idempotency_key=secrets.token_hex(16)
    )
    payments._find_session = lambda wish, since: gateway().create_session(wish)


SWITCHES = {
    "stock": without_stock_guard,
    "order": without_order,
    "repeats": without_memory_of_events,
    "ends": first_word_wins,
    "form keys": without_form_keys,
    "provider keys": without_provider_keys,
}

if __name__ == "__main__":
    SWITCHES[os.environ["UNGUARDED"]]()
    sys.exit(serving.main())
