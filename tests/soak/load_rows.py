"""Load held: flash sale, last box, opposite baskets, lapsed holds, readers beside it, a soak, overload."""

from __future__ import annotations

import itertools
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from urllib.parse import quote

from sqlalchemy import select

from marketplace.audit import SYSTEM
from marketplace.database import db, run_in_transaction
from marketplace.orders import services as orders
from marketplace.orders.models import PaymentState
from marketplace.payments.models import Payment
from marketplace.payments.services import sweep_unpaid
from tests.factories import Goods
from tests.live import SITE, UNGUARDED, WORKER
from tests.media.samples import jpeg
from tests.people import PEOPLE
from tests.soak.buyers import Answer, Buyer, Tally, at_once, crowd, is_order, session_of, share
from tests.soak.kill_rows import let_lapse, pay_all, place
from tests.soak.money_rows import session_at_provider
from tests.soak.picture_rows import take_picture
from tests.soak.rows import BOTH, POSTGRESQL, SQLITE, Ground, row
from tests.soak.stall import BOX, Stall, cpu_seconds, open_stall, resident_bytes, wait_until

THREADS = 24


@dataclass
class Sale:
    """What came of a crowd."""

    told: int
    tally: Tally
    seconds: float
    rate: float  # buyers a second, of those who came


def rush(stall: Stall, goods: Goods, buyers: int, *, threads: int = THREADS) -> Sale:
    """Each buyer: product page, basket, checkout page, the last press; who is refused leaves."""
    tally = Tally()

    def buy(_number: int) -> bool:
        buyer = Buyer(stall.live.address, tally)
        try:
            return buyer.come_for(goods) and is_order(buyer.press())
        finally:
            buyer.leave()

    started = time.monotonic()
    told = sum(crowd(buyers, buy, threads=threads))
    seconds = time.monotonic() - started
    return Sale(told, tally, seconds, buyers / seconds)


def expect_sold(
    stall: Stall, goods: Goods, sale: Sale, units: int, what: str, *, orders_before: int = 0
) -> None:
    found, left = stall.found, stall.left(goods)
    orders = stall.count_orders() - orders_before
    found.expect(orders == units, f"{what}: {orders} orders of {units} boxes")
    found.expect(sale.told == units, f"{what}: {sale.told} buyers were told of an order")
    found.expect(left == 0, f"{what}: {left} boxes are left")
    found.expect(
        not sale.tally.faults, f"{what}: {len(sale.tally.faults)} faults, first {sale.tally.faults[:2]}"
    )
    stall.check(what)


@row(
    "L1",
    on=BOTH,
    mark="200 sold, 0 left, 0 double, no 5xx; ≥ 40 buyers/s; p95 ≤ 1.5 s, p99 ≤ 3 s",
    minutes=8,
    is_timed=True,
)
def flash_sale(ground: Ground) -> None:
    """2,000 buyers come for the last 200 boxes by product page, basket and checkout, 24 at a time."""
    found, buyers, units = ground.found, ground.count(2_000), ground.count(200)
    with ground.shop(WEB_PROCESSES="4") as live:
        stall = Stall(live, ground.database, found)
        for processes, rounds in ((4, 3), (2, 1), (1, 1)):
            live.environ["WEB_PROCESSES"] = str(processes)
            live.start(SITE)
            for number in range(1, rounds + 1):
                what = f"{processes} processes, round {number}"
                goods, before = stall.goods(units), stall.count_orders()
                used = cpu_seconds(live.process_id(SITE))
                sale = rush(stall, goods, buyers)
                used = cpu_seconds(live.process_id(SITE)) - used
                expect_sold(stall, goods, sale, units, what, orders_before=before)
                seconds = sale.tally.all_seconds()
                p95, p99 = share(seconds, 95), share(seconds, 99)
                press = share(sale.tally.seconds.get("order", []), 95)
                found.say(
                    f"{what}: {sale.told} sold, {sale.rate:.0f} buyers/s, p95 {p95:.2f} s, p99 {p99:.2f} s,"
                    f" last press p95 {press:.2f} s, {1000 * used / buyers:.0f} ms CPU a buyer"
                )
                if processes == 4:
                    found.expect(sale.rate >= 40, f"{what}: {sale.rate:.0f} buyers/s")
                    found.expect(p95 <= 1.5 and p99 <= 3, f"{what}: p95 {p95:.2f} s, p99 {p99:.2f} s")
            live.end(SITE)
        live.environ |= {"WEB_PROCESSES": "4", "UNGUARDED": "stock"}
        stall.forget_constraint()
        goods, before = stall.goods(units), stall.count_orders()
        live.start(UNGUARDED)
        sale = rush(stall, goods, 2 * units)
        orders = stall.count_orders() - before
        found.control(f"without the guard {orders} of {units} boxes are sold", fails_without=orders > units)


