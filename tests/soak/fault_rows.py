"""Faults survived: the database restarts, a file is locked, a disk is full, mail is down, two workers run."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socketserver
import sqlite3
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from sqlalchemy import func, select

from marketplace.database import db, run_in_transaction
from marketplace.jobs.models import Job, JobStatus
from marketplace.media.models import ImageState
from marketplace.notifications.models import OutboxMessage
from marketplace.notifications.services import notify
from marketplace.orders.models import PaymentState
from marketplace.payments.models import Payment
from tests.databases import DURABLE, PostgresServer
from tests.factories import Goods
from tests.live import SECOND_WORKER, SITE, WORKER, Live, free_port
from tests.media import samples
from tests.soak.buyers import NO_ANSWER, Buyer, Tally, is_order, session_of, share
from tests.soak.kill_rows import (
    OPEN_REFUNDS,
    WAITING_MESSAGES,
    cancel,
    let_lapse,
    pay_all,
    place,
    wait_until_paid,
)
from tests.soak.picture_rows import image_state, take_picture
from tests.soak.rows import BOTH, POSTGRESQL, SQLITE, Found, Ground, row
from tests.soak.stall import Stall, children, open_stall, wait_until

BACK_SECONDS = 15.0
OPEN_JOBS = select(func.count()).where(Job.status != JobStatus.DONE)


class Trade:
    """Buyers who keep coming while something breaks, and what they were told and when."""

    def __init__(self, stall: Stall, goods: Goods, threads: int = 4) -> None:
        self.stall, self.goods = stall, goods
        self.tally = Tally()
        self.told: list[tuple[float, str]] = []
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._buy) for _ in range(threads)]

    def __enter__(self) -> Trade:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_how: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _buy(self) -> None:
        while not self._over.is_set():
            buyer = Buyer(self.stall.live.address, self.tally)
            answer = buyer.press() if buyer.come_for(self.goods) else None
            if answer and is_order(answer):
                self.told.append((time.monotonic(), session_of(answer)))
            else:
                time.sleep(0.1)
            buyer.leave()

    def sells_again(self, since: float, seconds: float = 60) -> float:
        """Seconds from a moment until an order that was begun after it is told."""
        wait_until(lambda: any(moment > since for moment, _session in self.told), seconds)
        return min((moment - since for moment, _session in self.told if moment > since), default=seconds)

    def check(self, found: Found) -> None:
        """Each told order is there, and nobody saw a 500."""
        sessions = {session for _moment, session in self.told if session}
        there = set(self.stall.look(lambda: db.session.execute(select(Payment.session_ref)).scalars().all()))
        found.expect(sessions <= there, f"{len(sessions - there)} told orders are gone")
        failed = [fault for fault in self.tally.faults if ": 500 " in fault]
        found.expect(not failed, f"{len(failed)} answers were 500: {failed[:2]}")
        self.stall.check("afterwards")

    def say(self) -> str:
        return f"{len(self.told)} orders told, statuses {dict(self.tally.answers)}"


@row(
    "F4",
    on=(POSTGRESQL,),
    mark="sells again ≤ 15 s, same web processes, told orders there",
    minutes=6,
    is_timed=True,
)
def database_restarts(ground: Ground) -> None:
    """PostgreSQL is restarted fast three times and killed three times while four buyers buy."""
    found = ground.found
    with PostgresServer(DURABLE) as server:
        ground.server = server.address
        with open_stall(ground, 20_000, SITE, WEB_PROCESSES="2") as (live, stall, goods):
            before = children(live.process_id(SITE))
            waits: list[float] = []
            with Trade(stall, goods) as trade:
                found.expect(trade.sells_again(time.monotonic()) < 60, "nothing was sold before the fault")
                for how in [signal.SIGINT] * 3 + [signal.SIGKILL] * 3:
                    server.stop(how)
                    time.sleep(1)
                    started_over(server)
                    waits.append(trade.sells_again(time.monotonic()))
                    time.sleep(1)
            found.expect(children(live.process_id(SITE)) == before, "web processes were replaced")
            away = sum(trade.tally.answers[status] for status in (NO_ANSWER, 500, 502, 503))
            after = ", ".join(f"{wait:.1f}" for wait in waits)
            found.say(f"3 restarts, 3 kills: selling again after {after} s; {trade.say()}")
            found.expect(max(waits) <= BACK_SECONDS, f"selling again after {max(waits):.1f} s")
            trade.check(found)
            found.control(f"the faults were met: {away} requests failed meanwhile", fails_without=away > 0)


def started_over(server: PostgresServer) -> None:
    """Start it; what a killed one started may need a moment to leave."""
    give_up = time.monotonic() + 60
    while True:
        try:
            server.start()
        except RuntimeError:
            if time.monotonic() > give_up:
                raise
            time.sleep(0.2)
        else:
            return


@row(
    "F5", on=(SQLITE,), mark="pages still read, writes wait or 503, never 500, none half-done", is_timed=True
)
def file_is_locked(ground: Ground) -> None:
    """Another program holds SQLite's write lock for 20 seconds."""
    found, seconds = ground.found, 20
    with open_stall(ground, 5_000, SITE, WEB_PROCESSES="2") as (live, stall, goods):
        reads, over = Tally(), threading.Event()

        def read() -> None:
            while not over.is_set():
                reader = Buyer(live.address, reads)
                reader.ask("page", f"/p/{goods.product_code}")
                reader.ask("page", "/")
                reader.leave()

        file = live.environ["DATABASE_URL"].removeprefix("sqlite:///")
        readers = [threading.Thread(target=read) for _ in range(2)]
        with Trade(stall, goods, threads=6) as trade:
            trade.sells_again(time.monotonic())
            for reader in readers:
                reader.start()
            lock = sqlite3.connect(file, isolation_level=None, timeout=30)
            lock.execute("BEGIN IMMEDIATE")
            begun = time.monotonic()
            time.sleep(seconds)
            met = len([moment for moment, _session in trade.told if begun + 1 < moment])
            lock.execute("ROLLBACK")
            lock.close()
            again = trade.sells_again(time.monotonic())
            over.set()
            for reader in readers:
                reader.join()
        pages = reads.seconds.get("page", [])
        found.say(
            f"{len(pages)} pages read meanwhile, {dict(reads.answers)}, p95 {share(pages, 95):.2f} s; "
            f"selling again {again:.1f} s after; {trade.say()}"
        )
        found.expect(set(reads.answers) == {200}, f"pages: {dict(reads.answers)} {reads.faults[:1]}")
        found.expect(
            trade.tally.answers[NO_ANSWER] == 0, f"{trade.tally.answers[NO_ANSWER]} writes got no answer"
        )
        found.expect(again <= BACK_SECONDS, f"selling again {again:.1f} s after")
        trade.check(found)
        found.control(f"the lock was met: {met} orders in {seconds} s", fails_without=met == 0)


