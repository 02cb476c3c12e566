"""What the award engine is told about one entity: frozen values, money in integer fen, days in Asia/Shanghai."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum


class SellerKind(StrEnum):
    COMPANY = "company"
    COOPERATIVE = "cooperative"
    SOLE_TRADER = "sole_trader"
    PERSON = "person"


class Buyer(StrEnum):
    CONSUMER = "consumer"
    ENTERPRISE = "enterprise"


class Mode(StrEnum):
    """How a sale was made; the order of the first three settles ties between modes."""

    B2B = "b2b"
    B2C = "b2c"
    C2C = "c2c"
    UNCLASSIFIED = "unclassified"


TIER_MODES = (Mode.B2B, Mode.B2C, Mode.C2C)


class AgriClass(StrEnum):
    PRIMARY = "primary"
    PROCESSED = "processed"
    NOT_AGRI = "not_agri"


class RevenueSource(StrEnum):
    PLATFORM = "platform"
    DECLARED = "declared"


class NexusKind(StrEnum):
    REGISTERED = "registered"
    HEADQUARTERS = "headquarters"
    OPERATIONS = "operations"
    SETTLEMENT = "settlement"


class IncidentKind(StrEnum):
    INFRINGEMENT = "infringement"
    FRAUD = "fraud"
    BRIBERY = "bribery"
    SAFETY_ACCIDENT = "safety_accident"


class IncidentStatus(StrEnum):
    ALLEGED = "alleged"
    DECIDED = "decided"
    OVERTURNED = "overturned"


class AccidentGrade(StrEnum):
    ORDINARY = "ordinary"
    LARGER = "larger"
    MAJOR = "major"
    EXTREME = "extreme"


@dataclass(frozen=True, slots=True)
class RevenueFact:
    """Revenue of one year, mode and class in fen; negative only for an `adjustment`, booked in the year it bears."""

    year: int
    mode: Mode
    fen: int
    agri_class: AgriClass = AgriClass.NOT_AGRI
    source: RevenueSource = RevenueSource.PLATFORM
    evidence: bool = True
    adjustment: bool = False

    @property
    def counts(self) -> bool:
        """Declared revenue without evidence counts nothing."""
        return self.source is RevenueSource.PLATFORM or self.evidence

    @property
    def is_declared(self) -> bool:
        return self.source is RevenueSource.DECLARED


@dataclass(frozen=True, slots=True)
class OrderYear:
    """What the orders of a calendar year say besides revenue; its presence alone makes the year an assessed one."""

    year: int
    platform_coupon_fen: int = 0
    excluded_fen: int = 0
    has_confirmed_sham: bool = False
    has_suspected_sham: bool = False
    has_offline: bool = False
    has_season_sales: bool = False
    is_adjusted: bool = False


@dataclass(frozen=True, slots=True)
class Predecessor:
    """An entity whose revenue is the present entity's own, once the link is documented."""

    name: str = ""
    documented: bool = True
    revenue: tuple[RevenueFact, ...] = ()


@dataclass(frozen=True, slots=True)
class Affiliate:
    """A related enterprise: named in the reasons, never added."""

    name: str = ""
    revenue: tuple[RevenueFact, ...] = ()


@dataclass(frozen=True, slots=True)
class Incident:
    """An event that may disqualify, 四（五）3; `grade` belongs to safety accidents only."""

    kind: IncidentKind
    on: date
    status: IncidentStatus
    grade: AccidentGrade | None = None

    @property
    def is_grave(self) -> bool:
        """The text names 较大 accidents; 一般 ones do not count, graver ones do all the more."""
        return self.grade is not AccidentGrade.ORDINARY


@dataclass(frozen=True, slots=True)
class NexusEvidence:
    """A tie to Ganzhou, valid from `valid_from` to `valid_to`, both days included; None means without limit."""

    kind: NexusKind
    valid_from: date | None = None
    valid_to: date | None = None
    evidence: bool = True
    place: str = ""

    def holds_on(self, day: date) -> bool:
        return (self.valid_from is None or self.valid_from <= day) and (
            self.valid_to is None or day <= self.valid_to
        )


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything the engine may know of one entity (one credit code).

    A year of `revenue` or `order_years` is assessed; a year that only `history` or a documented predecessor
    knows uses tiers up and earns nothing. `as_of` None means that everything has happened.
    """

    kind: SellerKind = SellerKind.COMPANY
    revenue: tuple[RevenueFact, ...] = ()
    order_years: tuple[OrderYear, ...] = ()
    seasons: Mapping[int, int] = field(default_factory=dict)
    history: tuple[RevenueFact, ...] = ()
    history_known: bool = True
    predecessors: tuple[Predecessor, ...] = ()
    affiliates: tuple[Affiliate, ...] = ()
    incidents: tuple[Incident, ...] = ()
    nexus: tuple[NexusEvidence, ...] = ()
    applied_on: Mapping[int, date] = field(default_factory=dict)
    as_of: date | None = None

    @property
    def assessed_years(self) -> tuple[int, ...]:
        return tuple(sorted({fact.year for fact in self.revenue} | {row.year for row in self.order_years}))

    @property
    def inherited(self) -> tuple[RevenueFact, ...]:
        """History and documented predecessors: amounts that are the entity's own in whatever year they fall."""
        taken_over = (fact for other in self.predecessors if other.documented for fact in other.revenue)
        return (*self.history, *taken_over)

    @property
    def known_years(self) -> tuple[int, ...]:
        return tuple(sorted({*self.assessed_years, *(fact.year for fact in self.inherited)}))

    def knows(self, day: date) -> bool:
        """Whether something dated `day` is known to the question."""
        return self.as_of is None or day <= self.as_of
