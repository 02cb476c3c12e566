"""Comparisons as their readers see them: a year's list, one seller's report, the lines behind a figure."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import BigInteger, and_, cast, func, or_, select

from marketplace import clock
from marketplace.awards import collecting, snapshots
from marketplace.awards.differences import Difference, differences
from marketplace.awards.facts import Facts
from marketplace.awards.models import FrozenAssessment
from marketplace.awards.reports import Report
from marketplace.awards.snapshots import Snapshot
from marketplace.database import db
from marketplace.errors import NotFoundError
from marketplace.orders.models import SellerOrder
from marketplace.permissions import Viewer
from marketplace.revenue import queries as revenue
from marketplace.revenue.models import AgriClass, Mode, YearRevenue
from marketplace.revenue.queries import RevenueLine
from marketplace.routing import LARGEST
from marketplace.sellers.models import Seller, SellerKind
from marketplace.sellers.queries import of_counties

PAGE = 30


@dataclass(frozen=True)
class Figure:
    """Verified revenue of a mode and its classes in fen."""

    mode: str
    measured_fen: int
    classes: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Row:
    """One seller in a year's list."""

    code: str
    name: str
    kind: SellerKind
    county_code: str
    figures: tuple[Figure, ...]
    total_fen: int
    report: Report
    frozen_on: date | None
    is_adjusted: bool

    @property
    def states(self) -> list[str]:
        """A frozen year keeps its states; that it had refunds afterwards is added to them."""
        states = self.report.states
        return [*states, "adjusted"] if self.is_adjusted and "adjusted" not in states else states


@dataclass(frozen=True)
class YearList:
    """One page of a year's list, and the cursor of the next one."""

    rows: list[Row]
    after: str | None


def list_year(
    viewer: Viewer, year: int, *, county: str | None = None, text: str = "", after: str | None = None
) -> YearList:
    """Sellers of the viewer's counties by the year's revenue, largest first; fifteen statements for any page."""
    sums = (
        select(YearRevenue.seller_id, cast(func.sum(YearRevenue.amount), BigInteger).label("amount"))
        .where(YearRevenue.year == year)
        .group_by(YearRevenue.seller_id)
        .subquery()
    )
    amount = func.coalesce(sums.c.amount, 0)
    query = of_counties(
        select(Seller.id, amount.label("amount")).outerjoin(sums, sums.c.seller_id == Seller.id),
        viewer,
        "awards:read",
    )
    if county:
        query = query.where(Seller.county_code == county)
    if text:
        query = query.where(Seller.name.contains(text, autoescape=True))
    if (cursor := _cursor(after)) is not None:
        least, last_id = cursor
        query = query.where(or_(amount < least, and_(amount == least, Seller.id < last_id)))
    # All are put in order by these two columns alone; what a row shows is joined to one page of them.
    first = query.order_by(amount.desc(), Seller.id.desc()).limit(PAGE + 1).subquery()
    rows = select(Seller, first.c.amount).join(first, first.c.id == Seller.id)
    found = db.session.execute(rows.order_by(first.c.amount.desc(), Seller.id.desc())).all()
    page = found[:PAGE]
    following = f"{int(page[-1][1])}.{page[-1][0].id}" if len(found) > PAGE else None
    return YearList(_rows([row[0] for row in page], year), following)


def _cursor(after: str | None) -> tuple[int, int] | None:
    """Amount and id of the last row before; None for what is no cursor."""
    found = re.fullmatch(r"(-?[0-9]{1,18})\.([0-9]{1,19})", after or "", re.ASCII)
    if found is None or int(found[2]) > LARGEST:
        return None
    return int(found[1]), int(found[2])