@row("L2", on=BOTH, mark="exactly one sold in each of 200 rounds", minutes=6, is_timed=True)
def last_box(ground: Ground) -> None:
    """200 rounds: twenty buyers press at once for one box."""
    found, rounds, each = ground.found, ground.count(200), 20
    with ground.shop(WEB_PROCESSES="4") as live:
        stall = Stall(live, ground.database, found)
        live.start(SITE)
        goods = stall.goods(1)
        tally = Tally()
        buyers = [Buyer(live.address, tally) for _ in range(each)]

        def press_at_once() -> list[Answer]:
            return list(at_once([buyer.press for buyer in buyers]))

        def fill(wanting: list[Buyer]) -> None:
            """Stock for all while they come to the checkout page, then one box remains."""
            stall.change(
                "UPDATE stock_pools SET on_hand = on_hand + :more WHERE id = :id",
                more=each * BOX,
                id=goods.pool_id,
            )
            crowd(len(wanting), lambda number: wanting[number].come_for(goods), threads=8)
            stall.change(
                "UPDATE stock_pools SET on_hand = on_hand - :more WHERE id = :id",
                more=each * BOX,
                id=goods.pool_id,
            )

        fill(buyers)
        sold = Counter[int]()
        for _round in range(rounds):
            answers = press_at_once()
            winners = [buyer for buyer, answer in zip(buyers, answers, strict=True) if is_order(answer)]
            sold[len(winners)] += 1
            stall.market.receive(goods, BOX)
            fill(winners)
        found.say(
            f"{rounds} rounds of {each} buyers: {dict(sold)} sold by round, statuses {dict(tally.answers)}"
        )
        found.expect(set(sold) == {1}, f"sold by round: {dict(sold)}")
        found.expect(not tally.faults, f"{len(tally.faults)} faults, first {tally.faults[:2]}")
        stall.check("after all rounds")
        live.end(SITE)
        live.environ["UNGUARDED"] = "stock"
        stall.forget_constraint()
        live.start(UNGUARDED)
        for buyer in buyers:
            buyer.leave()  # their kept connections were the other process's
        oversold = sum(is_order(answer) for answer in press_at_once())
        found.control(f"without the guard one box is sold {oversold} times", fails_without=oversold > 1)


