"""Batches, certificates and seasons as they are written."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from marketplace import clock
from marketplace.audit import AuditEntry
from marketplace.database import db, run_in_transaction
from marketplace.errors import NotFoundError
from marketplace.provenance import queries, rules, services
from marketplace.provenance.models import Batch, Certificate
from tests.factories import actor, shop

pytestmark = pytest.mark.usefixtures("app_context")


def make_batch(seller: str = "coop_owner", **facts: Any) -> int:
    usual = {
        "category_code": "navel",
        "variety_code": "newhall",
        "area_code": "360722105",
        "picked_on": date(2026, 11, 18),
        "orchard": "石坳组",
    }
    return run_in_transaction(
        lambda: services.create_batch(actor(seller), seller_id=shop(seller).id, **(usual | facts)).id
    )


def issue(batch_id: int, seller: str = "coop_owner", **facts: Any) -> int:
    usual = {
        "product": "纽荷尔脐橙",
        "quantity_grams": 2_500_000,
        "origin": "江西省赣州市信丰县",
        "promised_by": "石坳脐橙合作社",
        "contact": "0797-0000000",
    }
    return run_in_transaction(
        lambda: (
            services.issue_certificate(
                actor(seller), seller_id=shop(seller).id, batch_id=batch_id, **(usual | facts)
            ).id
        )
    )


def test_batch_has_a_code_of_its_own_and_is_written_down() -> None:
    first, second = make_batch(), make_batch()
    codes = [db.session.get_one(Batch, batch_id).code for batch_id in (first, second)]
    assert codes[0] != codes[1]
    assert all(code.startswith("261120-") for code in codes)
    entry = db.session.execute(select(AuditEntry).where(AuditEntry.subject_id == str(first))).scalar_one()
    assert entry.action == "batch.created"


@pytest.mark.parametrize("area", ["310115", "310115001", "360722", "361030101", "", "999999999"])
def test_origin_outside_of_ganzhous_townships_is_refused(area: str) -> None:
    with pytest.raises(rules.UnknownOriginError):
        make_batch(area_code=area)


@pytest.mark.parametrize("day", [date(2026, 11, 21), date(2024, 1, 1)])
def test_picking_day_ahead_or_years_back_is_refused(day: date) -> None:
    with pytest.raises(rules.PickingDayError):
        make_batch(picked_on=day)


def test_certificate_number_is_made_from_shop_day_and_chance() -> None:
    number = db.session.get_one(Certificate, issue(make_batch())).number
    assert number.startswith(f"{shop('coop_owner').code}-20261120-")
    other = db.session.get_one(Certificate, issue(make_batch())).number
    assert other != number


def test_own_number_is_kept_repeats_change_nothing_and_another_batch_cannot_take_it() -> None:
    batch = make_batch()
    first = issue(batch, number=" XF-7 ")
    assert db.session.get_one(Certificate, first).number == "XF-7"
    assert issue(batch, number="XF-7") == first
    with pytest.raises(rules.CertificateNumberTakenError):
        issue(make_batch(), number="XF-7")


@pytest.mark.parametrize(
    "facts",
    [
        {"quantity_grams": 0},
        {"quantity_grams": -1},
        {"quantity_grams": 10**13},
        {"issued_on": date(2026, 11, 21)},
        {"origin": " "},
        {"contact": ""},
    ],
)
def test_certificate_without_its_facts_is_refused(facts: dict[str, Any]) -> None:
    with pytest.raises(rules.CertificateFactsError):
        issue(make_batch(), **facts)


def test_another_sellers_batch_is_not_found() -> None:
    batch = make_batch("coop_owner")
    with pytest.raises(NotFoundError):
        issue(batch, seller="farmer")
    with pytest.raises(NotFoundError):
        queries.get_batch_by_id(shop("farmer").id, batch)
    assert queries.certificates_of(shop("farmer").id, [batch]) == {}
    assert queries.batches_by_id(shop("farmer").id, [batch]) == {}


def test_newest_certificate_of_a_batch_counts_and_all_are_kept() -> None:
    batch = make_batch()
    issue(batch, number="old")
    issue(batch, number="new")
    seller_id = shop("coop_owner").id
    assert queries.certificates_of(seller_id, [batch])[batch].number == "new"
    assert [one.number for one in queries.list_certificates(seller_id, batch)] == ["new", "old"]


def record(**facts: Any) -> None:
    usual = {
        "category_code": "navel",
        "variety_code": None,
        "year": 2026,
        "earliest_ship_on": date(2026, 11, 5),
        "source": "协会公告",
    }
    run_in_transaction(lambda: services.record_season(actor("farmer"), **(usual | facts)))


def test_season_needs_a_day_within_it_and_a_source() -> None:
    for wrong in ({"source": " "}, {"year": 2025}, {"earliest_ship_on": date(2027, 8, 1)}):
        with pytest.raises(rules.SeasonFactsError):
            record(**wrong)
    record()
    record(earliest_ship_on=date(2026, 11, 1))
    found = rules.earliest_ship_on(
        queries.seasons_of("navel", rules.season_year(clock.today())), variety_code=None, day=clock.today()
    )
    assert found is not None
    assert found.on == date(2026, 11, 1), "the newest entry is in force"


def test_an_operator_records_the_right_to_a_mark(app: Flask) -> None:
    with app.app_context():
        code = shop("coop_owner").code
    words = ["sellers", "authorise", code, "赣南脐橙", "演示-1", "--from", "2026-10-01", "--to", "2027-03-31"]
    done = app.test_cli_runner().invoke(args=words)
    assert done.exit_code == 0, done.output
    with app.app_context():
        rights = queries.list_authorisations(shop("coop_owner").id)
        assert rules.mark_allowed(rights, "赣南脐橙", clock.today())
    assert app.test_cli_runner().invoke(args=[*words[:2], "NOSHOP", *words[3:]]).exit_code == 1
