"""Reference data for every installation; the demo market is a package of its own. Both are safe to load twice."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select

from marketplace import reference
from marketplace.awards.services import load_policy_reference
from marketplace.catalogue.models import Category, Grade, SizeClass, Variety
from marketplace.database import Base, db
from marketplace.logistics.models import Carrier
from marketplace.places import Area, Level

SEED = Path(__file__).parent.parent / "seed"
REFERENCE = SEED / "reference"


def load_reference() -> str:
    """Areas, words of the trade, carriers and the policy, in the caller's transaction; existing rows stay."""
    added = _add_missing(Area, Area.code, list(_areas()))
    words: list[tuple[Any, str]] = [
        (Category, "categories"),
        (Variety, "varieties"),
        (Grade, "grades"),
        (SizeClass, "size_classes"),
        (Carrier, "carriers"),
    ]
    for model, name in words:
        added += _add_missing(model, model.code, read_json(name))
    added += load_policy_reference()
    reference.forget()
    return f"{added} rows of reference data added"


def read_json(name: str) -> Any:
    return json.loads((REFERENCE / f"{name}.json").read_text(encoding="utf-8"))


def _read_csv(name: str) -> list[dict[str, str]]:
    with (REFERENCE / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _add_missing(model: type[Base], key: Any, rows: list[dict[str, Any]]) -> int:
    known = set(db.session.execute(select(key)).scalars())
    columns = set(model.__table__.columns.keys())
    missing = [{name: value for name, value in row.items() if name in columns} for row in rows]
    missing = [row for row in missing if row[key.key] not in known]
    if missing:
        db.session.execute(insert(model), missing)
    return len(missing)


def _areas() -> Iterable[dict[str, Any]]:
    """Parents before children, each once."""
    english: dict[str, str] = read_json("area_names_en")
    seen: set[str] = set()

    def area(
        code: str, parent: str | None, level: Level, name: str, is_zone: bool = False
    ) -> Iterable[dict[str, Any]]:
        if code not in seen:
            seen.add(code)
            yield {
                "code": code,
                "parent_code": parent,
                "level": level,
                "name": name,
                "name_en": english.get(code),
                "is_zone": is_zone,
            }

    counties = _read_csv("china_areas")
    for row in counties:
        yield from area(row["province_code"], None, Level.PROVINCE, row["province"])
    for row in counties:
        yield from area(row["city_code"], row["province_code"], Level.CITY, row["city"])
    for row in counties:
        code, city = row["county_code"], row["city_code"]
        is_zone = code[4] == "7"  # development zones, as the source notes
        yield from area(code, city, Level.COUNTY, row["county"], is_zone)
    for row in _read_csv("ganzhou_divisions"):
        code = row["township_code"]
        yield from area(code, row["county_code"], Level.TOWNSHIP, row["township"], code[6:] >= "400")
    for row in _read_csv("ganzhou_villages"):
        yield from area(row["village_code"], row["township_code"], Level.VILLAGE, row["village"])