@row("L3", on=BOTH, mark="all 400 served, no deadlock shown, stock exact", minutes=5, is_timed=True)
def opposite_baskets(ground: Ground) -> None:
    """2 × 200 buyers hold five products of two sellers, half of them in the opposite order."""
    found, buyers = ground.found, ground.count(400)
    with ground.shop(WEB_PROCESSES="4") as live:
        stall = Stall(live, ground.database, found)
        stall.market.make_freight("farmer", first=600, following=0)
        goods = [
            stall.goods(1_000, seller=seller) for seller in ("coop_owner", "farmer") * 2 + ("coop_owner",)
        ]
        live.start(SITE)

        def wave(count: int) -> tuple[int, Tally, int]:
            tally, before = Tally(), ground.server_log().count("deadlock detected")

            def buy(number: int) -> bool:
                buyer = Buyer(live.address, tally)
                basket = goods if number % 2 else goods[::-1]
                try:
                    return buyer.come_for(*basket) and is_order(buyer.press())
                finally:
                    buyer.leave()

            served = sum(crowd(count, buy, threads=THREADS))
            return served, tally, ground.server_log().count("deadlock detected") - before

        served, tally, deadlocks = wave(buyers)
        left = [stall.left(one) for one in goods]
        found.say(
            f"{served} of {buyers} served, {deadlocks} deadlocks in the server's log, {left} boxes left of 1000"
        )
        found.expect(served == buyers, f"{served} of {buyers} were served")
        found.expect(left == [1_000 - buyers] * len(goods), f"left: {left}")
        found.expect(not tally.faults, f"{len(tally.faults)} faults, first {tally.faults[:2]}")
        stall.check("afterwards")
        if ground.database == SQLITE:
            found.controls.append("none: SQLite has one writer at a time")
            return
        live.end(SITE)
        live.environ["UNGUARDED"] = "order"
        live.start(UNGUARDED)
        served, tally, deadlocks = wave(20)  # each deadlock takes a second until the server notices it
        found.control(
            f"pools taken in the basket's order: {deadlocks} deadlocks (tried again, {served} served)",
            fails_without=deadlocks > 0,
        )


@row(
    "L4",
    on=BOTH,
    mark="each unit back once, none sold twice, sessions closed before release",
    minutes=6,
    is_timed=True,
)
def lapsed_holds(ground: Ground) -> None:
    """200 unpaid orders lapse and are swept while 200 others come for the same boxes."""
    found, units = ground.found, ground.count(200)
    with ground.shop(WEB_PROCESSES="4") as live:
        stall = Stall(live, ground.database, found)
        live.start(SITE)
        goods = stall.goods(units)
        first = rush(stall, goods, units)
        found.expect(first.told == units, f"{first.told} of {units} orders before")
        early = set(stall.orders())
        let_lapse(stall, early)
        sweep = threading.Thread(target=sweep_all, args=(stall, units))
        sweep.start()
        began = time.monotonic()
        tally = Tally()

        def come_until_served(_number: int) -> bool:
            while time.monotonic() < began + 180:
                buyer = Buyer(live.address, tally)
                try:
                    if buyer.come_for(goods) and is_order(buyer.press()):
                        return True
                finally:
                    buyer.leave()
                time.sleep(0.2)
            return False

        second = sum(crowd(units, come_until_served, threads=THREADS))
        sweep.join()
        released = sum(stall.state_of(order) == PaymentState.CANCELLED for order in early)
        at_provider = {
            session["id"]: session["status"] for session in live.sandbox.look("sessions")["sessions"]
        }
        query = select(Payment.session_ref).where(Payment.order_id.in_(early))
        refs = stall.look(lambda: db.session.execute(query).scalars().all())
        still_open = [ref for ref in refs if at_provider.get(str(ref)) != "expired"]
        found.say(
            f"{released} of {units} holds released, {second} sold to others in {time.monotonic() - began:.0f} s, "
            f"{stall.left(goods)} left, {len(still_open)} of their sessions still open"
        )
        found.expect((released, second) == (units, units), f"{released} released, {second} sold")
        found.expect(stall.left(goods) == 0, f"{stall.left(goods)} boxes are left")
        found.expect(not still_open, f"{len(still_open)} sessions of released orders are open")
        found.expect(
            not first.tally.faults and not tally.faults, f"faults: {(first.tally.faults + tally.faults)[:2]}"
        )
        stall.check("afterwards")
        goods, before = stall.goods(1), set(stall.orders())
        (session,) = place(stall, goods, 1)
        (order,) = set(stall.orders()) - before
        stall.look(lambda: run_in_transaction(lambda: orders.cancel_unpaid(SYSTEM, order, "lapsed")))
        status = session_at_provider(live, session)["status"]
        found.control(f"released without asking, its session stays {status}", fails_without=status == "open")