def _rows(sellers: list[Seller], year: int) -> list[Row]:
    if not sellers:
        return []
    ids = [seller.id for seller in sellers]
    policy = collecting.get_policy()
    settings = snapshots.settings_of(policy, year)
    kinds = {seller.id: collecting.engine_kind(seller.kind, seller.registered_as) for seller in sellers}
    facts = collecting.collect_facts(kinds, clock.today())
    adjusted = revenue.adjusted_years_of(ids)
    frozen = _latest_frozen(ids, year)
    rows = []
    for seller in sellers:
        kept = frozen.get(seller.id)
        result = snapshots.result_of(policy, facts[seller.id], year) if kept is None else kept.result
        parameters = settings if kept is None else kept.parameters
        report = Report(year, Snapshot(result, {}, parameters))
        figures = _figures(facts[seller.id], year)
        rows.append(
            Row(
                code=seller.code,
                name=seller.name,
                kind=seller.kind,
                county_code=seller.county_code,
                figures=figures,
                total_fen=sum(figure.measured_fen for figure in figures),
                report=report,
                frozen_on=None if kept is None else kept.frozen_on,
                is_adjusted=kept is not None and year in adjusted.get(seller.id, {}),
            )
        )
    return rows


def _figures(facts: Facts, year: int) -> tuple[Figure, ...]:
    """What orders here amount to: history and declared revenue are on the seller's own page."""
    sums: dict[str, dict[str, int]] = {}
    for row in facts.revenue:
        if row.year == year and not row.is_declared:
            classes = sums.setdefault(row.mode.value, {})
            classes[row.agri_class.value] = classes.get(row.agri_class.value, 0) + row.fen
    return tuple(
        Figure(
            mode.value,
            sum(sums[mode].values()),
            tuple((one.value, sums[mode][one]) for one in AgriClass if one in sums[mode]),
        )
        for mode in Mode
        if mode in sums
    )


def _latest_frozen(seller_ids: Collection[int], year: int) -> dict[int, FrozenAssessment]:
    query = (
        select(FrozenAssessment)
        .where(FrozenAssessment.seller_id.in_(seller_ids), FrozenAssessment.year == year)
        .order_by(FrozenAssessment.version)
    )
    return {row.seller_id: row for row in db.session.execute(query).scalars()}


def get_seller(viewer: Viewer, code: str) -> Seller:
    """A seller of the viewer's counties by code; another county's is NotFoundError like none."""
    query = of_counties(select(Seller).where(Seller.code == code), viewer, "awards:read")
    seller: Seller | None = db.session.execute(query).scalar_one_or_none()
    if seller is None:
        raise NotFoundError
    return seller


@dataclass(frozen=True)
class Version:
    """One freeze of a year."""

    number: int
    frozen_on: date


@dataclass(frozen=True)
class Comparison:
    """A report as asked for: frozen or of today, with what lies beside it."""

    report: Report
    version: Version | None  # None: as it stands today
    versions: tuple[Version, ...]
    differences: list[Difference]
    adjusted_fen: int  # refunds after the freeze, below zero
    years: tuple[int, ...]

    @property
    def states(self) -> list[str]:
        states = self.report.states
        return [*states, "adjusted"] if self.adjusted_fen and "adjusted" not in states else states


def get_comparison(
    seller_id: int,
    *,
    kind: SellerKind,
    registered_as: SellerKind | None,
    year: int,
    version: int | None = None,
    as_of_today: bool = False,
) -> Comparison:
    """A year of one seller: its latest freeze, another version of it, or today's figures.

    NotFoundError for a year outside the list of years, or a version that there is none of.
    """
    years = list_years()
    if year not in years:
        raise NotFoundError
    now = take_snapshot(seller_id, kind=kind, registered_as=registered_as, year=year)
    frozen = _frozen_of(seller_id, year)
    versions = tuple(Version(row.version, row.frozen_on) for row in frozen)
    adjusted_fen = revenue.adjusted_years_of([seller_id]).get(seller_id, {}).get(year, 0)
    today = Report(year, now)
    if not frozen or as_of_today:
        return Comparison(today, None, versions, [], adjusted_fen, years)
    chosen = next((row for row in frozen if row.version == (version or frozen[-1].version)), None)
    if chosen is None:
        raise NotFoundError
    report = Report(year, Snapshot(chosen.result, chosen.facts, chosen.parameters))
    shown = Version(chosen.version, chosen.frozen_on)
    return Comparison(report, shown, versions, differences(report, today), adjusted_fen, years)


