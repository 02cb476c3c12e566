"""The two tracks of the revenue award, 四（二）1: which tiers each year newly breaks, and what that brings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from marketplace.awards.facts import TIER_MODES, Mode
from marketplace.awards.parameters import Readings
from marketplace.awards.policy import AgriThreshold, Policy, Tier, lowered_by
from marketplace.awards.revenue import YearFigures


class Track(StrEnum):
    """`firm` counts published thresholds only; `possible` also the assumed one where none is published."""

    FIRM = "firm"
    POSSIBLE = "possible"


class ThresholdBasis(StrEnum):
    STANDARD = "standard"
    AGRI_PUBLISHED = "agri_published"
    AGRI_INDICATIVE = "agri_indicative"


@dataclass(frozen=True, slots=True)
class Lowered:
    """The lowered thresholds in fen that an agri seller's mode is measured against; `source` when published."""

    basis: ThresholdBasis
    thresholds_fen: tuple[int, ...]
    source: AgriThreshold | None = None


@dataclass(frozen=True, slots=True)
class ModeYear:
    """One mode of one year: whole and produce revenue in fen, and the thresholds that apply."""

    measured_fen: int
    agri_fen: int
    tiers: tuple[Tier, ...]
    lowered: Lowered | None


@dataclass(frozen=True, slots=True)
class KnownYear:
    """A year of history or assessment as the tracks see it.

    `earns` = assessed and not stopped; `marks` = tiers passed in it are used up from then on.
    """

    year: int
    modes: Mapping[Mode, ModeYear]
    earns: bool
    marks: bool
    readings: Readings


@dataclass(frozen=True, slots=True)
class NextTier:
    tier: int
    basis: ThresholdBasis
    threshold_fen: int
    distance_fen: int


@dataclass(frozen=True, slots=True)
class Side:
    """What one track says of one mode in one year; `fen` is what this mode alone would bring."""

    passed: tuple[int, ...]
    broken: tuple[int, ...]
    used_up: tuple[int, ...]
    fen: int
    taken_off_fen: int
    next: NextTier | None


@dataclass(frozen=True, slots=True)
class TrackYear:
    """One year of one track: `fen` and `counted` (tiers paid for) are settled before history and review."""

    sides: Mapping[Mode, Side] = field(default_factory=dict)
    counted: Mapping[Mode, tuple[int, ...]] = field(default_factory=dict)
    fen: int = 0


@dataclass(frozen=True, slots=True)
class TrackRun:
    """A whole track: its years, and for each tier used up the year of its first break."""

    years: Mapping[int, TrackYear]
    first_broken: Mapping[Mode, Mapping[int, int]]


def mode_years(policy: Policy, figures: YearFigures, year: int, readings: Readings) -> dict[Mode, ModeYear]:
    """The modes of a year that have a row which counts, each with the thresholds that apply to this entity."""
    is_agri_seller = figures.is_agri_seller(readings)
    modes = {}
    for mode in TIER_MODES:
        if mode in figures.by_mode:
            tiers = policy.tiers_of(mode, year)
            modes[mode] = ModeYear(
                measured_fen=figures.measured(mode),
                agri_fen=figures.produce(mode, readings),
                tiers=tiers,
                lowered=_lowered(policy, mode, tiers, year, readings) if is_agri_seller else None,
            )
    return modes


def run_track(track: Track, years: Sequence[KnownYear]) -> TrackRun:
    """One pass over all known years, oldest first, with this track's own bookkeeping."""
    first_broken: dict[Mode, dict[int, int]] = {}
    credited: dict[Mode, int] = {}
    results = {}
    for known in years:
        sides = {
            mode: _side(track, known, mode, first_broken.get(mode, {}), credited.get(mode, 0))
            for mode in known.modes
        }
        result = _counted(sides, known) if known.earns else TrackYear(sides)
        results[known.year] = result
        for mode in result.counted:
            credited[mode] = credited.get(mode, 0) + sides[mode].fen
        if known.marks:
            for mode, side in sides.items():
                for tier in side.passed:
                    first_broken.setdefault(mode, {}).setdefault(tier, known.year)
    return TrackRun(results, first_broken)


def _lowered(
    policy: Policy, mode: Mode, tiers: Sequence[Tier], year: int, readings: Readings
) -> Lowered | None:
    """A published lowered threshold replaces the indicative one, even where it is higher."""
    published = policy.agri_threshold_of(mode, year)
    if published is not None:
        return Lowered(ThresholdBasis.AGRI_PUBLISHED, published.lowered(tiers), published)
    if readings.indicative_factor is None:
        return None
    return Lowered(ThresholdBasis.AGRI_INDICATIVE, lowered_by(readings.indicative_factor, tiers))


def _side(
    track: Track, known: KnownYear, mode: Mode, first_broken: Mapping[int, int], credited_fen: int
) -> Side:
    row, readings = known.modes[mode], known.readings
    measures = {tier.tier: _measures(track, row, index, readings) for index, tier in enumerate(row.tiers)}
    passed = tuple(
        tier.tier
        for tier in row.tiers
        if any(readings.passes(fen, threshold) for _, threshold, fen in measures[tier.tier])
    )
    used_up = tuple(sorted(first_broken))
    broken = tuple(tier for tier in passed if tier not in first_broken)
    awards = [tier.award_fen for tier in row.tiers if tier.tier in broken]
    full = (sum(awards) if readings.same_year_tiers == "sum" else awards[-1]) if awards else 0
    taken_off = min(full, credited_fen) if readings.cross_year == "top_up" else 0
    open_tiers = (
        tier.tier for tier in row.tiers if tier.tier not in passed and tier.tier not in first_broken
    )
    following = next(open_tiers, None)
    return Side(
        passed=passed,
        broken=broken,
        used_up=used_up,
        fen=full - taken_off,
        taken_off_fen=taken_off,
        next=None if following is None else _next_tier(following, measures[following], readings),
    )


def _measures(
    track: Track, row: ModeYear, index: int, readings: Readings
) -> list[tuple[ThresholdBasis, int, int]]:
    """(basis, threshold, revenue held against it) for one tier; a lowered one first, so that it wins a tie."""
    standard = (ThresholdBasis.STANDARD, row.tiers[index].threshold_fen, row.measured_fen)
    lowered = row.lowered
    if lowered is None or (track is Track.FIRM and lowered.basis is ThresholdBasis.AGRI_INDICATIVE):
        return [standard]
    fen = row.measured_fen if readings.agri_basis == "all" else row.agri_fen
    return [(lowered.basis, lowered.thresholds_fen[index], fen), standard]


def _next_tier(
    tier: int, measures: Sequence[tuple[ThresholdBasis, int, int]], readings: Readings
) -> NextTier:
    candidates = [
        NextTier(tier, basis, threshold, readings.distance(fen, threshold))
        for basis, threshold, fen in measures
    ]
    return min(candidates, key=lambda candidate: candidate.distance_fen)


def _counted(sides: Mapping[Mode, Side], known: KnownYear) -> TrackYear:
    """The year's amount: the mode with the highest, ties in the order b2b, b2c, c2c; or all of them."""
    paying = [mode for mode in TIER_MODES if mode in sides and sides[mode].fen > 0]
    if known.readings.across_modes == "highest":
        paying = sorted(paying, key=lambda mode: -sides[mode].fen)[:1]
    adds_tiers = known.readings.same_year_tiers == "sum"
    return TrackYear(
        sides=sides,
        counted={mode: sides[mode].broken if adds_tiers else sides[mode].broken[-1:] for mode in paying},
        fen=sum(sides[mode].fen for mode in paying),
    )
