"""What is measured where: servers on one database, and the figures that rows find."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bench import ceiling, goods
from bench.measure import Ask, Target
from marketplace.database import db
from tests.databases import fresh_database
from tests.factories import Goods
from tests.live import SITE, Live, free_port
from tests.sandbox.process import ROOT
from tests.soak.buyers import Buyer

ROUNDS, SECONDS = 3, 2.0


@dataclass
class Figure:
    """What a row found on one database."""

    row: str
    database: str
    mark: str
    found: str
    holds: bool | None  # None: nothing to hold it against
    day: str = ""


@dataclass
class Ground:
    """Servers to measure, and how long."""

    database: str
    server: str
    folder: Path
    products: int
    is_small: bool
    found: list[Figure] = field(default_factory=list)

    @property
    def rounds(self) -> int:
        return 2 if self.is_small else ROUNDS

    @property
    def seconds(self) -> float:
        return 1.0 if self.is_small else SECONDS

    def tell(self, row: str, mark: str, found: str, holds: bool | None) -> None:
        self.found.append(Figure(row, self.database, mark, found, holds, time.strftime("%Y-%m-%d")))
        verdict = "" if holds is None else " – reached" if holds else " – MISSED"
        print(f"{row} on {self.database}: {found}{verdict}", flush=True)

    def database_processes(self) -> tuple[int, ...]:
        """PostgreSQL's first process; SQLite has none of its own."""
        if "host=" not in self.server:
            return ()
        lines = (Path(self.server.partition("host=")[2]) / "postmaster.pid").read_text(encoding="ascii").splitlines()
        return (int(lines[0]),)

    @contextlib.contextmanager
    def shop(self, **environ: str) -> Iterator[Stand]:
        """A site with products, started."""
        number = len(list(self.folder.iterdir()))
        place = self.folder / f"shop-{number}"
        place.mkdir()
        with fresh_database(self.server) as address:
            live = Live(place, address, **environ)
            try:
                with live.app.app_context():
                    made = goods.make(self.products)
                    codes = goods.codes()
                    if self.database == "postgresql":
                        with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                            connection.exec_driver_sql("ANALYZE")
                    db.session.remove()
                live.start(SITE)
                yield Stand(live, made, codes, self.database_processes())
            finally:
                live.stop()

    @contextlib.contextmanager
    def ceiling(self) -> Iterator[Callable[[str, Ask], Target]]:
        """The ceiling program, started; gives what makes a target of a request."""
        with fresh_database(self.server) as address:
            engine = ceiling.make_engine(address)
            ceiling.fill(engine, 1000)
            port = free_port()
            command = [sys.executable, "-P", "-m", "bench.ceiling", address, str(port)]
            environ = {**os.environ, "PYTHONPATH": str(ROOT)}
            process = subprocess.Popen(command, env=environ, stdin=subprocess.DEVNULL)
            url = f"http://127.0.0.1:{port}"
            processes = (process.pid, *self.database_processes())
            try:
                wait_for(url)
                yield lambda name, ask: Target(name, url, processes, ask)
            finally:
                process.terminate()
                process.wait()
                engine.dispose()


def wait_for(url: str, seconds: float = 30) -> None:
    give_up = time.monotonic() + seconds
    while Buyer(url).ask("hello", "/hello").status != 200:
        if time.monotonic() > give_up:
            raise RuntimeError(f"{url} does not answer")
        time.sleep(0.05)


@dataclass
class Stand:
    """A running shop: what it sells, and the processes whose time counts."""

    live: Live
    goods: list[Goods]
    codes: list[str]
    database: tuple[int, ...]

    def target(self, name: str, ask: Ask, status: int = 200) -> Target:
        return Target(name, self.live.address, (self.live.process_id(SITE), *self.database), ask, status)

    @property
    def worker(self) -> int:
        """The web process itself."""
        return self.live.process_id(SITE)
