"""One year's comparison as plain JSON values: what a page is drawn from, and what freezing keeps for good."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from marketplace.accounts import queries as accounts
from marketplace.awards.assessment import Result
from marketplace.awards.case_writing import assessment_data, yuan
from marketplace.awards.collecting import REFERENCE, asked_about, documents_of
from marketplace.awards.facts import TIER_MODES, Facts, Mode, SellerKind
from marketplace.awards.nexus import days_asked, find_nexus
from marketplace.awards.parameters import Readings
from marketplace.awards.policy import AgriThreshold, Parameter, Policy, Record, Tier, lowered_by
from marketplace.awards.revenue import figures_of
from marketplace.awards.rules import assess
from marketplace.awards.tracks import Track
from marketplace.revenue import queries as revenue


@dataclass(frozen=True)
class Snapshot:
    """Result, facts and parameters of one seller and year; amounts of the result are texts in yuan, else fen."""

    result: dict[str, Any]
    facts: dict[str, Any]
    parameters: list[Any]


def take(policy: Policy, facts: Facts, seller_id: int, year: int) -> Snapshot:
    """The comparison of a year as it stands, with all that a page shows of it."""
    facts = asked_about(facts, year)
    readings = policy.readings(year)
    return Snapshot(
        result=result_of(policy, facts, year),
        facts={
            "given": _json(asdict(facts)),
            "years": [_year_row(facts, known, year) for known in facts.known_years if known <= year],
            "parts": [_json(asdict(part)) for part in revenue.parts_of(seller_id, year)],
            "records": _records(facts, readings, seller_id, year),
        },
        parameters=_parameters(policy, year),
    )


def result_of(policy: Policy, facts: Facts, year: int) -> dict[str, Any]:
    """The year's result in the form of the what-if calculator, with the thresholds it was measured against."""
    is_history = year in facts.known_years and year not in facts.assessed_years
    facts = asked_about(facts, year)
    assessment = assess(policy, facts)
    written = assessment_data(assessment)
    result = written["years"][str(year)]
    if is_history:  # it uses tiers up and earns nothing
        result["award"].update(
            firm_yuan=yuan(0), possible_yuan=yuan(0), result=Result.NOT_YET.value, states=[], reasons=[]
        )
        result["award"]["counted"] = {track.value: {} for track in Track}
    lowered = {mode: row.lowered for mode, row in assessment.years[year].award.modes.items()}
    thresholds = {}
    for mode in TIER_MODES:
        tiers = policy.tiers_of(mode, year)
        applied = lowered.get(mode)
        thresholds[mode.value] = {
            "standard_fen": [tier.threshold_fen for tier in tiers],
            "award_fen": [tier.award_fen for tier in tiers],
            "lowered_fen": None if applied is None else list(applied.thresholds_fen),
            "basis": None if applied is None else applied.basis.value,
        }
    return {
        **result,
        "is_history": is_history,
        "used_up": written["used_up"],
        "seasons": written["seasons"],
        "thresholds": thresholds,
        "own_modes": [mode.value for mode in own_modes(facts.kind)],
    }


def own_modes(kind: SellerKind) -> tuple[Mode, ...]:
    """The modes in which such a seller can sell at all, the usual one first."""
    return (Mode.C2C,) if kind is SellerKind.PERSON else (Mode.B2C, Mode.B2B)


def _year_row(facts: Facts, known: int, year: int) -> dict[str, Any]:
    """Whole and produce revenue of one known year by mode: the line of “first time?”."""
    figures = figures_of(facts, known, declared=False)
    return {
        "year": known,
        "is_assessed": known in facts.assessed_years,
        "is_asked": known == year,
        "modes": {
            mode.value: {
                "measured_fen": figures.measured(mode),
                "primary_fen": sum(
                    fen for agri_class, fen in figures.by_mode[mode].items() if agri_class == "primary"
                ),
            }
            for mode in figures.by_mode
        },
    }