def take_snapshot(
    seller_id: int, *, kind: SellerKind, registered_as: SellerKind | None, year: int
) -> Snapshot:
    """A seller's year as it stands today."""
    facts = collecting.collect_facts({seller_id: collecting.engine_kind(kind, registered_as)}, clock.today())[
        seller_id
    ]
    facts = collecting.with_seasons(facts, seller_id, year)
    return snapshots.take(collecting.get_policy(), facts, seller_id, year)


def _frozen_of(seller_id: int, year: int) -> list[FrozenAssessment]:
    query = (
        select(FrozenAssessment)
        .where(FrozenAssessment.seller_id == seller_id, FrozenAssessment.year == year)
        .order_by(FrozenAssessment.version)
    )
    return list(db.session.execute(query).scalars())


def first_frozen_on(seller_id: int, year: int) -> date | None:
    """The day on which a seller's year was first frozen: refunds dated later do not restate it."""
    query = select(func.min(FrozenAssessment.frozen_on)).where(
        FrozenAssessment.seller_id == seller_id, FrozenAssessment.year == year
    )
    found: date | None = db.session.execute(query).scalar_one_or_none()
    return found


def list_years() -> tuple[int, ...]:
    """Years that may be asked about, newest first: since the first sale that anybody completed here."""
    first = db.session.execute(select(func.min(YearRevenue.year))).scalar_one_or_none()
    this_year = clock.today().year
    return tuple(range(this_year, min(first or this_year, this_year) - 1, -1))


@dataclass(frozen=True)
class Line:
    """One entry behind a figure, with its order's public code and nothing of the buyer."""

    order_code: str
    entry: RevenueLine


@dataclass(frozen=True)
class Lines:
    """One page of a figure's entries, the sum of all of them, and the figure that they have to make."""

    lines: list[Line]
    after: int | None
    entries_fen: int
    figure_fen: int


def list_lines(
    seller_id: int,
    year: int,
    mode: Mode | None,
    agri_classes: Collection[AgriClass],
    after: int | None = None,
) -> Lines:
    """The entries of a figure, newest first; a mode of None, or no class, takes all of them together."""
    entries, following = revenue.lines_of(seller_id, year, mode, agri_classes, after)
    parts = [part for part in revenue.parts_of(seller_id, year) if _matches(part, mode, agri_classes)]
    facts = [fact for fact in revenue.year_facts(seller_id) if fact.year == year]
    return Lines(
        lines=_with_codes(seller_id, entries),
        after=following,
        entries_fen=sum(part.amount for part in parts),
        figure_fen=sum(fact.total_amount for fact in facts if _matches(fact, mode, agri_classes)),
    )


def list_season_lines(seller_id: int, season: int, after: int | None = None) -> Lines:
    """The same for the figure of a season, named by its first year."""
    entries, following = revenue.season_lines_of(seller_id, season, after)
    return Lines(
        lines=_with_codes(seller_id, entries),
        after=following,
        entries_fen=revenue.season_sum_of(seller_id, season),
        figure_fen=revenue.season_facts(seller_id).get(season, 0),
    )


def _matches(row: Any, mode: Mode | None, agri_classes: Collection[AgriClass]) -> bool:
    return (mode is None or row.mode == mode) and (not agri_classes or row.agri_class in agri_classes)


def _with_codes(seller_id: int, entries: list[RevenueLine]) -> list[Line]:
    codes = _codes_of(seller_id, {entry.seller_order_id for entry in entries})
    return [Line(codes.get(entry.seller_order_id, ""), entry) for entry in entries]


def _codes_of(seller_id: int, seller_order_ids: Collection[int]) -> Mapping[int, str]:
    query = select(SellerOrder.id, SellerOrder.code).where(
        SellerOrder.seller_id == seller_id, SellerOrder.id.in_(seller_order_ids)
    )
    return dict(db.session.execute(query).tuples().all())
