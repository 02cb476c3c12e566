"""The revenue award sentence by sentence, through the what-if form."""

from __future__ import annotations

from typing import Any

import pytest

from tests.awards.calculator import award_of, codes, result_of

Case = dict[str, Any]


def row(year: int, yuan: Any, mode: str = "b2c", agri: str = "not_agri", **more: Any) -> Case:
    return {"year": year, "mode": mode, "yuan": yuan, "class": agri, **more}


def produce(year: int, yuan: Any, mode: str = "b2c", **more: Any) -> Case:
    return row(year, yuan, mode, "primary", **more)


def order(completed: str, yuan: Any, **more: Any) -> Case:
    return {"mode": "b2c", "class": "primary", "completed": completed, "yuan": yuan, **more}


def answer(award: Case) -> tuple[int, int, str]:
    return int(float(award["firm_yuan"])), int(float(award["possible_yuan"])), award["result"]


EDGES: dict[str, tuple[Case, tuple[int, int, str], list[str]]] = {
    "exactly the lowered threshold": ({"orders": [order("2015-11-20", 25_000_000)]}, (0, 0, "not_yet"), []),
    "one fen above it": ({"orders": [order("2015-11-20", "25000000.01")]}, (0, 50_000, "possible"), []),
    "a refund of one fen in January": (
        {"orders": [order("2015-11-20", "25000000.01", refunds=[{"on": "2016-01-15", "yuan": "0.01"}])]},
        (0, 0, "not_yet"),
        [],
    ),
    "a refund on the day of the freeze": (
        {
            "orders": [order("2015-11-20", "25000000.01", refunds=[{"on": "2016-01-15", "yuan": "0.01"}])],
            "frozen": {"2015": "2016-01-15"},
        },
        (0, 0, "not_yet"),
        [],
    ),
    "the same refund after the freeze": (
        {
            "orders": [order("2015-11-20", "25000000.01", refunds=[{"on": "2016-01-15", "yuan": "0.01"}])],
            "frozen": {"2015": "2016-01-14"},
        },
        (0, 50_000, "possible"),
        ["adjusted"],
    ),
    "a refund that the question does not know yet": (
        {
            "orders": [order("2015-11-20", "25000000.01", refunds=[{"on": "2016-01-15", "yuan": "0.01"}])],
            "as_of": "2016-01-14",
        },
        (0, 50_000, "possible"),
        [],
    ),
    "confirmed on 1 January 00:10 in Shanghai": (
        {"orders": [order("2015-12-30", 25_000_000), order("2015-12-31T16:10Z", 1)]},
        (0, 0, "not_yet"),
        [],
    ),
    "confirmed a quarter of an hour before": (
        {"orders": [order("2015-12-30", 25_000_000), order("2015-12-31T15:55Z", "0.01")]},
        (0, 50_000, "possible"),
        [],
    ),
}


@pytest.mark.parametrize(("case", "expected", "states"), EDGES.values(), ids=EDGES)
def test_edge_of_the_lowered_threshold(case, expected, states):
    award = award_of(2015, kind="cooperative", **case)
    assert answer(award) == expected
    assert award["states"] == states


def test_confirmed_after_midnight_in_shanghai_counts_in_the_new_year():
    years = result_of(orders=[order("2015-12-31T16:10Z", 7)])["years"]
    assert list(years) == ["2016"]
    assert years["2016"]["revenue"]["verified_yuan"]["b2c"] == "7.00"


def test_refund_after_the_freeze_flags_the_frozen_year_alone_and_both_say_why():
    case = {"orders": [order("2015-11-20", 26_000_000, refunds=[{"on": "2016-05-01", "yuan": 2_000_000}])]}
    years = result_of(**case, frozen={"2015": "2016-03-31"})["years"]
    assert years["2015"]["award"]["states"] == ["adjusted"]
    assert years["2016"]["award"]["states"] == []
    assert all("refund_after_freeze" in codes(years[year]["award"]) for year in years)
    assert years["2016"]["revenue"]["verified_yuan"]["b2c"] == "-2000000.00"
    assert years["2016"]["revenue"]["agri_share"] is None
    side = years["2016"]["award"]["modes"]["b2c"]["firm"]
    assert side["next"] == {
        "tier": 1,
        "basis": "standard",
        "threshold_yuan": "50000000.00",
        "distance_yuan": "52000000.01",
    }


