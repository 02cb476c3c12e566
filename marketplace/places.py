"""The administrative tree: provinces, cities, counties; townships and villages of Ganzhou."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue
from sqlalchemy import Boolean, ColumnElement, ForeignKey, String, select
from sqlalchemy.orm import Mapped, mapped_column

from marketplace import reference
from marketplace.database import Base, db, enum_column
from marketplace.i18n import lang_of, language
from marketplace.permissions import public

GANZHOU = "360700"
# Cities that only group counties and are not printed in an address (data notes of the source), with our English.
GROUPINGS = {
    "市辖区": "Urban districts",
    "县": "Counties",
    "省直辖县级行政区划": "Directly administered",
    "自治区直辖县级行政区划": "Directly administered",
}

bp = Blueprint("places", __name__)


class Level(enum.StrEnum):
    PROVINCE = "province"
    CITY = "city"
    COUNTY = "county"
    TOWNSHIP = "township"
    VILLAGE = "village"


class Area(Base):
    """One unit with its code: GB/T 2260 to the county, 9 digits for townships, 12 for villages."""

    __tablename__ = "areas"

    code: Mapped[str] = mapped_column(String(12), primary_key=True)
    parent_code: Mapped[str | None] = mapped_column(ForeignKey("areas.code"), index=True)
    level: Mapped[Level] = enum_column(Level)
    name: Mapped[str] = mapped_column(String(60))
    name_en: Mapped[str | None] = mapped_column(String(60))
    is_zone: Mapped[bool] = mapped_column(Boolean, default=False)  # development zone: shown last


@dataclass(frozen=True)
class Place:
    """An area as it is used: plain values."""

    code: str
    parent_code: str | None
    level: Level
    name: str
    name_en: str | None
    is_zone: bool

    @property
    def label(self) -> str:
        """The name in the reader's language, where one is known."""
        if language() != "en":
            return self.name
        return self.name_en or GROUPINGS.get(self.name, self.name)


def find(code: str | None) -> Place | None:
    if not code:
        return None
    found = reference.kept(("place", code), lambda: _places(Area.code == code))
    return found[0] if found else None


def _places(*conditions: ColumnElement[bool]) -> list[Place]:
    columns = (Area.code, Area.parent_code, Area.level, Area.name, Area.name_en, Area.is_zone)
    query = select(*columns).where(*conditions).order_by(Area.is_zone, Area.code)
    return [Place(*row) for row in db.session.execute(query).tuples()]


def find_in_ganzhou(code: str) -> Place | None:
    """The township or village of Ganzhou with this code, where shops stand and fruit grows; None for any other."""
    area = find(code)
    is_small = area is not None and area.level in {Level.TOWNSHIP, Level.VILLAGE}
    return area if is_small and is_of_ganzhou(code) else None


def is_of_ganzhou(code: str) -> bool:
    """Whether a place lies in the eighteen counties."""
    return code.startswith(GANZHOU[:4])


def list_children(parent_code: str | None) -> Sequence[Place]:
    """The units under one, real ones before zones, by code."""
    parent = Area.parent_code.is_(None) if parent_code is None else Area.parent_code == parent_code
    return reference.kept(("places under", parent_code), lambda: tuple(_places(parent)))


def list_ganzhou_counties() -> Sequence[Place]:
    return list_children(GANZHOU)


def line_of(code: str) -> list[Place]:
    """Province first, the unit itself last; groupings that nobody writes are left out."""
    # A code begins with those above it: province and city padded with zeros, county, township as they are.
    above = dict.fromkeys((code[:2] + "0000", code[:4] + "00", code[:6], code[:9], code))
    found: list[Place] = []
    for place in map(find, above):
        if place and place.name not in GROUPINGS and (not found or found[-1].name != place.name):
            found.append(place)
    return found


def full_name(code: str) -> str:
    """江西省赣州市信丰县… as it is written in an address."""
    return "".join(area.name for area in line_of(code))


def shown_name(code: str) -> str:
    """The place for a reader: 江西省赣州市信丰县…, or Xinfeng, Ganzhou, Jiangxi in English."""
    if language() != "en":
        return full_name(code)
    return ", ".join(area.label for area in reversed(line_of(code)))


def province_of(code: str) -> str:
    """The six-digit province code of any area code."""
    return code[:2] + "0000"


def county_of(code: str) -> str:
    """The six-digit county code of a county, township or village code."""
    return code[:6]


@bp.get("/areas/children")
@public
def children() -> ResponseReturnValue:
    """Units under one as JSON, for the picker; without scripts the picker posts its steps."""
    parent = request.args.get("parent") or None
    rows = [
        {"code": area.code, "name": area.label, "lang": lang_of(area.label)} for area in list_children(parent)
    ]
    answer = jsonify(rows)
    answer.headers["Cache-Control"] = "public, max-age=86400"
    return answer
