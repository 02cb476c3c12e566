"""Storing, encoding and giving up; and what nobody can reach."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from flask import Flask

from marketplace.database import db, run_in_transaction
from marketplace.jobs import services as jobs
from marketplace.media import handlers, queries, rules, services, storage
from marketplace.media.models import ImageState
from tests.browsing import Visitor
from tests.factories import shop
from tests.media import samples

pytestmark = pytest.mark.usefixtures("app_context")


def store(content: bytes, seller: str = "farmer", name: str = "photo.jpg") -> int:
    received = services.receive(samples.upload(content, name))
    return run_in_transaction(lambda: services.store(seller_id=shop(seller).id, received=received).id)


def picture(image_id: int) -> rules.Picture:
    db.session.expire_all()
    return queries.pictures_of([image_id])[image_id]


def originals() -> list[str]:
    return [file.name for file in storage.originals_folder().iterdir() if storage.NAME.fullmatch(file.name)]


def test_stored_picture_is_processing_until_the_job_has_run_and_its_original_goes() -> None:
    image_id = store(samples.jpeg(400, 300))
    assert picture(image_id).state == ImageState.PROCESSING
    name = picture(image_id).name
    assert name in originals()
    assert storage.original(name).stat().st_mode & 0o077 == 0, "an original still knows where it was taken"

    assert jobs.run_due(100) >= 1

    ready = picture(image_id)
    assert (ready.state, ready.width, ready.height) == (ImageState.READY, 400, 300)
    assert name not in originals()
    assert {file.name for file in storage.public_folder(name).iterdir() if file.name.startswith(name)} == {
        f"{name}-{width}.{kind}" for width in (168, 360, 720) for kind in ("webp", "jpg")
    }


def test_running_the_job_again_changes_nothing() -> None:
    image_id = store(samples.jpeg(400, 300))
    jobs.run_due(100)
    handlers.encode({"image_id": image_id})
    assert picture(image_id).state == ImageState.READY


def test_same_file_of_the_same_seller_is_one_picture_and_of_another_seller_another() -> None:
    first = store(samples.jpeg(90, 60))
    assert store(samples.jpeg(90, 60), name="again.jpg") == first
    assert store(samples.jpeg(90, 60), seller="coop_owner") != first


def test_file_that_cannot_be_decoded_is_given_up_at_once_and_may_be_sent_again() -> None:
    lying = samples.png_of_size(900, 900)
    image_id = store(lying)
    jobs.run_due(100)
    failed = picture(image_id)
    assert failed.state == ImageState.FAILED
    assert failed.name not in originals()
    assert store(lying) == image_id
    assert picture(image_id).state == ImageState.PROCESSING


def test_file_that_kills_its_process_is_given_up_after_three_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    image_id = store(samples.jpeg(91, 60))
    tries: list[int] = []

    def killed(*_arguments: object) -> tuple[int, str]:
        tries.append(1)
        return -9, "killed"

    monkeypatch.setattr(handlers, "_run", killed)
    handlers.encode({"image_id": image_id})
    assert picture(image_id).state == ImageState.PROCESSING
    handlers.encode({"image_id": image_id, "attempt": 2})
    assert picture(image_id).state == ImageState.PROCESSING
    handlers.encode({"image_id": image_id, "attempt": 3})
    assert picture(image_id).state == ImageState.FAILED
    assert len(tries) == 3


@pytest.mark.parametrize(
    "name",
    [
        "../../evil.html",
        "/etc/passwd",
        "a\x00.jpg",
        "a\r\nSet-Cookie: x.jpg",
        "x" * 300,
        "\u202egpj.exe",
        "a.jpg.html",
    ],
)
def test_file_name_of_the_sender_is_never_used(name: str, shared_app: Flask) -> None:
    data = Path(shared_app.config["SETTINGS"].data_dir)
    before = set(data.rglob("*"))
    image_id = store(samples.jpeg(92 + len(name) % 7, 60), name=name)
    jobs.run_due(100)
    added = {file for file in set(data.rglob("*")) - before if file.is_file()}
    stored = picture(image_id).name
    assert all(file.name.startswith(stored) or file.name == ".turn" for file in added), added


def test_original_of_a_failed_act_is_swept_later() -> None:
    received = services.receive(samples.upload(samples.jpeg(93, 61)))
    waiting = store(samples.jpeg(94, 61))
    for name in (received.name, picture(waiting).name):
        os.utime(storage.original(name), (0, 0))
    services.sweep_originals()
    assert received.name not in originals()
    assert picture(waiting).name in originals(), "one that still waits is kept"


def test_picture_is_served_for_good_and_anything_else_is_404(visitor: Visitor) -> None:
    image_id = store(samples.phone_jpeg(1600, 1200))
    jobs.run_due(100)
    ready = picture(image_id)
    for address, kind in ((ready.url(360), "image/webp"), (ready.url(1080, "jpeg"), "image/jpeg")):
        answer = visitor.client.get(address, buffered=True)
        assert answer.status_code == 200
        assert answer.mimetype == kind
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "Set-Cookie" not in answer.headers
        assert samples.GPS_MARK not in answer.data
    name = ready.name
    for address in (
        f"/media/{name}/999.webp",
        f"/media/{name}/360.png",
        f"/media/{name}/360.html",
        f"/media/{'0' * 32}/360.webp",
        "/media/..%2f..%2fkeys/360.webp",
        f"/media/{name.upper()}/360.webp",
        "/media/x/99999999999999999999999.webp",
    ):
        visitor.get(address, 404)


def test_seed_photo_is_ready_at_once_and_stored_once(tmp_path: Path) -> None:
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(samples.jpeg(500, 400))

    def seed(seller: str) -> int:
        return run_in_transaction(lambda: services.store_seed(shop(seller).id, photo, "by somebody").id)

    first = seed("farmer")
    assert picture(first).state == ImageState.READY
    assert picture(first).credit == "by somebody"
    assert seed("farmer") == first
    twin = picture(seed("coop_owner"))
    assert twin.name != picture(first).name
    path = storage.derivative(twin.name, 360, "webp")
    assert path is not None
    assert path.is_file()
