"""The background worker: jobs, messages, lapsed holds, automatic confirmation, refunds, sealing, reconciling."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from threading import Event
from typing import Any

from flask import Flask

from marketplace import health, limits, once, sealing
from marketplace.database import db, run_in_transaction
from marketplace.logs import log


@dataclass(frozen=True)
class Task:
    """Something done again and again: how often, and the service that does one bounded round of it."""

    name: str
    every_seconds: int
    service: str

    def load(self) -> Callable[[], Any]:
        module, function = self.service.split(":")
        found: Callable[[], Any] = getattr(import_module(module), function)
        return found


TASKS = (
    Task("heartbeat", 10, "marketplace.worker:beat"),
    Task("jobs", 1, "marketplace.jobs.services:run_due"),
    Task("messages", 1, "marketplace.notifications.delivery:deliver_due"),
    Task("refunds", 2, "marketplace.payments.refunding:send_refunds"),
    Task("lapsed holds", 15, "marketplace.payments.services:sweep_unpaid"),
    Task("automatic confirmation", 60, "marketplace.orders.services:confirm_due"),
    Task("reconcile", 120, "marketplace.payments.reconciling:reconcile"),
    Task("sealing", 300, "marketplace.worker:seal"),
    Task("old failures and forms", 3600, "marketplace.worker:forget_old"),
    Task("old codes", 3600, "marketplace.accounts.codes:forget_old"),
)


def beat() -> None:
    """Tell /readyz that the worker lives."""
    run_in_transaction(lambda: health.beat("worker"))


def seal() -> None:
    """Seal the rows of past days, table by table, batch by batch."""
    for table in sealing.TABLES:
        while run_in_transaction(partial(sealing.seal, table)):
            pass


def forget_old() -> None:
    """Drop failures and used forms that no limit and no open page asks for any more."""
    run_in_transaction(limits.forget_old)
    run_in_transaction(once.forget_old)


def run(app: Flask, *, once: bool = False) -> None:
    """Work until SIGTERM or SIGINT; a failing task is logged and tried again at its next turn."""
    stop = Event()
    if not once:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
    due = {task.name: 0.0 for task in TASKS}
    while not stop.is_set():
        for task in TASKS:
            if stop.is_set() or time.monotonic() < due[task.name]:
                continue
            due[task.name] = time.monotonic() + task.every_seconds
            _do(app, task)
        if once:
            return
        stop.wait(0.5)


def _do(app: Flask, task: Task) -> None:
    with app.app_context():  # a fresh one each time: nothing that was read stays
        try:
            task.load()()
        except Exception:
            log().exception("task.failed", task=task.name)
        finally:
            db.session.remove()
