"""What a reader of a list asked for, read from the address; and the addresses of the neighbouring lists."""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from marketplace.catalogue.models import Measure

FACETS = ("county", "size", "grade", "pack")
MOST_CHOICES = 20  # of one facet, in one address
LONGEST_WORDS = 60
_CODE = re.compile(r"[a-z0-9_]{1,40}")
_PACK = re.compile(r"(mass|volume|count)-([0-9]{1,9})")
_AFTER = re.compile(r"([0-9]{1,19})\.([0-9]{1,19})")


class Order(enum.StrEnum):
    """The orders of a list; nobody can pay for a place (e-commerce law art. 17, 39)."""

    BEST = "best"  # how well the words fit; only in a search
    NEWEST = "newest"
    PRICE = "price"
    UNIT_PRICE = "unit"


@dataclass(frozen=True)
class Browse:
    """Category (None: all), words (empty: none), chosen facets, order, and the key after which the page begins."""

    category: str | None = None
    categories: tuple[str, ...] = ()  # the category and those below it
    words: str = ""
    county: tuple[str, ...] = ()
    size: tuple[str, ...] = ()
    grade: tuple[str, ...] = ()
    pack: tuple[str, ...] = ()
    order: Order = Order.NEWEST
    after: tuple[int, int] | None = None
    seller_id: int | None = None
    most_net: int | None = None  # grams, millilitres or pieces of the largest pack that is shown

    @property
    def packs(self) -> list[tuple[Measure, int]]:
        found = [_PACK.fullmatch(text) for text in self.pack]
        return [(Measure(match[1]), int(match[2])) for match in found if match]

    @property
    def chosen_count(self) -> int:
        return sum(len(getattr(self, facet)) for facet in FACETS)

    def arguments(self, **changes: Any) -> dict[str, Any]:
        """The address of this list with changes, always at its first page."""
        other = replace(self, after=None, **changes)
        found: dict[str, Any] = {
            facet: list(getattr(other, facet)) for facet in FACETS if getattr(other, facet)
        }
        if other.words:
            found["q"] = other.words
        if other.order != other.usual_order:
            found["sort"] = other.order.value
        return found

    def without(self, facet: str, code: str) -> dict[str, Any]:
        """The address of this list with one choice taken back."""
        kept = tuple(choice for choice in getattr(self, facet) if choice != code)
        return self.arguments(**{facet: kept})

    @property
    def usual_order(self) -> Order:
        return Order.BEST if self.words else Order.NEWEST


def read(
    values: Mapping[str, Any], lists: Mapping[str, Sequence[str]], categories: tuple[str, ...] = ()
) -> Browse:
    """A list's address as a Browse; what cannot be read is left out, for an old link should still show something."""
    words = str(values.get("q", "")).strip()[:LONGEST_WORDS]
    chosen: dict[str, Any] = {facet: _choices(facet, lists.get(facet, ())) for facet in FACETS}
    usual = Order.BEST if words else Order.NEWEST
    asked = str(values.get("sort", ""))
    order = Order(asked) if asked in set(Order) else usual
    if order == Order.BEST and not words:
        order = usual
    position = _AFTER.fullmatch(str(values.get("after", "")))
    after = (int(position[1]), int(position[2])) if position else None
    if after and max(after) >= 1 << 63:
        after = None
    category = categories[0] if categories else None
    return Browse(category=category, categories=categories, words=words, order=order, after=after, **chosen)


def _choices(facet: str, values: Sequence[str]) -> tuple[str, ...]:
    shape = _PACK if facet == "pack" else _CODE
    return tuple(sorted({value for value in values[:MOST_CHOICES] if shape.fullmatch(value)}))
