"""A parsed answer, and the checks that every page has to pass."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Set
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from bs4 import BeautifulSoup, Tag
from werkzeug.test import TestResponse

HAN = re.compile(r"[\u4e00-\u9fff]")


@dataclass(frozen=True)
class Form:
    """Where a form goes and what it would send untouched."""

    action: str
    fields: dict[str, Any]


class Page:
    """One answer."""

    def __init__(self, answer: TestResponse) -> None:
        self.answer = answer
        self.status = answer.status_code
        self.path = answer.request.path
        self.is_html = answer.mimetype == "text/html"
        self.soup = BeautifulSoup(answer.get_data(as_text=True) if self.is_html else "", "lxml")

    @property
    def location(self) -> str:
        """The path that a redirect goes to; a foreign address whole."""
        target = self.answer.headers.get("Location", "")
        parts = urlsplit(target)
        return target if parts.netloc else parts.path + (f"?{parts.query}" if parts.query else "")

    @property
    def text(self) -> str:
        """What a person reads, blanks folded."""
        if not self.is_html:
            return self.answer.get_data(as_text=True)
        main = self.soup.find("main") or self.soup
        return " ".join(main.get_text(" ").split())

    @property
    def title(self) -> str:
        return self.soup.title.get_text(strip=True) if self.soup.title else ""

    def errors(self) -> dict[str, str]:
        """Sentence by field, as shown at the fields."""
        found = {}
        for message in self.soup.select(".f .msg"):
            holder = message.find_parent(class_="f")
            field = holder.find(["input", "select", "textarea"], attrs={"name": True}) if holder else None
            found[str(field["name"]) if field else ""] = message.get_text(" ", strip=True)
        return found

    def links(self) -> list[str]:
        return [str(a["href"]) for a in self.soup.find_all("a", href=True)]

    def form(self, action: str | None = None) -> Form:
        """The first form that posts, or the one whose action ends so."""
        for form in self.soup.find_all("form"):
            target = str(form.get("action") or "")
            wanted = target.endswith(action) if action else str(form.get("method", "get")).lower() == "post"
            if wanted:
                return Form(target, _fields(form))
        raise AssertionError(f"{self.path} has no form {action or ''}")

    def check(self) -> None:
        """What holds on every page: language, title, one h1, unique ids, labelled fields, tokens, nothing inline."""
        where = self.path
        html = self.soup.find("html")
        assert isinstance(html, Tag), f"{where}: no document"
        assert html.get("lang") in {"zh-CN", "en"}, f"{where}: language {html.get('lang')}"
        assert self.title, f"{where}: no title"
        shown = self.answer.get_data(as_text=True)
        assert not re.search("(?:<|&lt;)Macro ", shown), f"{where}: a macro printed as text"
        # Every page of every test comes by here: the tree is walked once, not once for each rule.
        tags = [tag for tag in self.soup.descendants if isinstance(tag, Tag)]
        counts = Counter(tag.name for tag in tags)
        assert counts["h1"] == 1, f"{where}: {counts['h1']} h1"
        assert not counts["style"], f"{where}: style element"
        ids = Counter(tag.attrs["id"] for tag in tags if "id" in tag.attrs)
        doubled = [name for name, count in ids.items() if count > 1]
        assert not doubled, f"{where}: ids twice: {doubled}"
        labelled = {tag.attrs.get("for") for tag in tags if tag.name == "label"}
        for tag in tags:
            assert "style" not in tag.attrs, f"{where}: inline style"
            handlers = [name for name in tag.attrs if name.startswith("on")]
            assert not handlers, f"{where}: handler on {tag.name}"
            wrong = _CHECKS[tag.name](tag, labelled) if tag.name in _CHECKS else None
            assert not wrong, f"{where}: {wrong}: {str(tag)[:200]}"


def _wrong_script(tag: Tag, _labelled: Set[object]) -> str | None:
    is_outside = tag.get("src") or tag.get("type") == "application/ld+json"
    return None if is_outside else "inline script"


def _wrong_image(tag: Tag, _labelled: Set[object]) -> str | None:
    return None if {"alt", "width", "height"} <= tag.attrs.keys() else "img without alt or size"


def _wrong_field(tag: Tag, labelled: Set[object]) -> str | None:
    if tag.get("type") in {"hidden", "submit", "button"} or tag.get("id") in labelled - {None}:
        return None
    named = tag.get("aria-label") or tag.get("aria-labelledby") or tag.find_parent("label")
    return None if named else "field without label"


def _wrong_form(tag: Tag, _labelled: Set[object]) -> str | None:
    is_posted = str(tag.get("method", "get")).lower() == "post" and not tag.has_attr("data-without-token")
    has_token = not is_posted or tag.find("input", attrs={"name": "csrf_token"})
    return None if has_token else "form without token"


def _wrong_link(tag: Tag, _labelled: Set[object]) -> str | None:
    return None if tag.get("href") else "link without address"


_CHECKS: dict[str, Callable[[Tag, Set[object]], str | None]] = {
    "script": _wrong_script,
    "img": _wrong_image,
    "input": _wrong_field,
    "select": _wrong_field,
    "textarea": _wrong_field,
    "form": _wrong_form,
    "a": _wrong_link,
}


def _fields(form: Tag) -> dict[str, Any]:
    found: dict[str, Any] = {}

    def put(name: str, value: str) -> None:
        if name in found:
            found[name] = [*(found[name] if isinstance(found[name], list) else [found[name]]), value]
        else:
            found[name] = value

    for field in form.find_all(["input", "select", "textarea"], attrs={"name": True}):
        name, kind = str(field["name"]), str(field.get("type", "text"))
        if kind in {"submit", "button", "file"} or field.has_attr("disabled"):
            continue
        if kind in {"checkbox", "radio"}:
            if field.has_attr("checked"):
                put(name, str(field.get("value", "on")))
        elif field.name == "select":
            chosen = field.find("option", selected=True) or field.find("option")
            if chosen:
                put(name, str(chosen.get("value", chosen.get_text(strip=True))))
        else:
            put(name, str(field.get("value", "")) if field.name == "input" else field.get_text())
    return found
