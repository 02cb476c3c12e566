"""Batches and their certificates on the seller's pages."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import select

from marketplace.database import db
from marketplace.provenance.models import Batch, Certificate
from tests.browsing import Visitor
from tests.factories import shop

SignIn = Callable[[str], Visitor]
BATCH = {
    "category_code": "navel",
    "variety_code": "newhall",
    "county_code": "360722",
    "area_code": "360722105",
    "picked_on": "2026-11-18",
    "orchard": "石坳组",
}


@pytest.fixture
def coop(sign_in: SignIn) -> Visitor:
    return sign_in("coop_owner")


def test_batch_is_recorded_certified_and_printed(app: Flask, coop: Visitor) -> None:
    made = coop.submit("/seller/batches/new", BATCH)
    page = coop.follow(made)
    assert "有了才能卖" in page.text
    refused = coop.submit(made.location, {"certificate_quantity": ""}, 422, form="/certificate")
    assert refused.errors()["certificate_quantity"]
    refused = coop.submit(
        made.location, {"certificate": "have", "certificate_quantity": "5"}, 422, form="/certificate"
    )
    assert refused.errors()["certificate_number"]
    coop.submit(made.location, {"certificate_quantity": "2500"}, form="/certificate")
    with app.app_context():
        certificate = db.session.execute(select(Certificate)).scalar_one()
        code = db.session.execute(select(Batch.code)).scalar_one()
    assert "有合格证" in coop.get("/seller/batches/").text

    sheet = coop.get(f"/seller/batches/{code}/certificates/{certificate.id}")
    for words in (
        "承诺达标合格证",
        "纽荷尔脐橙",
        "2,500 kg",
        "信丰县",
        "2026年11月20日",
        certificate.number,
        "石坳",
    ):
        assert words in sheet.text
    figure = sheet.soup.select_one("figure")
    assert figure is not None
    assert figure.find("svg")
    assert "承诺达标合格证" in figure.get_text()
    assert f"/batch/{_shop_code(app)}/{code}" in str(figure["aria-label"])
    assert "承诺达标合格证" in coop.get(f"/batch/{_shop_code(app)}/{code}").text, "what the code leads to"


def _shop_code(app: Flask) -> str:
    with app.app_context():
        return shop("coop_owner").code


@pytest.mark.parametrize(
    ("field", "value"),
    [("area_code", ""), ("picked_on", ""), ("picked_on", "2026-11-25"), ("picked_on", "xx")],
)
def test_batch_that_cannot_be_is_refused_at_its_field(coop: Visitor, field: str, value: str) -> None:
    refused = coop.submit("/seller/batches/new", BATCH | {field: value}, 422)
    assert field in refused.errors()
    assert refused.form().fields["orchard"] == "石坳组"


def test_townships_are_listed_without_scripts(coop: Visitor) -> None:
    shown = coop.submit("/seller/batches/new", {"county_code": "360726", "list_areas": "1"}, 200)
    assert any(str(option["value"]).startswith("360726") for option in shown.soup.select("#area_code option"))


def test_certificate_of_another_shop_or_batch_is_404(app: Flask, coop: Visitor, sign_in: SignIn) -> None:
    first = coop.submit("/seller/batches/new", BATCH).location
    second = coop.submit("/seller/batches/new", BATCH).location
    coop.submit(first, {"certificate_quantity": "2500"}, form="/certificate")
    with app.app_context():
        certificate_id = db.session.execute(select(Certificate.id)).scalar_one()
    coop.get(f"{first}/certificates/{certificate_id}")
    coop.get(f"{second}/certificates/{certificate_id}", 404)
    stranger = sign_in("farmer")
    stranger.get(f"{first}/certificates/{certificate_id}", 404)
    stranger.get(first, 404)


def test_person_is_told_that_none_is_asked(sign_in: SignIn) -> None:
    farmer = sign_in("farmer")
    made = farmer.submit("/seller/batches/new", BATCH)
    assert "不要求开" in farmer.follow(made).text


@pytest.mark.parametrize("path", ["/seller/batches/", "/seller/batches/new", "/seller/stock/"])
@pytest.mark.parametrize("prefix", ["", "/en"])
def test_pages_stand_in_both_languages_when_empty(coop: Visitor, prefix: str, path: str) -> None:
    coop.get(prefix + path)
