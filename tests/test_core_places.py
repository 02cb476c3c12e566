"""The administrative tree as it is loaded: every county of the country, every village of Ganzhou."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from marketplace import places
from marketplace.database import db
from marketplace.places import Area, Level
from tests.browsing import Visitor

pytestmark = pytest.mark.usefixtures("app_context")


def count(level: Level) -> int:
    return int(db.session.execute(select(func.count()).where(Area.level == level)).scalar_one())


def test_the_country_is_whole_to_the_county_and_ganzhou_to_the_village() -> None:
    assert count(Level.PROVINCE) == 31  # the mainland's
    assert count(Level.COUNTY) > 2800
    counties = places.list_ganzhou_counties()
    assert len([area for area in counties if not area.is_zone]) == 18
    assert count(Level.TOWNSHIP) > 280
    assert count(Level.VILLAGE) > 3000
    assert not db.session.execute(
        select(Area.code).where(Area.level.in_([Level.TOWNSHIP, Level.VILLAGE]), Area.code.not_like("3607%"))
    ).first()


def test_every_area_but_a_province_lies_in_one_of_the_level_above() -> None:
    above = {
        Level.CITY: {Level.PROVINCE},
        Level.COUNTY: {Level.CITY, Level.PROVINCE},
        Level.TOWNSHIP: {Level.COUNTY},
        Level.VILLAGE: {Level.TOWNSHIP},
    }
    levels = {code: level for code, level in db.session.execute(select(Area.code, Area.level))}  # noqa: C416  rows
    for code, parent, level in db.session.execute(select(Area.code, Area.parent_code, Area.level)).tuples():
        if level == Level.PROVINCE:
            assert parent is None, code
        else:
            assert levels[parent] in above[level], code


def test_an_address_is_written_without_groupings() -> None:
    assert places.full_name("310115") == "上海市浦东新区"
    assert places.full_name("360722") == "江西省赣州市信丰县"
    assert [area.code for area in places.line_of("360722105")] == ["360000", "360700", "360722", "360722105"]


def test_codes_tell_province_and_county() -> None:
    assert places.province_of("360722105") == "360000"
    assert places.county_of("360722105200") == "360722"
    assert places.find(None) is None
    assert places.find("999999") is None


def test_zones_stand_last() -> None:
    flags = [area.is_zone for area in places.list_ganzhou_counties()]
    assert flags == sorted(flags)


def test_picker_gets_names_in_the_language_of_the_address(visitor: Visitor) -> None:
    chinese = visitor.client.get("/areas/children?parent=360700")
    english = visitor.client.get("/en/areas/children?parent=360700")
    assert next(row for row in chinese.json if row["code"] == "360722")["name"] == "信丰县"
    assert next(row for row in english.json if row["code"] == "360722")["name"].isascii()
    assert "public" in chinese.headers["Cache-Control"]
    assert visitor.client.get("/areas/children?parent=' OR 1=1").json == []
    assert len(visitor.client.get("/areas/children").json) == 31
