"""The words of the trade by their codes: categories, varieties, grades, sizes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from marketplace import reference
from marketplace.catalogue.models import Category, Grade, ReturnRule, SizeClass, Variety
from marketplace.database import db
from marketplace.i18n import choose
from marketplace.revenue.models import AgriClass


@dataclass(frozen=True)
class Named:
    """A word with both of its names."""

    code: str
    zh: str
    en: str

    @property
    def name(self) -> str:
        """In the reader's language."""
        return choose(self.zh, self.en)


@dataclass(frozen=True)
class Kind(Named):
    """A category, and what goes with it."""

    scene: str
    agri_class: AgriClass
    return_rule: ReturnRule


@dataclass(frozen=True)
class Quality(Named):
    """A grade; blemished goods are confirmed at each purchase."""

    needs_confirmation: bool
    position: int


@dataclass(frozen=True)
class _Size:
    code: str
    least: int
    most: int


def category(code: str) -> Kind:
    """A product's category."""
    rules = (Category.scene, Category.agri_class, Category.return_rule)
    found: Kind = _all(Kind, code, Category.code, Category.name, Category.name_en, *rules)[code]
    return found


def variety(code: str | None) -> Named | None:
    return _all(Named, code, Variety.code, Variety.name, Variety.name_en).get(code)


def grade(code: str | None) -> Quality | None:
    rules = (Grade.needs_confirmation, Grade.position)
    return _all(Quality, code, Grade.code, Grade.name, Grade.name_en, *rules).get(code)


def size_mm(code: str | None) -> tuple[int, int] | None:
    """The least and the largest diameter of a size class."""
    found = _all(_Size, code, SizeClass.code, SizeClass.min_mm, SizeClass.max_mm).get(code)
    return (found.least, found.most) if found else None


def _all(kind: type[Any], code: str | None, *columns: Any) -> dict[str | None, Any]:
    """All rows of one table by code; there are a few of each."""

    def load() -> dict[str | None, Any]:
        return {row[0]: kind(*row) for row in db.session.execute(select(*columns)).tuples()}

    return reference.kept(kind.__name__, load, holds=code)
