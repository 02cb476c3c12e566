"""More at once than can be answered: who waited too long is told to come back, and acts never shut out readers.

Waitress gives a request, once all of it has come, to the next free thread. Here they wait in two lanes, reads and acts
(POST), that are served in turns; and acts together never take the last threads, however long they wait for a lock or
for the payment provider. How long a request waited is what decides whether it is still answered: a page early, since
its reader has gone on by then; an act late, since somebody pressed a button and wants to know.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from flask import Flask, request
from waitress.task import ThreadedTaskDispatcher

from marketplace import metrics
from marketplace.errors import BusyError

if TYPE_CHECKING:
    from waitress.channel import HTTPChannel

READ_SECONDS = 1.5
ACT_SECONDS = 25.0  # less than people, browsers and proxies wait
WAITED = "marketplace.waited"  # seconds, in a request's environ
# Cheaper to answer than to refuse, or asked by who watches.
ALWAYS_ANSWERED = frozenset({"static_file", "health.healthz", "health.readyz", "metrics.show"})
READS = frozenset({"GET", "HEAD", "OPTIONS"})

_turn = threading.local()


class Turn:
    """One request of a connection that waits for a thread."""

    def __init__(self, channel: HTTPChannel, lanes: Lanes) -> None:
        self.channel = channel
        self.lanes = lanes
        self.since = time.monotonic()
        self.is_read = channel.requests[0].command in READS

    def service(self) -> None:
        """In a thread: answer it."""
        _turn.waited = time.monotonic() - self.since
        try:
            self.channel.service()
        finally:
            self.lanes.end(self)

    def cancel(self) -> None:
        self.channel.cancel()


class Lanes:
    """The dispatcher's queue; used under its lock but for end()."""

    def __init__(self, most_acts: int) -> None:
        self.most_acts = most_acts
        self._reads: deque[Turn] = deque()
        self._acts: deque[Turn] = deque()
        self._acting: set[Turn] = set()
        self._was_read = False

    def append(self, channel: HTTPChannel) -> None:
        turn = Turn(channel, self)
        (self._reads if turn.is_read else self._acts).append(turn)

    def __len__(self) -> int:
        """How many could begin now."""
        return len(self._reads) + (len(self._acts) if self._may_act() else 0)

    def _may_act(self) -> bool:
        return len(self._acting) < self.most_acts

    def popleft(self) -> Turn:
        """The next one: a read and an act in turns, as far as both wait and may."""
        may_act = bool(self._acts) and self._may_act()
        self._was_read = not (may_act and (self._was_read or not self._reads))
        if self._was_read:
            return self._reads.popleft()
        turn = self._acts.popleft()
        self._acting.add(turn)
        return turn

    def end(self, turn: Turn) -> None:
        """Its thread is free; the same thread looks for the next one, so nobody has to be woken."""
        self._acting.discard(turn)


def dispatcher(threads: int) -> ThreadedTaskDispatcher:
    """Waitress's threads behind two lanes; a third of them, one at least, is never held by acts."""
    found = ThreadedTaskDispatcher()
    found.queue = Lanes(most_acts=max(1, threads - max(1, threads // 3)))
    found.set_thread_count(threads)
    return found


def note_waiting(application: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
    """WSGI middleware: says in the environ how long the request waited for its thread."""

    def noted(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        environ[WAITED] = _turn.waited
        return application(environ, start_response)

    return noted


def init_app(app: Flask) -> None:
    """Refuse, before anything is looked up for it, a request that waited too long."""

    @app.before_request
    def _refuse() -> None:
        patience = READ_SECONDS if request.method in READS else ACT_SECONDS
        if request.environ.get(WAITED, 0) > patience and request.endpoint not in ALWAYS_ANSWERED:
            metrics.request_shed("read" if request.method in READS else "act")
            raise BusyError
