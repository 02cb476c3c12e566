"""Reads the fields of the other benefits from a what-if case; refuses with `Malformed`."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

from marketplace.awards.case_values import (
    Fields,
    Malformed,
    day,
    flag,
    join,
    many,
    one_of,
    optional_day,
    square_metres,
    text,
    whole,
    year,
    yuan,
)
from marketplace.awards.claims import (
    BrandTitle,
    Claims,
    FibreLine,
    OtherBenefit,
    Premises,
    Recognition,
    TaxYear,
)

_BASIS = re.compile(
    r"ecom_annual_revenue|office_rent|fibre_fee|brand:.+|demo:enterprise|demo:base", re.DOTALL
)


def read_claims(case: Fields) -> Claims:
    """Everything of the case that concerns benefits other than the revenue award."""
    return Claims(
        is_above_scale=case.take("above_scale", _above_scale, True),
        key_industry=case.take("key_industry", _key_industry, True),
        rent=case.take("rent", many(_premises), ()),
        fibre=case.take("fibre", many(_fibre_line), ()),
        brands=case.take("brands", many(_brand), ()),
        recognitions=case.take("recognitions", many(_recognition), ()),
        other_benefits=case.take("other_benefits", many(_other_benefit), ()),
        tax=case.take("tax", _tax_years, ()),
    )


def _above_scale(value: Any, path: str) -> bool | None:
    if value == "by_revenue":
        return None
    if not isinstance(value, bool):
        raise Malformed(path, 'must be true, false or "by_revenue"')
    return value


def _key_industry(value: Any, path: str) -> bool | date:
    if isinstance(value, bool):
        return value
    if not isinstance(value, str):
        raise Malformed(path, "must be true, false or a date")
    return day(value, path)


def _premises(value: Any, path: str) -> Premises:
    row = Fields(value, path)
    premises = Premises(
        start=row.take("start", day),
        m2=row.take("m2", square_metres),
        paid_fen=row.take("paid", many(yuan), ()),
        other_use_on=row.take("other_use_on", optional_day, None),
    )
    row.finish()
    return premises


def _fibre_line(value: Any, path: str) -> FibreLine:
    row = Fields(value, path)
    line = FibreLine(
        start=row.take("start", day),
        fees_fen=row.take("fees", many(yuan, at_least=1)),
        contracted_fen=row.take("contracted_yuan", yuan, None),
        is_new=row.take("new", flag, True),
    )
    row.finish()
    return line


def _brand(value: Any, path: str) -> BrandTitle:
    row = Fields(value, path)
    brand = BrandTitle(
        product=row.take("product", text),
        year=row.take("year", year),
        level=row.take("level", one_of("provincial", "national"), "provincial"),
        kind=row.take("kind", one_of("famous_brand", "gi_mark", "green_food", "organic"), "famous_brand"),
    )
    row.finish()
    return brand


def _recognition(value: Any, path: str) -> Recognition:
    row = Fields(value, path)
    recognition = Recognition(
        title=row.take("title", one_of("enterprise", "base")),
        level=row.take("level", one_of("city", "provincial")),
        year=row.take("year", year),
        is_new=row.take("new", flag, True),
        county_match_fen=row.take("county_match_yuan", yuan, 0),
    )
    row.finish()
    return recognition


def _other_benefit(value: Any, path: str) -> OtherBenefit:
    row = Fields(value, path)
    benefit = OtherBenefit(
        year=row.take("year", year),
        basis=row.take("basis", _basis),
        fen=row.take("yuan", yuan),
        level=row.take("level", one_of("city", "county", "province", "nation"), "city"),
        name=row.take("name", text, ""),
    )
    row.finish()
    return benefit


def _basis(value: Any, path: str) -> str:
    if not isinstance(value, str) or not _BASIS.fullmatch(value):
        raise Malformed(
            path,
            "must be ecom_annual_revenue, office_rent, fibre_fee, brand:<product>, demo:enterprise or demo:base",
        )
    return value


def _tax_years(value: Any, path: str) -> tuple[TaxYear, ...]:
    rows = many(_tax_year)(value, path)
    seen: set[int] = set()
    for index, row in enumerate(rows):
        if row.year in seen:
            raise Malformed(join(f"{path}[{index}]", "year"), "occurs twice")
        seen.add(row.year)
    return rows


def _tax_year(value: Any, path: str) -> TaxYear:
    row = Fields(value, path)
    tax = TaxYear(
        year=row.take("year", year),
        taxable_income_fen=row.take("taxable_income_yuan", yuan, 0),
        has_western_conditions=row.take("western_conditions", flag, False),
        rd_expensed_fen=row.take("rd_expensed_yuan", yuan, 0),
        rd_capitalised_fen=row.take("rd_capitalised_yuan", yuan, 0),
        rd_years=row.take("rd_years", whole(1, 50), 10),
    )
    row.finish()
    return tax
