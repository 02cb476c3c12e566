"""What the award engine answers: amounts in fen, states, reasons and the figures of each mode, year by year."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from marketplace.awards.facts import Mode
from marketplace.awards.parameters import Readings
from marketplace.awards.reasons import AWARD_CLAUSE, Reason
from marketplace.awards.revenue import RevenueSummary
from marketplace.awards.tracks import Lowered, Side, Track


class Result(StrEnum):
    FIRM = "firm"
    POSSIBLE = "possible"
    NOT_YET = "not_yet"


class State(StrEnum):
    """In the order in which they are listed; the first four stop a benefit."""

    NOT_COVERED = "not_covered"
    NOT_ELIGIBLE = "not_eligible"
    NO_NEXUS = "no_nexus"
    DISQUALIFIED = "disqualified"
    NEEDS_HISTORY = "needs_history"
    REVIEW = "review"
    USED_UP = "used_up"
    UNCLASSIFIED = "unclassified"
    ADJUSTED = "adjusted"
    YEAR_OPEN = "year_open"


class Force(StrEnum):
    """Whether a source says that the document was in force in the year."""

    CONFIRMED = "confirmed"
    UNCONFIRMED = "unconfirmed"


class Payer(StrEnum):
    BENEFITING_TREASURY = "benefiting_treasury"


@dataclass(frozen=True, slots=True)
class Amounts:
    """Both answers in fen."""

    firm_fen: int
    possible_fen: int


@dataclass(frozen=True, slots=True)
class ModeResult:
    """One mode of a year in both tracks; `lowered` is what an agri seller's mode is measured against."""

    measured_fen: int
    agri_fen: int
    firm: Side
    possible: Side
    lowered: Lowered | None


@dataclass(frozen=True, slots=True)
class Award:
    """The revenue award of one year. `with_declared` is None where declared revenue changes nothing to compare."""

    firm_fen: int
    possible_fen: int
    result: Result
    states: tuple[State, ...]
    reasons: tuple[Reason, ...]
    counted: Mapping[Track, Mapping[Mode, tuple[int, ...]]]
    modes: Mapping[Mode, ModeResult]
    with_declared: Amounts | None
    indicative_label: bool
    force: Force
    payer: Payer = Payer.BENEFITING_TREASURY
    clause: str = AWARD_CLAUSE


@dataclass(frozen=True, slots=True)
class YearAssessment:
    """What is reported of one assessed year; `readings` are the settings it was assessed with."""

    year: int
    award: Award
    revenue: RevenueSummary
    readings: Readings


@dataclass(frozen=True, slots=True)
class Assessment:
    """The whole answer. `first_broken`: by track and mode, the year in which each used up tier was first broken."""

    years: Mapping[int, YearAssessment]
    first_broken: Mapping[Track, Mapping[Mode, Mapping[int, int]]]
    seasons: Mapping[int, int]

    @property
    def totals(self) -> Amounts:
        awards = [year.award for year in self.years.values()]
        return Amounts(sum(award.firm_fen for award in awards), sum(award.possible_fen for award in awards))
