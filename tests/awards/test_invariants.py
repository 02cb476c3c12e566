"""What holds for any facts: found by random search, not by example."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from marketplace.awards.case_writing import assessment_data
from marketplace.awards.facts import (
    AgriClass,
    Facts,
    Incident,
    IncidentKind,
    IncidentStatus,
    Mode,
    NexusEvidence,
    NexusKind,
    RevenueFact,
    SellerKind,
)
from marketplace.awards.policy_data import load_policy
from marketplace.awards.revenue import Refund, Sale, recognise
from marketplace.awards.rules import assess
from tests.awards.calculator import run

POLICY = load_policy()
LARGEST = max(tier.threshold_fen for tier in POLICY.tiers)
CORNERS = sorted({tier.threshold_fen * numerator // 2 for tier in POLICY.tiers for numerator in (1, 2)})

amounts = st.one_of(
    st.integers(0, 2 * LARGEST),
    st.builds(lambda corner, step: corner + step, st.sampled_from(CORNERS), st.integers(-1, 1)),
)
revenue_rows = st.builds(
    RevenueFact,
    year=st.integers(2013, 2018),
    mode=st.sampled_from(Mode),
    fen=amounts,
    agri_class=st.sampled_from(AgriClass),
)
incidents = st.builds(
    Incident,
    kind=st.just(IncidentKind.FRAUD),
    on=st.dates(date(2013, 1, 1), date(2018, 12, 31)),
    status=st.sampled_from(IncidentStatus),
)
entities = st.builds(
    Facts,
    kind=st.sampled_from(SellerKind),
    revenue=st.lists(revenue_rows, max_size=8).map(tuple),
    history=st.lists(revenue_rows, max_size=3).map(tuple),
    history_known=st.booleans(),
    incidents=st.lists(incidents, max_size=2).map(tuple),
    nexus=st.just((NexusEvidence(NexusKind.REGISTERED),)),
)
readings = st.fixed_dictionaries(
    {},
    optional={
        "threshold_operator": st.sampled_from(["gt", "gte"]),
        "same_year_tiers": st.sampled_from(["highest", "sum"]),
        "cross_year": st.sampled_from(["full", "top_up"]),
        "across_modes": st.sampled_from(["highest", "sum"]),
        "disqualified_first": st.sampled_from(["lost", "deferred"]),
        "first_scope": st.sampled_from(["history", "policy"]),
        "indicative_factor": st.none(),
    },
)
quick = settings(max_examples=60, deadline=None)


@quick
@given(entities, readings)
def test_nothing_firm_is_impossible_while_no_lowered_threshold_was_published(facts, values):
    assessment = assess(POLICY.with_settings(values), facts)
    firm, possible = (assessment.first_broken[track] for track in assessment.first_broken)
    for mode, years in firm.items():
        for tier, year in years.items():
            assert possible[mode][tier] <= year
    for year in assessment.years.values():
        for row in year.award.modes.values():
            assert set(row.firm.passed) <= set(row.possible.passed)


@quick
@given(entities, readings)
def test_without_an_assumption_both_tracks_agree(facts, values):
    assessment = assess(POLICY.with_settings({**values, "indicative_factor": None}), facts)
    for year in assessment.years.values():
        assert year.award.possible_fen >= year.award.firm_fen
        assert all(row.firm == row.possible for row in year.award.modes.values())


@quick
@given(entities, readings, st.lists(revenue_rows, max_size=4))
def test_a_later_year_never_changes_an_earlier_result(facts, values, later):
    policy = POLICY.with_settings(values)
    added = tuple(replace(row, year=row.year + 10) for row in later)
    before, after = assess(policy, facts), assess(policy, replace(facts, revenue=(*facts.revenue, *added)))
    assert {year: after.years[year] for year in before.years} == before.years


@quick
@given(entities, readings)
def test_each_tier_is_paid_for_once(facts, values):
    assessment = assess(
        POLICY.with_settings({**values, "disqualified_first": "lost", "first_scope": "history"}), facts
    )
    for track in assessment.first_broken:
        paid = [
            (mode, tier)
            for year in assessment.years.values()
            if "needs_history" not in year.award.states
            for mode, tiers in year.award.counted[track].items()
            for tier in tiers
        ]
        assert len(paid) == len(set(paid))


@quick
@given(entities, readings)
def test_order_of_the_rows_does_not_matter(facts, values):
    policy = POLICY.with_settings(values)
    turned = replace(facts, revenue=facts.revenue[::-1], history=facts.history[::-1])
    assert assessment_data(assess(policy, turned)) == assessment_data(assess(policy, facts))


@quick
@given(amounts, st.sampled_from(Mode), st.sampled_from(AgriClass))
def test_the_missing_distance_and_no_fen_less_reaches_the_next_tier(fen, mode, agri_class):
    assume(fen > 0)  # without revenue nobody is an agri seller yet, so the lowered threshold is not named

    def award(extra: int) -> Any:
        facts = Facts(
            revenue=(RevenueFact(2015, mode, fen + extra, agri_class),),
            nexus=(NexusEvidence(NexusKind.REGISTERED),),
        )
        return assess(POLICY, facts).years[2015].award

    for row in award(0).modes.values():
        for side in ("firm", "possible"):
            following = getattr(row, side).next
            if following is not None:
                reached = getattr(award(following.distance_fen).modes[mode], side)
                short = getattr(award(following.distance_fen - 1).modes[mode], side)
                assert following.tier in reached.passed
                assert following.tier not in short.passed


days = st.dates(date(2014, 6, 1), date(2018, 6, 1))
sales = st.builds(
    lambda day, fen, refunds: Sale(
        day,
        Mode.B2C,
        fen,
        AgriClass.PRIMARY,
        tuple(Refund(day + timedelta(days=after), fen // 3) for after in refunds),
    ),
    days,
    st.integers(0, 10**9),
    st.lists(st.integers(0, 700), max_size=3),
)


@quick
@given(st.lists(sales, max_size=6), st.dictionaries(st.integers(2014, 2018), st.integers(1, 200), max_size=3))
def test_freezing_moves_refunds_between_years_and_loses_none(found, frozen):
    frozen_on = {year: date(year, 12, 31) + timedelta(days=after) for year, after in frozen.items()}
    open_years, frozen_years = recognise(found, {}), recognise(found, frozen_on)
    assert sum(row.fen for row in open_years.revenue) == sum(row.fen for row in frozen_years.revenue)
    assert open_years.seasons == frozen_years.seasons
    assert not any(row.adjustment for row in open_years.revenue)
    assert all(row.fen < 0 for row in frozen_years.revenue if row.adjustment)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
field_names = st.sampled_from(
    [
        "kind",
        "nexus",
        "applied_on",
        "revenue",
        "orders",
        "frozen",
        "history",
        "settings",
        "as_of",
        "rent",
        "tax",
        "x",
    ]
)


@quick
@given(st.dictionaries(field_names, json_values, max_size=3))
def test_any_json_is_answered_or_refused_and_never_fails(case):
    status, out, err = run(json.dumps({"case": case}))
    assert (status == 0 and out) or (status == 2 and not out and err.startswith("line 1: "))


@quick
@given(st.binary(max_size=60))
def test_any_bytes_are_answered_or_refused_and_never_fail(content):
    status, out, _ = run(content)
    assert status == 2 or not out.strip() or out.startswith("{")
