"""A parsed answer, and the checks that every page has to pass."""

from __future__ import annotations

import re
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
        self.soup = BeautifulSoup(answer.get_data() if self.is_html else b"", "html.parser")

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
        assert len(self.soup.find_all("h1")) == 1, f"{where}: {len(self.soup.find_all('h1'))} h1"
        ids = [str(tag["id"]) for tag in self.soup.find_all(id=True)]
        doubled = {name for name in ids if ids.count(name) > 1}
        assert not doubled, f"{where}: ids twice: {doubled}"
        assert not self.soup.find_all(style=True), f"{where}: inline style"
        assert not self.soup.find_all("style"), f"{where}: style element"
        for script in self.soup.find_all("script"):
            assert script.get("src") or script.get("type") == "application/ld+json", f"{where}: inline script"
        for tag in self.soup.find_all(True):
            assert not [name for name in tag.attrs if name.startswith("on")], (
                f"{where}: handler on {tag.name}"
            )
        for image in self.soup.find_all("img"):
            assert image.get("alt") is not None, f"{where}: img without alt"
            assert {"width", "height"} <= image.attrs.keys(), f"{where}: img without size {image.get('src')}"
        for field in self.soup.find_all(["input", "select", "textarea"]):
            if field.get("type") in {"hidden", "submit", "button"}:
                continue
            named = field.get("aria-label") or field.get("aria-labelledby") or field.find_parent("label")
            labelled = field.get("id") and self.soup.find("label", attrs={"for": field["id"]})
            assert named or labelled, f"{where}: field {field.get('name')} without label"
        for form in self.soup.find_all("form"):
            method = str(form.get("method", "get")).lower()
            if method == "post" and not form.has_attr("data-without-token"):
                assert form.find("input", attrs={"name": "csrf_token"}), f"{where}: form without token"
        for link in self.soup.find_all("a"):
            assert link.get("href"), f"{where}: link without address: {link.get_text(strip=True)}"


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
