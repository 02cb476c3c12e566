"""./run bench [row …] [--sqlite|--postgresql] [--products=N] [--small] [--write] [--list]: what things cost.

Each page is asked for in interleaved rounds beside a small program that does the least of it on the same server and
database, equally durable; what counts is the ratio of their CPU. --small tries it out in short rounds and keeps
nothing; --write puts what the last runs found into docs/performance.md.
"""

from __future__ import annotations

import contextlib
import json
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from bench import apart, pages
from bench.ground import Figure, Ground
from tests.databases import DURABLE, postgresql
from tests.sandbox.process import ROOT
from tests.soak.results import between, keep_json, markdown
from tests.soak.rows import BOTH, POSTGRESQL, SQLITE

FILE = ROOT / "test-results" / "bench.json"
DOCUMENT = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- written by ./run bench --write -->", "<!-- end of what ./run bench writes -->"
OPTIONS = {"--sqlite", "--postgresql", "--small", "--write", "--list"}
PRODUCTS = 1000


@dataclass(frozen=True)
class Row:
    """What is carried out together."""

    databases: tuple[str, ...]
    promise: str
    carry_out: Callable[[Ground], None]


ROWS = {
    "pages": Row(BOTH, "list, cached, fragment, product, search, basket, last step, whole order, memory", pages.pages),
    "search": Row(BOTH, "search alone, to try it with --products=10000", pages.search_alone),
    "start": Row((SQLITE,), "./run in a checkout that was set up, to its first page", apart.start),
    "picture": Row((SQLITE,), "a photo of twelve megapixels in the job", apart.picture),
}
USUAL = ("pages", "start", "picture")


def main(words: list[str]) -> int:
    products = next((int(word.partition("=")[2]) for word in words if word.startswith("--products=")), PRODUCTS)
    options = {word for word in words if word.startswith("--") and not word.startswith("--products=")}
    wanted = [word for word in words if not word.startswith("--")]
    unknown = [*(options - OPTIONS), *set(wanted) - set(ROWS)]
    if unknown:
        print(f"./run bench knows no {', '.join(unknown)}; its rows are {', '.join(ROWS)}.", file=sys.stderr)
        return 2
    if "--list" in options:
        for name, row in ROWS.items():
            print(f"{name:8} {', '.join(row.databases):20} {row.promise}")
        return 0
    if "--write" in options and not wanted:
        write(load())
        return 0
    found = carry_out(wanted or list(USUAL), options, products)
    print(table(found))
    if "--small" not in options:
        kept = load() | {f"{one.row}/{one.database}": one for one in found}
        keep_json(FILE, {key: asdict(one) for key, one in kept.items()})
        if "--write" in options:
            write(kept)
    return 0


def carry_out(wanted: list[str], options: set[str], products: int) -> list[Figure]:
    """One row after another, each with the machine to itself."""
    chosen = [name for name in BOTH if f"--{name}" in options] or BOTH
    found: list[Figure] = []
    for database in chosen:
        rows = [ROWS[name] for name in wanted if database in ROWS[name].databases]
        with contextlib.ExitStack() as stack:
            server = SQLITE
            if rows and database == POSTGRESQL:
                server = stack.enter_context(postgresql(DURABLE))
            for row in rows:
                with tempfile.TemporaryDirectory(prefix="bench-") as folder:
                    ground = Ground(database, server, Path(folder), products, is_small="--small" in options)
                    row.carry_out(ground)
                    found += ground.found
    return found


def load() -> dict[str, Figure]:
    try:
        kept = json.loads(FILE.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {key: Figure(**value) for key, value in kept.items()}


HEAD = ("row", "database", "mark", "found", "reached")


def cells(one: Figure) -> tuple[str, ...]:
    reached = "" if one.holds is None else "yes" if one.holds else "**no**"
    return one.row, one.database, one.mark, f"{one.found} ({one.day})", reached


def table(found: list[Figure]) -> str:
    return "\n" + "\n".join("  ".join(cells(one)) for one in found)


def write(kept: dict[str, Figure]) -> None:
    """Put the figures into docs/performance.md, between its two marks."""
    rows = [cells(one) for one in sorted(kept.values(), key=lambda one: _place(one.row))]
    between(DOCUMENT, BEGIN, END, markdown(HEAD, rows))
    print(f"Written into {DOCUMENT.relative_to(ROOT)}.")


ORDER = (*pages.PAGES, "whole order", "memory", "start", "picture")


def _place(row: str) -> int:
    return ORDER.index(row) if row in ORDER else len(ORDER)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