def _records(facts: Facts, readings: Readings, seller_id: int, year: int) -> dict[str, Any]:
    """What staff put on record, with the papers: nexus, history, predecessors, incidents."""
    found = documents_of(seller_id)
    names = {row.id: row.name for row in found["predecessors"]}
    days = days_asked(facts, year)
    return {
        "nexus": [
            {
                "kind": row.kind,
                "document": row.document,
                "valid_from": _json(row.valid_from),
                "valid_to": _json(row.valid_to),
                "holds": row.kind in readings.nexus_kinds
                and bool(row.document)
                and all(_holds(row.valid_from, row.valid_to, day) for day in days),
            }
            for row in found["nexus"]
        ],
        "nexus_holds": find_nexus(facts, readings, year).holds,
        "nexus_days": [day.isoformat() for day in days],
        "history_known": facts.history_known,
        "history_document": found["history_state"][0].document if found["history_state"] else "",
        "recorded": [
            {
                "origin": row.origin.value,
                "predecessor": names.get(row.predecessor_id, ""),
                "year": row.year,
                "mode": row.mode.value,
                "agri_class": row.agri_class.value,
                "fen": row.amount,
                "document": row.document,
            }
            for row in found["recorded"]
        ],
        "predecessors": [{"name": row.name, "document": row.document} for row in found["predecessors"]],
        "incidents": [
            {
                "kind": row.kind,
                "grade": row.grade,
                "status": row.status,
                "occurred_on": row.occurred_on.isoformat(),
                "decided_by": row.decided_by,
                "document": row.document,
            }
            for row in found["incidents"]
            if row.occurred_on.year == year and facts.knows(row.occurred_on)
        ],
    }


def _holds(start: date | None, end: date | None, day: date) -> bool:
    return (start is None or start <= day) and (end is None or day <= end)


def settings_of(policy: Policy, year: int) -> list[Any]:
    """The settings of a year without their sources, for lists of many sellers."""
    return [_content(policy, row, year) for row in policy.parameters_of(year)]


def _parameters(policy: Policy, year: int) -> list[Any]:
    """Every row that the year was measured with, and lowered thresholds that still wait, with their sources."""
    day = date(year, 12, 31)
    rows: list[Tier | Parameter | AgriThreshold] = [
        *(tier for mode in TIER_MODES for tier in policy.tiers_of(mode, year)),
        *(row for row in policy.agri_thresholds if row.record.holds_on(day)),
        *policy.parameters_of(year),
    ]
    names = _names(row.record for row in rows)
    return [{**_content(policy, row, year), **_source(row.record, names)} for row in rows]


def _content(policy: Policy, row: Tier | Parameter | AgriThreshold, year: int) -> dict[str, Any]:
    if isinstance(row, Tier):
        return {
            "row": "tier",
            "mode": row.mode.value,
            "tier": row.tier,
            "threshold_fen": row.threshold_fen,
            "award_fen": row.award_fen,
        }
    if isinstance(row, Parameter):
        return {"row": "parameter", "key": row.key, "value": _json(row.value)}
    return {
        "row": "agri_threshold",
        "factor": None if row.factor is None else str(row.factor),
        "is_adopted": row.is_adopted,
        "thresholds_fen": {
            mode.value: list(
                row.thresholds_fen or lowered_by(row.factor or Decimal(1), policy.tiers_of(mode, year))
            )
            for mode in row.modes
        },
    }


def _source(record: Record, names: Mapping[str, str]) -> dict[str, Any]:
    document = record.document
    return {
        "status": record.status.value,
        "reason": record.reason,
        "clause": document.clause,
        "document": document.number,
        "issuer": document.issuer,
        "issued_on": _json(document.issued_on),
        "url": document.url,
        "scan": document.scan,
        "effective_from": record.effective_from.isoformat(),
        "effective_to": _json(record.effective_to),
        "entered_by": names.get(record.entered_by, ""),
        "confirmed_by": names.get(record.confirmed_by, ""),
    }


def _names(records: Iterable[Record]) -> dict[str, str]:
    ids = {person for record in records for person in (record.entered_by, record.confirmed_by)}
    found = accounts.names_of(int(person) for person in ids - {"", REFERENCE})
    return {str(user_id): name for user_id, name in found.items()}


def _json(value: Any) -> Any:
    """Days and decimals as texts, enumerations as their values, keys as texts."""
    if isinstance(value, dict):
        return {str(key): _json(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_json(one) for one in value]
    if isinstance(value, date | Decimal):
        return str(value)
    if isinstance(value, str):
        return str(value)
    return value