def test_revenue_is_goods_less_discount_vat_and_refunds_with_coupon_and_without_freight():
    case = order(
        "2015-05-01",
        100,
        seller_discount_yuan=10,
        vat_yuan=5,
        freight_yuan=1000,
        platform_coupon_yuan=7,
        refunds=[{"on": "2015-06-01", "yuan": 3}],
    )
    revenue = result_of(orders=[case])["years"]["2015"]["revenue"]
    assert (revenue["total_yuan"], revenue["platform_coupon_yuan"]) == ("82.00", "7.00")


def test_sham_and_offline_orders_are_excluded_and_shown():
    orders = [
        order("2015-05-01", 60_000_000, sham="confirmed", refunds=[{"on": "2015-06-01", "yuan": 1_000_000}]),
        order("2015-05-01", 5, offline=True),
        order("2015-05-01", 6, offline=True, sham="suspected"),
    ]
    year = result_of(orders=orders)["years"]["2015"]
    assert year["revenue"]["excluded_yuan"] == "59000011.00"
    assert year["revenue"]["total_yuan"] == "0.00"
    assert year["award"]["modes"] == {}
    found = codes(year["award"])
    assert {"sham_excluded", "offline_excluded", "below_threshold"} <= found
    assert not {"sham_suspected", "season_apart"} & found


def test_suspected_sham_counts_and_goes_to_review():
    award = award_of(2015, orders=[order("2015-05-01", 60_000_000, sham="suspected")])
    assert answer(award) == (50_000, 100_000, "firm")
    assert award["states"] == ["review"]
    assert "sham_suspected" in codes(award)


def test_season_is_named_by_its_first_year_and_counts_produce_orders_only():
    orders = [
        order("2015-10-31", 1),
        order("2015-11-01", 2),
        order("2016-02-29", 4),
        order("2016-03-01", 8),
        {**order("2015-12-01", 16), "class": "processed"},
    ]
    result = result_of(orders=orders, settings={"agri_scope": "primary_and_processed"})
    assert result["seasons"] == {"2015": "6.00"}


def test_order_without_the_day_that_counts_creates_no_year():
    assert result_of(orders=[{"mode": "b2c", "yuan": 1, "paid": "2015-01-01"}])["years"] == {}
    paid = result_of(
        orders=[{"mode": "b2c", "yuan": 1, "paid": "2015-01-01"}], settings={"recognition_event": "paid"}
    )
    assert list(paid["years"]) == ["2015"]


@pytest.mark.parametrize(
    ("kind", "side", "buyer", "mode"),
    [
        ("company", "enterprise", "enterprise", "b2b"),
        ("cooperative", "person", "consumer", "b2c"),
        ("sole_trader", "enterprise", "consumer", "b2c"),
        ("sole_trader", "person", "consumer", "c2c"),
        ("sole_trader", "person", "enterprise", "unclassified"),
        ("person", "enterprise", "consumer", "c2c"),
        ("person", "enterprise", "enterprise", "unclassified"),
    ],
)
def test_parties_decide_the_mode(kind, side, buyer, mode):
    case = {"kind": kind, "settings": {"sole_trader_side": side}}
    revenue = result_of(**case, revenue=[{"year": 2015, "buyer": buyer, "yuan": 1}])["years"]["2015"][
        "revenue"
    ]
    assert revenue["verified_yuan"][mode] == "1.00"


def test_sole_trader_on_the_person_side_is_no_natural_person():
    case = {"kind": "sole_trader", "settings": {"sole_trader_side": "person", "natural_persons": "excluded"}}
    award = award_of(2015, **case, revenue=[{"year": 2015, "buyer": "consumer", "yuan": 11_000_000}])
    assert answer(award) == (20_000, 20_000, "firm")


