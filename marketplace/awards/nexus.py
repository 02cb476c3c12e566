"""The tie to Ganzhou, 四（二）1: 在赣州注册，或总部、运营中心、结算中心在本地."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from marketplace.awards.facts import Facts
from marketplace.awards.parameters import Readings
from marketplace.awards.policy import year_end


@dataclass(frozen=True, slots=True)
class NexusFinding:
    """Whether the tie held on every day asked for, and whether only evidence was missing on one that failed."""

    holds: bool
    lacks_evidence: bool = False


def find_nexus(facts: Facts, readings: Readings, year: int) -> NexusFinding:
    """Some accepted kind with evidence on each day asked for; the kinds may differ from day to day."""
    accepted = [item for item in facts.nexus if item.kind in readings.nexus_kinds]
    failed = [
        day
        for day in days_asked(facts, year)
        if not any(item.evidence and item.holds_on(day) for item in accepted)
    ]
    without = any(not item.evidence and item.holds_on(day) for item in accepted for day in failed)
    return NexusFinding(holds=not failed, lacks_evidence=without)


def days_asked(facts: Facts, year: int) -> tuple[date, ...]:
    """31 December, or the day of the question if earlier, and the day of application once it is known."""
    last = year_end(year) if facts.as_of is None else min(year_end(year), facts.as_of)
    applied = facts.applied_on.get(year)
    if applied is None or not facts.knows(applied):
        return (last,)
    return (last, applied)
