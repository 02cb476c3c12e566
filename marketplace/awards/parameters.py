"""The settings of the award policy: which keys exist, which values each may take, and their typed form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from enum import StrEnum

ParameterValue = str | int | Decimal | date | tuple[str, ...] | None


class Form(StrEnum):
    """What kind of value a setting takes."""

    CHOICE = "choice"
    CHOICES = "choices"
    FACTOR = "factor"
    SHARE = "share"
    DAY = "day"
    AMOUNT = "amount"


FACTOR_PLACES = 4
SHARE_PLACES = 6


@dataclass(frozen=True, slots=True)
class ParameterForm:
    """The values one key allows: `options` for choices, None besides where `nullable`."""

    form: Form
    options: tuple[str, ...] = ()
    nullable: bool = False

    def refusal(self, value: ParameterValue) -> str | None:
        """Why the typed value is not allowed, in English for staff; None when it is."""
        if value is None:
            return None if self.nullable else "must not be null"
        match self.form:
            case Form.CHOICE:
                ok = isinstance(value, str) and value in self.options
                return None if ok else f"must be one of {', '.join(self.options)}"
            case Form.CHOICES:
                listed = (
                    isinstance(value, tuple) and bool(value) and all(one in self.options for one in value)
                )
                return None if listed else f"must be a list of {', '.join(self.options)}, at least one"
            case Form.FACTOR:
                ok = isinstance(value, Decimal) and 0 < value <= 1 and has_places(value, FACTOR_PLACES)
                return None if ok else f"must be above 0 and at most 1, with at most {FACTOR_PLACES} decimals"
            case Form.SHARE:
                ok = isinstance(value, Decimal) and 0 <= value <= 1 and has_places(value, SHARE_PLACES)
                return None if ok else f"must be from 0 to 1, with at most {SHARE_PLACES} decimals"
            case Form.DAY:
                return None if isinstance(value, date) else "must be a date"
            case Form.AMOUNT:
                ok = isinstance(value, int) and not isinstance(value, bool) and value >= 0
                return None if ok else "must be an amount of 0 or more"


def has_places(value: Decimal, places: int) -> bool:
    """Whether the finite number has at most so many decimals by value (1.500 has one)."""
    _, digits, exponent = value.as_tuple()
    if not isinstance(exponent, int):
        return False
    for trailing_zeros, digit in enumerate(reversed(digits)):
        if digit:
            return exponent + trailing_zeros >= -places
    return True


PARAMETERS: Mapping[str, ParameterForm] = {
    "threshold_operator": ParameterForm(Form.CHOICE, ("gt", "gte")),
    "first_scope": ParameterForm(Form.CHOICE, ("history", "policy")),
    "unknown_history": ParameterForm(Form.CHOICE, ("ask", "assume_none")),
    "same_year_tiers": ParameterForm(Form.CHOICE, ("highest", "sum")),
    "cross_year": ParameterForm(Form.CHOICE, ("full", "top_up")),
    "across_modes": ParameterForm(Form.CHOICE, ("highest", "sum")),
    "disqualified_first": ParameterForm(Form.CHOICE, ("lost", "deferred")),
    "recognition_event": ParameterForm(Form.CHOICE, ("completed", "paid")),
    "declared": ParameterForm(Form.CHOICE, ("apart", "counted")),
    "natural_persons": ParameterForm(Form.CHOICE, ("review", "accepted", "excluded")),
    "sole_trader_side": ParameterForm(Form.CHOICE, ("enterprise", "person")),
    "nexus_kinds": ParameterForm(Form.CHOICES, ("registered", "headquarters", "operations", "settlement")),
    "agri_scope": ParameterForm(Form.CHOICE, ("primary_only", "primary_and_processed")),
    "agri_share_min": ParameterForm(Form.SHARE),
    "agri_basis": ParameterForm(Form.CHOICE, ("agricultural", "all")),
    "indicative_factor": ParameterForm(Form.FACTOR, nullable=True),
    "effective_from": ParameterForm(Form.DAY),
    "effective_to": ParameterForm(Form.DAY, nullable=True),
    "force_confirmed_until": ParameterForm(Form.DAY, nullable=True),
    "above_scale_wholesale_yuan": ParameterForm(Form.AMOUNT),
    "above_scale_retail_yuan": ParameterForm(Form.AMOUNT),
    "rent_rate_basis": ParameterForm(Form.CHOICE, ("year", "month")),
    "rent_cap_scope": ParameterForm(Form.CHOICE, ("total", "year")),
    "rent_start": ParameterForm(Form.CHOICE, ("lease", "recognition")),
    "fibre_fee_basis": ParameterForm(Form.CHOICE, ("paid", "contracted")),
}


@dataclass(frozen=True, slots=True)
class Readings:
    """All settings in force for one benefit year, typed; amounts in fen."""

    threshold_operator: str
    first_scope: str
    unknown_history: str
    same_year_tiers: str
    cross_year: str
    across_modes: str
    disqualified_first: str
    recognition_event: str
    declared: str
    natural_persons: str
    sole_trader_side: str
    nexus_kinds: tuple[str, ...]
    agri_scope: str
    agri_share_min: Decimal
    agri_basis: str
    indicative_factor: Decimal | None
    effective_from: date
    effective_to: date | None
    force_confirmed_until: date | None
    above_scale_wholesale_fen: int
    above_scale_retail_fen: int
    rent_rate_basis: str
    rent_cap_scope: str
    rent_start: str
    fibre_fee_basis: str

    @classmethod
    def of(cls, values: Mapping[str, ParameterValue]) -> Readings:
        """The typed form of a complete set of checked values by key."""
        return cls(**{field_name(key): value for key, value in values.items()})  # type: ignore[arg-type]

    def covers(self, day: date) -> bool:
        return self.effective_from <= day and (self.effective_to is None or day <= self.effective_to)

    def passes(self, fen: int, threshold_fen: int) -> bool:
        """突破: strictly above, or from the threshold on, as `threshold_operator` says."""
        return fen >= threshold_fen if self.threshold_operator == "gte" else fen > threshold_fen

    def distance(self, fen: int, threshold_fen: int) -> int:
        """The fen still missing to pass a threshold that is not passed."""
        return threshold_fen - fen + (0 if self.threshold_operator == "gte" else 1)


def field_name(key: str) -> str:
    """Settings named in yuan are held in fen."""
    return key.removesuffix("_yuan") + "_fen" if key.endswith("_yuan") else key


def parameter_value(key: str, stored: object) -> ParameterValue:
    """The typed value of a stored one (text, whole number, list of texts or None).

    Decimals and amounts in yuan are stored as texts, days as ISO texts. Raises ValueError for an unknown key and
    for a value that the key does not allow.
    """
    if key not in PARAMETERS:
        raise ValueError(f"unknown setting {key}")
    form = PARAMETERS[key]
    value = _typed(form.form, stored)
    refusal = form.refusal(value)
    if refusal is not None:
        raise ValueError(f"{key}: {refusal}")
    return value


def _typed(form: Form, stored: object) -> ParameterValue:
    if stored is None:
        return None
    if form is Form.CHOICES and isinstance(stored, list | tuple):
        return tuple(str(one) for one in stored)
    if not isinstance(stored, str):
        raise ValueError(f"{stored!r} is no stored setting")
    try:
        match form:
            case Form.FACTOR | Form.SHARE:
                return Decimal(stored)
            case Form.DAY:
                return date.fromisoformat(stored)
            case Form.AMOUNT:
                amount = Decimal(stored)
                if not has_places(amount, 2) or abs(amount) > 10**13:
                    raise ValueError(f"{stored} is no amount in yuan")
                return int(amount * 100)
    except InvalidOperation as error:
        raise ValueError(f"{stored!r} is no number") from error
    return stored
