"""Every template compiles, names only what exists, and holds nothing inline; every text can be translated."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from bs4 import BeautifulSoup
from flask import Flask
from jinja2 import nodes

from tests.browsing import Visitor
from tests.factories import Goods
from tests.house.source import STATIC, TEMPLATES, sources, templates
from tests.market import Market
from tests.page import HAN

pytestmark = pytest.mark.nodatabase  # says the same on either database

HTML = [name for name, _text in templates() if name.endswith((".html", ".svg", ".txt"))]
TRANSLATING = {"_", "gettext", "lazy_gettext", "_l"}
WITHOUT_TRANSLATION = {
    "gallery/index.html": "goods and places as sellers would type them",
    "gallery/seller.html": "the same",
    "gallery/office.html": "the same",
    "layouts/_foot.html": "the name of the other language, marked as Chinese",
    "layouts/_language.html": "the same",
    "provenance/seller/certificate.html": "the certificate's wording is prescribed; marked as Chinese",
}
# Sentences that stand in tables, marked there with _l, or kept as data beside their Chinese form.
SENTENCE_TABLES = {"marketplace.awards.reports", "marketplace.awards.wording"}
# Drawn by our own code, with no word of a stranger's in it.
UNESCAPED = {"components/errsum.html", "catalogue/batch.html", "accounts/set_up_second_factor.html"}


@pytest.fixture(scope="session")
def trees(shared_app: Flask) -> dict[str, nodes.Template]:
    """Every template, parsed as the application parses it."""
    return {name: shared_app.jinja_env.parse(text, name) for name, text in templates() if name in HTML}


def calls(tree: nodes.Template, *names: str) -> Iterator[nodes.Call]:
    for call in tree.find_all(nodes.Call):
        if isinstance(call.node, nodes.Name) and call.node.name in names:
            yield call


def constant(call: nodes.Call) -> str | None:
    """The first argument, when it is a plain text."""
    first = call.args[0] if call.args else None
    return first.value if isinstance(first, nodes.Const) and isinstance(first.value, str) else None


def test_there_are_templates_only() -> None:
    assert [name for name, _text in templates() if name not in HTML] == []


@pytest.mark.parametrize("name", HTML)
def test_template_compiles(shared_app: Flask, name: str) -> None:
    shared_app.jinja_env.get_template(name)


def named(tree: nodes.Template, kind: type[nodes.Extends | nodes.Include]) -> list[str]:
    """The templates that one extends or includes by a plain name."""
    return [found.template.value for found in tree.find_all(kind) if isinstance(found.template, nodes.Const)]


def readers(name: str, heirs: dict[str, list[str]], parts: dict[str, list[str]]) -> Iterator[str]:
    """The template, and those that see its imports: what extends it and what it includes."""
    yield name
    for heir in heirs[name]:
        yield from readers(heir, heirs, parts)
    yield from parts[name]


def test_imported_macros_exist_and_are_used(trees: dict[str, nodes.Template]) -> None:
    wrong = []
    loaded = {
        name: {node.name for node in tree.find_all(nodes.Name) if node.ctx == "load"} for name, tree in trees.items()
    }
    parts = {name: named(tree, nodes.Include) for name, tree in trees.items()}
    heirs = defaultdict(list)
    for name, tree in trees.items():
        for parent in named(tree, nodes.Extends):
            heirs[parent].append(name)
    for name, tree in trees.items():
        used = set().union(*(loaded[reader] for reader in readers(name, heirs, parts)))
        for found in tree.find_all(nodes.FromImport):
            assert isinstance(found.template, nodes.Const)
            offered = {macro.name for macro in trees[found.template.value].find_all(nodes.Macro)}
            for entry in found.names:
                macro, alias = entry if isinstance(entry, tuple) else (entry, entry)
                if macro not in offered:
                    wrong.append(f"{name}: {found.template.value} has no {macro}")
                if alias not in used:
                    wrong.append(f"{name}: {alias} is imported and never used")
    assert not wrong, "\n".join(wrong)


def test_macros_are_called_with_parameters_that_they_have(trees: dict[str, nodes.Template]) -> None:
    wrong = []
    for name, tree in trees.items():
        macros = {macro.name: macro for macro in tree.find_all(nodes.Macro)}
        for found in tree.find_all(nodes.FromImport):
            assert isinstance(found.template, nodes.Const)
            offered = {macro.name: macro for macro in trees[found.template.value].find_all(nodes.Macro)}
            for entry in found.names:
                macro, alias = entry if isinstance(entry, tuple) else (entry, entry)
                if macro in offered:
                    macros[alias] = offered[macro]
        for call in calls(tree, *macros):
            assert isinstance(call.node, nodes.Name)
            macro = macros[call.node.name]
            parameters = [argument.name for argument in macro.args]
            takes_more = any(node.name in {"kwargs", "varargs"} for node in macro.find_all(nodes.Name))
            unknown = {pair.key for pair in call.kwargs} - {*parameters, "caller"}
            if not takes_more and (unknown or len(call.args) > len(parameters)):
                wrong.append(f"{name}:{call.lineno}: {call.node.name}() does not take {unknown or 'so many'}")
    assert not wrong, "\n".join(wrong)


def test_nothing_is_inline() -> None:
    """No style, no script text, no handler, not in any source: the content policy would drop it."""
    wrong = []
    for name, text in templates():
        if name.startswith("email/"):  # mail programs know no sheet
            continue
        plain = re.sub(r"\{#.*?#\}", "", text, flags=re.DOTALL)
        for number, line in enumerate(plain.splitlines(), 1):
            if re.search(r"\sstyle=|<style\b|\son[a-z]+=[\"']|javascript:", line):
                wrong.append(f"{name}:{number}: {line.strip()[:80]}")
            if re.search(r"<script\b(?![^>]*\bsrc=)(?![^>]*application/ld\+json)", line):
                wrong.append(f"{name}:{number}: {line.strip()[:80]}")
    assert not wrong, "\n".join(wrong)


def test_only_our_own_drawings_go_unescaped() -> None:
    found = {name for name, text in templates() if re.search(r"\|\s*safe\b|autoescape\s+false", text)}
    assert found <= UNESCAPED


AREAS = ("seller", "staff")


def whole(target: str, package: str, area: str) -> str:
    """An endpoint's whole name; ".detail" means the blueprint's own."""
    if package == "staff":  # has office pages only
        area = "staff"
    if not target.startswith("."):
        return target
    return f"{area}.{package}{target}" if area in AREAS else f"{package}{target}"


def targets(trees: dict[str, nodes.Template]) -> Iterator[tuple[str, str, nodes.Call]]:
    """Where it stands, whole endpoint and call, of each address that a template builds."""
    for name, tree in trees.items():
        package, _, rest = name.partition("/")
        for call in calls(tree, "url_for"):
            if target := constant(call):
                yield f"{name}:{call.lineno}", whole(target, package, rest.partition("/")[0]), call


def test_named_endpoints_exist(shared_app: Flask, trees: dict[str, nodes.Template]) -> None:
    known = set(shared_app.view_functions)
    wrong = [f"{where}: {target}" for where, target, _call in targets(trees) if target not in known]
    for source in sources():
        area = source.path.stem.partition("_")[0]
        for node in ast.walk(source.tree):
            if not (
                isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "url_for"
            ):
                continue
            first = node.args[0] if node.args else None
            if (
                isinstance(first, ast.Constant)
                and whole(first.value, source.package or "", area) not in known
            ):
                wrong.append(f"{source.module}:{node.lineno}: {first.value}")
    assert not wrong, "\n".join(wrong)


def test_addresses_get_the_parameters_that_they_need(
    shared_app: Flask, trees: dict[str, nodes.Template]
) -> None:
    wrong = []
    for where, target, call in targets(trees):
        if call.dyn_kwargs is not None or target not in shared_app.view_functions:
            continue
        given = {pair.key for pair in call.kwargs}
        rules = shared_app.url_map.iter_rules(target)
        if not any(rule.arguments <= given | set(rule.defaults or {}) for rule in rules):
            wrong.append(f"{where}: {target} with {sorted(given)}")
    assert not wrong, "\n".join(wrong)


def test_rendered_templates_exist_and_each_is_used(trees: dict[str, nodes.Template]) -> None:
    named = set()
    for source in sources():
        for node in ast.walk(source.tree):
            if (
                isinstance(node, ast.Constant)
                and isinstance(node.value, str)
                and node.value.endswith(".html")
            ):
                named.add(node.value)
    missing = {name for name in named if re.fullmatch(r"\w+(/\w+)+\.html", name)} - set(trees)
    assert not missing
    kinds = (nodes.FromImport, nodes.Import, nodes.Include, nodes.Extends)
    for tree in trees.values():
        for kind in kinds:
            for found in tree.find_all(kind):
                whole = found.template
                consts = [whole] if isinstance(whole, nodes.Const) else whole.find_all(nodes.Const)
                named |= {str(text.value) for text in consts}
        for call in tree.find_all(nodes.Call):  # drawn("layouts/_frame.html", …)
            if isinstance(call.node, nodes.Name) and call.node.name == "drawn" and call.args:
                named.add(str(call.args[0].as_const()))
    by_name = ("errors/", "email/", "gallery/")  # chosen by a number or a name
    unused = {name for name in trees if name not in named and not name.startswith(by_name)}
    assert not unused


def test_assets_exist(trees: dict[str, nodes.Template]) -> None:
    wrong = [
        f"{name}:{call.lineno}: {path}"
        for name, tree in trees.items()
        for call in calls(tree, "asset")
        if (path := constant(call)) and not (STATIC / path).is_file()
    ]
    named = r"url\([\"']?([^)\"'#:]+)|(?:from|import)\s*\(?[\"'](\.[^\"']+)"  # sheets name by url(), scripts import
    wrong += [
        f"{file.name}: {path}"
        for file in (*STATIC.rglob("*.css"), *STATIC.rglob("*.js"))
        for found in re.findall(named, file.read_text(encoding="utf-8"))
        for path in found
        if path and path != "data" and not (file.parent / path).is_file()
    ]
    assert not wrong, "\n".join(wrong)


def test_icons_are_in_the_sprite(trees: dict[str, nodes.Template]) -> None:
    sprite = BeautifulSoup((STATIC / "img/icons.svg").read_text(encoding="utf-8"), "html.parser")
    known = {str(symbol["id"]).removeprefix("i-") for symbol in sprite.find_all(id=True)}
    wrong = [
        f"{name}:{call.lineno}: {icon}"
        for name, tree in trees.items()
        for call in calls(tree, "icon")
        if (icon := constant(call)) and icon not in known
    ]
    assert not wrong, "\n".join(wrong)


def translated(node: Any) -> set[int]:
    """The nodes that stand inside a call of gettext."""
    return {id(inner) for call in calls(node, *TRANSLATING) for inner in call.find_all(nodes.Node)}


def test_every_chinese_text_of_a_template_can_be_translated(trees: dict[str, nodes.Template]) -> None:
    wrong: dict[str, list[str]] = defaultdict(list)
    for name, tree in trees.items():
        inside = translated(tree)
        for kind in (nodes.TemplateData, nodes.Const):
            for node in tree.find_all(kind):
                text = node.data if isinstance(node, nodes.TemplateData) else node.value
                if isinstance(text, str) and HAN.search(text) and id(node) not in inside:
                    wrong[name].append(f"{name}:{node.lineno}: {' '.join(text.split())[:60]}")
    assert wrong.keys() >= WITHOUT_TRANSLATION.keys(), "an exception that is none any more"
    found = [line for name, lines in wrong.items() if name not in WITHOUT_TRANSLATION for line in lines]
    assert not found, "\n".join(found)


PLACEHOLDER = re.compile(r"%\((\w+)\)s")


def placeholders_fit(text: str, given: set[str | None]) -> bool:
    """Every placeholder has its value and every value its placeholder; a bare percent sign is doubled."""
    rest = PLACEHOLDER.sub("", text).replace("%%", "")
    return set(PLACEHOLDER.findall(text)) == given and ("%" not in rest or not given)


def test_placeholders_of_template_texts_are_filled(trees: dict[str, nodes.Template]) -> None:
    wrong = []
    for name, tree in trees.items():
        for call in calls(tree, "_"):
            text = constant(call)
            if text is None:
                wrong.append(f"{name}:{call.lineno}: not a plain text")
            elif not placeholders_fit(text, {pair.key for pair in call.kwargs}):
                wrong.append(f"{name}:{call.lineno}: {text}")
    assert not wrong, "\n".join(wrong)


def test_placeholders_of_texts_in_code_are_filled() -> None:
    wrong = []
    for source in sources():
        for node in ast.walk(source.tree):
            if not (
                isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in TRANSLATING
            ):
                continue
            where = f"{source.module}:{node.lineno}"
            text = node.args[0] if len(node.args) == 1 else None
            given = {keyword.arg for keyword in node.keywords}
            if not (isinstance(text, ast.Constant) and isinstance(text.value, str)):
                if source.module not in SENTENCE_TABLES:
                    wrong.append(f"{where}: not a plain text")
            elif None not in given and not placeholders_fit(text.value, given):
                wrong.append(f"{where}: {text.value}")
    assert not wrong, "\n".join(wrong)


@pytest.fixture
def goods(app: Flask) -> Goods:
    market = Market(app)
    market.make_freight("farmer")
    found: Goods = market.make_goods("farmer")
    return found


PUBLIC: dict[str, Callable[[Goods], str]] = {
    "home": lambda goods: "/",
    "category": lambda goods: "/c/navel",
    "filters": lambda goods: "/c/navel/filter",
    "all products": lambda goods: "/products",
    "search": lambda goods: "/search?q=脐橙",
    "product": lambda goods: f"/p/{goods.product_code}",
    "rules": lambda goods: "/pages/rules",
    "privacy": lambda goods: "/pages/privacy",
    "licences": lambda goods: "/pages/licences",
    "accessibility": lambda goods: "/pages/accessibility",
    "contact": lambda goods: "/pages/contact",
    "credits": lambda goods: "/pages/credits",
}


@pytest.mark.parametrize("language", ["", "/en"])
@pytest.mark.parametrize("name", PUBLIC)
def test_public_page_holds_no_token_and_sets_no_cookie(
    visitor: Visitor, goods: Goods, name: str, language: str
) -> None:
    answer = visitor.get(language + PUBLIC[name](goods)).answer
    assert "csrf" not in answer.get_data(as_text=True)
    assert "Set-Cookie" not in answer.headers


def test_public_pages_load_sheets_and_scripts_from_here_alone(visitor: Visitor, goods: Goods) -> None:
    for address in PUBLIC.values():
        page = visitor.get(address(goods))
        sources = [
            tag.get("src") or tag.get("href") for tag in page.soup.select("script[src], link[href], img[src]")
        ]
        assert all(str(source).startswith(("/", "data:")) for source in sources if source), page.path


def test_templates_lie_beside_their_views() -> None:
    """A folder of templates is a package's, or one of the shared ones."""
    shared = {"components", "email", "errors", "gallery", "layouts", "pages"}
    folders = {path.name for path in TEMPLATES.iterdir() if path.is_dir()}
    packages = {source.package for source in sources() if source.package}
    assert folders <= packages | shared
