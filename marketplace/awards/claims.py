"""Facts of the other benefits of 四（二）and 四（一）: recorded and checked, not yet part of an assessment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Premises:
    """A leased office, 四（二）2: square metres, and the rent paid in each lease year in fen."""

    start: date
    m2: Decimal
    paid_fen: tuple[int, ...] = ()
    other_use_on: date | None = None


@dataclass(frozen=True, slots=True)
class FibreLine:
    """A leased fibre line, 四（二）3: the fee paid in each lease year, and that contracted for the first, in fen."""

    start: date
    fees_fen: tuple[int, ...]
    contracted_fen: int | None = None
    is_new: bool = True


@dataclass(frozen=True, slots=True)
class BrandTitle:
    """A product's title, 四（二）4; only `famous_brand` is a 名牌产品."""

    product: str
    year: int
    level: str = "provincial"
    kind: str = "famous_brand"


@dataclass(frozen=True, slots=True)
class Recognition:
    """A demonstration title, 四（二）5, and the county's match in fen."""

    title: str
    level: str
    year: int
    is_new: bool = True
    county_match_fen: int = 0


@dataclass(frozen=True, slots=True)
class OtherBenefit:
    """A benefit from another scheme with the basis on which it was assessed, 四（五）3."""

    year: int
    basis: str
    fen: int
    level: str = "city"
    name: str = ""


@dataclass(frozen=True, slots=True)
class TaxYear:
    """What the information on income tax starts from, 四（一）; amounts in fen."""

    year: int
    taxable_income_fen: int = 0
    has_western_conditions: bool = False
    rd_expensed_fen: int = 0
    rd_capitalised_fen: int = 0
    rd_years: int = 10


@dataclass(frozen=True, slots=True)
class Claims:
    """`is_above_scale` None = decided by revenue; `key_industry`: recognised always, never, or from a date on."""

    is_above_scale: bool | None = True
    key_industry: bool | date = True
    rent: tuple[Premises, ...] = ()
    fibre: tuple[FibreLine, ...] = ()
    brands: tuple[BrandTitle, ...] = ()
    recognitions: tuple[Recognition, ...] = ()
    other_benefits: tuple[OtherBenefit, ...] = ()
    tax: tuple[TaxYear, ...] = ()

    @property
    def waiting(self) -> tuple[str, ...]:
        """The names of what is recorded here and not yet assessed."""
        names = ("rent", "fibre", "brands", "recognitions", "other_benefits", "tax")
        return tuple(name for name in names if getattr(self, name))
