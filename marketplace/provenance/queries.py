"""Batches, certificates, seasons and rights to marks, scoped to the seller who owns them."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

from sqlalchemy import select

from marketplace import places
from marketplace.database import db
from marketplace.errors import NotFoundError
from marketplace.i18n import choose
from marketplace.paging import page_of
from marketplace.provenance.models import Authorisation, Batch, Certificate, Season
from marketplace.provenance.rules import mark_allowed

PAGE = 30


def list_batches(
    seller_id: int, *, category_code: str | None = None, after: int | None = None, limit: int = PAGE
) -> tuple[list[Batch], int | None]:
    """A seller's batches, newest first, and the id after which the next page starts."""
    query = select(Batch).where(Batch.seller_id == seller_id)
    if category_code:
        query = query.where(Batch.category_code == category_code)
    return page_of(query, Batch.id, after, limit)


def get_batch(seller_id: int, code: str) -> Batch:
    """A seller's own batch by its code; NotFoundError for another's."""
    query = select(Batch).where(Batch.seller_id == seller_id, Batch.code == code)
    return _own(db.session.execute(query).scalar_one_or_none())


def get_batch_by_id(seller_id: int, batch_id: int) -> Batch:
    """A seller's own batch; NotFoundError for another's."""
    query = select(Batch).where(Batch.seller_id == seller_id, Batch.id == batch_id)
    return _own(db.session.execute(query).scalar_one_or_none())


def batches_by_id(seller_id: int, batch_ids: Collection[int]) -> dict[int, Batch]:
    """A seller's own batches by id; others are left out."""
    if not batch_ids:
        return {}
    rows = db.session.execute(select(Batch).where(Batch.seller_id == seller_id, Batch.id.in_(set(batch_ids))))
    return {batch.id: batch for batch in rows.scalars()}


def _own(batch: Batch | None) -> Batch:
    if batch is None:
        raise NotFoundError
    return batch


def _chain(code: str) -> tuple[str, ...]:
    return code[:6], code[:9], code


def origins_of(batches: Collection[Batch]) -> dict[int, str]:
    """County and township of each batch, 信丰县大塘埠镇 or 大塘埠镇, Xinfeng."""
    lines = {
        batch.id: [area.label for area in map(places.find, dict.fromkeys(_chain(batch.area_code))) if area]
        for batch in batches
    }
    return {batch_id: choose("".join(line), ", ".join(reversed(line))) for batch_id, line in lines.items()}


def certificates_of(seller_id: int, batch_ids: Collection[int]) -> dict[int, Certificate]:
    """The newest certificate of each batch that has one."""
    if not batch_ids:
        return {}
    rows = db.session.execute(
        select(Certificate)
        .where(Certificate.seller_id == seller_id, Certificate.batch_id.in_(set(batch_ids)))
        .order_by(Certificate.id)
    ).scalars()
    return {certificate.batch_id: certificate for certificate in rows}


def list_certificates(seller_id: int, batch_id: int) -> list[Certificate]:
    """A batch's certificates, newest first; they are kept for good, the order asks for six months."""
    query = (
        select(Certificate)
        .where(Certificate.seller_id == seller_id, Certificate.batch_id == batch_id)
        .order_by(Certificate.id.desc())
    )
    return list(db.session.execute(query).scalars())


def get_certificate(seller_id: int, batch_id: int, certificate_id: int) -> Certificate:
    """One certificate of a seller's own batch; NotFoundError otherwise."""
    found = db.session.execute(
        select(Certificate).where(
            Certificate.seller_id == seller_id,
            Certificate.batch_id == batch_id,
            Certificate.id == certificate_id,
        )
    ).scalar_one_or_none()
    if found is None:
        raise NotFoundError
    return found


def seasons_of(category_code: str, year: int) -> list[Season]:
    """What was entered about one season of a category, newest first."""
    query = select(Season).where(Season.category_code == category_code, Season.year == year)
    return list(db.session.execute(query.order_by(Season.id.desc())).scalars())


def list_seasons() -> list[Season]:
    """The last two hundred seasons as they were entered, newest first."""
    return list(db.session.execute(select(Season).order_by(Season.id.desc()).limit(200)).scalars())


def list_authorisations(seller_id: int) -> list[Authorisation]:
    """A seller's rights to marks, the one that lasts longest first."""
    query = (
        select(Authorisation)
        .where(Authorisation.seller_id == seller_id)
        .order_by(Authorisation.valid_to.desc(), Authorisation.id.desc())
    )
    return list(db.session.execute(query).scalars())


def has_mark(seller_id: int, mark: str, day: date) -> bool:
    """Whether the seller may use the mark on that day."""
    return mark_allowed(list_authorisations(seller_id), mark, day)
