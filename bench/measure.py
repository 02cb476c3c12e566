"""CPU of process trees, and requests in interleaved rounds: the machine is noisy, CPU per request is less so.

CPU is user and system time of a server's processes and of all of PostgreSQL's, as the kernel counts them: in
hundredths of a second, so a round has to be long enough.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from tests.soak.buyers import Answer, Buyer, share

TICK_MS = 1000 / os.sysconf("SC_CLK_TCK")
CLIENTS = 4

Ask = Callable[[Buyer, int], Answer]


def tree_of(process_id: int) -> list[int]:
    """A process and all below it."""
    below: dict[int, list[int]] = {}
    for place in Path("/proc").glob("[0-9]*"):
        if fields := _stat(int(place.name)):
            below.setdefault(int(fields[1]), []).append(int(place.name))
    found, waiting = [], [process_id]
    while waiting:
        found.append(waiting.pop())
        waiting += below.get(found[-1], [])
    return found


def cpu_ms(process_ids: Sequence[int]) -> float:
    """What the trees below these processes have used, ended children included."""
    trees = {one for process_id in process_ids for one in tree_of(process_id)}
    return TICK_MS * sum(sum(map(int, fields[11:15])) for one in trees if (fields := _stat(one)))


def _stat(process_id: int) -> list[str]:
    """The fields of /proc/N/stat after the name; empty when the process is gone."""
    try:
        return Path(f"/proc/{process_id}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    except OSError:
        return []


def pss_mib(process_id: int) -> float:
    """Proportional memory of one process."""
    for line in Path(f"/proc/{process_id}/smaps_rollup").read_text(encoding="ascii").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("no Pss")


@dataclass
class Target:
    """One kind of request, at one server; what its rounds gave."""

    name: str
    address: str
    processes: tuple[int, ...]  # the server's, and the database's
    ask: Ask
    status: int = 200
    counts: int = 0  # requests a round, found by trying
    cpu: list[float] = field(default_factory=list)  # ms a request, a round each
    seconds: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)
    _numbers: count[int] = field(default_factory=count)

    @property
    def ms(self) -> float:
        """Median of the rounds: CPU ms a request."""
        return statistics.median(self.cpu)

    @property
    def rate(self) -> float:
        return statistics.median(self.rates)

    def p(self, percent: float) -> float:
        """Milliseconds that so many percent of the answers took at most."""
        return 1000 * share(self.seconds, percent)

    def round(self, seconds: float, clients: int = CLIENTS) -> None:
        """Ask for about so many seconds, by so many clients with kept connections."""
        begun, used = time.monotonic(), cpu_ms(self.processes)
        with ThreadPoolExecutor(clients) as pool:
            answered = list(pool.map(lambda _number: self._client(begun + seconds), range(clients)))
        passed, used = time.monotonic() - begun, cpu_ms(self.processes) - used
        times = [one for row in answered for one in row]
        self.cpu.append(used / len(times))
        self.rates.append(len(times) / passed)
        self.seconds += times

    def _client(self, until: float) -> list[float]:
        buyer, times = Buyer(self.address), []
        while time.monotonic() < until:
            answer = self.ask(buyer, next(self._numbers))
            if answer.status != self.status:
                raise RuntimeError(f"{self.name}: {answer.status} {answer.text[:300]}")
            times.append(answer.seconds)
        buyer.leave()
        return times


def interleaved(targets: Sequence[Target], *, rounds: int, seconds: float) -> None:
    """Each target in turn, so many times; a first short turn warms up and is not counted."""
    for target in targets:
        target.round(min(1.0, seconds))
        target.cpu.clear()
        target.rates.clear()
        target.seconds.clear()
    for _round in range(rounds):
        for target in targets:
            target.round(seconds)
