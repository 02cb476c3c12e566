"""What the seller's page and staff's page of the comparison share: what was asked for, and where the links lead."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from flask import request, url_for

from marketplace import clock
from marketplace.awards import queries
from marketplace.awards.queries import Comparison
from marketplace.errors import NotFoundError
from marketplace.revenue.models import AgriClass, Mode
from marketplace.routing import calendar_year, row_id
from marketplace.sellers.models import SellerKind

E = TypeVar("E", bound=StrEnum)
NOW = "now"  # ?version=now: today's figures of a frozen year


def asked_year(default: int, years: Collection[int]) -> int:
    """?year=, or the default; NotFoundError for one that is not offered."""
    found = request.args.get("year", default, type=calendar_year)
    if found not in years:
        raise NotFoundError
    return found


def asked_comparison(seller_id: int, kind: SellerKind, registered_as: SellerKind | None) -> Comparison:
    """The comparison of ?year= (else this year) in ?version= (else the latest freeze, else today's)."""
    version = request.args.get("version", "")
    if version not in {"", NOW} and not (version.isascii() and version.isdigit() and len(version) < 6):
        raise NotFoundError
    return queries.get_comparison(
        seller_id,
        kind=kind,
        registered_as=registered_as,
        year=request.args.get("year", clock.today().year, type=calendar_year),
        version=int(version) if version.isdigit() else None,
        as_of_today=version == NOW,
    )


def asked_lines(seller_id: int, year: int, **address: Any) -> dict[str, Any]:
    """The lines of the figure that ?mode= and ?class= (or ?season=) name, and the address of the next page."""
    modes, classes = _asked("mode", Mode), _asked("class", AgriClass)
    season, after = request.args.get("season", type=calendar_year), request.args.get("after", type=row_id)
    if year not in queries.list_years():
        raise NotFoundError
    mode = modes[0] if modes else None
    if season is None:
        page = queries.list_lines(seller_id, year, mode, classes, after)
    else:
        page = queries.list_season_lines(seller_id, season, after)
    asked: dict[str, Any] = {"mode": mode, "class": classes, "season": season}
    return {
        "page": page,
        "year": year,
        "mode": mode,
        "agri_classes": classes,
        "season": season,
        "next_url": _address(".lines", address, year=year, after=page.after, **asked) if page.after else None,
    }


def _asked(name: str, kind: type[E]) -> list[E]:
    try:
        return [kind(written) for written in request.args.getlist(name)[: len(kind)] if written]
    except ValueError:
        raise NotFoundError from None


@dataclass(frozen=True)
class Urls:
    """Where the links of a report lead, below the seller's or staff's address."""

    report_endpoint: str
    lines_endpoint: str
    address: Mapping[str, str]
    comparison: Comparison

    def year(self, year: int) -> str:
        return _address(self.report_endpoint, self.address, year=year)

    def version(self, number: int | str) -> str:
        return _address(self.report_endpoint, self.address, year=self.comparison.report.year, version=number)

    def lines(self, mode: str | None = None, *agri_classes: str) -> str:
        """The lines behind one figure of the report."""
        year = self.comparison.report.year
        return _address(self.lines_endpoint, self.address, year=year, mode=mode, **{"class": agri_classes})

    def produce_lines(self, mode: str | None = None) -> str:
        """The lines behind a figure of produce, whatever counts as produce in that year."""
        return self.lines(mode, *self.comparison.report.produce_classes)

    def season_lines(self, season: int) -> str:
        """The lines behind a season's figure."""
        return _address(
            self.lines_endpoint, self.address, year=self.comparison.report.year, season=season
        )


def _address(endpoint: str, shop: Mapping[str, Any], **values: Any) -> str:
    return url_for(endpoint, **shop, **values)