def sweep_all(stall: Stall, orders: int) -> None:
    """Rounds of the sweep, as the worker does them."""
    for _round in range(orders // 50 + 2):
        stall.look(sweep_unpaid)


@dataclass
class Readers:
    """A steady stream of page views, spread over connections that are kept."""

    address: str
    paths: list[str]
    a_second: int
    threads: int = 12
    tally: Tally = field(default_factory=Tally)
    late: int = 0

    def read(self, seconds: float) -> None:
        begun = time.monotonic()
        turns = itertools.count()
        lock = threading.Lock()

        def work(_number: int) -> None:
            reader = Buyer(self.address, self.tally)
            while True:
                with lock:
                    turn = next(turns)
                due = begun + turn / self.a_second
                if due > begun + seconds:
                    reader.leave()
                    return
                wait = due - time.monotonic()
                if wait > 0:
                    time.sleep(wait)
                elif wait < -1:
                    self.late += 1
                reader.ask("page", self.paths[turn % len(self.paths)])

        crowd(self.threads, work, threads=self.threads)


@row(
    "L5",
    on=(POSTGRESQL,),
    mark="300 reads/s beside the flash sale: p95 ≤ 300 ms, no 5xx",
    minutes=5,
    is_timed=True,
)
def readers_beside(ground: Ground) -> None:
    """300 page views a second for a minute, while 2,000 buyers come for 200 boxes."""
    found, buyers, units, seconds = ground.found, ground.count(2_000), ground.count(200), ground.count(60)
    with open_stall(ground, units, SITE, WEB_PROCESSES="4") as (live, stall, goods):
        paths = ["/", "/products", f"/p/{goods.product_code}", "/search?q=" + quote("脐橙")]
        alone = Readers(live.address, paths, 300)
        alone.read(seconds / 4)
        readers = Readers(live.address, paths, 300)
        beside = threading.Thread(target=readers.read, args=(seconds,))
        beside.start()
        sale = rush(stall, goods, buyers)
        beside.join()
        times, before = readers.tally.all_seconds(), alone.tally.all_seconds()
        rate, p95 = len(times) / seconds, share(times, 95)
        found.say(
            f"{rate:.0f} reads/s beside the sale, p95 {1000 * p95:.0f} ms, {dict(readers.tally.answers)}; alone "
            f"{len(before) / (seconds / 4):.0f}/s, p95 {1000 * share(before, 95):.0f} ms; {sale.rate:.0f} buyers/s"
        )
        found.expect(p95 <= 0.3, f"p95 {1000 * p95:.0f} ms")
        found.expect(rate >= 290, f"{rate:.0f} reads/s")
        found.expect(
            not readers.tally.faults, f"{len(readers.tally.faults)} faults: {readers.tally.faults[:2]}"
        )
        expect_sold(stall, goods, sale, units, "the sale")
        found.controls.append(
            "the rate is fixed by the clock, not by the answers: a slow shop makes late reads"
        )


@row(
    "L6",
    on=(POSTGRESQL,),
    mark="memory slope < 1 MB/min, no 5xx (an 8-minute form of the hour)",
    minutes=10,
    is_timed=True,
)
def steady_trade(ground: Ground) -> None:
    """Eight minutes at 15 orders a minute with pictures, pages and reports: does memory grow?"""
    found, seconds = ground.found, ground.count(480)
    with open_stall(ground, 5_000, SITE, WORKER, WEB_PROCESSES="2", SMS_URL=f"file:{ground.folder}/sms") as (
        live,
        stall,
        goods,
    ):
        seller = live.cookies_of(PEOPLE["coop_owner"])
        tally, samples = Tally(), list[tuple[float, float]]()
        begun, number = time.monotonic(), 0
        while time.monotonic() < begun + seconds:
            pay_all(stall, place(stall, goods, 1))
            if number % 3 == 0:
                take_picture(stall, jpeg(900 + number, 700))
            reader = Buyer(live.address, tally)
            reader.cookies = dict(seller)
            for path in ("/", f"/p/{goods.product_code}", "/seller/", "/seller/awards/", "/seller/orders/"):
                reader.ask("page", path)
            reader.leave()
            number += 1
            used = sum(resident_bytes(live.process_id(name)) for name in (SITE, WORKER)) / 1e6
            samples.append(((time.monotonic() - begun) / 60, used))
            time.sleep(max(0.0, begun + 4 * number - time.monotonic()))
        later = samples[len(samples) // 2 :]  # what is loaded once is loaded by then
        slope = slope_of(later)
        found.say(
            f"{number} orders in {seconds / 60:.1f} min: {later[-1][1]:.0f} MB, slope {slope:.2f} MB/min "
            f"in the second half, statuses {dict(tally.answers)}"
        )
        found.expect(slope < 1, f"memory grows by {slope:.2f} MB/min")
        found.expect(not tally.faults, f"faults: {tally.faults[:2]}")
        stall.check("afterwards")
        leak = slope_of([(minute, used + 2 * minute) for minute, used in later])
        found.control(f"with 2 MB/min more the slope is {leak:.2f}", fails_without=leak >= 1)


def slope_of(samples: list[tuple[float, float]]) -> float:
    """Least squares, in units of y per unit of x."""
    middle = sum(x for x, _y in samples) / len(samples)
    mean = sum(y for _x, y in samples) / len(samples)
    spread = sum((x - middle) ** 2 for x, _y in samples)
    return sum((x - middle) * (y - mean) for x, y in samples) / spread if spread else 0.0


@row(
    "L8",
    on=(POSTGRESQL,),
    mark="503 + Retry-After ≤ 2 s, the accepted stay right, well again ≤ 10 s",
    minutes=5,
    is_timed=True,
)
def overload(ground: Ground) -> None:
    """200 threads press at everything for 30 seconds; then the flash sale."""
    found, seconds = ground.found, ground.count(30)
    with open_stall(ground, 100_000, SITE, WEB_PROCESSES="2") as (live, stall, goods):
        tally, refused, told = Tally(), list[Answer](), list[str]()
        give_up = time.monotonic() + seconds

        def press_on(_number: int) -> None:
            while time.monotonic() < give_up:
                buyer = Buyer(live.address, tally)
                page = buyer.ask("page", f"/p/{goods.product_code}")
                if page.status == 503:
                    refused.append(page)
                elif buyer.add(goods) and buyer.arrive():
                    answer = buyer.press()
                    if is_order(answer):
                        told.append(session_of(answer))
                    elif answer.status == 503:
                        refused.append(answer)
                buyer.leave()

        crowd(200, press_on, threads=200)
        ended = time.monotonic()
        probe = Buyer(live.address, timeout=5)
        well = wait_until(lambda: probe.ask("page", f"/p/{goods.product_code}").seconds < 1, 60)
        slowest = share([answer.seconds for answer in refused], 95)
        without = sum("Retry-After" not in answer.headers for answer in refused)
        found.say(
            f"{tally.answers.total()} answers in {ended - give_up + seconds:.0f} s, {dict(tally.answers)}; "
            f"refusals p95 {slowest:.2f} s; {len(told)} orders told; "
            f"well again after {60.0 if well is None else well:.1f} s"
        )
        found.expect(
            set(tally.answers) <= {200, 303, 422, 503}, f"statuses {dict(tally.answers)} {tally.faults[:2]}"
        )
        found.expect(
            bool(refused) and slowest <= 2 and not without, f"refusals p95 {slowest:.2f} s, {without} bare"
        )
        found.expect(well is not None and well <= 10, f"well again after {well}")
        there = set(stall.look(lambda: db.session.execute(select(Payment.session_ref)).scalars().all()))
        found.expect({session for session in told if session} <= there, "a told order is gone")
        stall.check("after the overload")
        few, before = stall.goods(ground.count(50)), stall.count_orders()
        sale = rush(stall, few, ground.count(500))
        expect_sold(stall, few, sale, ground.count(50), "the sale after it", orders_before=before)
        found.control(f"the overload was one: {len(refused)} were refused", fails_without=len(refused) > 0)
