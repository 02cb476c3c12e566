"""Pictures that travel with a form: accepted ones are stored at once and need not be sent again."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from flask_babel import gettext as _
from werkzeug.datastructures import FileStorage

from marketplace.database import run_in_transaction
from marketplace.media import queries, services
from marketplace.media.rules import MAX_PHOTOS, Picture, PictureError
from marketplace.security import sign, unsign

PURPOSE = "form-pictures"
MAX_AGE = 30 * 24 * 3600  # seconds that a form may lie open


@dataclass
class Tray:
    """The seller's pictures of one form, in order, and why others were not taken."""

    seller_id: int
    image_ids: list[int] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    is_lost: bool = False  # what the form kept cannot be read: nothing may be concluded from the tray being empty

    @property
    def signed(self) -> str:
        """What the form's hidden field holds."""
        return sign(PURPOSE, [self.seller_id, self.image_ids])

    def pictures(self) -> list[Picture]:
        return queries.list_own(self.seller_id, self.image_ids)


def open_tray(
    seller_id: int, signed: str | None, drop: Collection[str] = (), main: str | None = None
) -> Tray:
    """The pictures that a form kept, without those that were put aside, the chosen one first.

    A field that was changed, is too old or is another seller's is an empty tray that says so: is_lost, and a sentence
    among its errors.
    """
    if not signed:
        return Tray(seller_id)
    value: Any = unsign(PURPOSE, signed, MAX_AGE)
    if not isinstance(value, list) or len(value) != 2 or value[0] != seller_id:
        return lost(seller_id)
    kept = [image_id for image_id in value[1] if str(image_id) not in drop]
    kept.sort(key=lambda image_id: str(image_id) != main)
    return Tray(seller_id, kept)


def lost(seller_id: int) -> Tray:
    """A tray of a form that no longer says what it kept."""
    return Tray(seller_id, errors=[_("照片这一栏失效了，请再看一遍照片，再点一次")], is_lost=True)


def take(tray: Tray, uploads: Sequence[FileStorage]) -> None:
    """Check and store each file that came: good ones go onto the tray, the others leave their sentence."""
    sent = [upload for upload in uploads if upload.filename]
    received: list[services.Received] = []
    for number, upload in enumerate(sent, start=1):
        if len(tray.image_ids) + len(received) >= MAX_PHOTOS:
            tray.errors.append(_("最多 %(count)s 张照片，多的没有收", count=MAX_PHOTOS))
            break
        try:
            received.append(services.receive(upload))
        except PictureError as error:
            several = len(sent) > 1
            words = (
                _("第 %(number)s 张：%(reason)s", number=number, reason=error.message)
                if several
                else error.message
            )
            tray.errors.append(str(words))
    for upload in sent:
        upload.close()  # large ones lie in temporary files
    if received:
        stored = run_in_transaction(
            lambda: [services.store(seller_id=tray.seller_id, received=one).id for one in received]
        )
        tray.image_ids = list(dict.fromkeys([*tray.image_ids, *stored]))
