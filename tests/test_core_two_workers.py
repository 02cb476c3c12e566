"""Two workers started by mistake do everything once (F25)."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from marketplace import clock, worker
from marketplace.database import db, run_in_transaction
from marketplace.inventory.models import StockPool
from marketplace.ledger import checks
from marketplace.notifications import delivery
from marketplace.notifications.models import OutboxMessage
from marketplace.notifications.senders import Envelope
from marketplace.orders.models import Order, PaymentState, SellerOrder, SellerOrderStatus
from marketplace.payments import refunding
from marketplace.payments.models import Refund, RefundStatus
from marketplace.revenue import services as revenue
from marketplace.worker import Worker
from tests import factories
from tests.conftest import NOON
from tests.payments.provider import Provider
from tests.racing import at_once


class Post:
    """A sender that counts."""

    def __init__(self) -> None:
        self.taken: Counter[int] = Counter()

    def send(self, envelope: Envelope) -> None:
        self.taken[envelope.id] += 1


@pytest.fixture
def post(fresh_app: Flask, monkeypatch: pytest.MonkeyPatch) -> Post:
    found = Post()
    monkeypatch.setattr(delivery, "sender_for", lambda _channel, _config: found)
    fresh_app.extensions["payment_gateway"] = Provider()
    return found


def arrange() -> tuple[int, int]:
    """An order that will lapse, one that will be confirmed, and one with a refund to be sent; each has its messages."""
    factories.make_freight()
    goods = factories.make_goods()
    lapsed, due, back = (factories.place_order({goods.variants[0]: 1}) for _ in range(3))
    for order_id in (due, back):
        factories.pay(order_id)
    factories.ship(due)
    sale = db.session.execute(select(SellerOrder).where(SellerOrder.order_id == back)).scalar_one()
    seller_id, sale_id = sale.seller_id, sale.id
    owner = factories.actor("coop_owner")
    run_in_transaction(
        lambda: refunding.cancel_part(owner, seller_id=seller_id, seller_order_id=sale_id, reason="stock")
    )
    db.session.remove()
    return lapsed, due


def test_two_workers_do_everything_once(fresh_app: Flask, post: Post) -> None:
    with fresh_app.app_context(), clock.at(NOON):
        lapsed, due = arrange()
        before = db.session.execute(select(StockPool.held)).scalars().all()
        db.session.remove()

    def one_round() -> None:
        one = Worker(fresh_app)
        for task in worker.TASKS:
            one.carry_out(task)
        one.beat()

    with fresh_app.app_context(), clock.at(NOON + timedelta(days=16)):
        for _ in range(2):
            assert at_once(fresh_app, [one_round, one_round]) == [None, None]
        assert db.session.get_one(Order, lapsed).payment_state == PaymentState.CANCELLED
        completed = select(SellerOrder.status).where(SellerOrder.order_id == due)
        assert db.session.execute(completed).scalar_one() == SellerOrderStatus.COMPLETED
        refund = db.session.execute(select(Refund)).scalar_one()
        assert refund.status == RefundStatus.SUCCEEDED
        assert sum(before) > sum(db.session.execute(select(StockPool.held)).scalars()) == 0
        messages = set(db.session.execute(select(OutboxMessage.id)).scalars())
        assert post.taken == Counter(messages)
        assert checks.check() == []
        assert revenue.verify() == []
        db.session.remove()


@pytest.mark.parametrize("guard", ["on", "off"])
def test_of_two_workers_that_saw_one_message_one_sends_it(
    fresh_app: Flask, post: Post, monkeypatch: pytest.MonkeyPatch, guard: str
) -> None:
    """Both have read it as due before either claims it; without the guarded claim it goes out twice."""
    with fresh_app.app_context(), clock.at(NOON):
        arrange()
    # Before the act, since SQLite lets one at a time into one.
    act, both, seen = delivery.run_in_transaction, threading.Barrier(2), threading.local()

    def act_together(body: Callable[[], object]) -> object:
        if not getattr(seen, "once", False):
            seen.once = True
            both.wait(30)
        return act(body)

    monkeypatch.setattr(delivery, "run_in_transaction", act_together)
    if guard == "off":
        monkeypatch.setattr(delivery, "count_changed", lambda _statement: 1)
    with fresh_app.app_context(), clock.at(NOON + timedelta(hours=1)):
        assert at_once(fresh_app, [lambda: delivery.deliver_due(limit=1)] * 2)
    assert set(post.taken.values()) == {1 if guard == "on" else 2}
