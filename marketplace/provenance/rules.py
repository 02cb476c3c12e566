"""When a season opens, who needs a certificate, and whose mark may stand on a box."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Protocol

from flask_babel import lazy_gettext as _l

from marketplace.errors import DomainError
from marketplace.provenance.models import Authorisation, Season
from marketplace.sellers.models import SellerKind
from marketplace.sellers.rules import CERTIFYING, legal_kind

MARK = "赣南脐橙"
FIRST_MONTH = 8  # a season is named by the year in which its first fruit is picked
OLDEST_PICKING = timedelta(days=730)  # dried goods and oil keep; older is a slip of the year
MOST_GRAMS = 10_000_000_000  # 10,000 tonnes on one certificate
MOST_NUMBER = 40


class UnknownOriginError(DomainError):
    """The origin is no township or village of Ganzhou."""

    def __init__(self) -> None:
        super().__init__(_l("请选产地的县和乡镇"), field="area_code")


class PickingDayError(DomainError):
    """The picking day lies ahead, or years back."""


class CertificateNumberTakenError(DomainError):
    """The seller has another certificate of that number."""

    def __init__(self) -> None:
        super().__init__(_l("这个编号已经用在另一批上了，请核对"), field="certificate_number")


class CertificateFactsError(DomainError):
    """Something that a certificate must say is missing or cannot be."""


class SeasonFactsError(DomainError):
    """A season's day does not lie in its season, or nobody said where it comes from."""


class Certifying(Protocol):
    """What has to be known of a seller: a row or the shop of a request."""

    @property
    def kind(self) -> SellerKind: ...
    @property
    def registered_as(self) -> SellerKind | None: ...


class Certified(Protocol):
    """What has to be known of a category."""

    @property
    def certificate_required(self) -> bool: ...


def certificate_needed(seller: Certifying, category: Certified) -> bool:
    """Whether this seller's batches of this category need a 承诺达标合格证 before they are sold.

    Cooperatives and companies must, for vegetables, fruit and the like; natural persons with their own produce need
    not (order 2025-4 of the agriculture ministry, in force 2026-02-01). A family farm is as it is registered.
    """
    return category.certificate_required and legal_kind(seller.kind, seller.registered_as) in CERTIFYING


def season_year(day: date) -> int:
    """The year in which the season of a day began: January fruit belongs to the autumn before."""
    return day.year if day.month >= FIRST_MONTH else day.year - 1


@dataclass(frozen=True)
class EarliestDay:
    """The first day on which a season's fruit may be sent, and who said so."""

    on: date
    source: str


def earliest_ship_on(seasons: Iterable[Season], *, variety_code: str | None, day: date) -> EarliestDay | None:
    """The earliest shipping day for fruit of that day's season; None when nobody entered one: then nothing is claimed.

    A row of the variety goes before the general one, a later entry before an earlier.
    """
    of_year = [season for season in seasons if season.year == season_year(day)]
    for wanted in (variety_code, None):
        found = [season for season in of_year if season.variety_code == wanted]
        if found:
            last = max(found, key=lambda season: season.id)
            return EarliestDay(last.earliest_ship_on, last.source)
    return None


def mark_allowed(authorisations: Iterable[Authorisation], mark: str, day: date) -> bool:
    """Whether a checked authorisation for the mark is in force on that day."""
    return any(
        right.mark == mark and right.checked_at is not None and right.valid_from <= day <= right.valid_to
        for right in authorisations
    )


def check_picked_on(picked_on: date | None, today: date) -> None:
    """Refuse a picking day that lies ahead or more than two years back; none is allowed."""
    if picked_on is None:
        return
    if picked_on > today:
        raise PickingDayError(_l("采摘日期不能晚于今天"), field="picked_on")
    if picked_on < today - OLDEST_PICKING:
        raise PickingDayError(_l("采摘日期太早了，请核对年份"), field="picked_on")


def check_certificate(*, quantity_grams: int, issued_on: date, today: date) -> None:
    """Refuse a quantity that no batch has, and a day of issue that lies ahead."""
    if not 0 < quantity_grams <= MOST_GRAMS:
        raise CertificateFactsError(_l("请写这一批有多少公斤"), field="certificate_quantity")
    if issued_on > today:
        raise CertificateFactsError(_l("开证日期不能晚于今天"), field="issued_on")


def check_season(*, year: int, earliest_ship_on: date, source: str) -> None:
    """Refuse a day outside of the season, and a season without a source."""
    if season_year(earliest_ship_on) != year:
        raise SeasonFactsError(_l("这个日期不在这一季里（8 月到下一年 7 月）"), field="earliest_ship_on")
    if not source.strip():
        raise SeasonFactsError(_l("请写明出处：谁公布的、哪一天"), field="source")
