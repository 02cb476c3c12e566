"""What rows showed: kept between runs beside the code state that showed it, printed as a table, written into docs."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from tests.sandbox.process import ROOT
from tests.soak.rows import Row

FILE = ROOT / "test-results" / "soak.json"
DOCUMENT = ROOT / "docs" / "reliability.md"
BEGIN, END = "<!-- written by ./run soak --write -->", "<!-- end of what ./run soak writes -->"
HEAD = ("row", "database", "what was found", "control", "holds")
PRODUCT = ("marketplace", "sandbox", "templates", "migrations", "seed/reference")
SUPPORT = (
    "tests/live.py",
    "tests/market.py",
    "tests/factories.py",
    "tests/databases.py",
    "tests/live_entry.py",
)


@dataclass
class Result:
    """One row on one database."""

    row: str
    database: str
    state: str
    seconds: float
    day: str
    figures: list[str] = field(default_factory=list)
    controls: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    skipped: str = ""

    @property
    def verdict(self) -> str:
        if self.skipped:
            return "SKIPPED"
        return "no" if self.failures else "yes"


def load() -> dict[str, Result]:
    """By "ROW/database"; empty before the first run."""
    try:
        kept = json.loads(FILE.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {key: Result(**value) for key, value in kept.items()}


def keep(results: dict[str, Result]) -> None:
    keep_json(FILE, {key: asdict(value) for key, value in results.items()})


def keep_json(file: Path, content: dict[str, Any]) -> None:
    """Write a file whole or not at all."""
    file.parent.mkdir(exist_ok=True)
    part = file.with_suffix(".part")
    part.write_text(json.dumps(content, ensure_ascii=False, indent=1), encoding="utf-8")
    part.replace(file)


def state_of(row: Row) -> str:
    """A digest of the product and of what the row itself consists of: the same state needs no second run."""
    found = hashlib.sha256(_product().encode())
    found.update((ROOT / row.file).read_bytes())
    return found.hexdigest()[:16]


@cache
def _product() -> str:
    found = hashlib.sha256()
    paths = [path for folder in PRODUCT for path in (ROOT / folder).rglob("*") if path.is_file()]
    paths += [ROOT / name for name in (*SUPPORT, "config.py", "requirements.txt")]
    paths += [path for path in (ROOT / "tests" / "soak").glob("*.py") if not path.stem.endswith("_rows")]
    for path in sorted(paths):
        if path.suffix in {".pyc", ".mo"}:
            continue
        found.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes())
    return found.hexdigest()


def table(rows: dict[str, Row], results: dict[str, Result]) -> str:
    """For people who just ran it."""
    lines = []
    for row in rows.values():
        for database in row.databases:
            result = results.get(f"{row.name}/{database}")
            if result is None:
                continue
            lines.append(
                f"{row.name:4} {database:10} {result.verdict:7} {result.seconds:5.0f} s  {row.promise}"
            )
            lines.append(f"     mark: {row.mark}")
            lines += [f"     {'SKIPPED: ' + result.skipped}"] if result.skipped else []
            lines += [f"     {figure}" for figure in result.figures]
            lines += [f"     control: {sentence}" for sentence in result.controls]
            lines += [f"     FAILED: {sentence}" for sentence in result.failures]
    return "\n".join(lines)


def write(rows: dict[str, Row], results: dict[str, Result]) -> None:
    """Put the results into docs/reliability.md, between its two marks."""
    between(DOCUMENT, BEGIN, END, markdown(HEAD, _cells(rows, results)))


def between(document: Path, begin: str, end: str, text: str) -> None:
    """Put a text between two marks of a document, in place of what stood there."""
    found = document.read_text(encoding="utf-8")
    before, after = found.partition(begin)[0], found.partition(end)[2]
    document.write_text(f"{before}{begin}\n\n{text}\n\n{end}{after}", encoding="utf-8")


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table, each cell in one line."""
    body = ([re.sub(r"\s*\n\s*", " ", cell).replace("|", "/") for cell in row] for row in rows)
    lines = [head, ["---"] * len(head), *body]
    return "\n".join(f"| {' | '.join(line)} |".replace("  |", " |") for line in lines)


def _cells(rows: dict[str, Row], results: dict[str, Result]) -> Iterator[tuple[str, ...]]:
    for row in rows.values():
        for database in row.databases:
            result = results.get(f"{row.name}/{database}")
            if result is None:
                yield row.name, database, "not run yet", "", ""
                continue
            found = [*result.figures, *(f"**not as promised:** {failure}" for failure in result.failures)]
            if result.skipped:
                found.append(f"**skipped:** {result.skipped}")
            yield row.name, database, "; ".join(found), "; ".join(result.controls) or "–", result.verdict
