"""Rows become the policy and the facts that the engine asks for."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, date, datetime

import pytest

from marketplace import clock
from marketplace.awards import collecting, services
from marketplace.awards.facts import AgriClass, Facts, Mode, OrderYear, RevenueFact, SellerKind
from marketplace.awards.policy_data import load_policy
from marketplace.awards.rules import assess
from marketplace.database import run_in_transaction
from marketplace.sellers.models import SellerKind as Kind
from tests import factories
from tests.awards.sales import establish, refund, sell

pytestmark = pytest.mark.usefixtures("app_context")


def facts_of(*keys: str) -> list[Facts]:
    kinds = {factories.shop(key).id: SellerKind.COOPERATIVE for key in keys}
    return list(collecting.collect_facts(kinds, clock.today()).values())


def test_the_rows_say_what_the_reference_file_says() -> None:
    stored, file = collecting.get_policy(), load_policy()
    assert (stored.number, stored.title, stored.issuer, stored.issued_on) == (
        file.number,
        file.title,
        file.issuer,
        file.issued_on,
    )
    for year in (2014, 2015, 2020, 2026):
        assert stored.readings(year) == file.readings(year)
        for mode in (Mode.B2B, Mode.B2C, Mode.C2C):
            assert [(row.tier, row.threshold_fen, row.award_fen) for row in stored.tiers_of(mode, year)] == [
                (row.tier, row.threshold_fen, row.award_fen) for row in file.tiers_of(mode, year)
            ]
    sources = {row.key: row.record.document.issuer for row in stored.parameters_of(2026)}
    assert sources == {row.key: row.record.document.issuer for row in file.parameters_of(2026)}


@pytest.mark.parametrize(
    ("kind", "registered_as", "expected"),
    [
        (Kind.PERSON, None, SellerKind.PERSON),
        (Kind.FAMILY_FARM, None, SellerKind.PERSON),
        (Kind.FAMILY_FARM, Kind.SOLE_TRADER, SellerKind.SOLE_TRADER),
        (Kind.FAMILY_FARM, Kind.COMPANY, SellerKind.COMPANY),
        (Kind.SOLE_TRADER, None, SellerKind.SOLE_TRADER),
        (Kind.COOPERATIVE, None, SellerKind.COOPERATIVE),
        (Kind.COMPANY, None, SellerKind.COMPANY),
    ],
)
def test_a_family_farm_is_what_its_registration_says(
    kind: Kind, registered_as: Kind | None, expected: SellerKind
) -> None:
    assert collecting.engine_kind(kind, registered_as) is expected


def test_orders_become_revenue_by_year_mode_and_class() -> None:
    sell(120_00)
    sell(80_00, category="tea_oil")
    sell(50_00, buyer="company_buyer", as_company=True)
    sell(30_00, datetime(2027, 1, 3, 4, tzinfo=UTC))
    with clock.at(datetime(2027, 2, 1, tzinfo=UTC)):
        (facts,) = facts_of("coop_owner")
    assert set(facts.revenue) == {
        RevenueFact(2026, Mode.B2B, 50_00, AgriClass.PRIMARY),
        RevenueFact(2026, Mode.B2C, 120_00, AgriClass.PRIMARY),
        RevenueFact(2026, Mode.B2C, 80_00, AgriClass.PROCESSED),
        RevenueFact(2027, Mode.B2C, 30_00, AgriClass.PRIMARY),
    }
    assert facts.as_of == date(2027, 2, 1)
    assert not facts.history_known


def test_a_sale_given_back_in_full_keeps_its_year_assessed_at_zero() -> None:
    sale = sell(120_00)
    refund(sale, 120_00, datetime(2026, 11, 1, tzinfo=UTC))
    (facts,) = facts_of("coop_owner")
    assert facts.revenue == (RevenueFact(2026, Mode.B2C, 0, AgriClass.PRIMARY),)
    assert facts.assessed_years == (2026,)


def test_a_refund_after_the_freeze_is_an_adjustment_of_its_own_year() -> None:
    seller_id = establish()
    sale = sell(120_00)
    with clock.at(datetime(2027, 1, 5, tzinfo=UTC)):
        run_in_transaction(lambda: services.freeze_assessment(factories.actor("bureau"), seller_id, 2026))
    refund(sale, 20_00, datetime(2027, 1, 9, tzinfo=UTC))
    with clock.at(datetime(2027, 1, 9, tzinfo=UTC)):
        (facts,) = facts_of("coop_owner")
    assert set(facts.revenue) == {
        RevenueFact(2026, Mode.B2C, 120_00, AgriClass.PRIMARY),
        RevenueFact(2027, Mode.B2C, -20_00, AgriClass.PRIMARY, adjustment=True),
    }
    assert facts.order_years == (OrderYear(2026, is_adjusted=True),)
    assert "adjusted" in assess(collecting.get_policy(), facts).years[2026].award.states


def test_the_season_line_of_a_seller_spans_the_turn_of_the_year() -> None:
    sell(100_00, datetime(2026, 11, 2, tzinfo=UTC))
    sell(50_00, datetime(2027, 2, 27, tzinfo=UTC))
    sell(7_00, datetime(2027, 3, 2, tzinfo=UTC))
    seller_id = factories.shop("coop_owner").id
    with clock.at(datetime(2027, 4, 1, tzinfo=UTC)):
        facts = collecting.with_seasons(facts_of("coop_owner")[0], seller_id, 2027)
    assert facts.seasons == {2026: 150_00}
    assert facts.order_years == (OrderYear(2027, has_season_sales=True),)


def test_facts_cost_nine_statements_for_three_sellers_as_for_one(
    count_statements: Callable[[], AbstractContextManager[list[str]]],
) -> None:
    establish()
    sell(10_00)
    everyone = {
        factories.shop(key).id: SellerKind.PERSON for key in ("coop_owner", "farmer", "second_farmer")
    }
    with count_statements() as seen:
        collecting.collect_facts(everyone, clock.today())
    with count_statements() as alone:
        collecting.collect_facts(dict(list(everyone.items())[1:2]), clock.today())
    assert len(seen) == len(alone) == 9
