"""A shop with goods, and the sums that must be right after whatever happened to it."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import func, select, text

from marketplace.database import db
from marketplace.inventory.models import Hold, HoldState, StockMovement, StockPool
from marketplace.ledger import checks
from marketplace.orders.models import Order, PaymentState
from marketplace.payments.models import Payment, PaymentStatus, Refund, RefundStatus
from tests.factories import Goods
from tests.live import Live
from tests.market import Market
from tests.soak.rows import SQLITE, Found, Ground

BOX = 5_000
PRICE, FREIGHT = 4_990, 600


class Stall:
    """One running shop and what it has to sell."""

    def __init__(self, live: Live, database: str, found: Found) -> None:
        self.live, self.database, self.found = live, database, found
        self.market = Market(live.app)
        self.market.make_freight(first=FREIGHT, following=0)

    def goods(self, boxes: int, **options: Any) -> Goods:
        """A listing with so many boxes."""
        made: Goods = self.market.make_goods(packs=[(BOX, PRICE)], stock=boxes * BOX, **options)
        return made

    def look(self, question: Callable[[], Any]) -> Any:
        """Ask the database in a context of its own."""
        with self.live.app.app_context():
            try:
                return question()
            finally:
                db.session.remove()

    def number(self, query: Any) -> int:
        """The one number that a query gives; 0 for nothing."""
        return int(self.look(lambda: db.session.scalar(query)) or 0)

    def orders(self) -> list[int]:
        return list(
            self.look(lambda: db.session.execute(select(Order.id).order_by(Order.id)).scalars().all())
        )

    def count_orders(self, *states: PaymentState) -> int:
        query = select(func.count()).select_from(Order)
        return self.number(query.where(Order.payment_state.in_(states)) if states else query)

    def state_of(self, order_id: int) -> PaymentState:
        found: PaymentState = self.look(lambda: db.session.get_one(Order, order_id).payment_state)
        return found

    def pool(self, goods: Goods) -> tuple[int, int]:
        """Boxes on hand and held, in grams."""
        row = self.look(lambda: db.session.get_one(StockPool, goods.pool_id))
        return row.on_hand, row.held

    def left(self, goods: Goods) -> int:
        """Boxes that can still be sold."""
        on_hand, held = self.pool(goods)
        return (on_hand - held) // BOX

    def charges(self) -> list[dict[str, Any]]:
        """What the provider took, successful ones."""
        charges = self.live.sandbox.look("charges")["charges"]
        return [charge for charge in charges if charge["status"] == "succeeded"]

    def change(self, statement: str, **values: Any) -> int:
        """Move something in the database as time would."""
        with self.live.app.app_context(), db.engine.begin() as connection:
            return connection.execute(text(statement), values).rowcount

    def forget_constraint(self) -> None:
        """For controls: the database's own check of the pool is off too (on SQLite the site itself ignores it)."""
        if self.database != SQLITE:
            self.change("ALTER TABLE stock_pools DROP CONSTRAINT ck_stock_pools_never_below_zero")

    def check(self, when: str) -> None:
        """Books clean, stock whole, each paid order one charge at the provider, the file sound."""
        for sentence in self.look(checks.check):
            self.found.failures.append(f"{when}: {sentence}")
        for sentence in self.look(self._unsound):
            self.found.failures.append(f"{when}: {sentence}")

    def _unsound(self) -> list[str]:
        found = []
        moved = (
            select(func.coalesce(func.sum(StockMovement.amount), 0))
            .where(StockMovement.pool_id == StockPool.id)
            .scalar_subquery()
        )
        held = (
            select(func.coalesce(func.sum(Hold.amount), 0))
            .where(Hold.pool_id == StockPool.id, Hold.state == HoldState.HELD)
            .scalar_subquery()
        )
        for pool_id, on_hand, in_pool, by_moves, by_holds in db.session.execute(
            select(StockPool.id, StockPool.on_hand, StockPool.held, moved, held)
        ):
            if (on_hand, in_pool) != (by_moves, by_holds):
                found.append(f"pool {pool_id} has {on_hand}/{in_pool}, its rows say {by_moves}/{by_holds}")
        twice = (
            select(Payment.order_id)
            .where(Payment.status == PaymentStatus.SUCCEEDED)
            .join(Order, Order.id == Payment.order_id)
            .group_by(Payment.order_id)
            .having(func.count() > 1)
        )
        given_back = select(Refund.payment_id).where(Refund.reason == "unmatched")
        found += [
            f"order {order_id} was paid twice"
            for (order_id,) in db.session.execute(twice.where(Payment.id.not_in(given_back)))
        ]
        if self.database == SQLITE:
            (answer,) = db.session.execute(text("PRAGMA integrity_check")).one()
            if answer != "ok":
                found.append(f"integrity_check: {answer}")
        return found

    def check_charges(self, when: str) -> None:
        """The books' payments and the provider's list are the same, payment for payment."""
        paid = select(Payment.intent_ref, Payment.amount).where(
            Payment.status.in_((PaymentStatus.SUCCEEDED, PaymentStatus.UNEXPECTED))
        )
        ours = sorted(
            (str(ref), int(amount)) for ref, amount in self.look(lambda: db.session.execute(paid).all())
        )
        theirs = sorted((charge["payment_intent"], charge["amount"]) for charge in self.charges())
        self.found.expect(
            ours == theirs, f"{when}: {len(ours)} payments in the books, {len(theirs)} at the provider"
        )
        given = select(func.coalesce(func.sum(Refund.goods_amount + Refund.freight_amount), 0)).where(
            Refund.status == RefundStatus.SUCCEEDED
        )
        back = self.number(given)
        there = sum(charge["amount_refunded"] for charge in self.charges())
        self.found.expect(back == there, f"{when}: {back} fen refunded in the books, {there} at the provider")


def children(pid: int) -> list[int]:
    """Processes that a process started and that still live."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid and fields[0] != "Z":
            found.append(int(stat.parent.name))
    return sorted(found)


def kill_all(pids: list[int]) -> None:
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def cpu_seconds(pid: int) -> float:
    """What a process and its living children used so far."""
    total = 0.0
    for one in [pid, *children(pid)]:
        try:
            fields = Path(f"/proc/{one}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        except OSError:
            continue
        total += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return total


def resident_bytes(pid: int) -> int:
    """Memory of a process and its children, shared pages counted in each."""
    total = 0
    for one in [pid, *children(pid)]:
        try:
            total += int(Path(f"/proc/{one}/statm").read_text(encoding="utf-8").split()[1])
        except OSError:
            continue
    return total * os.sysconf("SC_PAGE_SIZE")


def wait_until(question: Callable[[], bool], seconds: float) -> float | None:
    """Seconds until the answer was yes; None when it never was."""
    started = time.monotonic()
    while time.monotonic() - started < seconds:
        if question():
            return time.monotonic() - started
        time.sleep(0.1)
    return None


def connect(address: str) -> psycopg.Connection[Any]:
    """A connection beside the shop's."""
    from tests.databases import plain

    return psycopg.connect(plain(address), autocommit=True)


@contextlib.contextmanager
def open_stall(
    ground: Ground, boxes: int, *programs: str, **environ: str
) -> Iterator[tuple[Live, Stall, Goods]]:
    """A shop of the row with so many boxes to sell, its programs running; environ is what they are started with."""
    with ground.shop(**environ) as live:
        stall = Stall(live, ground.database, ground.found)
        goods = stall.goods(boxes)
        live.start(*programs)
        yield live, stall, goods
