"""The award policy as data: its tiers, settings and published lowered thresholds, each row with its source."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum
from itertools import pairwise
from typing import Protocol, TypeVar

from marketplace.awards.facts import Mode
from marketplace.awards.parameters import (
    FACTOR_PLACES,
    PARAMETERS,
    ParameterValue,
    Readings,
    has_places,
)


class RowStatus(StrEnum):
    """How firmly a row stands: in an official document, as our reading, or as a display assumption."""

    PUBLISHED = "published"
    INTERPRETATION = "interpretation"
    INDICATIVE = "indicative"


@dataclass(frozen=True, slots=True)
class Document:
    """Where a row's value stands."""

    number: str
    issuer: str
    issued_on: date | None
    clause: str
    url: str = ""
    scan: str = ""

    @property
    def is_complete(self) -> bool:
        """Number, issuer, date, clause and a copy: what a published lowered threshold must name."""
        return bool(
            self.number and self.issuer and self.issued_on and self.clause and (self.url or self.scan)
        )


@dataclass(frozen=True, slots=True)
class Record:
    """What every row of the policy carries; both days of force are included."""

    document: Document
    status: RowStatus
    effective_from: date
    effective_to: date | None = None
    entered_by: str = ""
    confirmed_by: str = ""
    reason: str = ""

    @property
    def is_confirmed(self) -> bool:
        """A second person has confirmed the row."""
        return bool(self.confirmed_by) and self.confirmed_by != self.entered_by

    def holds_on(self, day: date) -> bool:
        return self.effective_from <= day and (self.effective_to is None or day <= self.effective_to)


@dataclass(frozen=True, slots=True)
class Tier:
    """One step of the published table for one mode, in fen."""

    mode: Mode
    tier: int
    threshold_fen: int
    award_fen: int
    record: Record


@dataclass(frozen=True, slots=True)
class Parameter:
    """One setting, a key of `parameters.PARAMETERS` with its typed value."""

    key: str
    value: ParameterValue
    record: Record


@dataclass(frozen=True, slots=True)
class AgriThreshold:
    """A published lowered threshold for produce: a factor on the standard ones, or a table in fen for one mode."""

    modes: tuple[Mode, ...]
    record: Record
    factor: Decimal | None = None
    thresholds_fen: tuple[int, ...] | None = None

    @property
    def is_adopted(self) -> bool:
        """Used only with a complete source and a second person's confirmation."""
        return self.record.is_confirmed and self.record.document.is_complete

    def lowered(self, tiers: Sequence[Tier]) -> tuple[int, ...]:
        """The thresholds in fen for the standard tiers of a mode."""
        if self.thresholds_fen is not None:
            return self.thresholds_fen
        assert self.factor is not None
        return lowered_by(self.factor, tiers)

    def refusal(self, tiers: Mapping[Mode, Sequence[Tier]]) -> str | None:
        """Why the row may not stand, in English for staff: it may only lower; None when it may."""
        if (self.factor is None) == (self.thresholds_fen is None):
            return "must have a factor or a table"
        if self.factor is not None:
            if 0 < self.factor <= 1 and has_places(self.factor, FACTOR_PLACES):
                return None
            return f"must be above 0 and at most 1, with at most {FACTOR_PLACES} decimals"
        table = self.thresholds_fen or ()
        for mode in self.modes:
            standard = tiers[mode]
            if len(table) != len(standard):
                return f"must have {len(standard)} amounts"
            if table[0] <= 0 or any(lower >= upper for lower, upper in pairwise(table)):
                return "must lie above 0 and rise strictly"
            if any(own > tier.threshold_fen for own, tier in zip(table, standard, strict=True)):
                return "must nowhere lie above the standard threshold"
        return None


class _Row(Protocol):
    @property
    def record(self) -> Record: ...


RowT = TypeVar("RowT", bound=_Row)


def year_end(year: int) -> date:
    return date(year, 12, 31)


