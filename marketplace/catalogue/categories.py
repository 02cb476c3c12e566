"""The kinds of produce, and whether anything of each can be bought now."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from flask import url_for
from sqlalchemy import Select, literal, select

from marketplace.catalogue.cards import is_listed
from marketplace.catalogue.models import Category, Product
from marketplace.database import at_most, db
from marketplace.i18n import choose


@dataclass(frozen=True)
class CategoryRow:
    """A kind of produce, and whether anything of it can be bought now."""

    code: str
    parent_code: str | None
    name: str
    scene: str
    has_goods: bool

    @property
    def url(self) -> str:
        return url_for("catalogue.category", code=self.code)


def list_categories() -> list[CategoryRow]:
    """All categories in their order, and whether there is anything to buy in each."""
    rows = db.session.execute(_categories()).tuples().all()
    full = {code for code, *_rest, found in rows if found} | {
        parent for _code, parent, *_rest, found in rows if found
    }
    return [
        CategoryRow(code, parent, choose(name, name_en), scene, code in full)
        for code, parent, name, name_en, scene, _found in rows
    ]


@lru_cache(maxsize=1)
def _categories() -> Select[Any]:
    # Not EXISTS, for which PostgreSQL reads all goods at once: the newest of each category, by the index of its list.
    first = (
        select(literal(1))
        .select_from(Product)
        .where(Product.category_code == Category.code, is_listed())
        .order_by(Product.listed_rank.desc(), Product.id.desc())
        .limit(at_most(1))
        .correlate(Category)
        .scalar_subquery()
    )
    columns = (Category.code, Category.parent_code, Category.name, Category.name_en, Category.scene)
    return select(*columns, first.is_not(None)).order_by(Category.position, Category.code)
