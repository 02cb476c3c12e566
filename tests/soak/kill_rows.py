"""kill -9 at moments swept over checkout, payment, webhook, refund, sweep and messages; what was told holds."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from functools import partial

from sqlalchemy import func, select

from marketplace.database import db, run_in_transaction
from marketplace.notifications.models import MessageStatus, OutboxMessage
from marketplace.orders import queries as order_queries
from marketplace.orders.models import PaymentState
from marketplace.payments import refunding
from marketplace.payments.models import Payment, Refund, RefundStatus
from marketplace.payments.reconciling import compare
from tests import factories
from tests.factories import Goods
from tests.live import SITE, UNGUARDED, WORKER
from tests.soak.buyers import NO_ANSWER, Answer, Buyer, Tally, at_once, is_order, session_of
from tests.soak.rows import BOTH, Found, Ground, row
from tests.soak.stall import Stall, children, kill_all, open_stall, wait_until

PROCESSES = "2"
PRESSING = 4  # buyers around each kill
BACK_SECONDS = 15.0
OPEN_REFUNDS = select(func.count()).where(Refund.status != RefundStatus.SUCCEEDED)
WAITING_MESSAGES = select(func.count()).where(OutboxMessage.status != MessageStatus.SENT)


class Killer:
    """Ends every web process at a moment, and knows when the shop answers again."""

    def __init__(self, stall: Stall) -> None:
        self.stall = stall
        self.kills = 0
        self.away: list[float] = []

    def during(self, delay: float, acts: list[Callable[[], Answer]]) -> list[Answer]:
        """Begin the acts at once and kill the web processes so many seconds later."""
        supervisor = self.stall.live.process_id(SITE)
        victims = children(supervisor)
        timer = threading.Timer(delay, kill_all, (victims,))
        timer.start()
        answers = list(at_once(acts))
        timer.join()
        self.kills += 1
        self.wait_until_back(set(victims))
        return answers

    def wait_until_back(self, dead: set[int]) -> None:
        supervisor = self.stall.live.process_id(SITE)

        def is_back() -> bool:
            alive = children(supervisor)
            if len(alive) < int(PROCESSES) or dead & set(alive):
                return False
            return Buyer(self.stall.live.address, timeout=5).ask("health", "/healthz").status == 200

        took = wait_until(is_back, 60)
        self.away.append(60.0 if took is None else took)

    def say(self, found: Found, words: str) -> None:
        found.say(
            f"{self.kills} kills of all web processes {words}; back after at most {max(self.away):.1f} s"
        )
        found.expect(max(self.away) <= BACK_SECONDS, f"back after {max(self.away):.1f} s")


def press_through(
    stall: Stall, killer: Killer, goods: Goods, delay: float, what: str, told: Counter[str]
) -> list[tuple[Buyer, str]]:
    """Buyers press, the shop dies, they press again: one order each, the one they were told of; their sessions."""
    found, before = stall.found, set(stall.orders())
    buyers = [Buyer(stall.live.address, Tally()) for _ in range(PRESSING)]
    for buyer in buyers:
        found.expect(buyer.come_for(goods), f"{what}: a buyer could not come to the checkout page")
    first = killer.during(delay, [buyer.press for buyer in buyers])
    known = _orders_of([session_of(answer) for answer in first if is_order(answer)], stall)
    found.expect(None not in known.values(), f"{what}: a told order is gone: {known}")
    for buyer in buyers:
        buyer.leave()  # a browser finds its kept connection closed, and opens another
    again = [buyer.press() for buyer in buyers]
    for one, two in zip(first, again, strict=True):
        told["told" if is_order(one) else "no answer" if one.status == NO_ANSWER else f"{one.status}"] += 1
        found.expect(one.status in {NO_ANSWER, 303, 422, 503}, f"{what}: {one.status}")
        found.expect(is_order(two), f"{what}: pressing again gave {two.status} {two.location}")
        if is_order(one):
            found.expect(
                one.location == two.location, f"{what}: told of {one.location}, then of {two.location}"
            )
    new = set(stall.orders()) - before
    found.expect(len(new) == PRESSING, f"{what}: {len(new)} orders of {PRESSING} buyers")
    return [(buyer, session_of(answer)) for buyer, answer in zip(buyers, again, strict=True)]


def _orders_of(sessions: list[str], stall: Stall) -> dict[str, int | None]:
    query = select(Payment.session_ref, Payment.order_id).where(Payment.session_ref.in_(sessions))
    there = {str(ref): int(order) for ref, order in stall.look(lambda: db.session.execute(query).all())}
    return {session: there.get(session) for session in sessions}


def pay_all(stall: Stall, sessions: list[str]) -> None:
    for session in sessions:
        stall.live.sandbox.control(f"sessions/{session}/pay")


def wait_until_paid(stall: Stall, orders: set[int], what: str, seconds: float = 60) -> None:
    took = wait_until(lambda: all(stall.state_of(order) == PaymentState.PAID for order in orders), seconds)
    stall.found.expect(took is not None, f"{what}: payments did not come through in {seconds:.0f} s")


@row(
    "F1",
    on=BOTH,
    mark="told orders exist, pressing again gives the same one, books and stock whole",
    minutes=12,
)
def kill_while_checking_out(ground: Ground) -> None:
    """80 kills: all web processes die at 40 moments of the checkout, in rounds; four buyers press through each."""
    found, moments, rounds = ground.found, ground.count(40), 2
    with ground.shop(WEB_PROCESSES=PROCESSES) as live:
        stall, told = Stall(live, ground.database, found), Counter[str]()
        goods = stall.goods(5_000)
        live.start(SITE)
        killer = Killer(stall)
        warm = [Buyer(live.address) for _ in range(PRESSING)]
        took = max(
            answer.seconds
            for _turn in range(3)
            for answer in at_once([buyer.press for buyer in warm if buyer.come_for(goods)])
        )
        for number in range(rounds):
            for moment in range(moments):
                what = f"round {number + 1}, moment {moment + 1}"
                delay = took * (moment + number / rounds) / moments
                press_through(stall, killer, goods, delay, what, told)
                stall.check(what)
        killer.say(found, f"swept over {took:.2f} s; first presses: {dict(told)}")
        live.end(SITE)
        live.environ["UNGUARDED"] = "form keys"
        live.start(UNGUARDED)
        before, buyer = stall.count_orders(), Buyer(live.address)
        made = (
            buyer.come_for(goods) and [buyer.press() for _press in range(2)] and stall.count_orders() - before
        )
        found.control(f"without the form's key pressing twice makes {made} orders", fails_without=made != 1)


@row("F2", on=BOTH, mark="one charge per order, books = provider's list", minutes=10)
def kill_between_provider_and_commit(ground: Ground) -> None:
    """40 kills while the provider takes a second to answer: the session is there, our commit is not."""
    found, kills = ground.found, ground.count(40)
    with ground.shop(WEB_PROCESSES=PROCESSES) as live:
        stall, told = Stall(live, ground.database, found), Counter[str]()
        goods = stall.goods(5_000)
        live.start(SITE)
        killer = Killer(stall)
        paid: list[str] = []
        for number in range(kills):
            what = f"kill {number + 1}"
            fault = {"kind": "delay", "when": "after", "method": "POST", "path": "/v1/checkout/sessions"}
            live.sandbox.control("faults", **fault, times=PRESSING, seconds=1.0)
            delay = 0.2 + 1.2 * number / kills
            pairs = press_through(stall, killer, goods, delay, what, told)
            live.sandbox.control("faults/clear")
            sessions = [session for _buyer, session in pairs]
            found.expect(len(set(sessions)) == PRESSING, f"{what}: sessions {sessions}")
            pay_all(stall, sessions)
            paid += sessions
            stall.check(what)
        live.sandbox.wait_until_quiet(30)
        stall.look(compare)
        states = set(_orders_of(paid, stall).values())
        wait_until_paid(stall, {order for order in states if order}, "afterwards")
        made = [
            session for session in live.sandbox.look("sessions")["sessions"] if session["status"] != "expired"
        ]
        per_order = Counter(session["metadata"]["order_id"] for session in made)
        found.expect(
            max(per_order.values()) == 1, f"an order has {max(per_order.values())} sessions at the provider"
        )
        stall.check_charges("afterwards")
        charged = Counter(charge["session_metadata"]["order_id"] for charge in stall.charges())
        found.expect(set(charged.values()) == {1}, f"charges by order: {Counter(charged.values())}")
        killer.say(
            found, f"around the provider's call; first presses: {dict(told)}; {len(charged)} charges, 1 each"
        )
        live.end(SITE)
        live.environ["UNGUARDED"] = "provider keys"
        live.start(UNGUARDED)
        before, buyer = len(live.sandbox.look("sessions")["sessions"]), Buyer(live.address)
        live.sandbox.control("faults", kind="drop", method="POST", path="/v1/checkout/sessions")
        if buyer.come_for(goods) and buyer.press():
            buyer.press()
        made = len(live.sandbox.look("sessions")["sessions"]) - before
        found.control(
            f"with a new key for each call a lost answer leaves {made} sessions", fails_without=made > 1
        )


@row("F3", on=BOTH, mark="each effect once: payment, refund, release, message", minutes=12)
def kill_behind_the_counter(ground: Ground) -> None:
    """80 kills: of the web processes while webhooks come, of the worker amid refunds, lapsed holds and messages."""
    found, kills = ground.found, ground.count(40)
    with open_stall(ground, 5_000, SITE, WEB_PROCESSES=PROCESSES) as (live, stall, goods):
        killer = Killer(stall)
        for number in range(kills):
            what, before = f"webhooks, kill {number + 1}", set(stall.orders())
            sessions = place(stall, goods, PRESSING)
            orders = set(stall.orders()) - before
            payer = threading.Thread(target=pay_all, args=(stall, sessions))
            payer.start()
            killer.during(0.35 * number / kills, [])
            payer.join()
            wait_until_paid(stall, orders, what)
            stall.check(what)
        stall.check_charges("after the webhooks")
        killer.say(found, "while webhooks came, every payment booked once")
        live.start(WORKER)
        slowest = 0.0
        for number in range(kills):
            what = f"worker, kill {number + 1}"
            slowest = max(slowest, kill_worker(stall, goods, 1.5 * number / kills, what))
            stall.check(what)
        stall.check_charges("after the worker")
        found.controls.append("F6 takes events and payments again: money goes back that was due")
        sent = stall.number(select(func.count()).where(OutboxMessage.status == MessageStatus.SENT))
        found.say(
            f"{kills} kills of the worker: refunds, releases and {sent} messages done, at most {slowest:.1f} s later"
        )


def place(stall: Stall, goods: Goods, count: int) -> list[str]:
    """So many orders; the provider's sessions."""
    sessions = []
    for _ in range(count):
        buyer = Buyer(stall.live.address)
        stall.found.expect(buyer.come_for(goods), "a buyer could not come to the checkout page")
        answer = buyer.press()
        stall.found.expect(is_order(answer), f"an order was not placed: {answer.status}")
        sessions.append(session_of(answer))
        buyer.leave()
    return sessions


