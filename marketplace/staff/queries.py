"""Reference data as staff read it: each table with its columns, rows and sources."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import func, select

from marketplace.catalogue.models import Category, Grade, SizeClass, Variety
from marketplace.database import db
from marketplace.i18n import choose
from marketplace.logistics.models import Carrier
from marketplace.places import Area, Level
from marketplace.sellers.models import CommissionRate


@dataclass(frozen=True)
class ReferenceTable:
    """One table of reference data: what it is called, its columns, and how its rows are read."""

    name: Any
    columns: tuple[Any, ...]
    rows: Callable[[], list[tuple[Any, ...]]]


def _all(model: Any) -> list[Any]:
    return list(db.session.execute(select(model).order_by(model.position, model.code)).scalars())


def _categories() -> list[tuple[Any, ...]]:
    return [
        (row.code, choose(row.name, row.name_en), row.agri_class, row.measure, row.return_rule, row.source)
        for row in _all(Category)
    ]


def _varieties() -> list[tuple[Any, ...]]:
    return [
        (row.code, choose(row.name, row.name_en), row.category_code, row.ripe, row.source)
        for row in _all(Variety)
    ]


def _grades() -> list[tuple[Any, ...]]:
    return [(row.code, choose(row.name, row.name_en), row.source) for row in _all(Grade)]


def _size_classes() -> list[tuple[Any, ...]]:
    return [(row.code, f"{row.min_mm}–{row.max_mm} mm", row.source) for row in _all(SizeClass)]


def _carriers() -> list[tuple[Any, ...]]:
    return [(row.code, choose(row.name, row.name_en), row.source) for row in _all(Carrier)]


def _areas() -> list[tuple[Any, ...]]:
    counts = db.session.execute(select(Area.level, func.count()).group_by(Area.level)).tuples()
    known = dict(counts.all())
    return [(level.value, known.get(level, 0)) for level in Level]


def _commission() -> list[tuple[Any, ...]]:
    rates = db.session.execute(
        select(CommissionRate).order_by(CommissionRate.effective_from.desc())
    ).scalars()
    return [(rate.effective_from, f"{rate.rate_ppm / 10_000:g}%", rate.source) for rate in rates]


_CODE, _NAME, _SOURCE = _l("代码"), _l("名称"), _l("来源")

TABLES = {
    "categories": ReferenceTable(
        _l("品类"), (_CODE, _NAME, _l("农产品类别"), _l("计量"), _l("退货规则"), _SOURCE), _categories
    ),
    "varieties": ReferenceTable(_l("品种"), (_CODE, _NAME, _l("品类"), _l("成熟期"), _SOURCE), _varieties),
    "grades": ReferenceTable(_l("等级"), (_CODE, _NAME, _SOURCE), _grades),
    "size-classes": ReferenceTable(_l("果径"), (_CODE, _l("毫米"), _SOURCE), _size_classes),
    "carriers": ReferenceTable(_l("快递公司"), (_CODE, _NAME, _SOURCE), _carriers),
    "areas": ReferenceTable(_l("行政区划"), (_l("级别"), _l("个数")), _areas),
    "commission": ReferenceTable(_l("平台服务费"), (_l("从哪天起"), _l("费率"), _SOURCE), _commission),
}
