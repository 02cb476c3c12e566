"""Pages for everybody: both languages, no token, no cookie; the demo's own pages stay in the demo."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pytest
from flask import Flask

from marketplace.accounts import rules
from marketplace.accounts.models import CodePurpose, Document
from marketplace.accounts.services import request_code
from marketplace.database import run_in_transaction
from marketplace.notifications.delivery import deliver_due
from tests.accounts.codes import last_code
from tests.browsing import Visitor

PAGES = ["rules", "privacy", "licences", "accessibility", "contact", "credits"]


@pytest.fixture
def production(app: Flask) -> Iterator[None]:
    """The same application, told that it is no demo."""
    before = app.config["SETTINGS"]
    app.config["SETTINGS"] = dataclasses.replace(before, demo=False)
    yield
    app.config["SETTINGS"] = before


@pytest.mark.parametrize("prefix", ["", "/en"])
@pytest.mark.parametrize("name", PAGES)
def test_information_is_for_everybody_and_may_be_cached(visitor: Visitor, name: str, prefix: str) -> None:
    page = visitor.get(f"{prefix}/pages/{name}")
    assert "Set-Cookie" not in page.answer.headers
    assert not page.soup.select("form[method=post]")


def test_rules_and_privacy_name_the_version_to_which_people_consent(visitor: Visitor) -> None:
    assert rules.VERSIONS[Document.RULES] in visitor.get("/pages/rules").text
    assert rules.VERSIONS[Document.PRIVACY] in visitor.get("/pages/privacy").text


def test_foot_of_a_page_leads_to_pages_that_exist(visitor: Visitor) -> None:
    for link in {link for link in visitor.get("/pages/contact").links() if link.startswith("/pages/")}:
        visitor.get(link)


@pytest.mark.parametrize("path", ["/gallery", "/gallery/seller", "/gallery/office"])
def test_gallery_shows_every_component(visitor: Visitor, path: str) -> None:
    visitor.get(path)


def test_gallery_shows_the_sellers_places_to_who_has_no_shop(visitor: Visitor) -> None:
    assert len(visitor.get("/gallery/seller").soup.select("nav.tabs a")) == 5


def test_gallery_has_no_other_pages(visitor: Visitor) -> None:
    visitor.get("/gallery/../../etc/passwd", 404)
    visitor.get("/gallery/nothing", 404)


def test_visitor_of_the_demo_reads_the_code_that_was_sent(app: Flask, visitor: Visitor) -> None:
    phone = "13900007777"
    with app.app_context():
        run_in_transaction(lambda: request_code(phone, CodePurpose.SIGN_UP, "192.0.2.1"))
        code = last_code(app, phone)
        deliver_due()
    page = visitor.get("/demo/messages")
    assert code in page.text
    assert phone not in page.text


@pytest.mark.usefixtures("production")
@pytest.mark.parametrize("path", ["/gallery", "/gallery/office", "/demo/messages"])
def test_production_has_no_demo_pages(visitor: Visitor, path: str) -> None:
    visitor.get(path, 404)


@pytest.mark.usefixtures("production")
def test_production_credits_no_demo_photographs(visitor: Visitor) -> None:
    assert not visitor.get("/pages/credits").soup.select("tbody tr")


def test_contact_names_channels_that_exist(visitor: Visitor) -> None:
    page = visitor.get("/pages/contact")
    assert "管理员在“设置”里填“服务电话”" in page.text
    assert "tel:12315" in page.links()
    assert "替你建店" not in page.text


@pytest.mark.usefixtures("production")
def test_contact_without_a_phone_sends_to_the_centre(visitor: Visitor) -> None:
    page = visitor.get("/pages/contact")
    assert "服务电话还没有录入" in page.text
    assert "演示" not in page.text
