"""Writes an assessment in the form of the what-if calculator: amounts as texts, years and tiers as keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marketplace.awards.assessment import Amounts, Assessment, Award, ModeResult, YearAssessment
from marketplace.awards.facts import AgriClass, Mode
from marketplace.awards.revenue import RevenueSummary
from marketplace.awards.tracks import Side, Track


def assessment_data(assessment: Assessment) -> dict[str, Any]:
    """The whole assessment as JSON values, also the form in which a frozen one is kept."""
    totals = assessment.totals
    return {
        "years": {str(year): _year(result) for year, result in sorted(assessment.years.items())},
        "used_up": {
            track.value: {
                mode.value: {str(tier): year for tier, year in sorted(first_broken.items())}
                for mode, first_broken in assessment.first_broken[track].items()
            }
            for track in Track
        },
        "seasons": {str(year): yuan(fen) for year, fen in assessment.seasons.items()},
        "totals": {**_amounts(totals), "clawback_yuan": yuan(0)},
    }


def yuan(fen: int) -> str:
    """Fen as a text with two decimals."""
    return f"{'-' if fen < 0 else ''}{abs(fen) // 100}.{abs(fen) % 100:02d}"


def _amounts(amounts: Amounts) -> dict[str, str]:
    return {"firm_yuan": yuan(amounts.firm_fen), "possible_yuan": yuan(amounts.possible_fen)}


def _year(result: YearAssessment) -> dict[str, Any]:
    award = result.award
    amounts = Amounts(award.firm_fen, award.possible_fen)
    has_amount = award.firm_fen > 0 or award.possible_fen > 0
    return {
        "award": _award(award),
        "revenue": _revenue(result.revenue),
        "totals": {
            **_amounts(amounts),
            "clawback_yuan": yuan(0),
            "by_payer": {award.payer.value: _amounts(amounts)} if has_amount else {},
        },
    }


def _award(award: Award) -> dict[str, Any]:
    return {
        "firm_yuan": yuan(award.firm_fen),
        "possible_yuan": yuan(award.possible_fen),
        "result": award.result.value,
        "states": [state.value for state in award.states],
        "payer": award.payer.value,
        "clause": award.clause,
        "reasons": [{"code": reason.code.value, "clause": reason.clause} for reason in award.reasons],
        "counted": {
            track.value: {mode.value: list(tiers) for mode, tiers in award.counted[track].items()}
            for track in Track
        },
        "modes": {mode.value: _mode(row) for mode, row in award.modes.items()},
        "with_declared": None if award.with_declared is None else _amounts(award.with_declared),
        "indicative_label": award.indicative_label,
        "force": award.force.value,
    }


def _mode(row: ModeResult) -> dict[str, Any]:
    return {
        "measured_yuan": yuan(row.measured_fen),
        "agri_yuan": yuan(row.agri_fen),
        "firm": _side(row.firm),
        "possible": _side(row.possible),
    }


def _side(side: Side) -> dict[str, Any]:
    following = side.next
    return {
        "broken": list(side.broken),
        "used_up": list(side.used_up),
        "yuan": yuan(side.fen),
        "next": None
        if following is None
        else {
            "tier": following.tier,
            "basis": following.basis.value,
            "threshold_yuan": yuan(following.threshold_fen),
            "distance_yuan": yuan(following.distance_fen),
        },
    }


def _revenue(revenue: RevenueSummary) -> dict[str, Any]:
    return {
        "verified_yuan": _by_mode(revenue.verified_fen),
        "declared_yuan": _by_mode(revenue.declared_fen),
        "total_yuan": yuan(revenue.total_fen),
        "agri_yuan": yuan(revenue.agri_fen),
        "agri_share": None if revenue.agri_share is None else f"{revenue.agri_share:.4f}",
        "agri_seller": revenue.is_agri_seller,
        "by_class_yuan": {one.value: yuan(revenue.by_class_fen[one]) for one in AgriClass},
        "platform_coupon_yuan": yuan(revenue.platform_coupon_fen),
        "excluded_yuan": yuan(revenue.excluded_fen),
        "adjustment_yuan": yuan(revenue.adjustment_fen),
    }


def _by_mode(amounts: Mapping[Mode, int]) -> dict[str, str]:
    return {mode.value: yuan(amounts[mode]) for mode in Mode}
