"""The background worker: jobs, messages, lapsed holds, confirmation, refunds, sealing, reconciling, checks."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from importlib import import_module
from threading import Event, Thread
from typing import Any

from flask import Flask

from marketplace import caching, clock, health, limits, metrics, once, sealing
from marketplace.database import db, held_open, run_in_transaction
from marketplace.logs import log, on_behalf_of

BEAT_SECONDS = 10
STOP_SECONDS = 10  # for what has begun; ./run waits longer before it kills
SLACK = timedelta(minutes=15)  # a round may take long before its task counts as overdue
CHECK_HOUR = timedelta(hours=3)  # Shanghai, when few buy


@dataclass(frozen=True)
class Task:
    """Something done again and again: how often, and the service that does one bounded round of it.

    Tasks of one lane wait for each other; a lane that hangs, on a mail server or on the provider, holds up no other.
    """

    name: str
    every_seconds: int
    service: str
    lane: str = "house"

    def load(self) -> Callable[[], Any]:
        return _load(self.service)

    @property
    def within(self) -> timedelta:
        """When it is overdue after it was done."""
        return 3 * timedelta(seconds=self.every_seconds) + SLACK


def _load(service: str) -> Callable[..., Any]:
    module, function = service.split(":")
    found: Callable[..., Any] = getattr(import_module(module), function)
    return found


TASKS = (
    Task("jobs", 1, "marketplace.jobs.services:run_due", "pictures"),
    Task("messages", 1, "marketplace.notifications.delivery:deliver_due", "messages"),
    Task("refunds", 2, "marketplace.payments.refunding:send_refunds", "provider"),
    Task("lapsed holds", 15, "marketplace.payments.services:sweep_unpaid", "provider"),
    Task("reconcile", 120, "marketplace.payments.reconciling:reconcile", "provider"),
    Task("automatic confirmation", 60, "marketplace.orders.services:confirm_due"),
    Task("sealing", 300, "marketplace.worker:seal"),
    Task("old failures and forms", 3600, "marketplace.worker:forget_old"),
    Task("old codes", 3600, "marketplace.accounts.codes:forget_old"),
    Task("versions of the catalogue", 60, "marketplace.worker:fold_versions"),
    Task("daily check", 600, "marketplace.worker:check_daily", "checks"),
)
CHECKS = (
    "marketplace.ledger.checks:check",
    "marketplace.revenue.services:verify",
    "marketplace.database:quick_check",
)
MOST_TOLD = 100


def seal() -> None:
    """Seal the rows of past days, table by table, batch by batch."""
    for table in sealing.TABLES:
        while run_in_transaction(partial(sealing.seal, table)):
            pass


def forget_old() -> None:
    """Drop failures and used forms that no limit and no open page asks for any more."""
    run_in_transaction(limits.forget_old)
    run_in_transaction(once.forget_old)


def fold_versions() -> None:
    """Keep the rows that each page adds up few."""
    run_in_transaction(caching.fold)


def check_daily() -> None:
    """Once a day, in the night: whether the books, the revenue and the file hold; the number of findings is kept."""
    since = clock.start_of_day(clock.shanghai_date(clock.now() - CHECK_HOUR)) + CHECK_HOUR
    last = db.session.get(health.Heartbeat, "check")
    if last is None or not since <= last.at <= clock.now():
        check()


def check() -> int:
    """How many findings there are; each is told in the log."""
    findings = [sentence for service in CHECKS for sentence in _load(service)()]
    for sentence in findings[:MOST_TOLD]:
        log().error("check.differs", finding=sentence)
    within = timedelta(days=1) + SLACK
    run_in_transaction(lambda: health.beat("check", within=within, findings=len(findings)))
    return len(findings)


@dataclass
class Worker:
    """The tasks in their lanes, each lane a thread, and what they have done since the last beat."""

    app: Flask
    stop: Event = field(default_factory=Event)
    done: dict[str, tuple[datetime, timedelta]] = field(default_factory=dict)

    def carry_out(self, task: Task) -> None:
        """One round; a failure is logged, and tried again at the task's next turn."""
        with self.app.app_context(), on_behalf_of(task=task.name):  # a fresh one: nothing that was read stays
            try:
                task.load()()
                self.done[task.name] = clock.now(), task.within
            except Exception:
                log().exception("task.failed")
            finally:
                db.session.remove()

    def work_in_lane(self, lane: str) -> None:
        due = {task: 0.0 for task in TASKS if task.lane == lane}
        while not self.stop.wait(0.5):
            for task in due:
                if time.monotonic() >= due[task] and not self.stop.is_set():
                    due[task] = time.monotonic() + task.every_seconds
                    self.carry_out(task)

    def beat(self) -> None:
        """Tell /readyz that the worker lives, and what its tasks have done, in one small transaction."""
        told, self.done = self.done, {}

        def tell() -> None:
            health.beat("worker")
            for name, (moment, within) in told.items():
                health.beat(name, at=moment, within=within)

        with self.app.app_context():
            try:
                run_in_transaction(tell)
            except Exception:
                log().exception("task.failed", task="heartbeat")
            finally:
                db.session.remove()

    def work(self) -> None:
        """Until it is told to stop; a lane that ended is begun again."""
        lanes: dict[str, Thread] = {}
        while not self.stop.is_set():
            for lane in {task.lane for task in TASKS}:
                if lane not in lanes or not lanes[lane].is_alive():
                    lanes[lane] = Thread(target=self.work_in_lane, args=(lane,), name=lane, daemon=True)
                    lanes[lane].start()
            self.beat()
            self.stop.wait(BEAT_SECONDS)
        give_up = time.monotonic() + STOP_SECONDS
        for thread in lanes.values():
            thread.join(max(0.0, give_up - time.monotonic()))


def run(app: Flask, *, once: bool = False) -> None:
    """Work until SIGTERM or SIGINT; once: a single round of everything."""
    worker = Worker(app)
    if once:
        for task in TASKS:
            worker.carry_out(task)
        worker.beat()
        return
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: worker.stop.set())
    metrics.start(app.config["SETTINGS"])
    with held_open(app.config["SETTINGS"].database):
        worker.work()
