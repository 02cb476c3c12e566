"""The report on real orders: edges to the fen, scope, sums of lines, cost."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime

import pytest

from marketplace import clock
from marketplace.awards import queries, services
from marketplace.awards.queries import Comparison
from marketplace.database import run_in_transaction
from marketplace.errors import NotFoundError
from marketplace.permissions import Grant, Role, Viewer
from marketplace.revenue.models import AgriClass, Mode
from marketplace.sellers.models import SellerKind
from tests import factories
from tests.awards.sales import AUTUMN, establish, refund, sell

pytestmark = pytest.mark.usefixtures("app_context")

LOWERED_TIER_1 = 25_000_000_00  # fen: half of the published 5000万 of b2c
JANUARY = datetime(2027, 1, 15, 4, tzinfo=UTC)
BUREAU = Viewer(1, (Grant(Role.BUREAU),))
XINFENG = Viewer(2, (Grant(Role.CENTRE_STAFF, "360722"),))
ANYUAN = Viewer(3, (Grant(Role.CENTRE_STAFF, "360726"),))


def compare(seller: str = "coop_owner", year: int = 2026, **options: object) -> Comparison:
    shop = factories.shop(seller)
    return queries.get_comparison(
        shop.id,
        kind=shop.kind,
        registered_as=shop.registered_as,
        year=year,
        **options,  # type: ignore[arg-type]
    )


def outcome(comparison: Comparison) -> tuple[str, int, int]:
    report = comparison.report
    return report.result, report.firm_fen, report.possible_fen


def freeze(seller_id: int, at: datetime, year: int = 2026) -> int:
    with clock.at(at):
        return run_in_transaction(
            lambda: services.freeze_assessment(factories.actor("bureau"), seller_id, year)
        )


def test_threshold_edge_exactly_the_lowered_threshold_is_not_yet() -> None:
    establish()
    sell(LOWERED_TIER_1)
    report = compare().report
    assert outcome(compare()) == ("not_yet", 0, 0)
    assert report.produce("b2c") == LOWERED_TIER_1
    assert report.assumed_distances[0].fen == 1
    assert report.shortest_fen == LOWERED_TIER_1 + 1  # to the published threshold


def test_threshold_edge_one_fen_more_is_possibly_50000() -> None:
    establish()
    sell(LOWERED_TIER_1 + 1)
    assert outcome(compare()) == ("possible", 0, 50_000_00)
    assert compare().report.counted("possible") == [("b2c", "一档")]


def test_threshold_edge_a_refund_of_one_fen_in_january_restates_the_year() -> None:
    establish()
    sale = sell(LOWERED_TIER_1 + 1)
    refund(sale, 1, JANUARY)
    with clock.at(JANUARY):
        assert outcome(compare()) == ("not_yet", 0, 0)


def test_threshold_edge_the_same_refund_after_freezing_flags_the_year_and_changes_nothing() -> None:
    seller_id = establish()
    sale = sell(LOWERED_TIER_1 + 1)
    freeze(seller_id, datetime(2027, 1, 10, 4, tzinfo=UTC))
    refund(sale, 1, JANUARY)
    with clock.at(JANUARY):
        frozen = compare()
        assert outcome(frozen) == ("possible", 0, 50_000_00)
        assert "adjusted" in frozen.states
        assert frozen.adjusted_fen == -1
        assert outcome(compare(as_of_today=True)) == ("possible", 0, 50_000_00)
        assert compare(year=2027).report.measured("b2c") == -1
        row = next(one for one in queries.list_year(BUREAU, 2026).rows if one.kind == SellerKind.COOPERATIVE)
        assert (row.report.result, row.states) == ("possible", ["adjusted"])


def test_threshold_edge_a_sale_confirmed_at_ten_past_midnight_in_shanghai_counts_in_the_new_year() -> None:
    establish()
    sell(5_00)
    sell(LOWERED_TIER_1 + 1, datetime(2026, 12, 31, 16, 10, tzinfo=UTC))
    with clock.at(JANUARY):
        assert outcome(compare(year=2026)) == ("not_yet", 0, 0)
        assert compare(year=2026).report.measured("b2c") == 5_00
        assert outcome(compare(year=2027)) == ("possible", 0, 50_000_00)


def test_an_unknown_history_shows_at_most_and_nothing_firm() -> None:
    seller_id = establish()
    sell(LOWERED_TIER_1 + 1)
    by = factories.actor("bureau")
    run_in_transaction(
        lambda: services.set_history_state(by, seller_id=seller_id, is_known=False, document="")
    )
    assert outcome(compare()) == ("possible", 0, 50_000_00)
    assert "needs_history" in compare().states


def test_history_uses_a_tier_up_and_is_assessed_no_more() -> None:
    seller_id = establish()
    sell(LOWERED_TIER_1 + 1)
    by = factories.actor("bureau")

    def record() -> None:
        for year, amount in ((2023, 9_860_000_00), (2024, 25_000_000_01)):
            services.record_history(
                by,
                seller_id=seller_id,
                year=year,
                mode=Mode.B2C,  # type: ignore[arg-type]
                agri_class=AgriClass.PRIMARY,
                amount=amount,
                document="审计报告",
            )

    run_in_transaction(record)
    comparison = compare()
    assert outcome(comparison) == ("not_yet", 0, 0)
    assert "used_up" in comparison.states
    assert comparison.report.used_up == [("b2c", "一档", 2024)]
    assert [row["year"] for row in comparison.report.years] == [2023, 2024, 2026]
    with pytest.raises(NotFoundError):
        compare(year=2024)


def test_a_history_year_without_orders_is_listed_without_a_result() -> None:
    seller_id = establish()
    by = factories.actor("bureau")
    run_in_transaction(
        lambda: services.record_history(
            by,
            seller_id=seller_id,
            year=2025,
            mode=Mode.B2C,  # type: ignore[arg-type]
            agri_class=AgriClass.PRIMARY,
            amount=60_000_000_00,
            document="审计报告",
        )
    )
    row = next(one for one in queries.list_year(BUREAU, 2025).rows if one.kind == SellerKind.COOPERATIVE)
    assert (row.report.is_history, row.report.possible_fen, row.report.shortest_fen) == (True, 0, None)


def test_modes_are_never_added_and_a_company_buyer_makes_b2b() -> None:
    establish()
    sell(20_000_000_00)
    sell(20_000_000_00, buyer="company_buyer", as_company=True)
    report = compare().report
    assert (report.measured("b2b"), report.measured("b2c")) == (20_000_000_00, 20_000_000_00)
    assert report.result == "not_yet"
    assert [line.mode for line in report.lines] == ["b2b", "b2c"]


def test_processed_goods_are_revenue_and_no_produce() -> None:
    establish()
    sell(300_00)
    sell(100_00, category="tea_oil")
    report = compare().report
    assert (report.measured("b2c"), report.produce("b2c")) == (400_00, 300_00)
    assert report.agri_share == "75%"


def test_every_figure_is_the_sum_of_its_lines() -> None:
    seller_id = establish()
    sale = sell(1_234_56)
    sell(100_00, category="tea_oil")
    sell(99_00, buyer="company_buyer", as_company=True)
    refund(sale, 34_56, datetime(2026, 11, 1, tzinfo=UTC))
    report = compare().report
    for part in report.parts:
        lines = queries.list_lines(seller_id, 2026, Mode(part["mode"]), [AgriClass(part["agri_class"])])
        assert sum(line.entry.amount for line in lines.lines) == lines.entries_fen == part["fen"]
        assert lines.figure_fen == part["fen"]
        assert all(line.order_code for line in lines.lines)
    whole = queries.list_lines(seller_id, 2026, None, [])
    assert whole.entries_fen == whole.figure_fen == report.total_fen == 1_399_00
    assert report.books_differ_fen == 0


def test_lines_are_paged_by_key_and_none_is_lost() -> None:
    seller_id = establish()
    for _one in range(3):
        sell(50_00)
    first = queries.list_lines(seller_id, 2026, Mode.B2C, [AgriClass.PRIMARY])
    assert len(first.lines) == 3
    rest = queries.list_lines(seller_id, 2026, Mode.B2C, [AgriClass.PRIMARY], after=first.lines[0].entry.id)
    assert [line.entry.id for line in rest.lines] == [line.entry.id for line in first.lines[1:]]
    assert rest.figure_fen == 150_00


def test_a_centre_sees_its_county_only_and_the_bureau_all() -> None:
    names = {
        viewer: {row.name for row in queries.list_year(viewer, 2026).rows} for viewer in (XINFENG, ANYUAN)
    }
    assert factories.shop("coop_owner").name in names[XINFENG]
    assert names[ANYUAN] == {factories.shop("second_farmer").name}
    assert {row.name for row in queries.list_year(BUREAU, 2026).rows} == names[XINFENG] | names[ANYUAN]
    code = factories.shop("coop_owner").code
    assert queries.get_seller(XINFENG, code).code == code
    with pytest.raises(NotFoundError):
        queries.get_seller(ANYUAN, code)


def test_the_list_is_paged_by_revenue_and_each_seller_comes_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "PAGE", 1)
    sell(500_00, seller="farmer")
    sell(900_00)
    seen, after = [], None
    for _page in range(3):
        page = queries.list_year(BUREAU, 2026, after=after)
        seen += [row.total_fen for row in page.rows]
        after = page.after
    assert seen == [900_00, 500_00, 0]
    assert after is None
    assert queries.list_year(BUREAU, 2026, after="nonsense").rows


def test_a_list_costs_fifteen_statements_for_one_seller_as_for_all(
    count_statements: Callable[[], AbstractContextManager[list[str]]],
) -> None:
    establish()
    sell(500_00)
    sell(500_00, seller="farmer")
    with count_statements() as for_all:
        assert len(queries.list_year(BUREAU, 2026).rows) == 3
    with count_statements() as for_one:
        assert len(queries.list_year(ANYUAN, 2026).rows) == 1
    assert len(for_all) == len(for_one) == 15


def test_a_report_costs_the_same_for_many_orders_as_for_one(
    count_statements: Callable[[], AbstractContextManager[list[str]]],
) -> None:
    establish()
    sell(500_00)
    with count_statements() as few:
        compare()
    for _one in range(2):
        sell(500_00, category="tea_oil")
    with count_statements() as many:
        compare()
    assert len(few) == len(many) <= 26


def test_a_later_threshold_makes_a_new_assessment_beside_the_frozen_one() -> None:
    from tests.awards.test_services import adopt_threshold

    seller_id = establish()
    sell(LOWERED_TIER_1 + 1)
    freeze(seller_id, JANUARY)
    adopt_threshold()
    with clock.at(JANUARY):
        frozen = compare()
        assert outcome(frozen) == ("possible", 0, 50_000_00)
        assert {one.words for one in frozen.differences} >= {"结果", "农产品门槛"}
        now = compare(as_of_today=True)
        assert outcome(now) == ("firm", 50_000_00, 50_000_00)
        assert "赣商务发〔2026〕9号" in now.report.published_source
        assert freeze(seller_id, JANUARY) == 2
        assert outcome(compare()) == ("firm", 50_000_00, 50_000_00)
        assert outcome(compare(version=1)) == ("possible", 0, 50_000_00)
        with pytest.raises(NotFoundError):
            compare(version=3)


def test_the_year_of_an_order_in_autumn_is_open() -> None:
    sell(10_00, AUTUMN)
    assert "year_open" in compare().states
