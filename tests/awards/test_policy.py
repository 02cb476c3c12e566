"""The policy as data: its reference file, the row of a year, and what may not stand."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from marketplace.awards.facts import Facts, Mode, NexusEvidence, NexusKind, RevenueFact
from marketplace.awards.parameters import PARAMETERS, parameter_value
from marketplace.awards.policy import AgriThreshold, Parameter, Policy, RowStatus
from marketplace.awards.policy_data import load_policy
from marketplace.awards.reasons import SENTENCES, ReasonCode
from marketplace.awards.rules import assess

POLICY = load_policy()
WAN = 1_000_000  # 万元 in fen


def with_rows(*rows: Parameter) -> Policy:
    return replace(POLICY, parameters=(*POLICY.parameters, *rows))


def parameter(key: str) -> Parameter:
    return next(row for row in POLICY.parameters if row.key == key)


def test_published_table_is_that_of_the_document():
    table = {
        mode: [(tier.threshold_fen // WAN, tier.award_fen // WAN) for tier in POLICY.tiers_of(mode, 2015)]
        for mode in (Mode.B2B, Mode.B2C, Mode.C2C)
    }
    assert table == {
        Mode.B2B: [(10_000, 5), (50_000, 10), (100_000, 20)],
        Mode.B2C: [(5_000, 5), (10_000, 10), (50_000, 20)],
        Mode.C2C: [(1_000, 2), (2_000, 5), (5_000, 10)],
    }
    assert all(tier.record.status is RowStatus.PUBLISHED for tier in POLICY.tiers)


def test_only_the_lowered_threshold_is_indicative_and_every_setting_names_its_clause_and_reason():
    indicative = [row.key for row in POLICY.parameters if row.record.status is RowStatus.INDICATIVE]
    assert indicative == ["indicative_factor"]
    assert [row.key for row in POLICY.parameters] == list(PARAMETERS)
    assert all(row.record.document.clause and row.record.reason for row in POLICY.parameters)


def test_setting_of_a_year_is_the_row_in_force_on_31_december():
    first = parameter("threshold_operator")
    later = replace(first, value="gte", record=replace(first.record, effective_from=date(2017, 12, 31)))
    policy = with_rows(later)
    assert [policy.readings(year).threshold_operator for year in (2010, 2015, 2016, 2017)] == [
        "gt",
        "gt",
        "gt",
        "gte",
    ]


def test_later_entry_wins_among_rows_of_one_day_and_an_ended_row_gives_way():
    first = parameter("threshold_operator")
    corrected = replace(first, value="gte")
    assert with_rows(corrected).readings(2015).threshold_operator == "gte"
    ended = replace(
        first,
        value="gte",
        record=replace(first.record, effective_from=date(2016, 1, 1), effective_to=date(2016, 6, 1)),
    )
    assert with_rows(ended).readings(2016).threshold_operator == "gt"


def test_each_year_is_assessed_with_its_own_settings():
    first = parameter("threshold_operator")
    later = replace(first, value="gte", record=replace(first.record, effective_from=date(2016, 1, 1)))
    threshold = POLICY.tiers_of(Mode.B2C, 2015)[0].threshold_fen
    facts = Facts(
        revenue=(RevenueFact(2015, Mode.B2C, threshold), RevenueFact(2016, Mode.B2C, threshold)),
        nexus=(NexusEvidence(NexusKind.REGISTERED),),
    )
    years = assess(with_rows(later), facts).years
    assert [year.award.firm_fen for year in years.values()] == [0, 5 * WAN]


def published(**changes: object) -> AgriThreshold:
    record = replace(
        POLICY.tiers[0].record, effective_from=date(2016, 1, 1), entered_by="甲", confirmed_by="乙"
    )
    return AgriThreshold((Mode.B2C,), replace(record, **changes), factor=Decimal("0.4"))


@pytest.mark.parametrize(
    "changes",
    [
        {"confirmed_by": ""},
        {"confirmed_by": "甲"},
        {"document": replace(POLICY.tiers[0].record.document, number="")},
        {"document": replace(POLICY.tiers[0].record.document, issuer="")},
        {"document": replace(POLICY.tiers[0].record.document, issued_on=None)},
        {"document": replace(POLICY.tiers[0].record.document, clause="")},
        {"document": replace(POLICY.tiers[0].record.document, url="", scan="")},
    ],
)
def test_lowered_threshold_needs_its_source_and_a_second_person(changes):
    adopted = replace(POLICY, agri_thresholds=(published(),))
    assert adopted.agri_threshold_of(Mode.B2C, 2016) is not None
    assert adopted.agri_threshold_of(Mode.B2C, 2015) is None
    waiting = replace(POLICY, agri_thresholds=(published(**changes),))
    assert waiting.agri_threshold_of(Mode.B2C, 2016) is None
    assert waiting.has_unadopted_threshold(2016)
    assert not waiting.has_unadopted_threshold(2015)


@pytest.mark.parametrize(
    "row",
    [
        replace(published(), factor=Decimal("1.1")),
        replace(published(), factor=Decimal(0)),
        replace(published(), factor=None),
        replace(published(), factor=None, thresholds_fen=(1, 1, 2)),
        replace(published(), factor=None, thresholds_fen=(1, 2, 100_000 * WAN)),
    ],
)
def test_lowered_threshold_may_only_lower(row):
    with pytest.raises(ValueError, match="lowered threshold"):
        replace(POLICY, agri_thresholds=(row,))


def test_policy_refuses_a_missing_unknown_or_impossible_setting():
    with pytest.raises(ValueError, match="without a row"):
        replace(POLICY, parameters=POLICY.parameters[1:])
    with pytest.raises(ValueError, match="unknown"):
        POLICY.with_settings({"unheard": "of"})
    with pytest.raises(ValueError, match="must be one of"):
        POLICY.with_settings({"declared": "maybe"})


@pytest.mark.parametrize(
    ("key", "stored", "value"),
    [
        ("agri_share_min", "0.5", Decimal("0.5")),
        ("effective_to", None, None),
        ("effective_from", "2015-02-04", date(2015, 2, 4)),
        ("above_scale_retail_yuan", "5000000", 500_000_000),
        ("nexus_kinds", ["registered"], ("registered",)),
    ],
)
def test_stored_setting_is_typed(key, stored, value):
    assert parameter_value(key, stored) == value


@pytest.mark.parametrize(
    ("key", "stored"),
    [
        ("agri_share_min", 0.5),
        ("agri_share_min", "half"),
        ("effective_from", "soon"),
        ("nexus_kinds", []),
        ("x", "y"),
    ],
)
def test_stored_setting_that_is_none_is_refused(key, stored):
    with pytest.raises(ValueError, match=r"."):
        parameter_value(key, stored)


def test_every_reason_has_its_sentence():
    assert set(SENTENCES) == set(ReasonCode)