def test_declared_revenue_stands_beside_the_headline_and_needs_evidence():
    rows = [
        row(2015, 30_000_000),
        row(2015, 25_000_000, source="declared"),
        row(2016, 1, source="declared", evidence=False),
    ]
    years = result_of(revenue=rows)["years"]
    assert years["2015"]["award"]["with_declared"] == {"firm_yuan": "50000.00", "possible_yuan": "50000.00"}
    assert years["2015"]["revenue"]["total_yuan"] == "30000000.00"
    assert years["2015"]["revenue"]["declared_yuan"]["b2c"] == "25000000.00"
    assert years["2016"]["award"]["with_declared"] == {"firm_yuan": "0.00", "possible_yuan": "0.00"}
    assert codes(years["2016"]["award"]) == {"declared_without_evidence", "below_threshold"}
    assert years["2016"]["revenue"]["declared_yuan"]["b2c"] == "0.00"


def test_declared_revenue_counted_is_part_of_all_but_the_split_by_mode():
    rows = [row(2015, 30_000_000), row(2015, 25_000_000, source="declared")]
    year = result_of(revenue=rows, settings={"declared": "counted"})["years"]["2015"]
    assert answer(year["award"]) == (50_000, 50_000, "firm")
    assert year["award"]["with_declared"] is None
    assert year["award"]["modes"]["b2c"]["measured_yuan"] == year["revenue"]["total_yuan"] == "55000000.00"
    assert year["revenue"]["verified_yuan"]["b2c"] == "30000000.00"
    assert "declared_apart" not in codes(year["award"])


def test_declared_run_keeps_its_own_books():
    rows = [row(2015, 30_000_000), row(2015, 25_000_000, source="declared"), row(2016, 60_000_000)]
    years = result_of(revenue=rows)["years"]
    assert answer(years["2016"]["award"]) == (50_000, 50_000, "firm")
    assert years["2016"]["award"]["with_declared"] == {"firm_yuan": "0.00", "possible_yuan": "0.00"}


def test_history_uses_tiers_up_earns_nothing_and_creates_no_year():
    result = result_of(revenue=[row(2016, 60_000_000)], history=[row(2015, 55_000_000)])
    assert list(result["years"]) == ["2016"]
    assert result["years"]["2016"]["award"]["states"] == ["used_up"]
    assert result["used_up"]["firm"] == {"b2c": {"1": 2015}}
    assert result["totals"]["firm_yuan"] == "0.00"


def test_history_year_in_which_an_order_falls_is_assessed_with_both_amounts():
    year = result_of(orders=[order("2015-05-01", 1)], history=[row(2015, 50_000_000)])["years"]["2015"]
    assert answer(year["award"]) == (50_000, 50_000, "firm")
    assert year["revenue"]["verified_yuan"]["b2c"] == "50000001.00"


def test_documented_predecessor_is_the_entitys_own_and_an_undocumented_one_is_ignored():
    other = {"revenue": [row(2015, 30_000_000), row(2014, 60_000_000)]}
    case = {"revenue": [row(2015, 30_000_000)]}
    assert award_of(2015, **case, predecessors=[other])["states"] == ["used_up"]
    ignored = award_of(2015, **case, predecessors=[{**other, "documented": False}])
    assert answer(ignored) == (0, 0, "not_yet")
    assert "predecessor_undocumented" in codes(ignored)


def test_unknown_history_shows_the_greater_track_as_the_most_there_can_be():
    case = {"kind": "cooperative", "history_known": False}
    award = award_of(2015, **case, revenue=[produce(2015, 51_000_000)])
    assert answer(award) == (0, 100_000, "possible")
    assert award["counted"] == {"firm": {}, "possible": {"b2c": [2]}}
    assert award["states"] == ["needs_history"]
    equal = award_of(2015, **case, revenue=[row(2015, 51_000_000)])
    assert equal["counted"] == {"firm": {}, "possible": {"b2c": [1]}}
    assumed = {**case, "settings": {"unknown_history": "assume_none"}}
    assert answer(award_of(2015, **assumed, revenue=[produce(2015, 51_000_000)])) == (50_000, 100_000, "firm")


