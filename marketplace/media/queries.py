"""Pictures by id, and what waits for encoding."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import select

from marketplace.database import db
from marketplace.media.models import Image, ImageState
from marketplace.media.rules import Picture


def _picture(image: Image) -> Picture:
    return Picture(image.id, image.name, image.state, image.width, image.height, image.credit)


def pictures_of(image_ids: Collection[int]) -> dict[int, Picture]:
    """Pictures by id in one statement; unknown ids are left out."""
    if not image_ids:
        return {}
    rows = db.session.execute(select(Image).where(Image.id.in_(set(image_ids)))).scalars()
    return {image.id: _picture(image) for image in rows}


def list_own(seller_id: int, image_ids: Collection[int]) -> list[Picture]:
    """Those of the ids that are the seller's own, in the order asked for."""
    if not image_ids:
        return []
    rows = db.session.execute(select(Image).where(Image.seller_id == seller_id, Image.id.in_(set(image_ids))))
    own = {image.id: _picture(image) for image in rows.scalars()}
    return [own[image_id] for image_id in image_ids if image_id in own]


def find_waiting(image_id: int) -> Image | None:
    """A picture that is still to be encoded."""
    return db.session.execute(
        select(Image).where(Image.id == image_id, Image.state == ImageState.PROCESSING)
    ).scalar_one_or_none()


def names_waiting(names: Collection[str]) -> set[str]:
    """Those of the names whose original is still needed."""
    query = select(Image.name).where(Image.name.in_(names), Image.state == ImageState.PROCESSING)
    return set(db.session.execute(query).scalars())
