"""Take a picture in, and say what became of it."""

from __future__ import annotations

import hashlib
import secrets
import time
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from werkzeug.datastructures import FileStorage

from marketplace import clock
from marketplace.database import db
from marketplace.jobs.services import enqueue
from marketplace.media import processing, queries, storage
from marketplace.media.models import Image, ImageState
from marketplace.media.rules import MAX_BYTES, inspect

ORPHAN_SECONDS = 2 * 24 * 3600


@dataclass(frozen=True)
class Received:
    """An accepted file whose original is on the disk; name is ours, the sender's file name is never used."""

    name: str
    digest: str


def receive(upload: FileStorage) -> Received:
    """Check a file by its content and keep it; PictureError says why not.

    Done before the act that stores it, since a file is no part of a transaction: should the act fail, the original
    lies unused until sweep_originals().
    """
    content = upload.stream.read(MAX_BYTES + 1)
    inspect(content)
    name = secrets.token_hex(16)
    storage.save_original(name, content)
    return Received(name, hashlib.sha256(content).hexdigest())


def store(*, seller_id: int, received: Received, upload_key: str | None = None) -> Image:
    """The seller's picture for a received file, to be encoded by the job "media.encode".

    The same file, or the same key of the phone, is the same picture: a repeat stores nothing. A file that could not be
    encoded before is tried anew.
    """
    key = (upload_key or received.digest)[:64]
    found = _by_key(seller_id, key)
    if found is None:
        image = Image(
            seller_id=seller_id,
            name=received.name,
            upload_key=key,
            state=ImageState.PROCESSING,
            created_at=clock.now(),
        )
        try:
            with db.session.begin_nested():
                db.session.add(image)
        except IntegrityError:  # the same form, sent twice at once
            found = _by_key(seller_id, key)
            if found is None:
                raise
        else:
            enqueue("media.encode", {"image_id": image.id})
            return image
    if found.state == ImageState.FAILED:
        found.name, found.state = received.name, ImageState.PROCESSING
        db.session.flush()
        enqueue("media.encode", {"image_id": found.id})
    return found


def store_seed(seller_id: int, path: Path, credit: str) -> Image:
    """A demo photo of the repository, encoded at once; the same photo and seller again is the same picture."""
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    found = _by_key(seller_id, digest)
    if found is not None:
        return found
    name = secrets.token_hex(16)
    twin = db.session.execute(
        select(Image).where(Image.upload_key == digest, Image.state == ImageState.READY).limit(1)
    ).scalar_one_or_none()
    if twin is not None and twin.width and twin.height:
        storage.copy_derivatives(twin.name, name)
        width, height = twin.width, twin.height
    else:
        width, height = processing.encode(path, storage.public_folder(name), name)
    image = Image(
        seller_id=seller_id,
        name=name,
        upload_key=digest,
        state=ImageState.READY,
        width=width,
        height=height,
        credit=credit,
        created_at=clock.now(),
    )
    db.session.add(image)
    db.session.flush()
    return image


def finish(image_id: int, *, width: int, height: int) -> None:
    """The derivatives lie there: pages may show the picture."""
    _settle(image_id, ImageState.READY, width, height)


def give_up(image_id: int) -> None:
    """The file cannot be encoded: pages say so."""
    _settle(image_id, ImageState.FAILED, None, None)


def sweep_originals() -> int:
    """Delete originals that no waiting picture needs: of acts that failed after the file had come."""
    oldest = time.time() - ORPHAN_SECONDS  # of files, so by the machine's clock
    old = [
        file.name
        for file in storage.originals_folder().iterdir()
        if storage.NAME.fullmatch(file.name) and file.stat().st_mtime < oldest
    ]
    orphans = set(old) - queries.names_waiting(old)
    for name in orphans:
        storage.drop_original(name)
    return len(orphans)


def _by_key(seller_id: int, key: str) -> Image | None:
    return db.session.execute(
        select(Image).where(Image.seller_id == seller_id, Image.upload_key == key)
    ).scalar_one_or_none()


def _settle(image_id: int, state: ImageState, width: int | None, height: int | None) -> None:
    db.session.execute(
        update(Image)
        .where(Image.id == image_id, Image.state == ImageState.PROCESSING)
        .values(state=state, width=width, height=height)
    )
