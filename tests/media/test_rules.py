"""Which files are taken, told from their bytes alone."""

from __future__ import annotations

import time

import pytest

from marketplace.media import headers
from marketplace.media.models import ImageState
from marketplace.media.rules import Picture, PictureError, inspect
from tests.media import samples

pytestmark = pytest.mark.usefixtures("app_context")


@pytest.mark.parametrize("name", samples.BAD)
def test_bad_file_is_refused_with_a_sentence_within_a_second(name: str) -> None:
    content, word = samples.BAD[name]
    begun = time.perf_counter()
    with pytest.raises(PictureError) as refusal:
        inspect(content)
    assert word in str(refusal.value)
    assert refusal.value.field == "photos"
    assert time.perf_counter() - begun < 1


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (samples.jpeg(), headers.Header("JPEG", 40, 30, False)),
        (samples.jpeg(progressive=True), headers.Header("JPEG", 40, 30, True)),
        (samples.png(), headers.Header("PNG", 40, 30, True)),
        (samples.webp(), headers.Header("WEBP", 40, 30, True)),
        (samples.webp(lossless=True), headers.Header("WEBP", 40, 30, True)),
        (samples.webp(exif=b"Exif\x00\x00MM"), headers.Header("WEBP", 40, 30, True)),
        (samples.jpeg_of_size(12_000, 10_000), headers.Header("JPEG", 12_000, 10_000, False)),
        (samples.png_of_size(10_000, 5_000), headers.Header("PNG", 10_000, 5_000, True)),
        (samples.jpeg() + b"a video after the photo", headers.Header("JPEG", 40, 30, False)),
    ],
    ids=[
        "JPEG",
        "progressive",
        "PNG",
        "WEBP",
        "lossless WEBP",
        "WEBP with EXIF",
        "most JPEG",
        "most PNG",
        "motion photo",
    ],
)
def test_good_file_is_taken_up_to_the_limits(content: bytes, expected: headers.Header) -> None:
    assert inspect(content) == expected


def test_phone_photo_is_taken() -> None:
    header = inspect(samples.phone_jpeg())
    assert (header.width, header.height, header.is_buffered) == (4000, 3000, False)


@pytest.mark.parametrize(
    ("own", "asked", "served"),
    [(1080, 360, 360), (1080, 1080, 1080), (348, 1080, 360), (800, 1080, 1080), (100, 720, 168)],
)
def test_address_names_a_derivative_that_exists(own: int, asked: int, served: int) -> None:
    picture = Picture(1, "ab" * 16, ImageState.READY, own, own)
    assert picture.url(asked, "webp") == f"/media/{'ab' * 16}/{served}.webp"
    assert picture.url(asked, "jpeg") == f"/media/{'ab' * 16}/{served}.jpg"
