"""Record batches, issue certificates, enter seasons and rights to marks."""

from __future__ import annotations

from datetime import date

from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from marketplace import audit, clock, places
from marketplace.audit import Actor
from marketplace.database import db, new_code
from marketplace.errors import NotFoundError
from marketplace.provenance import queries
from marketplace.provenance.models import Authorisation, Batch, Certificate, CertificateKind, Season
from marketplace.provenance.rules import (
    MOST_NUMBER,
    CertificateFactsError,
    CertificateNumberTakenError,
    UnknownOriginError,
    check_certificate,
    check_picked_on,
    check_season,
)
from marketplace.sellers.models import Seller


def create_batch(
    actor: Actor,
    *,
    seller_id: int,
    category_code: str,
    variety_code: str | None,
    area_code: str,
    picked_on: date | None,
    orchard: str = "",
) -> Batch:
    """A batch of one origin and one picking.

    UnknownOriginError unless the origin is a township or village of Ganzhou; PickingDayError for a day ahead.
    """
    if places.find_in_ganzhou(area_code) is None:
        raise UnknownOriginError
    check_picked_on(picked_on, clock.today())
    batch = Batch(
        seller_id=seller_id,
        code=f"{clock.today():%y%m%d}-{new_code(5)}",
        category_code=category_code,
        variety_code=variety_code,
        area_code=area_code,
        picked_on=picked_on,
        orchard=orchard[:100],
        created_at=clock.now(),
    )
    db.session.add(batch)
    db.session.flush()
    audit.record(
        actor, "batch.created", "batch", batch.id, seller_id=seller_id, changes={"area": [None, area_code]}
    )
    return batch


def issue_certificate(
    actor: Actor,
    *,
    seller_id: int,
    batch_id: int,
    product: str,
    quantity_grams: int,
    origin: str,
    promised_by: str,
    contact: str,
    number: str | None = None,
    issued_on: date | None = None,
) -> Certificate:
    """A batch's 承诺达标合格证 with all that it must say (order 2025-4): issued here, or one that exists already.

    Without a number one is made from shop, day and chance; without a day it is today's. NotFoundError for another's
    batch, CertificateNumberTakenError for a number of another batch, CertificateFactsError for what cannot be; the same
    number for the same batch again is the same certificate.
    """
    queries.get_batch_by_id(seller_id, batch_id)
    issued_on = issued_on or clock.today()
    check_certificate(quantity_grams=quantity_grams, issued_on=issued_on, today=clock.today())
    if not (product.strip() and origin.strip() and promised_by.strip() and contact.strip()):
        raise CertificateFactsError(_l("合格证要写品名、产地、承诺人和电话"))
    number = (number or "").strip()[:MOST_NUMBER] or _new_number(seller_id, issued_on)
    found = db.session.execute(
        select(Certificate).where(Certificate.seller_id == seller_id, Certificate.number == number)
    ).scalar_one_or_none()
    if found is not None:
        if found.batch_id != batch_id:
            raise CertificateNumberTakenError
        return found
    certificate = Certificate(
        seller_id=seller_id,
        batch_id=batch_id,
        kind=CertificateKind.CONFORMITY,
        number=number,
        product=product.strip()[:60],
        quantity_grams=quantity_grams,
        origin=origin.strip()[:100],
        issued_on=issued_on,
        promised_by=promised_by.strip()[:100],
        contact=contact.strip()[:40],
    )
    db.session.add(certificate)
    db.session.flush()
    audit.record(
        actor,
        "certificate.issued",
        "certificate",
        certificate.id,
        seller_id=seller_id,
        changes={"number": [None, number], "grams": [None, quantity_grams]},
    )
    return certificate


def _new_number(seller_id: int, issued_on: date) -> str:
    code = db.session.execute(select(Seller.code).where(Seller.id == seller_id)).scalar_one_or_none()
    if code is None:
        raise NotFoundError
    return f"{code}-{issued_on:%Y%m%d}-{new_code(5)}"


def record_season(
    actor: Actor,
    *,
    category_code: str,
    variety_code: str | None,
    year: int,
    earliest_ship_on: date,
    source: str,
) -> Season:
    """The earliest shipping day of a season as somebody announced it; the newest entry is in force.

    SeasonFactsError for a day outside of the season or without a source.
    """
    check_season(year=year, earliest_ship_on=earliest_ship_on, source=source)
    season = Season(
        category_code=category_code,
        variety_code=variety_code,
        year=year,
        earliest_ship_on=earliest_ship_on,
        source=source.strip()[:300],
        entered_by=actor.user_id,
        entered_at=clock.now(),
    )
    db.session.add(season)
    db.session.flush()
    audit.record(
        actor,
        "season.recorded",
        "season",
        season.id,
        changes={
            "category": category_code,
            "variety": variety_code,
            "earliest_ship_on": str(earliest_ship_on),
        },
    )
    return season


def authorise(
    actor: Actor, *, seller_id: int, mark: str, number: str, valid_from: date, valid_to: date
) -> Authorisation:
    """A seller's right to a mark, after a person compared it with the list of licensed users."""
    right = Authorisation(
        seller_id=seller_id,
        mark=mark,
        number=number.strip()[:60],
        valid_from=valid_from,
        valid_to=valid_to,
        checked_by=actor.user_id,
        checked_at=clock.now(),
    )
    db.session.add(right)
    db.session.flush()
    audit.record(
        actor,
        "mark.authorised",
        "authorisation",
        right.id,
        seller_id=seller_id,
        changes={"mark": mark, "number": number, "valid_to": str(valid_to)},
    )
    return right
