"""Which part may know which: the order of docs/decisions/0001, read from the source."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.house.source import PRODUCT, ROOT, Import, Source, sources

pytestmark = pytest.mark.nodatabase  # says the same on either database

ORDER = (
    "notifications",
    "jobs",
    "accounts",
    "media",
    "backup",
    "sellers",
    "ledger",
    "revenue",
    "provenance",
    "inventory",
    "catalogue",
    "cart",
    "orders",
    "payments",
    "logistics",
    "checkout",
    "awards",
    "staff",
    "demo",
)
# A page shows what several packages know; it adds nothing up by itself.
SCREENS = re.compile(r"(^|_)(views|forms|area)$")
# What several screens share, with the reason.
SHARED_BY_SCREENS = {"marketplace.accounts.entry": "a basket follows the person who signs in"}
# Where the parts are put together: these alone among the core modules know feature packages.
COMPOSITION = {
    "marketplace",
    "marketplace.blueprints",
    "marketplace.worker",
    "marketplace.cli",
    "marketplace.seeding",
}
FOREIGN = {"tests", "sandbox", "bench", "migrations"}


def feature_of(module: str) -> str | None:
    """The feature package of a module's name, None for the core and for libraries."""
    parts = module.split(".")
    return parts[1] if parts[0] == "marketplace" and len(parts) > 1 and parts[1] in ORDER else None


def imports(source: Source) -> Iterator[tuple[Import, str]]:
    for found in source.imports():
        yield found, f"{source.path.relative_to(ROOT)}:{found.line} imports {found.module}"


def test_the_packages_are_those_of_the_order() -> None:
    folders = {path.parent.name for path in PRODUCT.glob("*/__init__.py")}
    assert folders == set(ORDER)


def test_the_decision_page_lists_the_same_order() -> None:
    page = (ROOT / "docs/decisions/0001-import-order.md").read_text(encoding="utf-8")
    listed = re.search(r"one order: (.+?)\.", page, re.DOTALL)
    assert listed
    assert tuple(re.split(r",\s+", listed[1])) == ORDER


def test_packages_import_only_those_before_them() -> None:
    wrong = []
    for source in sources():
        own = source.package
        if own is None or SCREENS.search(source.path.stem) or source.module in SHARED_BY_SCREENS:
            continue
        for found, where in imports(source):
            other = feature_of(found.module)
            if other and ORDER.index(other) > ORDER.index(own):
                wrong.append(where)
    assert not wrong, "\n".join(wrong)


def test_only_screens_import_screens() -> None:
    wrong = []
    for source in sources():
        if source.module in COMPOSITION or SCREENS.search(source.path.stem):
            continue
        for found, where in imports(source):
            last = found.module.rpartition(".")[2]
            if feature_of(found.module) and re.search(r"(^|_)(views|area)$", last):
                wrong.append(where)
    assert not wrong, "\n".join(wrong)


def test_the_core_knows_no_feature() -> None:
    wrong = [
        where
        for source in sources()
        if source.package is None and source.module not in COMPOSITION
        for found, where in imports(source)
        if feature_of(found.module)
    ]
    assert not wrong, "\n".join(wrong)


def test_the_composition_roots_exist() -> None:
    assert {source.module for source in sources()} >= COMPOSITION


def test_the_product_knows_neither_tests_nor_sandbox() -> None:
    wrong = [
        where
        for source in sources()
        for found, where in imports(source)
        if found.module.partition(".")[0] in FOREIGN
    ]
    assert not wrong, "\n".join(wrong)


def test_the_sandbox_knows_nothing_of_the_product() -> None:
    wrong = [
        where
        for source in sources(ROOT / "sandbox")
        for found, where in imports(source)
        if found.module.partition(".")[0] in {"marketplace", "config", "tests"}
    ]
    assert not wrong, "\n".join(wrong)


def test_an_import_inside_a_function_says_why() -> None:
    """A comment behind it or on the line before; it never hides a circle, only a cost."""
    wrong = []
    for source in sources():
        for found, where in imports(source):
            if not found.is_local:
                continue
            here, before = source.lines[found.line - 1], source.lines[found.line - 2]
            if "#" not in here and not before.strip().startswith("#"):
                wrong.append(where)
    assert not wrong, "\n".join(wrong)


def test_rules_are_pure() -> None:
    """rules.py decides from values: no session, no request, no time of its own."""
    forbidden = {
        "flask",
        "marketplace.database",
        "marketplace.clock",
        "marketplace.sessions",
    }  # models lend enums
    wrong = [
        where
        for source in sources()
        if source.path.name == "rules.py"
        for found, where in imports(source)
        if found.module in forbidden or found.module.endswith((".queries", ".services"))
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        (r"datetime\.now\(|date\.today\(|utcnow\(", "time comes from marketplace.clock"),
        (r"\bfloat\(", "no float near money or weight"),
        (r"\.query\.|\bModel\.query\b", "select() and the session, never Model.query"),
    ],
)
def test_words_that_the_product_does_not_use(pattern: str, reason: str) -> None:
    wrong = [
        f"{source.path.relative_to(ROOT)}:{number}: {reason}"
        for source in sources()
        if source.module != "marketplace.clock"
        for number, line in enumerate(source.lines, 1)
        if re.search(pattern, line)
    ]
    assert not wrong, "\n".join(wrong)
