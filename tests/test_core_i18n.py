"""The language stands in the address, and nowhere else."""

from __future__ import annotations

import pytest
from flask import Flask, url_for

from marketplace.i18n import choose, language
from tests.browsing import Visitor


def test_chinese_stands_at_the_root_and_english_below_en(visitor: Visitor) -> None:
    for path, lang in (("/pages/rules", "zh-CN"), ("/en/pages/rules", "en")):
        page = visitor.get(path)
        assert page.soup.html
        assert page.soup.html["lang"] == lang


def test_neither_header_nor_cookie_chooses_the_language(visitor: Visitor) -> None:
    page = visitor.get("/pages/rules", headers={"Accept-Language": "en", "Cookie": "language=en"})
    assert page.soup.html
    assert page.soup.html["lang"] == "zh-CN"


@pytest.mark.parametrize("path", ["/en", "/en/"])
def test_the_english_home_has_one_page_with_and_without_its_last_stroke(visitor: Visitor, path: str) -> None:
    page = visitor.get(path)
    assert page.soup.html
    assert page.soup.html["lang"] == "en"


@pytest.mark.parametrize("path", ["/english", "/enx/", "/en/en/pages/rules", "/EN/pages/rules"])
def test_what_only_begins_like_it_is_not_english(visitor: Visitor, path: str) -> None:
    answer = visitor.client.get(path)
    assert answer.status_code in {308, 404}


def test_links_keep_the_language_and_assets_have_one_address(visitor: Visitor) -> None:
    page = visitor.get("/en/pages/rules")
    paths = [link for link in page.links() if link.startswith("/")]
    others = [tag["href"] for tag in page.soup.find_all("a", attrs={"hreflang": "zh-CN"})]
    assert others
    assert all(path.startswith("/en") for path in paths if path not in others)
    assets = [str(tag["href"]) for tag in page.soup.select("link[rel=stylesheet]")]
    assert assets
    assert all(path.startswith("/static/") for path in assets)


def test_the_switch_leads_to_the_same_page_and_back(visitor: Visitor) -> None:
    page = visitor.get("/search?q=%E8%84%90%E6%A9%99&sort=price")
    there = next(str(tag["href"]) for tag in page.soup.find_all("a", attrs={"hreflang": "en"}))
    assert there.startswith("/en/search?q=")
    english = visitor.get(there)
    back = next(str(tag["href"]) for tag in english.soup.find_all("a", attrs={"hreflang": "zh-CN"}))
    assert back == there.removeprefix("/en")


def test_redirects_keep_the_language(visitor: Visitor) -> None:
    assert visitor.get("/en/account", 303).location.startswith("/en/sign-in?next=")
    assert visitor.get("/account", 303).location.startswith("/sign-in")


def test_addresses_keep_the_language_by_themselves(shared_app: Flask) -> None:
    with shared_app.test_request_context(
        "/pages/rules", environ_overrides={"SCRIPT_NAME": "/en", "marketplace.language": "en"}
    ):
        assert url_for("pages.rules_page") == "/en/pages/rules"
        assert language() == "en"
        assert choose("脐橙", "Navel orange") == "Navel orange"
        assert choose("脐橙", None) == "脐橙"


def test_outside_of_a_request_it_is_chinese() -> None:
    assert language() == "zh"
    assert choose("脐橙", "Navel orange") == "脐橙"


def test_errors_speak_the_language_of_their_address(visitor: Visitor) -> None:
    assert visitor.get("/en/nowhere", 404).soup.html["lang"] == "en"  # type: ignore[index]
    assert visitor.get("/nowhere", 404).soup.html["lang"] == "zh-CN"  # type: ignore[index]
