"""docs/reliability.md: every row has its line, every test that it names exists, every row of ./run soak is known."""

from __future__ import annotations

import re

import pytest

from tests.house.source import ROOT
from tests.soak.results import BEGIN, END
from tests.soak.rows import load_rows

pytestmark = pytest.mark.nodatabase

DOCUMENT = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
LISTED = {"L": 8, "F": 25, "B": 14, "A": 9, "S": 12, "M": 9}


def test_every_row_has_its_line() -> None:
    first_cells = re.findall(r"^\| ([LFBASM][0-9LFBASM, ]*?) \|", DOCUMENT, re.MULTILINE)
    named = {name for cell in first_cells for name in cell.split(", ")} | set(load_rows())
    wanted = {f"{kind}{number}" for kind, most in LISTED.items() for number in range(1, most + 1)}
    assert named == wanted


def test_every_test_that_is_named_exists() -> None:
    wrong = []
    for file, name in re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", DOCUMENT):
        path = ROOT / file
        if not path.is_file() or (name and not re.search(rf"def {name}\(", path.read_text(encoding="utf-8"))):
            wrong.append(f"{file}::{name}")
    assert wrong == []


def test_every_row_in_full_says_its_promise_its_mark_and_fits_the_hour() -> None:
    rows = load_rows()
    assert [row.name for row in rows.values() if not row.promise or not row.mark] == []
    assert set(rows) >= {"L1", "L2", "L3", "L4", "F1", "F2", "F3", "F4", "F6", "F7", "F9"}
    assert all(set(row.databases) <= {"sqlite", "postgresql"} for row in rows.values())


def test_the_place_for_what_the_rows_showed_is_there_once() -> None:
    assert DOCUMENT.count(BEGIN) == DOCUMENT.count(END) == 1
    assert DOCUMENT.index(BEGIN) < DOCUMENT.index(END)
