"""Recognised revenue: by class and Shanghai year, restated or adjusted by refunds, always the sum of its entries."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest
from sqlalchemy import text, update

from marketplace import clock
from marketplace.database import db, run_in_transaction
from marketplace.orders.queries import parts_by_id
from marketplace.revenue import services
from marketplace.revenue.models import AgriClass, Mode, RevenueKind, YearRevenue
from marketplace.revenue.queries import (
    adjusted_years_of,
    figure,
    lines_of,
    season_facts,
    year_facts,
    year_facts_of,
)
from tests.orders.sales import Box, Wish, complete, facts, make_pool, pay, place, refund, sell, ship, shop_of

pytestmark = pytest.mark.usefixtures("app_context")

NEW_YEAR = datetime(2026, 12, 31, 16, tzinfo=UTC)  # midnight in Shanghai


@pytest.fixture
def coop() -> int:
    return shop_of("coop_owner")


@pytest.fixture
def freeze() -> Iterator[dict[int, date]]:
    """Years frozen on a day, for every seller."""
    frozen: dict[int, date] = {}
    before = services._freeze_lookup
    services.set_freeze_lookup(lambda _seller_id, year: frozen.get(year))
    yield frozen
    services._freeze_lookup = before


def test_each_class_is_recognised_apart_and_freight_is_not(coop: int) -> None:
    pool = make_pool(coop)
    sell(
        coop,
        [
            Box(pool, 4990, count=2),
            Box(pool, 300, agri_class=AgriClass.PROCESSED, vat=34),
            Box(pool, 500, agri_class=AgriClass.NOT_AGRI),
            Box(pool, 20),
        ],
        freight=1000,
    )
    assert facts(coop) == {
        (2026, "b2c", "primary"): 10_000,
        (2026, "b2c", "processed"): 266,
        (2026, "b2c", "not_agri"): 500,
    }
    assert services.verify() == []


def test_what_was_never_completed_counts_nowhere(coop: int) -> None:
    order_id = place([Wish(coop, [Box(make_pool(coop), 5000)])])
    pay(order_id)
    ship(order_id, coop)
    assert facts(coop) == {}


def test_a_sale_confirmed_ten_minutes_after_midnight_in_shanghai_counts_in_the_new_year(coop: int) -> None:
    pool = make_pool(coop)
    before, after = (place([Wish(coop, [Box(pool, price)])]) for price in (1000, 70))
    for order_id in (before, after):
        pay(order_id)
        ship(order_id, coop)
    with clock.at(NEW_YEAR.replace(minute=10, hour=15)):
        complete(before, coop)
    with clock.at(NEW_YEAR.replace(minute=10)):
        complete(after, coop)
    assert facts(coop) == {(2026, "b2c", "primary"): 1000, (2027, "b2c", "primary"): 70}
    assert services.verify() == []


def test_refund_before_completion_never_was_revenue(coop: int) -> None:
    order_id = place([Wish(coop, [Box(make_pool(coop), 5000)], 600)])
    pay(order_id)
    ship(order_id, coop)
    refund(order_id, coop, goods=2000, freight=600)
    complete(order_id, coop)
    page, _more = lines_of(coop, 2026, Mode.B2C, [AgriClass.PRIMARY])
    assert [(line.kind, line.amount) for line in page] == [(RevenueKind.COMPLETED, 3000)]


def test_january_refund_restates_the_old_year_while_it_is_open(coop: int, freeze: dict[int, date]) -> None:
    order_id = sell(coop, [Box(make_pool(coop), 5000)])
    freeze[2026] = date(2027, 3, 31)
    with clock.at(datetime(2027, 1, 20, tzinfo=UTC)):
        refund(order_id, coop, goods=1)
    assert facts(coop) == {(2026, "b2c", "primary"): 4999}
    assert adjusted_years_of([coop]) == {}
    assert services.verify() == []


def test_refund_after_the_freeze_adjusts_its_own_year_and_flags_the_frozen_one(
    coop: int, freeze: dict[int, date]
) -> None:
    order_id = sell(coop, [Box(make_pool(coop), 5000)])
    freeze[2026] = date(2027, 3, 31)
    with clock.at(datetime(2027, 3, 31, 15, 59, tzinfo=UTC)):
        refund(order_id, coop, goods=1)
    with clock.at(datetime(2027, 3, 31, 16, tzinfo=UTC)):
        refund(order_id, coop, goods=700)
    found = year_facts(coop)
    assert [(fact.year, fact.amount, fact.adjustment_amount) for fact in found] == [
        (2026, 4999, 0),
        (2027, 0, -700),
    ]
    assert adjusted_years_of([coop]) == {coop: {2026: -700}}
    assert services.verify() == []


def test_refund_by_class_takes_from_the_lines_it_is_divided_over(coop: int) -> None:
    pool = make_pool(coop)
    order_id = sell(coop, [Box(pool, 1000), Box(pool, 2000, agri_class=AgriClass.PROCESSED)])
    refund(order_id, coop, goods=300)
    assert facts(coop) == {(2026, "b2c", "primary"): 900, (2026, "b2c", "processed"): 1800}
    assert services.verify() == []


def test_a_figure_opens_to_the_entries_that_sum_to_it_page_by_page(coop: int) -> None:
    pool = make_pool(coop)
    orders = [sell(coop, [Box(pool, 1000 + number)]) for number in range(5)]
    refund(orders[2], coop, goods=500)
    seen = []
    after = None
    while True:
        page, after = lines_of(coop, 2026, Mode.B2C, [AgriClass.PRIMARY], after, limit=4)
        seen += page
        if after is None:
            break
    assert len(seen) == 6
    assert sum(line.amount for line in seen) == figure(coop, 2026, Mode.B2C, AgriClass.PRIMARY) == 4510
    parts = parts_by_id(coop, {line.seller_order_id for line in seen})
    assert {part.order.id for part in parts.values()} == set(orders)
    assert lines_of(shop_of("farmer"), 2026, Mode.B2C, [AgriClass.PRIMARY]) == ([], None)


def test_season_takes_late_refunds_off_the_season_of_the_sale(coop: int) -> None:
    order_id = sell(coop, [Box(make_pool(coop), 5000)])
    with clock.at(datetime(2027, 5, 1, tzinfo=UTC)):
        refund(order_id, coop, goods=500)
    assert season_facts(coop) == {2026: 4500}


def test_facts_of_several_sellers_come_in_one_answer(coop: int) -> None:
    farm = shop_of("farmer")
    sell(coop, [Box(make_pool(coop), 5000)])
    sell(farm, [Box(make_pool(farm), 700)])
    found = year_facts_of(None)
    assert {seller: [fact.amount for fact in row] for seller, row in found.items()} == {
        coop: [5000],
        farm: [700],
    }
    assert year_facts_of([farm]).keys() == {farm}
    assert year_facts(shop_of("second_farmer")) == []


def test_a_sum_that_was_tampered_with_is_named_and_rebuilt(coop: int) -> None:
    sell(coop, [Box(make_pool(coop), 5000)])
    run_in_transaction(lambda: db.session.execute(update(YearRevenue).values(amount=4999)))
    assert services.verify() == [f"seller {coop}, year 2026, b2c primary: 49.99 kept, 50.00 by the entries"]
    run_in_transaction(services.rebuild)
    assert services.verify() == []
    run_in_transaction(lambda: db.session.execute(text("DELETE FROM daily_revenue")))
    assert len(services.verify()) == 1
    run_in_transaction(lambda: services.rebuild(coop))
    assert services.verify() == []


def test_entries_that_do_not_fit_the_lines_are_named(coop: int) -> None:
    sell(coop, [Box(make_pool(coop), 5000)])
    run_in_transaction(lambda: db.session.execute(text("UPDATE order_lines SET refunded_amount = 100")))
    assert [sentence.split(",")[1] for sentence in services.verify()] == [" primary: 50.00 recognised"]


def test_the_application_knows_when_years_were_frozen(coop: int) -> None:
    assert services._freeze_lookup is not None
    assert services.frozen_on(coop, 2025) is None
