"""The clock is moved while the shop runs: nothing fails, and neither ids nor the books' order depend on it (F13)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from marketplace import clock
from marketplace.database import db, run_in_transaction
from marketplace.jobs import registry, services
from marketplace.jobs.models import Job, JobStatus
from marketplace.ledger import checks
from marketplace.ledger.models import JournalEntry
from marketplace.orders.models import Order
from tests.browsing import Visitor
from tests.conftest import NOON
from tests.market import Market

JUMPS = {
    "25 hours on": timedelta(hours=25),
    "2 hours back": timedelta(hours=-2),
    "400 days on": timedelta(days=400),
    "3 days back": timedelta(days=-3),
}
PAGES = {
    "buyer": ("/", "/products", "/basket", "/checkout", "/account", "/orders", "/orders/{code}"),
    "coop_owner": ("/seller/", "/seller/orders/", "/seller/money/", "/seller/stock/", "/seller/awards/"),
    "finance": ("/staff/", "/staff/payments/", "/staff/books/", "/staff/awards/"),
    "admin": ("/staff/operations/", "/staff/jobs/", "/staff/people/"),
}


@pytest.fixture
def move(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[timedelta], None]]:
    """move(timedelta(hours=25)): the clock runs on, that far from noon; nothing is fixed, as in life."""
    moved = [timedelta()]
    running = time.monotonic()

    def now() -> datetime:
        return NOON + moved[0] + timedelta(seconds=time.monotonic() - running)

    token = clock._fixed.set(None)
    monkeypatch.setattr(clock, "now", now)
    yield lambda far: moved.__setitem__(0, far)
    clock._fixed.reset(token)


def test_pages_and_books_go_on_whatever_the_clock_says(
    app: Flask, move: Callable[[timedelta], None], sign_in: Callable[[str], Visitor]
) -> None:
    """From the same moment to each other one, one after the other, with an order paid at each."""
    visitors = {key: sign_in(key) for key in PAGES}
    market = Market(app)
    market.make_freight()
    goods = market.make_goods()
    codes = []
    for far in (timedelta(), *JUMPS.values()):
        move(far)
        order_id = market.place_order({goods.variants[0]: 1})
        market.pay(order_id)
        with app.app_context():
            codes.append(db.session.get_one(Order, order_id).code)
        for key, paths in PAGES.items():
            for path in paths:
                answer = visitors[key].client.get(path.format(code=codes[-1]))
                assert answer.status_code in {200, 303}, (far, path, answer.status_code)
        assert Visitor(app).get("/").status == 200
    assert len(set(codes)) == len(codes)
    with app.app_context():
        # Their ids tell the order in which they were booked, their moments do not.
        moments = db.session.execute(select(JournalEntry.at).order_by(JournalEntry.id)).scalars().all()
        hours = [round((moment - NOON) / timedelta(hours=1)) for moment in moments]
        assert list(dict.fromkeys(hours)) == [0, 25, -2, 400 * 24, -3 * 24]
        assert checks.check() == []
        db.session.remove()


@pytest.mark.usefixtures("app_context")
@pytest.mark.parametrize("jump", JUMPS)
def test_a_job_whose_worker_died_is_done_after_a_jump(jump: str, monkeypatch: pytest.MonkeyPatch) -> None:
    done = []
    monkeypatch.setitem(registry._handlers, "test.work", done.append)
    run_in_transaction(lambda: services.enqueue("test.work", {"number": 1}))
    job_id = db.session.execute(select(Job.id).where(Job.kind == "test.work")).scalar_one()
    run_in_transaction(lambda: services._claim(job_id))
    with clock.at(clock.now() + timedelta(minutes=5)):
        assert services.run_due() == 0  # its lease holds
    moment = clock.now() + JUMPS[jump]
    with clock.at(moment):
        services.run_due()
    assert done == [{"number": 1}]
    assert db.session.execute(select(Job.status).where(Job.id == job_id)).scalar_one() == JobStatus.DONE
