"""Figures for who watches, counted in every process and added up over all of them; nothing without METRICS_TOKEN.

Each process counts in files of its own in DATA_DIR/metrics, which prometheus-client maps into memory.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from config import Config

FILE_BYTES = 512 * 1024  # some thousand series; ours are some hundred
KINDS = ("counter", "histogram")
SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True)
class Figures:
    """What is counted."""

    requests: Any
    seconds: Any
    statements: Any
    retried: Any
    shed: Any
    calls: Any


_figures: Figures | None = None


def folder(config: Config) -> Path:
    return config.data_dir / "metrics"


def forget_dead(config: Config) -> None:
    """Before the processes of a site start: figures of processes that are gone, as a restart begins anew."""
    for file in folder(config).glob("*.db"):
        with suppress(OSError, ValueError):
            os.kill(int(file.stem.rpartition("_")[2]), 0)
            continue
        file.unlink(missing_ok=True)


def start(config: Config) -> None:
    """Count in this process from now on, if somebody is to read it and there is room for it."""
    global _figures
    if not config.metrics_token:
        return
    place = folder(config)
    try:
        place.mkdir(parents=True, exist_ok=True)
        for kind in KINDS:
            # Written out: a file with holes, mapped into memory, ends the process when the disk is full.
            (place / f"{kind}_{os.getpid()}.db").write_bytes(bytes(FILE_BYTES))
    except OSError:
        return
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(place)
    from prometheus_client import Counter, Histogram  # it reads the environment when it is loaded

    _figures = Figures(
        Counter("ganchengji_requests", "Answered requests", ["group", "status"], registry=None),
        Histogram("ganchengji_request_seconds", "Time to answer", ["group"], buckets=SECONDS, registry=None),
        Counter("ganchengji_statements", "SQL statements of requests", registry=None),
        Counter("ganchengji_transactions_retried", "Acts that were begun again", registry=None),
        Counter("ganchengji_requests_shed", "Requests that waited too long for a thread", ["kind"], registry=None),
        Counter("ganchengji_provider_calls", "Calls of the payment provider", ["call", "outcome"], registry=None),
    )


def request_answered(group: str, status: int, *, seconds: float, statements: int) -> None:
    if _figures:
        _figures.requests.labels(group, str(status)).inc()
        _figures.seconds.labels(group).observe(seconds)
        _figures.statements.inc(statements)


def transaction_retried() -> None:
    if _figures:
        _figures.retried.inc()


def request_shed(kind: str) -> None:
    if _figures:
        _figures.shed.labels(kind).inc()


def provider_called(call: str, outcome: str) -> None:
    if _figures:
        _figures.calls.labels(call, outcome).inc()


def exposition(config: Config, gauges: Any) -> bytes:
    """Prometheus' text: the counts of all processes, and what a collector finds now."""
    from prometheus_client import CollectorRegistry, generate_latest  # loaded by the first who asks
    from prometheus_client.multiprocess import MultiProcessCollector  # likewise

    registry = CollectorRegistry()
    if folder(config).is_dir():
        MultiProcessCollector(registry, path=str(folder(config)))  # type: ignore[no-untyped-call]
    registry.register(gauges)
    return generate_latest(registry)
