"""When a service stops answering: it is left alone for a while, so that nobody waits for what will not come."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

MOST_FAILURES = 3
REST_SECONDS = 10.0


class Breaker:
    """Closed while calls are answered; open after several in a row that were not; then one is let through to see.

    One for a process. Time is monotonic: a clock that is put back keeps nobody waiting.
    """

    def __init__(self, tell: Callable[[str], None], moment: Callable[[], float] = time.monotonic) -> None:
        self._tell, self._moment = tell, moment
        self._lock = threading.Lock()
        self._failures = 0
        self._rests_until = 0.0

    def may_call(self) -> bool:
        """Whether to call now. After a rest one caller is told yes, and the others once its call was answered."""
        with self._lock:
            if self._failures < MOST_FAILURES:
                return True
            if self._moment() < self._rests_until:
                return False
            self._rests_until = self._moment() + REST_SECONDS
            return True

    def note(self, *, answered: bool) -> None:
        """What became of a call: answered, be it with a refusal, or not."""
        with self._lock:
            was_open = self._failures >= MOST_FAILURES
            self._failures = 0 if answered else self._failures + 1
            is_open = self._failures >= MOST_FAILURES
            if is_open:
                self._rests_until = self._moment() + REST_SECONDS
        if is_open != was_open:
            self._tell("provider.rested" if is_open else "provider.back")