def test_firm_track_can_exceed_the_possible_one_where_a_published_threshold_came_later():
    case = {
        "kind": "cooperative",
        "revenue": [produce(2015, 26_000_000), produce(2016, 26_000_000)],
        "agri_thresholds": [{"factor": "0.4", "from": "2016-01-01"}],
    }
    years = result_of(**case)["years"]
    assert answer(years["2016"]["award"]) == (50_000, 0, "firm")
    assert years["2016"]["award"]["states"] == []
    unknown = result_of(**case, history_known=False)["years"]["2016"]["award"]
    assert answer(unknown) == (0, 50_000, "possible")
    assert unknown["counted"] == {"firm": {}, "possible": {"b2c": [1]}}


def test_needs_history_still_credits_what_it_hides():
    case = {"revenue": [row(2015, 60_000_000), row(2016, 120_000_000)], "history_known": False}
    years = result_of(**case, settings={"cross_year": "top_up"})["years"]
    assert years["2016"]["award"]["possible_yuan"] == "50000.00"


def test_top_up_takes_off_what_the_mode_was_credited_not_more():
    case = {"revenue": [row(2015, 60_000_000), row(2016, 120_000_000), row(2017, 600_000_000)]}
    years = result_of(**case, settings={"cross_year": "top_up"})["years"]
    assert [years[year]["award"]["firm_yuan"] for year in years] == ["50000.00", "50000.00", "100000.00"]
    stopped = {**case, "incidents": [{"kind": "fraud", "on": "2015-01-01", "status": "decided"}]}
    years = result_of(**stopped, settings={"cross_year": "top_up"})["years"]
    assert [years[year]["award"]["firm_yuan"] for year in years] == ["0.00", "100000.00", "100000.00"]


def test_mode_that_was_not_counted_is_used_up_but_not_credited():
    case = {
        "revenue": [row(2015, 120_000_000, "b2b"), row(2015, 110_000_000), row(2016, 600_000_000, "b2b")],
        "settings": {"cross_year": "top_up"},
    }
    years = result_of(**case)["years"]
    assert years["2015"]["award"]["counted"]["firm"] == {"b2c": [2]}
    assert years["2016"]["award"]["modes"]["b2b"]["firm"] == {
        "broken": [2],
        "used_up": [1],
        "yuan": "100000.00",
        "next": {
            "tier": 3,
            "basis": "standard",
            "threshold_yuan": "1000000000.00",
            "distance_yuan": "400000000.01",
        },
    }


def test_tie_between_modes_goes_in_the_order_b2b_b2c_c2c():
    rows = [row(2015, 60_000_000), row(2015, 120_000_000, "b2b"), row(2015, 25_000_000, "c2c")]
    assert award_of(2015, revenue=rows)["counted"]["firm"] == {"b2b": [1]}


def test_no_tier_is_left_after_the_last():
    award = award_of(2015, revenue=[row(2015, 51_000_000, "c2c")])
    side = award["modes"]["c2c"]["firm"]
    assert (side["broken"], side["next"]) == ([1, 2, 3], None)


@pytest.mark.parametrize(
    ("operator", "yuan", "firm", "distance"),
    [
        ("gt", "50000000.00", "0.00", "0.01"),
        ("gt", "50000000.01", "50000.00", "50000000.00"),
        ("gte", "49999999.99", "0.00", "0.01"),
        ("gte", "50000000.00", "50000.00", "50000000.00"),
    ],
)
def test_operator_decides_the_fen_at_the_threshold(operator, yuan, firm, distance):
    award = award_of(2015, revenue=[row(2015, yuan)], settings={"threshold_operator": operator})
    assert award["firm_yuan"] == firm
    assert award["modes"]["b2c"]["firm"]["next"]["distance_yuan"] == distance


def test_equal_distances_name_the_lowered_threshold():
    case = {"kind": "cooperative", "settings": {"indicative_factor": 1}}
    side = award_of(2015, **case, revenue=[produce(2015, 1)])["modes"]["b2c"]
    assert side["possible"]["next"]["basis"] == "agri_indicative"
    assert side["firm"]["next"]["basis"] == "standard"


