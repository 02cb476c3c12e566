"""The English catalogue: every text that a person can meet, nothing else, with the same placeholders."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import read_po

from marketplace.notifications import messages
from tests.house.source import PRODUCT, ROOT, TEMPLATES, sources
from tests.page import HAN

pytestmark = pytest.mark.nodatabase  # says the same on either database

CATALOGUE = PRODUCT / "translations" / "en" / "LC_MESSAGES" / "messages.po"
KEYWORDS = {
    "_": None,
    "_l": None,
    "_n": (1, 2),
    "gettext": None,
    "lazy_gettext": None,
    "ngettext": (1, 2),
}
PLACEHOLDER = re.compile(r"%\((\w+)\)[sd]")
# Chinese that stands in the English text on purpose: names of documents and marks that have no English form.
QUOTED = re.compile(r"《[^》]*》|“[^”]*”|（[^）]*）|\([^)]*\)|〔\d+〕")
# Tables of sentences outside of any call: wording and reasons are chosen by a key and translated when shown.
TABLES = ("marketplace.awards.wording", "marketplace.awards.reasons")


@cache
def catalogue() -> Catalog:
    with CATALOGUE.open("rb") as file:
        return read_po(file, locale="en")


def known() -> dict[str, Message]:
    return {(m.id if isinstance(m.id, str) else m.id[0]): m for m in catalogue() if m.id}


def mapping() -> tuple[list[tuple[str, str]], dict[str, dict[str, str]]]:
    with (ROOT / "babel.cfg").open(encoding="utf-8") as file:
        method_map, options = parse_mapping_cfg(file, "babel.cfg")
    return method_map, options


@cache
def extracted() -> dict[str, tuple[str, ...]]:
    """Every text of code and templates, singular and plural, with where it stands."""
    method_map, options = mapping()
    found: dict[str, tuple[str, ...]] = {}
    for folder in (PRODUCT, TEMPLATES):
        below = [(pattern.removeprefix(f"{folder.name}/"), method) for pattern, method in method_map]
        inside = {pattern.removeprefix(f"{folder.name}/"): value for pattern, value in options.items()}
        for file, line, message, _comments, _context in extract_from_dir(folder, below, inside, KEYWORDS):
            texts = message if isinstance(message, tuple) else (message,)
            found.setdefault(texts[0], (f"{folder.name}/{file}:{line}", *texts))
    return found


def bare() -> Iterator[tuple[str, str, int]]:
    """Module, text and line of each Chinese constant outside of a translating call; docstrings left out."""
    for source in sources():
        passed = set()
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and node.body:
                first = node.body[0]
                passed |= {id(first.value)} if isinstance(first, ast.Expr) else set()
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in KEYWORDS:
                passed |= {id(inner) for inner in ast.walk(node)}
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Constant) and id(node) not in passed and HAN.search(str(node.value)):
                yield source.module, str(node.value), node.lineno


def tabled() -> Iterator[tuple[str, str]]:
    """Sentences that stand in tables, with where; clauses' numbers are the same everywhere, 万 is a Chinese unit."""
    for module, text, line in bare():
        if module in TABLES and len(text) > 1 and not re.fullmatch(r"四（[一二三四五]）\d", text):
            yield text, f"{module}:{line}"


def test_there_is_something_to_translate() -> None:
    assert len(extracted()) > 500


def test_every_text_has_its_english() -> None:
    missing = [f"{where[0]}: {text}" for text, where in extracted().items() if text not in known()]
    assert not missing, "\n".join(missing)
    assert not [m.id for m in known().values() if not (all(m.string) if isinstance(m.string, tuple) else m.string)]


def test_sentences_of_tables_have_their_english() -> None:
    missing = [f"{where}: {text}" for text, where in tabled() if text not in known()]
    assert not missing, "\n".join(missing)


def test_the_catalogue_holds_nothing_that_nobody_says() -> None:
    said = set(extracted()) | {text for text, _where in tabled()}
    assert [text for text in known() if text not in said] == []
    assert not catalogue().obsolete


def test_nothing_is_fuzzy() -> None:
    assert [m.id for m in catalogue() if m.fuzzy and m.id] == []


def forms(message: Message) -> list[str]:
    return list(message.string) if isinstance(message.string, tuple | list) else [message.string]


def test_placeholders_are_the_same() -> None:
    wrong = []
    for text, message in known().items():
        wanted = set(PLACEHOLDER.findall(text))
        for english in forms(message):
            given = set(PLACEHOLDER.findall(english))
            # A singular may say "one" instead of its count.
            if given != wanted and not (len(forms(message)) > 1 and wanted - given <= {"count", "num"}):
                wrong.append(f"{text!r} → {english!r}")
    assert not wrong, "\n".join(wrong)


def test_a_percent_sign_is_doubled_where_values_are_filled_in() -> None:
    wrong = []
    for text, message in known().items():
        for words in (text, *forms(message)):
            rest = PLACEHOLDER.sub("", words).replace("%%", "")
            if "%" in rest and PLACEHOLDER.search(text):
                wrong.append(words)
    assert not wrong, "\n".join(wrong)


def test_english_is_english() -> None:
    wrong = [
        f"{text!r} → {english!r}"
        for text, message in known().items()
        for english in forms(message)
        if HAN.search(QUOTED.sub("", english))
    ]
    assert not wrong, "\n".join(wrong)


def test_counts_have_a_singular_and_a_plural() -> None:
    for message in known().values():
        if isinstance(message.id, tuple):
            assert len(forms(message)) == 2, message.id
            assert all(forms(message)), message.id


def test_texts_are_whole_sentences_in_the_source() -> None:
    """No text is glued together: a formatted string inside of a call could never be looked up."""
    wrong = []
    for source in sources():
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in KEYWORDS:
                first = node.args[0] if node.args else None
                if isinstance(first, ast.JoinedStr | ast.BinOp):
                    wrong.append(f"{source.module}:{node.lineno}")
    assert wrong == []


# Chinese that is data or belongs to Chinese alone, and why it is never looked up.
CHINESE_AS_DATA = {
    "marketplace.accounts.second_factor": "the name that an authenticator shows",
    "marketplace.catalogue.rules": "titles of listings are sellers' words, in Chinese",
    "marketplace.catalogue.season": "how seasons are written in the sources",
    "marketplace.catalogue.selling": "an address without what everybody knows",
    "marketplace.demo.bulk_size": "a loaded market's invented shops and people",
    "marketplace.demo.evidence": "the demo's invented documents",
    "marketplace.demo.market": "the demo's invented people",
    "marketplace.money": "what people type behind an amount",
    "marketplace.places": "groupings of the source",
    "marketplace.provenance.forms": "how a day is read",
    "marketplace.provenance.rules": "the mark's registered name",
    "marketplace.templating": "how a day is written in Chinese",
}


def test_every_chinese_text_of_the_code_can_be_translated() -> None:
    excused = {*CHINESE_AS_DATA, *TABLES}
    wrong = [f"{module}:{line}: {text}" for module, text, line in bare() if module not in excused]
    assert not wrong, "\n".join(wrong)
    assert excused == {module for module, _text, _line in bare()}, "an exception that is none any more"


@pytest.mark.parametrize("name", sorted(path.name for path in (TEMPLATES / "email").iterdir() if path.is_dir()))
def test_each_mail_has_subject_text_and_page(name: str) -> None:
    assert {path.name for path in (TEMPLATES / "email" / name).iterdir()} == {"subject.txt", "body.txt", "body.html"}
    assert hasattr(messages, name)
