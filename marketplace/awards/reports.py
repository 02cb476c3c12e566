"""A snapshot as a page shows it: words chosen, positions computed, nothing decided any more."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Any

from flask_babel import gettext as _

from marketplace.awards import wording
from marketplace.awards.assessment import Result, State
from marketplace.awards.drawing import TrackLine, track_line
from marketplace.awards.facts import TIER_MODES
from marketplace.awards.reasons import SENTENCES, ReasonCode
from marketplace.awards.snapshots import Snapshot
from marketplace.awards.tracks import ThresholdBasis, Track
from marketplace.templating import day as day_words

STOPS = (State.NOT_COVERED, State.NOT_ELIGIBLE, State.NO_NEXUS, State.DISQUALIFIED)


def fen_of(text: str) -> int:
    """The fen of an amount as the what-if calculator writes it: always two decimals."""
    return int(text.replace(".", ""))


def _slashed(amounts: Iterable[int]) -> str:
    """1,000万／2,000万／5,000万."""
    return str(_("／")).join(map(wording.round_amount, amounts))


@dataclass(frozen=True)
class Distance:
    """What a mode still misses to its next tier in one track, in fen."""

    mode: str
    tier: int
    fen: int
    is_published: bool


@dataclass(frozen=True)
class Report:
    """One seller's comparison of one year."""

    year: int
    snapshot: Snapshot

    # -- the result --

    @cached_property
    def award(self) -> dict[str, Any]:
        found: dict[str, Any] = self.snapshot.result["award"]
        return found

    @property
    def result(self) -> str:
        return str(self.award["result"])

    @property
    def is_history(self) -> bool:
        """A year before the seller joined: recorded, not assessed."""
        return bool(self.snapshot.result["is_history"])

    @property
    def states(self) -> list[str]:
        return list(self.award["states"])

    @property
    def is_stopped(self) -> bool:
        return any(state in STOPS for state in self.states)

    @property
    def firm_fen(self) -> int:
        return fen_of(self.award["firm_yuan"])

    @property
    def possible_fen(self) -> int:
        return fen_of(self.award["possible_yuan"])

    @property
    def shows_possible(self) -> bool:
        """Where a published threshold came after an assumed break, the firm amount stands alone (section 5)."""
        return self.possible_fen > self.firm_fen

    def counted(self, track: str) -> list[tuple[str, str]]:
        """Mode and tiers that a track counts."""
        return [(mode, wording.tiers(tiers)) for mode, tiers in self.award["counted"][track].items()]

    @cached_property
    def distances(self) -> list[Distance]:
        """To the next published tier, smallest first; a mode without sales counts from nothing."""
        return self._distances(Track.FIRM)

    @cached_property
    def assumed_distances(self) -> list[Distance]:
        """To the next assumed threshold, where that is nearer than the published one."""
        return [one for one in self._distances(Track.POSSIBLE) if not one.is_published]

    def _distances(self, track: Track) -> list[Distance]:
        found = []
        for mode, row in self.award["modes"].items():
            following = row[track.value]["next"]
            if following is not None:
                is_published = following["basis"] != ThresholdBasis.AGRI_INDICATIVE
                distance = fen_of(following["distance_yuan"])
                found.append(Distance(mode, following["tier"], distance, is_published))
        if not self.award["modes"]:
            mode = self.snapshot.result["own_modes"][0]
            lowest = self._thresholds(mode)["standard_fen"][0]
            found = [Distance(mode, 1, lowest + self._one_fen, True)]
        return sorted(found, key=lambda one: one.fen)

    @property
    def _one_fen(self) -> int:
        return 0 if self.parameter("threshold_operator") == "gte" else 1

    @property
    def shortest_fen(self) -> int | None:
        """The headline's 尚差; None when the year has a result, no tier is left, or a stop alone withholds one."""
        breaks = any(row[track]["broken"] for row in self.award["modes"].values() for track in Track)
        if self.result != Result.NOT_YET or self.is_history or not self.distances:
            return None
        return None if self.is_stopped and breaks else self.distances[0].fen

    # -- the label --

    def parameter(self, key: str) -> Any:
        """The stored value of a setting in this year."""
        return next((row["value"] for row in self.rows("parameter") if row["key"] == key), None)

    @property
    def shows_label(self) -> bool:
        """Wherever an assumed threshold or a possible amount appears (section 12)."""
        is_assumed = self.shows_possible and not self.published_source
        return bool(self.award["indicative_label"]) or is_assumed

    @property
    def label(self) -> str:
        factor = self.parameter("indicative_factor")
        return "" if factor is None else str(_(wording.LABEL, percent=wording.percent(factor)))

    @property
    def label_in_chinese(self) -> str:
        factor = self.parameter("indicative_factor")
        return "" if factor is None else wording.LABEL % {"percent": wording.percent(factor)}

    @property
    def basis(self) -> str:
        return str(_(self.basis_in_chinese))

    @property
    def basis_in_chinese(self) -> str:
        is_confirmed = self.award["force"] == "confirmed"
        return wording.BASIS_CONFIRMED if is_confirmed else wording.BASIS_UNCONFIRMED

    @property
    def published_source(self) -> str:
        """依据：{document} 自{date}起, where a published lowered threshold applies."""
        if not any(
            row["basis"] == ThresholdBasis.AGRI_PUBLISHED
            for row in self.snapshot.result["thresholds"].values()
        ):
            return ""
        row = next(row for row in self.rows("agri_threshold") if row["is_adopted"])
        start = day_words(date.fromisoformat(row["effective_from"]))
        return str(_(wording.BASIS_PUBLISHED, document=row["document"], day=start))

    # -- the tracks --

    @property
    def lines(self) -> list[TrackLine]:
        """The modes that have sales, else the usual one of such a seller."""
        modes = [mode for mode in TIER_MODES if mode in self.award["modes"]]
        return [
            track_line(mode, self._thresholds(mode), self.measured(mode), self.produce(mode))
            for mode in modes or self.snapshot.result["own_modes"][:1]
        ]

    @property
    def other_modes(self) -> list[tuple[str, str]]:
        """Modes without a line, with their published thresholds."""
        shown = {line.mode for line in self.lines}
        return [
            (mode.value, " / ".join(map(wording.round_amount, self._thresholds(mode)["standard_fen"])))
            for mode in TIER_MODES
            if mode not in shown
        ]

    def measured(self, mode: str) -> int:
        row = self.award["modes"].get(mode)
        return 0 if row is None else fen_of(row["measured_yuan"])

    def produce(self, mode: str) -> int:
        row = self.award["modes"].get(mode)
        return 0 if row is None else fen_of(row["agri_yuan"])

    def _thresholds(self, mode: str) -> dict[str, Any]:
        found: dict[str, Any] = self.snapshot.result["thresholds"][mode]
        return found

    @property
    def ring_percent(self) -> Decimal:
        """How much of the next published tier the nearest mode has, to a tenth; 100 when none is left."""
        if not self.distances:
            return Decimal(100)
        nearest = self.distances[0]
        threshold = self._thresholds(nearest.mode)["standard_fen"][nearest.tier - 1]
        return Decimal(max(0, self.measured(nearest.mode)) * 1000 // threshold) / 10

    # -- first time, what counts --

    @property
    def main_mode(self) -> str:
        """The mode with the largest revenue of the year."""
        return max((line.mode for line in self.lines), key=self.measured)

    @property
    def years(self) -> list[dict[str, Any]]:
        """The years up to this one with the main mode's whole and produce revenue, oldest first."""
        return [
            row | {"shown_fen": self._shown(row["modes"].get(self.main_mode))}
            for row in self.snapshot.facts["years"]
        ]

    @property
    def measures_produce(self) -> bool:
        """Whether the chart shows produce against a lowered line, or the whole against the published one."""
        return self._thresholds(self.main_mode)["lowered_fen"] is not None

    def _shown(self, figures: Mapping[str, int] | None) -> int:
        if figures is None:
            return 0
        return figures["primary_fen" if self.measures_produce else "measured_fen"]

    @property
    def chart_line_fen(self) -> int | None:
        """The assumed lowest threshold of the main mode; None when there is none to draw."""
        thresholds = self._thresholds(self.main_mode)
        if thresholds["basis"] != ThresholdBasis.AGRI_INDICATIVE:
            return None
        return int(thresholds["lowered_fen"][0])

    @property
    def used_up(self) -> list[tuple[str, str, int]]:
        """Mode, tier and year of first break of every tier that earlier years used up in the possible track."""
        return [
            (mode, wording.tier(int(number)), first)
            for mode, tiers in self.snapshot.result["used_up"][Track.POSSIBLE.value].items()
            for number, first in tiers.items()
            if first < self.year
        ]

    @property
    def revenue(self) -> dict[str, Any]:
        found: dict[str, Any] = self.snapshot.result["revenue"]
        return found

    @property
    def parts(self) -> list[dict[str, Any]]:
        """Sales, refunds and adjustments behind each figure of the orders here, with their sum in fen."""
        return [
            part | {"fen": part["sold_amount"] + part["refunded_amount"] + part["adjustment_amount"]}
            for part in self.snapshot.facts["parts"]
        ]

    @property
    def inherited(self) -> list[dict[str, Any]]:
        """Amounts of this very year that are added to the orders': history, and documented predecessors'."""
        given = self.snapshot.facts["given"]
        groups = [("", given["history"])]
        groups += [(one["name"], one["revenue"]) for one in given["predecessors"] if one["documented"]]
        return [
            row | {"predecessor": name, "documents": self._documents(name, row)}
            for name, rows in groups
            for row in rows
            if row["year"] == self.year
        ]

    def _documents(self, predecessor: str, wanted: Mapping[str, Any]) -> str:
        papers = [row["document"] for row in self.records["predecessors"] if row["name"] == predecessor]
        papers += [
            row["document"]
            for row in self.records["recorded"]
            if row["origin"] == "history"
            and (row["predecessor"], row["year"]) == (predecessor, self.year)
            and (row["mode"], row["agri_class"]) == (wanted["mode"], wanted["agri_class"])
        ]
        return str(_("；")).join(dict.fromkeys(paper for paper in papers if paper))

    @property
    def declared(self) -> list[dict[str, Any]]:
        return [
            row
            for row in self.records["recorded"]
            if row["year"] == self.year and row["origin"] == "declared"
        ]

    @property
    def total_fen(self) -> int:
        return fen_of(self.revenue["total_yuan"])

    @property
    def produce_fen(self) -> int:
        return fen_of(self.revenue["agri_yuan"])

    @property
    def produce_classes(self) -> tuple[str, ...]:
        """What counts as produce in this year."""
        return ("primary",) if self.parameter("agri_scope") == "primary_only" else ("primary", "processed")

    @property
    def agri_share(self) -> str | None:
        share = self.revenue["agri_share"]
        return None if share is None else wording.percent(share)

    @property
    def agri_share_min(self) -> str:
        return wording.percent(self.parameter("agri_share_min"))

    @property
    def books_differ_fen(self) -> int:
        """The year's verified figure minus the sum of its entries and recorded amounts; zero when they agree."""
        verified = sum(fen_of(amount) for amount in self.revenue["verified_yuan"].values())
        entries = sum(part["fen"] for part in self.parts)
        return verified - entries - sum(row["fen"] for row in self.inherited)

    @property
    def season(self) -> list[tuple[int, int]]:
        """Seasons that touch the year, in fen."""
        found = ((int(first), fen_of(amount)) for first, amount in self.snapshot.result["seasons"].items())
        return [(first, fen) for first, fen in found if first in {self.year - 1, self.year}]

    # -- conditions, parameters, reasons --

    @property
    def is_prepared(self) -> bool:
        """Whether the centre's material is complete: a tie to Ganzhou and a known history."""
        return bool(self.records["nexus_holds"] and self.records["history_known"])

    is_confirmed_by_seller = False  # figures and material: nothing on record says so yet

    @property
    def steps(self) -> list[str]:
        """Who does what, in turn: done, now or todo. What the authority does lies outside and is never done here."""
        finished = (self.is_prepared + self.is_confirmed_by_seller) if self.is_prepared else 0
        return ["done"] * finished + ["now"] + ["todo"] * (3 - finished)

    @property
    def records(self) -> dict[str, Any]:
        found: dict[str, Any] = self.snapshot.facts["records"]
        return found

    def incidents(self, status: str) -> int:
        return sum(row["status"] == status for row in self.records["incidents"])

    def rows(self, kind: str) -> list[dict[str, Any]]:
        return [row for row in self.snapshot.parameters if row["row"] == kind]

    @property
    def tier_rows(self) -> list[dict[str, Any]]:
        """One row a mode: its thresholds and awards in words, with the source of the first tier."""
        found = []
        for mode in TIER_MODES:
            rows = [row for row in self.rows("tier") if row["mode"] == mode]
            thresholds = _slashed(row["threshold_fen"] for row in rows)
            awards = _slashed(row["award_fen"] for row in rows)
            found.append(rows[0] | {"thresholds": thresholds, "awards": awards})
        return found

    @property
    def threshold_rows(self) -> list[dict[str, Any]]:
        """Published lowered thresholds, and those that await their second person."""
        return [
            row
            | {
                "words": str(_("；")).join(
                    f"{mode.upper()} {_slashed(amounts)}" for mode, amounts in row["thresholds_fen"].items()
                )
            }
            for row in self.rows("agri_threshold")
        ]

    @property
    def parameter_rows(self) -> list[dict[str, Any]]:
        by_key = {row["key"]: row for row in self.rows("parameter")}
        return [by_key[key] | {"words": wording.reading(key, by_key[key]["value"])} for key in wording.SHOWN]

    @property
    def reasons(self) -> list[tuple[str, str]]:
        """Sentence and clause of each reason."""
        return [
            (_(SENTENCES[ReasonCode(reason["code"])]), reason["clause"]) for reason in self.award["reasons"]
        ]