def test_nearer_of_the_standard_and_the_lowered_threshold_is_named():
    rows = [produce(2015, 10_000_000), row(2015, 1, "b2b", "primary"), row(2015, 10_000_000)]
    settings = {"indicative_factor": "0.9"}
    following = award_of(2015, revenue=rows, settings=settings)["modes"]["b2c"]["possible"]["next"]
    assert following == {
        "tier": 1,
        "basis": "standard",
        "threshold_yuan": "50000000.00",
        "distance_yuan": "30000000.01",
    }


def test_half_produce_is_an_agri_seller_and_one_fen_less_is_not():
    even = result_of(revenue=[produce(2015, 30_000_000), row(2015, 30_000_000, "b2b")])["years"]["2015"]
    assert even["revenue"]["agri_seller"] is True
    assert even["award"]["indicative_label"] is True
    less = result_of(revenue=[produce(2015, 30_000_000), row(2015, "30000000.01", "b2b")])["years"]["2015"]
    assert less["revenue"]["agri_seller"] is False
    assert less["revenue"]["agri_share"] == "0.5000"
    assert "below_agri_share" in codes(less["award"])
    assert answer(less["award"]) == (0, 0, "not_yet")


def test_unclassified_revenue_counts_in_the_share_but_in_no_tier():
    rows = [produce(2015, 30_000_000), row(2015, 31_000_000, "unclassified")]
    award = award_of(2015, revenue=rows)
    assert answer(award) == (0, 0, "not_yet")
    assert award["states"] == ["unclassified"]
    assert {"below_agri_share", "unclassified_revenue"} <= codes(award)


def test_share_of_zero_still_asks_for_produce():
    revenue = [row(2015, 26_000_000)]
    assert answer(award_of(2015, revenue=revenue, settings={"agri_share_min": 0})) == (0, 0, "not_yet")


def test_whole_revenue_is_measured_against_a_lowered_threshold_by_setting():
    revenue = [produce(2015, 20_000_000), row(2015, 10_000_000)]
    assert answer(award_of(2015, revenue=revenue)) == (0, 0, "not_yet")
    assert answer(award_of(2015, revenue=revenue, settings={"agri_basis": "all"})) == (0, 50_000, "possible")


def test_without_an_assumption_only_published_thresholds_are_shown():
    award = award_of(2015, revenue=[produce(2015, 26_000_000)], settings={"indicative_factor": None})
    assert answer(award) == (0, 0, "not_yet")
    assert award["indicative_label"] is False


def test_published_threshold_replaces_the_assumption_even_where_it_is_higher():
    case = {
        "agri_thresholds": [
            {"mode": "b2c", "yuan": [30_000_000, 60_000_000, 300_000_000], "from": "2015-12-31"}
        ]
    }
    award = award_of(2015, **case, revenue=[produce(2015, 26_000_000)])
    assert answer(award) == (0, 0, "not_yet")
    assert award["indicative_label"] is False
    assert "published_agri_threshold" in codes(award)
    other_mode = award_of(2015, **case, revenue=[produce(2015, 51_000_000, "b2b")])
    assert answer(other_mode) == (0, 50_000, "possible")
    assert other_mode["indicative_label"] is True


@pytest.mark.parametrize(
    ("thresholds", "threshold_yuan"),
    [
        ([{"factor": "0.8", "from": "2015-01-01"}, {"factor": "0.6", "from": "2015-02-01"}], "30000000.00"),
        ([{"factor": "0.6", "from": "2015-02-01"}, {"factor": "0.8", "from": "2015-01-01"}], "30000000.00"),
        ([{"factor": "0.8", "from": "2015-01-01"}, {"factor": "0.6", "from": "2015-01-01"}], "30000000.00"),
        (
            [
                {"mode": "b2c", "yuan": [40_000_000, 50_000_000, 60_000_000], "from": "2015-01-01"},
                {"factor": "0.6", "from": "2015-01-01"},
            ],
            "40000000.00",
        ),
        ([{"factor": "0.6", "from": "2015-01-01", "to": "2015-12-30"}], None),
        ([{"factor": "0.6", "from": "2015-01-01", "to": "2015-12-31"}], "30000000.00"),
        ([{"factor": "0.6", "from": "2016-01-01"}], None),
        ([{"factor": "0.6", "from": "2015-01-01", "modes": ["b2b", "c2c"]}], None),
        ([{"factor": "0.6", "from": "2015-01-01", "confirmed": False}], None),
    ],
)
def test_row_in_force_on_31_december_is_used(thresholds, threshold_yuan):
    award = award_of(2015, revenue=[produce(2015, 1)], agri_thresholds=thresholds)
    following = award["modes"]["b2c"]["firm"]["next"]
    assert following["threshold_yuan"] == (threshold_yuan or "50000000.00")
    assert following["basis"] == ("agri_published" if threshold_yuan else "standard")
    assert ("agri_threshold_unconfirmed" in codes(award)) is not all(
        one.get("confirmed", True) for one in thresholds
    )


