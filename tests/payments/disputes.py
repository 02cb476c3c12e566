"""Disputes of a paid order as the provider would write them."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import select

from marketplace.database import db, run_in_transaction
from marketplace.orders import queries as orders
from marketplace.payments import refunding
from marketplace.payments.models import Payment
from tests import factories
from tests.conftest import NOON

FEE = 1500
WHOLE = 16780


def place() -> int:
    """A paid order of two sellers: 109.80 and 58.00."""
    factories.make_freight(first=600, following=40)
    oranges = factories.make_goods()
    factories.make_freight("farmer", free_from=5_000)
    oil = factories.make_goods("farmer", price=5800)
    found = factories.place_order({oranges.variants[0]: 2, oil.variants[0]: 1})
    factories.pay(found)
    return found


def dispute(order_id: int, status: str = "needs_response", **changes: Any) -> dict[str, Any]:
    """A dispute of an order's payment as the provider would write it in that state."""
    payment = db.session.execute(select(Payment).where(Payment.order_id == order_id)).scalars().first()
    assert payment
    given = changes.get("amount")
    amount = given if isinstance(given, int) else payment.amount
    moved = [{"amount": -amount, "fee": FEE}] + ([{"amount": amount, "fee": 0}] if status == "won" else [])
    found = {
        "id": f"dp_{payment.id}",
        "object": "dispute",
        "amount": amount,
        "balance_transactions": [] if status.startswith("warning") else moved,
        "charge": "ch_1",
        "created": int(NOON.timestamp()),
        "currency": payment.currency,
        "evidence_details": {"due_by": int(NOON.timestamp()) + 9 * 86_400},
        "payment_intent": payment.intent_ref,
        "reason": "product_not_received",
        "status": status,
    } | changes
    db.session.rollback()
    return found


def event(kind: str, thing: dict[str, Any], number: object = 1) -> bytes:
    told = {"id": f"evt_{kind}_{number}", "type": f"charge.dispute.{kind}", "data": {"object": thing}}
    return json.dumps(told).encode()


def give_back(order_id: int, amount: int = 1000) -> None:
    """Finance decides a refund of the first seller's goods."""
    sale = orders.sellers_of(order_id)[0]
    run_in_transaction(
        lambda: refunding.request_refund(
            factories.actor("finance"),
            seller_id=sale.seller_id,
            seller_order_id=sale.id,
            line_id=None,
            goods_amount=amount,
            freight_amount=0,
            reason="坏果",
            form_key="one",
        )
    )
