"""The source tree as the house tests read it: files, parsed modules and what each imports."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PRODUCT = ROOT / "marketplace"
TEMPLATES = ROOT / "templates"
STATIC = ROOT / "static"


@dataclass(frozen=True)
class Import:
    """One imported module, where it stands, and whether inside a function."""

    module: str
    line: int
    is_local: bool


@dataclass(frozen=True)
class Source:
    """One Python file of the product."""

    path: Path
    module: str
    tree: ast.Module
    lines: tuple[str, ...]

    @property
    def package(self) -> str | None:
        """The feature package in which the file lies; None for the core."""
        below = self.path.relative_to(PRODUCT).parts
        return below[0] if len(below) > 1 else None

    def imports(self) -> Iterator[Import]:
        """Every import; `from marketplace import clock` counts as marketplace.clock."""
        local = {
            id(inner)
            for node in ast.walk(self.tree)
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            for inner in ast.walk(node)
        }
        for node in ast.walk(self.tree):
            inside = id(node) in local
            if isinstance(node, ast.Import):
                for alias in node.names:
                    yield Import(alias.name, node.lineno, inside)
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{self.module}:{node.lineno} imports relatively"
                for alias in node.names:
                    whole = f"{node.module}.{alias.name}"
                    yield Import(whole if _is_module(whole) else str(node.module), node.lineno, inside)


def _is_module(name: str) -> bool:
    path = ROOT / Path(*name.split("."))
    return path.is_dir() or path.with_suffix(".py").is_file()


@cache
def sources(folder: Path = PRODUCT) -> tuple[Source, ...]:
    """All Python files below a folder, parsed, by path."""
    found = []
    for path in sorted(folder.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        parts = path.relative_to(ROOT).with_suffix("").parts
        module = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found.append(Source(path, module, ast.parse(text), tuple(text.splitlines())))
    return tuple(found)


@cache
def templates() -> tuple[tuple[str, str], ...]:
    """Name and text of every template."""
    return tuple(
        (path.relative_to(TEMPLATES).as_posix(), path.read_text(encoding="utf-8"))
        for path in sorted(TEMPLATES.rglob("*"))
        if path.is_file()
    )
