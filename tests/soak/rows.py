"""What a row of ./run soak is: a function with a name, its databases and its mark, which writes down what it found.

A file tests/soak/NAME_rows.py is all that a new row needs.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

from tests.databases import fresh_database
from tests.live import Live

SQLITE, POSTGRESQL = "sqlite", "postgresql"
BOTH = (POSTGRESQL, SQLITE)


@dataclass
class Found:
    """What came of a row: figures in words, what its control showed, and everything that was not as it should be."""

    figures: list[str] = field(default_factory=list)
    controls: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    skipped: str = ""

    def say(self, figure: str) -> None:
        self.figures.append(figure)

    def expect(self, holds: bool, sentence: str) -> None:
        """sentence says what was found; it is kept when it should not be so."""
        if not holds:
            self.failures.append(sentence)

    def control(self, sentence: str, *, fails_without: bool) -> None:
        """What happened with the guard switched off; a control that still passes proves nothing."""
        self.controls.append(sentence)
        self.expect(fails_without, f"the control passed as well: {sentence}")

    def skip(self, reason: str) -> None:
        """It cannot be done on this machine; said loudly in the table."""
        self.skipped = reason


@dataclass
class Ground:
    """Where a row is carried out: a folder of its own, and a database server with the settings of production."""

    database: str
    server: str
    folder: Path
    found: Found = field(default_factory=Found)
    is_small: bool = False

    def count(self, full: int) -> int:
        """How many times: a tenth with --small, for trying out a row."""
        return max(1, full // 10) if self.is_small else full

    @contextlib.contextmanager
    def shop(self, **environ: str) -> Iterator[Live]:
        """A prepared shop on a fresh database; nothing but the payment sandbox runs yet."""
        number = len(list(self.folder.glob("shop-*")))
        folder = self.folder / f"shop-{number}"
        folder.mkdir()
        with fresh_database(self.server) as address:
            live = Live(folder, address, **environ)
            try:
                yield live
            finally:
                live.stop()

    def server_log(self) -> str:
        """What PostgreSQL wrote so far."""
        if self.database == SQLITE:
            return ""
        data = Path(self.server.partition("host=")[2])
        return (data.parent / "log").read_text(encoding="utf-8", errors="replace")


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    name: str
    databases: tuple[str, ...]
    mark: str
    minutes: float
    is_timed: bool
    carry_out: Callable[[Ground], None]

    @property
    def promise(self) -> str:
        return (self.carry_out.__doc__ or "").strip().partition("\n")[0]

    @property
    def file(self) -> str:
        return f"tests/soak/{self.carry_out.__module__.rpartition('.')[2]}.py"


ROWS: dict[str, Row] = {}


def row(
    name: str, *, on: tuple[str, ...], mark: str, minutes: float = 6, is_timed: bool = False
) -> Callable[[Callable[[Ground], None]], Callable[[Ground], None]]:
    """Register a function as a row; minutes is when it is given up, a timed one has the machine to itself."""

    def register(carry_out: Callable[[Ground], None]) -> Callable[[Ground], None]:
        assert name not in ROWS, f"two rows are called {name}"
        ROWS[name] = Row(name, on, mark, minutes, is_timed, carry_out)
        return carry_out

    return register


def load_rows() -> dict[str, Row]:
    """Every row of tests/soak/*_rows.py, in the order of their names: L1, L2, …, F1, …"""
    for path in sorted(Path(__file__).parent.glob("*_rows.py")):
        import_module(f"tests.soak.{path.stem}")
    return dict(sorted(ROWS.items(), key=lambda item: _place(item[0])))


def _place(name: str) -> tuple[int, int]:
    return "LFBASM".find(name[0]), int("".join(filter(str.isdigit, name)) or 0)