@contextlib.contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path | None]:
    """A file system of its own; None where this user may not mount one."""
    folder.mkdir(mode=0o755)
    try:
        words = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0755", "tmpfs", str(folder)]
        if os.geteuid() or subprocess.run(words, capture_output=True, check=False).returncode:
            yield None
            return
        try:
            yield folder
        finally:
            subprocess.run(["umount", "-l", str(folder)], capture_output=True, check=False)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@row(
    "F12",
    on=(SQLITE,),
    mark="told orders there, storefront shows, sells again without a restart",
    minutes=4,
    is_timed=True,
)
def disk_is_full(ground: Ground) -> None:
    """The disk with the database and the pictures is full for 15 seconds while four buyers buy."""
    found = ground.found
    with small_disk(ground.folder / "disk", 64) as disk:
        if disk is None:
            found.skip("no file system can be mounted here (it needs root)")
            return
        database = f"sqlite:///{disk}/shop.sqlite"
        live = Live(ground.folder, database, WEB_PROCESSES="2", DATA_DIR=str(disk / "data"))
        try:
            stall = Stall(live, ground.database, found)
            goods = stall.goods(5_000)
            live.start(SITE)
            before = children(live.process_id(SITE))
            reads = Tally()
            with Trade(stall, goods) as trade:
                trade.sells_again(time.monotonic())
                fill(disk / "ballast")
                begun = time.monotonic()
                while time.monotonic() < begun + 15:
                    reader = Buyer(live.address, reads)
                    reader.ask("page", f"/p/{goods.product_code}")
                    reader.ask("page", "/")
                    reader.leave()
                    fill(disk / "ballast")
                met = trade.tally.answers[503] + trade.tally.answers[500]
                (disk / "ballast").unlink()
                again = trade.sells_again(time.monotonic())
            found.say(
                f"pages meanwhile: {dict(reads.answers)}; selling again {again:.1f} s after; {trade.say()}"
            )
            found.expect(set(reads.answers) == {200}, f"pages: {dict(reads.answers)} {reads.faults[:1]}")
            found.expect(again <= BACK_SECONDS, f"selling again {again:.1f} s after")
            found.expect(children(live.process_id(SITE)) == before, "web processes were replaced")
            trade.check(found)
            found.control(f"the fault was met: {met} requests failed", fails_without=met > 0)
        finally:
            live.stop()