def lowered_by(factor: Decimal, tiers: Sequence[Tier]) -> tuple[int, ...]:
    """Thresholds times the factor, exact: four decimals of whole 万元 are whole fen."""
    numerator, denominator = factor.as_integer_ratio()
    return tuple(tier.threshold_fen * numerator // denominator for tier in tiers)


def row_of_year(rows: Iterable[RowT], year: int) -> RowT:
    """The row for a benefit year: in force on 31 December, the latest by start, then by entry.

    Before any was in force the earliest row applies, after all have ended the last. Raises LookupError for no row.
    """
    day = year_end(year)
    ordered = sorted(rows, key=lambda row: row.record.effective_from)  # stable: entry order breaks ties
    if not ordered:
        raise LookupError("no row")
    holding = [row for row in ordered if row.record.holds_on(day)]
    started = [row for row in ordered if row.record.effective_from <= day]
    return (holding or started or ordered[:1])[-1]


@dataclass(frozen=True, slots=True)
class Policy:
    """One award document with all its rows; refuses with ValueError what could not be assessed."""

    number: str
    title: str
    issuer: str
    issued_on: date
    tiers: tuple[Tier, ...]
    parameters: tuple[Parameter, ...]
    agri_thresholds: tuple[AgriThreshold, ...] = ()

    def __post_init__(self) -> None:
        missing = PARAMETERS.keys() - {row.key for row in self.parameters}
        if missing:
            raise ValueError(f"settings without a row: {', '.join(sorted(missing))}")
        for row in self.parameters:
            if row.key not in PARAMETERS:
                raise ValueError(f"unknown setting {row.key}")
            refusal = PARAMETERS[row.key].refusal(row.value)
            if refusal is not None:
                raise ValueError(f"{row.key}: {refusal}")
        for threshold in self.agri_thresholds:
            year = threshold.record.effective_from.year
            refusal = threshold.refusal({mode: self.tiers_of(mode, year) for mode in threshold.modes})
            if refusal is not None:
                raise ValueError(f"lowered threshold from {threshold.record.effective_from}: {refusal}")

    def tiers_of(self, mode: Mode, year: int) -> tuple[Tier, ...]:
        """The standard tiers of a mode for a benefit year, lowest first."""
        rows = [row for row in self.tiers if row.mode == mode]
        numbers = sorted({row.tier for row in rows})
        return tuple(row_of_year([row for row in rows if row.tier == number], year) for number in numbers)

    def parameters_of(self, year: int) -> tuple[Parameter, ...]:
        """The row of every setting for a benefit year, with its source: the parameter list of a report."""
        return tuple(
            row_of_year([row for row in self.parameters if row.key == key], year) for key in PARAMETERS
        )

    def readings(self, year: int) -> Readings:
        """The typed settings for a benefit year."""
        return Readings.of({row.key: row.value for row in self.parameters_of(year)})

    def agri_threshold_of(self, mode: Mode, year: int) -> AgriThreshold | None:
        """The adopted lowered threshold of a mode in force on 31 December; never before its effective date."""
        day = year_end(year)
        rows = [
            (row.record.effective_from, row.thresholds_fen is not None, entry, row)
            for entry, row in enumerate(self.agri_thresholds)
            if row.is_adopted and mode in row.modes and row.record.holds_on(day)
        ]
        return max(rows, key=lambda ranked: ranked[:3])[-1] if rows else None

    def has_unadopted_threshold(self, year: int) -> bool:
        """Whether a lowered threshold that awaits its confirmation would be in force on 31 December."""
        day = year_end(year)
        return any(not row.is_adopted and row.record.holds_on(day) for row in self.agri_thresholds)

    def with_settings(self, values: Mapping[str, ParameterValue]) -> Policy:
        """The same policy with some settings replaced for all years; refuses as the constructor does."""
        kept = tuple(row for row in self.parameters if row.key not in values)
        replaced = []
        for key, value in values.items():
            if key not in PARAMETERS:
                raise ValueError(f"unknown setting {key}")
            first = min(
                (row for row in self.parameters if row.key == key), key=lambda row: row.record.effective_from
            )
            replaced.append(Parameter(key, value, replace(first.record, effective_to=None)))
        return replace(self, parameters=(*kept, *replaced))