STOPS: dict[str, tuple[Case, list[str], set[str]]] = {
    "year before the document": (
        {"settings": {"effective_from": "2016-01-01"}},
        ["not_covered"],
        {"year_not_covered"},
    ),
    "year after its end": (
        {"settings": {"effective_to": "2015-12-30"}},
        ["not_covered"],
        {"year_not_covered"},
    ),
    "its last day": ({"settings": {"effective_to": "2015-12-31"}}, [], set()),
    "no accepted kind": (
        {"settings": {"nexus_kinds": ["headquarters"]}},
        ["no_nexus"],
        {"no_nexus"},
    ),
    "claimed without evidence": (
        {"nexus": [{"kind": "registered", "evidence": False}]},
        ["no_nexus"],
        {"no_nexus", "nexus_without_evidence"},
    ),
    "ended on 30 December": (
        {"nexus": [{"kind": "registered", "to": "2015-12-30"}]},
        ["no_nexus"],
        {"no_nexus"},
    ),
    "ended on 31 December": ({"nexus": [{"kind": "registered", "to": "2015-12-31"}]}, [], set()),
    "gone when applied": (
        {"nexus": [{"kind": "registered", "to": "2015-12-31"}], "applied_on": {"2015": "2016-03-01"}},
        ["no_nexus"],
        {"no_nexus"},
    ),
    "another kind when applied": (
        {
            "nexus": [
                {"kind": "registered", "to": "2015-12-31"},
                {"kind": "settlement", "from": "2016-01-01"},
            ],
            "applied_on": {"2015": "2016-03-01"},
        },
        [],
        set(),
    ),
    "application not known yet": (
        {
            "nexus": [{"kind": "registered", "to": "2015-12-31"}],
            "applied_on": {"2015": "2016-03-01"},
            "as_of": "2016-02-28",
        },
        [],
        set(),
    ),
    "asked before the tie ended": (
        {"nexus": [{"kind": "registered", "to": "2015-10-31"}], "as_of": "2015-10-31"},
        ["year_open"],
        set(),
    ),
    "asked on 31 December": ({"as_of": "2015-12-31"}, ["year_open"], set()),
    "asked on 1 January": ({"as_of": "2016-01-01"}, [], set()),
    "decided in the year": (
        {"incidents": [{"kind": "fraud", "on": "2015-12-31T15:59Z", "status": "decided"}]},
        ["disqualified"],
        {"incident_decided"},
    ),
    "decided, of the next year in Shanghai": (
        {"incidents": [{"kind": "fraud", "on": "2015-12-31T16:00Z", "status": "decided"}]},
        [],
        set(),
    ),
    "decided, not known yet": (
        {"incidents": [{"kind": "fraud", "on": "2015-06-02", "status": "decided"}], "as_of": "2015-06-01"},
        ["year_open"],
        set(),
    ),
    "overturned": (
        {"incidents": [{"kind": "bribery", "on": "2015-06-02", "status": "overturned"}]},
        [],
        set(),
    ),
    "ordinary accident": (
        {
            "incidents": [
                {"kind": "safety_accident", "on": "2015-06-02", "status": "decided", "grade": "ordinary"}
            ]
        },
        [],
        set(),
    ),
    "graver accident": (
        {
            "incidents": [
                {"kind": "safety_accident", "on": "2015-06-02", "status": "decided", "grade": "extreme"}
            ]
        },
        ["disqualified"],
        {"incident_decided"},
    ),
    "everything at once": (
        {
            "nexus": [],
            "settings": {"effective_from": "2016-01-01"},
            "incidents": [
                {"kind": "fraud", "on": "2015-06-02", "status": "decided"},
                {"kind": "fraud", "on": "2015-06-02", "status": "alleged"},
            ],
            "history_known": False,
        },
        ["not_covered", "no_nexus", "disqualified"],
        {"year_not_covered", "no_nexus", "incident_decided", "incident_alleged"},
    ),
}


