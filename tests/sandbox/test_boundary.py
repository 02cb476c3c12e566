"""Shop and sandbox meet over HTTP only."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.nodatabase

ROOT = Path(__file__).parents[2]


def imported(package: str) -> Iterator[tuple[Path, str]]:
    for file in (ROOT / package).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                yield from ((file, name.name) for name in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield file, node.module or ""


@pytest.mark.parametrize(("package", "other"), [("sandbox", "marketplace"), ("marketplace", "sandbox")])
def test_neither_imports_the_other(package: str, other: str) -> None:
    assert not [(file, name) for file, name in imported(package) if name.split(".")[0] == other]