def kill_worker(stall: Stall, goods: Goods, delay: float, what: str) -> float:
    """Paid orders to refund, unpaid ones that lapse, messages to send; the worker dies amid them and comes again."""
    live, before = stall.live, set(stall.orders())
    paid = place(stall, goods, 2)
    pay_all(stall, paid)
    mine = set(stall.orders()) - before
    wait_until_paid(stall, mine, what)
    place(stall, goods, 2)
    lapsed = set(stall.orders()) - before - mine
    stall.look(lambda: [run_in_transaction(partial(cancel, order)) for order in sorted(mine)])
    let_lapse(stall, lapsed)
    time.sleep(delay)
    live.kill(WORKER)
    # Leases and claims of the dead one run out as time would let them.
    stall.change("UPDATE outbox_messages SET next_try_at = created_at WHERE status = 'waiting'")
    stall.change("UPDATE jobs SET claimed_until = created_at WHERE status = 'running'")
    live.start(WORKER)

    def is_done() -> bool:
        if stall.number(OPEN_REFUNDS) or stall.number(WAITING_MESSAGES):
            return False
        return all(stall.state_of(order) == PaymentState.CANCELLED for order in lapsed)

    took = wait_until(is_done, 60)
    stall.found.expect(took is not None, f"{what}: refunds, releases or messages are not done after 60 s")
    return took or 60.0


def cancel(order_id: int) -> None:
    """The seller cannot send: the whole part goes back."""
    for sale in order_queries.sellers_of(order_id):
        refunding.cancel_part(
            factories.actor("coop_owner"), seller_id=sale.seller_id, seller_order_id=sale.id, reason="卖完了"
        )


def let_lapse(stall: Stall, orders: set[int]) -> None:
    """Thirty-one minutes pass for these."""
    for order in orders:
        stall.change("UPDATE orders SET hold_until = placed_at WHERE id = :id", id=order)
        stall.change(
            "UPDATE holds SET expires_at = (SELECT placed_at FROM orders WHERE orders.id = :id) WHERE order_id = :id",
            id=order,
        )