@pytest.mark.parametrize(("case", "states", "named"), STOPS.values(), ids=STOPS)
def test_stop_leaves_no_amount_and_says_why(case, states, named):
    award = award_of(2015, revenue=[row(2015, 60_000_000)], **case)
    assert award["states"] == states
    assert codes(award) == {"first_break", *named}
    is_stopped = bool({"not_covered", "no_nexus", "disqualified"} & set(states))
    assert answer(award) == ((0, 0, "not_yet") if is_stopped else (50_000, 50_000, "firm"))
    assert award["counted"]["firm"] == ({} if is_stopped else {"b2c": [1]})
    assert award["modes"]["b2c"]["firm"]["yuan"] == "50000.00"


def test_reason_of_a_year_not_covered_rests_on_the_documents_day():
    award = award_of(2014, revenue=[row(2014, 1)])
    assert {"code": "year_not_covered", "clause": "2015-02-04"} in award["reasons"]


def test_excluded_person_is_not_eligible_and_an_accepted_one_needs_no_review():
    case = {"kind": "person", "revenue": [row(2015, 12_000_000, "c2c")]}
    excluded = award_of(2015, **case, settings={"natural_persons": "excluded"})
    assert (excluded["states"], answer(excluded)) == (["not_eligible"], (0, 0, "not_yet"))
    assert "person_excluded" in codes(excluded)
    accepted = award_of(2015, **case, settings={"natural_persons": "accepted"})
    assert (accepted["states"], answer(accepted)) == ([], (20_000, 20_000, "firm"))


def test_review_needs_an_amount():
    case = {"incidents": [{"kind": "fraud", "on": "2015-06-02", "status": "alleged"}]}
    award = award_of(2015, **case, revenue=[row(2015, 1)])
    assert award["states"] == []
    assert "incident_alleged" in codes(award)


def test_years_without_nexus_and_disqualified_years_use_tiers_up_unless_deferred():
    rows = [row(2015, 60_000_000), row(2016, 60_000_000)]
    away = {"nexus": [{"kind": "registered", "from": "2016-01-01"}]}
    assert award_of(2016, revenue=rows, **away)["states"] == ["used_up"]
    incident = {"incidents": [{"kind": "fraud", "on": "2014-06-02", "status": "decided"}]}
    case = {"revenue": [row(2015, 60_000_000)], "history": [row(2014, 60_000_000)], **incident}
    assert award_of(2015, **case)["states"] == ["used_up"]
    assert answer(award_of(2015, **case, settings={"disqualified_first": "deferred"})) == (
        50_000,
        50_000,
        "firm",
    )
    assert answer(award_of(2015, **case, settings={"first_scope": "policy"})) == (50_000, 50_000, "firm")


def test_force_is_confirmed_up_to_the_recorded_day():
    rows = [row(2015, 1), row(2016, 1)]
    years = result_of(revenue=rows)["years"]
    assert [years[year]["award"]["force"] for year in years] == ["confirmed", "unconfirmed"]
    assert (
        award_of(2016, revenue=rows, settings={"force_confirmed_until": "2016-12-31"})["force"] == "confirmed"
    )
    assert award_of(2015, revenue=rows, settings={"force_confirmed_until": None})["force"] == "unconfirmed"


def test_affiliates_are_named_and_never_added():
    award = award_of(2015, revenue=[row(2015, 30_000_000)], affiliates=[{"revenue": [row(2015, 30_000_000)]}])
    assert answer(award) == (0, 0, "not_yet")
    assert "affiliates_apart" in codes(award)