def fill(file: Path) -> None:
    """Until not a byte more fits."""
    with file.open("ab", buffering=0) as ballast, contextlib.suppress(OSError):
        for size in (1 << 20, 1 << 12, 1):
            with contextlib.suppress(OSError):
                while ballast.write(b"\0" * size) == size:
                    pass


@row(
    "F19",
    on=(POSTGRESQL,),
    mark="no acknowledged order lost, resets safe to repeat",
    minutes=5,
    is_timed=True,
)
def rolling_restarts(ground: Ground) -> None:
    """Five rolling restarts of all web processes while twelve buyers buy."""
    found, rolls = ground.found, max(2, ground.count(50) // 10)
    with open_stall(ground, 20_000, SITE, WEB_PROCESSES="3") as (live, stall, goods):
        supervisor = live.process_id(SITE)
        with Trade(stall, goods, threads=12) as trade:
            trade.sells_again(time.monotonic())
            for _roll in range(rolls):
                for victim in children(supervisor):
                    os.kill(victim, signal.SIGTERM)
                    gone = wait_until(partial(is_replaced, supervisor, victim, 3), 60)
                    found.expect(gone is not None, "a web process was not replaced in 60 s")
                    time.sleep(0.3)
        found.say(f"{rolls} rolling restarts of 3 processes: {trade.say()}")
        faults = Counter(fault.partition(":")[0] for fault in trade.tally.faults)
        found.expect(not trade.tally.answers[503], f"{trade.tally.answers[503]} answers were 503")
        if faults:
            found.say(f"broken connections by act: {dict(faults)}")
        trade.check(found)
        found.controls.append("F1 kills instead of ending: there presses stay without an answer")


def is_replaced(supervisor: int, victim: int, wanted: int) -> bool:
    alive = children(supervisor)
    return victim not in alive and len(alive) == wanted


class Postbox(socketserver.ThreadingTCPServer):
    """A mail server that takes everything, as far as a client of ours speaks with one."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, port: int) -> None:
        self.taken: list[str] = []
        super().__init__(("127.0.0.1", port), _Talk)


class _Talk(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        self.wfile.write(b"220 soak\r\n")
        for line in self.rfile:
            word = line[:4].upper()
            if word == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                mail = b""
                for part in self.rfile:
                    if part == b".\r\n":
                        break
                    mail += part
                    if part.lower().startswith(b"message-id:"):
                        self.server.taken.append(part.decode().strip())  # type: ignore[attr-defined]
            self.wfile.write(b"221 bye\r\n" if word == b"QUIT" else b"250 ok\r\n")
            if word == b"QUIT":
                return


@row("F24", on=(POSTGRESQL,), mark="orders unaffected, every mail leaves later, once")
def mail_is_down(ground: Ground) -> None:
    """The mail server is away for an hour while mails come to be, then it is back."""
    found, mails, port = ground.found, ground.count(40), free_port()
    with open_stall(
        ground, 500, SITE, WORKER, MAIL_URL=f"smtp://127.0.0.1:{port}", SMS_URL=f"file:{ground.folder}/sms"
    ) as (_live, stall, goods):

        def tell(number: int) -> None:
            parameters = {"code": f"C{number}", "amount": 5790}
            notify("order_paid", mail=f"buyer{number}@example.org", parameters=parameters)

        stall.look(lambda: [run_in_transaction(partial(tell, number)) for number in range(mails)])
        is_mail = OutboxMessage.channel == "mail"
        waiting = WAITING_MESSAGES.where(is_mail)
        sessions = place(stall, goods, 5)
        pay_all(stall, sessions)
        wait_until_paid(stall, set(stall.orders()), "while mail is down")
        tries = select(func.min(OutboxMessage.tries)).where(is_mail)
        tried = wait_until(lambda: stall.number(tries) >= 1, 90)
        found.expect(tried is not None, "the mails were not even tried")
        left = stall.number(waiting)
        found.control(f"while it is down {left} of {mails} mails wait", fails_without=left == mails)
        postbox = Postbox(port)
        serving = threading.Thread(target=postbox.serve_forever)
        serving.start()
        try:
            stall.change("UPDATE outbox_messages SET next_try_at = created_at WHERE status = 'waiting'")
            took = wait_until(lambda: stall.number(waiting) == 0, 90)
        finally:
            postbox.shutdown()
            postbox.server_close()
            serving.join()
        times = Counter(postbox.taken)
        often = dict(Counter(times.values()))
        found.say(
            f"5 orders paid meanwhile; {len(times)} mails left within {took or 90:.0f} s once it was back, "
            f"by how often they came: {often}"
        )
        found.expect(took is not None, "not every mail left in 90 s")
        found.expect(often == {1: mails}, f"mails by how often they came: {often}")


@row("F25", on=BOTH, mark="each job, message, refund and release once")
def two_workers(ground: Ground) -> None:
    """Two workers are started by mistake, with refunds, lapsed holds, messages and pictures to do."""
    found, each = ground.found, ground.count(30)
    with open_stall(ground, 500, SITE, SMS_URL=f"file:{ground.folder}/sms") as (live, stall, goods):
        pay_all(stall, place(stall, goods, each))
        paid = set(stall.orders())
        wait_until_paid(stall, paid, "before")
        place(stall, goods, each)
        lapsed = set(stall.orders()) - paid
        let_lapse(stall, lapsed)
        stall.look(lambda: [run_in_transaction(partial(cancel, order)) for order in sorted(paid)])
        pictures = [take_picture(stall, samples.jpeg(300 + number, 200)) for number in range(5)]
        live.start(WORKER, SECOND_WORKER)

        def is_done() -> bool:
            left = sum(stall.number(query) for query in (OPEN_REFUNDS, WAITING_MESSAGES, OPEN_JOBS))
            return not left and all(stall.state_of(order) == PaymentState.CANCELLED for order in lapsed)

        took = wait_until(is_done, 90)
        found.expect(took is not None, "not everything was done in 90 s")
        messages, jobs = by_tries(stall, OutboxMessage), by_tries(stall, Job)
        ready = sum(image_state(stall, picture)[0] == ImageState.READY for picture in pictures)
        found.say(
            f"{each} refunds, {each} releases and {ready} pictures done in {took or 90:.0f} s; "
            f"messages by tries {messages}, jobs by tries {jobs}"
        )
        found.expect(set(messages) == {1}, f"messages by tries: {messages}")
        found.expect(set(jobs) == {1}, f"jobs by tries: {jobs}")
        stall.check("afterwards")
        stall.check_charges("afterwards")
        found.controls.append("tests/jobs/test_services.py: without the guarded claim both would have it")


def by_tries(stall: Stall, model: type[OutboxMessage] | type[Job]) -> dict[int, int]:
    query = select(model.tries, func.count()).group_by(model.tries)
    return {int(tried): int(count) for tried, count in stall.look(lambda: db.session.execute(query).all())}
