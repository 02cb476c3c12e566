"""Where a mode's revenue and thresholds stand on a line whose three tiers take equal widths."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from flask_babel import gettext as _

from marketplace.awards import wording
from marketplace.awards.tracks import ThresholdBasis

END = Decimal("99.7")  # the last mark stays whole inside the picture


@dataclass(frozen=True)
class TrackLine:
    """One mode on its line of three tiers; positions in percent of the width."""

    mode: str
    measured_fen: int
    produce_fen: int
    whole_at: Decimal
    produce_at: Decimal
    marks: list[dict[str, Any]]
    summary: str


def track_line(mode: str, thresholds: Mapping[str, Any], measured_fen: int, produce_fen: int) -> TrackLine:
    """The line of one mode: published marks below it, lowered ones above it."""
    standard, lowered = thresholds["standard_fen"], thresholds["lowered_fen"] or []
    return TrackLine(
        mode=mode,
        measured_fen=measured_fen,
        produce_fen=produce_fen,
        whole_at=position(measured_fen, standard),
        produce_at=position(produce_fen, standard),
        marks=[*_published(standard, thresholds["award_fen"]), *_lowered(thresholds, standard)],
        summary=_summary(mode, measured_fen, produce_fen, standard, lowered),
    )


def _published(standard: Sequence[int], awards: Sequence[int]) -> list[dict[str, Any]]:
    return [
        {
            "kind": "published",
            "at": min(position(threshold, standard), END),
            "prefix": _("公布"),
            "words": wording.short_amount(threshold),
            "more": _("奖 %(amount)s", amount=wording.short_amount(award)),
        }
        for threshold, award in zip(standard, awards, strict=True)
    ]


def _lowered(thresholds: Mapping[str, Any], standard: Sequence[int]) -> list[dict[str, Any]]:
    """Assumed ones are dashed; published ones are solid like the others. On phones only the first has words."""
    is_assumed = thresholds["basis"] == ThresholdBasis.AGRI_INDICATIVE
    marks = []
    for index, fen in enumerate(thresholds["lowered_fen"] or []):
        amount = wording.short_amount(fen)
        words = _("测算 %(amount)s", amount=amount) if is_assumed else _("农产品 %(amount)s", amount=amount)
        kind = "assumed" if is_assumed else "lowered"
        at = min(position(fen, standard), END)
        marks.append({"kind": kind, "at": at, "words": words, "minor": index > 0})
    return marks


def _summary(
    mode: str, measured_fen: int, produce_fen: int, standard: Sequence[int], lowered: Sequence[int]
) -> str:
    said = str(
        _(
            "%(mode)s 全部 %(whole)s，其中农产品 %(produce)s。公布门槛 %(published)s",
            mode=mode.upper(),
            whole=wording.round_amount(measured_fen),
            produce=wording.round_amount(produce_fen),
            published=str(_("、")).join(map(wording.round_amount, standard)),
        )
    )
    if not lowered:
        return said
    said_lowered = str(_("、")).join(map(wording.round_amount, lowered))
    return said + str(_("；农产品门槛 %(lowered)s", lowered=said_lowered))


def position(fen: int, thresholds: Sequence[int]) -> Decimal:
    """Where an amount stands on a line whose tiers take equal widths: percent, to a tenth."""
    lower = 0
    for index, upper in enumerate(thresholds):
        if fen <= upper:
            within = max(0, fen - lower) * 1000 // (upper - lower)
            return Decimal((index * 1000 + within) // len(thresholds)) / 10
        lower = upper
    return Decimal(100)
