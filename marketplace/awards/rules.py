"""assess(policy, facts): what an entity's figures reach under 赣市府发〔2015〕2号 四（二）1, and why.

Pure: no clock, database or request. Money is integer fen. The result promises nothing; it says what is firm against
published thresholds and what is possible against an assumed one.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass

from marketplace.awards.assessment import (
    Amounts,
    Assessment,
    Award,
    Force,
    ModeResult,
    Result,
    State,
    YearAssessment,
)
from marketplace.awards.facts import Facts, Incident, IncidentStatus, Mode, OrderYear, SellerKind
from marketplace.awards.nexus import NexusFinding, find_nexus
from marketplace.awards.parameters import Readings
from marketplace.awards.policy import Policy, year_end
from marketplace.awards.reasons import ReasonCode, reasons_for
from marketplace.awards.revenue import YearFigures, figures_of, summarise
from marketplace.awards.tracks import (
    KnownYear,
    ModeYear,
    ThresholdBasis,
    Track,
    TrackRun,
    TrackYear,
    mode_years,
    run_track,
)


@dataclass(frozen=True, slots=True)
class _Standing:
    """What is settled of a year before its revenue is looked at."""

    readings: Readings
    stops: tuple[State, ...]
    nexus: NexusFinding
    has_decided: bool
    has_alleged: bool

    @property
    def marks(self) -> bool:
        """Whether tiers passed in the year are used up from then on."""
        if State.NOT_COVERED in self.stops and self.readings.first_scope == "policy":
            return False
        return not (State.DISQUALIFIED in self.stops and self.readings.disqualified_first == "deferred")


@dataclass(frozen=True, slots=True)
class _Run:
    """Both tracks over all known years, with one choice about declared revenue."""

    figures: Mapping[int, YearFigures]
    modes: Mapping[int, Mapping[Mode, ModeYear]]
    tracks: Mapping[Track, TrackRun]

    def year(self, track: Track, year: int) -> TrackYear:
        return self.tracks[track].years[year]

    def amounts(self, year: int) -> Amounts:
        """After stops."""
        return Amounts(self.year(Track.FIRM, year).fen, self.year(Track.POSSIBLE, year).fen)


def assess(policy: Policy, facts: Facts) -> Assessment:
    """The revenue award of every assessed year; never raises for facts of the right types."""
    standings = {year: _standing(policy, facts, year) for year in facts.known_years}
    counts_declared = {
        year for year, standing in standings.items() if standing.readings.declared == "counted"
    }
    headline = _run(policy, facts, standings, counts_declared)
    is_apart = any(
        row.is_declared and row.counts and row.year not in counts_declared for row in facts.revenue
    )
    combined = _run(policy, facts, standings, set(standings)) if is_apart else None
    years = {}
    for year in facts.assessed_years:
        standing = standings[year]
        with_declared = None
        if combined is not None and year not in counts_declared:
            with_declared = _answer(combined.amounts(year), asks_history=_asks_history(facts, standing))
        years[year] = YearAssessment(
            year=year,
            award=_award(policy, facts, year, standing, headline, with_declared),
            revenue=summarise(facts, year, headline.figures[year], standing.readings),
            readings=standing.readings,
        )
    return Assessment(
        years=years,
        first_broken={track: headline.tracks[track].first_broken for track in Track},
        seasons=facts.seasons,
    )


def _standing(policy: Policy, facts: Facts, year: int) -> _Standing:
    readings = policy.readings(year)
    nexus = find_nexus(facts, readings, year)
    incidents = [
        row for row in facts.incidents if row.is_grave and row.on.year == year and facts.knows(row.on)
    ]
    has_decided = _has(incidents, IncidentStatus.DECIDED)
    applying = {
        State.NOT_COVERED: not readings.covers(year_end(year)),
        State.NOT_ELIGIBLE: facts.kind is SellerKind.PERSON and readings.natural_persons == "excluded",
        State.NO_NEXUS: not nexus.holds,
        State.DISQUALIFIED: has_decided,
    }
    return _Standing(
        readings=readings,
        stops=tuple(state for state, applies in applying.items() if applies),
        nexus=nexus,
        has_decided=has_decided,
        has_alleged=_has(incidents, IncidentStatus.ALLEGED),
    )


def _has(incidents: list[Incident], status: IncidentStatus) -> bool:
    return any(row.status is status for row in incidents)


def _run(policy: Policy, facts: Facts, standings: Mapping[int, _Standing], declared: Set[int]) -> _Run:
    assessed = set(facts.assessed_years)
    figures = {year: figures_of(facts, year, declared=year in declared) for year in standings}
    modes = {
        year: mode_years(policy, figures[year], year, standing.readings)
        for year, standing in standings.items()
    }
    known = [
        KnownYear(
            year=year,
            modes=modes[year],
            earns=year in assessed and not standing.stops,
            marks=standing.marks,
            readings=standing.readings,
        )
        for year, standing in standings.items()
    ]
    return _Run(figures, modes, {track: run_track(track, known) for track in Track})


def _asks_history(facts: Facts, standing: _Standing) -> bool:
    return not facts.history_known and standing.readings.unknown_history == "ask"


def _answer(amounts: Amounts, *, asks_history: bool) -> Amounts:
    """While earlier years are unknown nothing is firm, and the greater of the two tracks is the most there can be."""
    if not asks_history:
        return amounts
    return Amounts(0, max(amounts.firm_fen, amounts.possible_fen))


def _award(
    policy: Policy,
    facts: Facts,
    year: int,
    standing: _Standing,
    run: _Run,
    with_declared: Amounts | None,
) -> Award:
    firm, possible = run.year(Track.FIRM, year), run.year(Track.POSSIBLE, year)
    earned = run.amounts(year)
    has_amount = earned.firm_fen > 0 or earned.possible_fen > 0
    asks_history = has_amount and _asks_history(facts, standing)
    answer = _answer(earned, asks_history=asks_history)
    counted = {Track.FIRM: firm.counted, Track.POSSIBLE: possible.counted}
    if asks_history:
        greater = firm if firm.fen > possible.fen else possible
        counted = {Track.FIRM: {}, Track.POSSIBLE: greater.counted}
    modes = {
        mode: ModeResult(
            measured_fen=row.measured_fen,
            agri_fen=row.agri_fen,
            firm=firm.sides[mode],
            possible=possible.sides[mode],
            lowered=row.lowered,
        )
        for mode, row in run.modes[year].items()
    }
    states = _states(facts, year, standing, run, modes, has_amount=has_amount, asks_history=asks_history)
    codes = _codes(policy, facts, year, standing, run, modes, states)
    return Award(
        firm_fen=answer.firm_fen,
        possible_fen=answer.possible_fen,
        result=_result(answer),
        states=states,
        reasons=reasons_for(codes, issued_on=policy.issued_on.isoformat()),
        counted=counted,
        modes=modes,
        with_declared=with_declared,
        indicative_label=any(
            row.measured_fen > 0
            and row.lowered is not None
            and row.lowered.basis is ThresholdBasis.AGRI_INDICATIVE
            for row in modes.values()
        ),
        force=_force(standing.readings, year),
    )


def _result(answer: Amounts) -> Result:
    if answer.firm_fen > 0:
        return Result.FIRM
    return Result.POSSIBLE if answer.possible_fen > 0 else Result.NOT_YET


def _force(readings: Readings, year: int) -> Force:
    until = readings.force_confirmed_until
    return Force.CONFIRMED if until is not None and year_end(year) <= until else Force.UNCONFIRMED


def _states(
    facts: Facts,
    year: int,
    standing: _Standing,
    run: _Run,
    modes: Mapping[Mode, ModeResult],
    *,
    has_amount: bool,
    asks_history: bool,
) -> tuple[State, ...]:
    orders = _orders_of(facts, year)
    person_in_review = facts.kind is SellerKind.PERSON and standing.readings.natural_persons == "review"
    to_review = standing.has_alleged or person_in_review or any(row.has_suspected_sham for row in orders)
    breaks = any(mode.firm.broken or mode.possible.broken for mode in modes.values())
    passes = any(mode.possible.passed for mode in modes.values())
    later = {
        State.NEEDS_HISTORY: asks_history,
        State.REVIEW: has_amount and to_review,
        State.USED_UP: passes and not breaks,
        State.UNCLASSIFIED: run.figures[year].measured(Mode.UNCLASSIFIED) != 0,
        State.ADJUSTED: any(row.is_adjusted for row in orders),
        State.YEAR_OPEN: facts.as_of is not None and facts.as_of <= year_end(year),
    }
    return (*standing.stops, *(state for state, applies in later.items() if applies))


def _orders_of(facts: Facts, year: int) -> list[OrderYear]:
    return [row for row in facts.order_years if row.year == year]


def _codes(
    policy: Policy,
    facts: Facts,
    year: int,
    standing: _Standing,
    run: _Run,
    modes: Mapping[Mode, ModeResult],
    states: tuple[State, ...],
) -> set[ReasonCode]:
    """Every code whose sentence is true of the year, whether or not an amount is left."""
    applying = {
        **_revenue_codes(policy, year, standing.readings, run.figures[year], modes),
        **_entity_codes(facts, standing, states),
        **_source_codes(facts, year, standing.readings),
        ReasonCode.USED_UP: State.USED_UP in states,
        ReasonCode.UNCLASSIFIED_REVENUE: State.UNCLASSIFIED in states,
        ReasonCode.HISTORY_UNKNOWN: State.NEEDS_HISTORY in states,
    }
    return {code for code, applies in applying.items() if applies}


def _revenue_codes(
    policy: Policy, year: int, readings: Readings, figures: YearFigures, modes: Mapping[Mode, ModeResult]
) -> dict[ReasonCode, bool]:
    rows = list(modes.values())
    sides = [side for row in rows for side in (row.firm, row.possible)]
    several_pay = any(
        sum(side.fen > 0 for side in track) > 1
        for track in ([row.firm for row in rows], [row.possible for row in rows])
    )
    return {
        ReasonCode.FIRST_BREAK: any(row.firm.broken for row in rows),
        ReasonCode.INDICATIVE_BREAK: any(set(row.possible.broken) - set(row.firm.broken) for row in rows),
        ReasonCode.PUBLISHED_AGRI_THRESHOLD: any(
            row.lowered is not None and row.lowered.basis is ThresholdBasis.AGRI_PUBLISHED for row in rows
        ),
        ReasonCode.BELOW_THRESHOLD: not any(row.possible.passed for row in rows),
        ReasonCode.SKIPPED_TIER_USED_UP: readings.same_year_tiers == "highest"
        and any(len(side.broken) > 1 for side in sides),
        ReasonCode.MODES_NOT_CUMULATIVE: readings.across_modes == "highest" and several_pay,
        ReasonCode.TOP_UP: any(side.taken_off_fen > 0 for side in sides),
        ReasonCode.BELOW_AGRI_SHARE: figures.total_produce(readings) > 0
        and not figures.is_agri_seller(readings),
        ReasonCode.AGRI_THRESHOLD_UNCONFIRMED: policy.has_unadopted_threshold(year),
    }


def _entity_codes(facts: Facts, standing: _Standing, states: tuple[State, ...]) -> dict[ReasonCode, bool]:
    is_person = facts.kind is SellerKind.PERSON
    return {
        ReasonCode.NATURAL_PERSON: is_person and standing.readings.natural_persons == "review",
        ReasonCode.YEAR_NOT_COVERED: State.NOT_COVERED in states,
        ReasonCode.PERSON_EXCLUDED: State.NOT_ELIGIBLE in states,
        ReasonCode.NO_NEXUS: State.NO_NEXUS in states,
        ReasonCode.NEXUS_WITHOUT_EVIDENCE: standing.nexus.lacks_evidence,
        ReasonCode.INCIDENT_DECIDED: standing.has_decided,
        ReasonCode.INCIDENT_ALLEGED: standing.has_alleged,
        ReasonCode.AFFILIATES_APART: bool(facts.affiliates),
        ReasonCode.PREDECESSOR_INCLUDED: any(row.documented for row in facts.predecessors),
        ReasonCode.PREDECESSOR_UNDOCUMENTED: any(not row.documented for row in facts.predecessors),
    }


def _source_codes(facts: Facts, year: int, readings: Readings) -> dict[ReasonCode, bool]:
    own = [row for row in facts.revenue if row.year == year]
    orders = _orders_of(facts, year)
    declared = [row for row in own if row.is_declared]
    return {
        ReasonCode.DECLARED_APART: readings.declared == "apart" and any(row.counts for row in declared),
        ReasonCode.DECLARED_WITHOUT_EVIDENCE: any(not row.counts for row in declared),
        ReasonCode.REFUND_AFTER_FREEZE: any(row.adjustment for row in own)
        or any(row.is_adjusted for row in orders),
        ReasonCode.SHAM_EXCLUDED: any(row.has_confirmed_sham for row in orders),
        ReasonCode.SHAM_SUSPECTED: any(row.has_suspected_sham for row in orders),
        ReasonCode.OFFLINE_EXCLUDED: any(row.has_offline for row in orders),
        ReasonCode.SEASON_APART: any(row.has_season_sales for row in orders),
    }
