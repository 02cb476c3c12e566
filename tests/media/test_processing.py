"""What comes out of the encoder, and what it survives."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image, ImageCms

from marketplace.media import processing
from tests.media import samples

NAME = "ab" * 16


def encode(tmp_path: Path, content: bytes) -> dict[str, Image.Image]:
    source = tmp_path / "original"
    source.write_bytes(content)
    processing.encode(source, tmp_path / "out", NAME)
    made = {}
    for path in (tmp_path / "out").iterdir():
        with Image.open(path) as picture:
            picture.load()
            made[path.name.removeprefix(f"{NAME}-")] = picture
    return made


def test_phone_photo_comes_out_upright_in_four_widths_without_metadata(tmp_path: Path) -> None:
    made = encode(tmp_path, samples.phone_jpeg())
    assert set(made) == {f"{width}.{kind}" for width in (168, 360, 720, 1080) for kind in ("webp", "jpg")}
    for name, picture in made.items():
        width = int(name.split(".")[0])
        assert picture.size == (width, width * 4 // 3), "turned from 4000 × 3000 to upright"
        left, right = picture.getpixel((width // 8, 20)), picture.getpixel((width * 7 // 8, 20))
        assert left[2] > 150 > left[0], "below becomes left when turned by a quarter"
        assert right[0] > 150 > right[2]
        assert not picture.getexif()
        assert not {"exif", "xmp", "comment", "icc_profile"} & set(picture.info)
    for path in (tmp_path / "out").iterdir():
        assert samples.GPS_MARK not in path.read_bytes()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_exif_orientation_is_applied(tmp_path: Path, orientation: int) -> None:
    made = encode(tmp_path, samples.phone_jpeg(400, 300, orientation))["360.jpg"]
    upright = orientation <= 4
    assert (made.width > made.height) == upright
    probe = made.getpixel((made.width // 2, 5) if upright else (5, made.height // 2))
    red_first = orientation in {1, 2, 5, 8}
    assert (probe[0] > probe[2]) == red_first, orientation


def test_small_picture_is_never_enlarged(tmp_path: Path) -> None:
    made = encode(tmp_path, samples.png(300, 200))
    assert {name: picture.size for name, picture in made.items()} == {
        "360.webp": (300, 200),
        "360.jpg": (300, 200),
        "168.webp": (168, 112),
        "168.jpg": (168, 112),
    }


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_every_kind_of_png_becomes_a_picture(tmp_path: Path, mode: str) -> None:
    picture = (
        Image.new("I;16", (60, 40), 30_000) if mode == "I;16" else samples.two_halves(60, 40).convert(mode)
    )
    made = encode(tmp_path, samples.save(picture, "PNG"))
    assert made["168.webp"].convert("RGB").size == (60, 40)


def test_transparent_ground_becomes_white(tmp_path: Path) -> None:
    made = encode(tmp_path, samples.save(Image.new("RGBA", (60, 40), (200, 0, 0, 0)), "PNG"))
    assert min(made["168.jpg"].getpixel((30, 20))) > 245


def test_cmyk_and_a_broken_colour_profile_are_survived(tmp_path: Path) -> None:
    picture = samples.two_halves(60, 40).convert("CMYK")
    made = encode(tmp_path, samples.save(picture, "JPEG", icc_profile=b"no profile"))
    assert made["168.jpg"].mode == "RGB"


def test_colours_are_brought_to_srgb(tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    made = encode(tmp_path, samples.jpeg(60, 40, icc_profile=profile.tobytes()))
    assert made["168.jpg"].mode == "RGB"


def test_busy_picture_fits_the_page_budget(tmp_path: Path) -> None:
    noise = Image.effect_noise((1200, 1000), 90).convert("RGB")
    made = encode(tmp_path, samples.save(noise, "JPEG", quality=95))
    out = tmp_path / "out"
    assert made
    assert (out / f"{NAME}-360.webp").stat().st_size <= 25_000
    assert (out / f"{NAME}-168.webp").stat().st_size <= 5_800


def run_encoder(tmp_path: Path, content: bytes) -> subprocess.CompletedProcess[str]:
    source = tmp_path / "original"
    source.write_bytes(content)
    command = [sys.executable, "-I", processing.__file__, str(source), str(tmp_path / "out"), NAME]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_encoder_runs_alone_and_tells_the_size(tmp_path: Path) -> None:
    done = run_encoder(tmp_path, samples.jpeg(400, 300))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"width": 400, "height": 300}


@pytest.mark.parametrize(
    "content",
    [
        samples.png_of_size(4000, 4000),
        samples.png_of_size(30_000, 30_000),
        samples.jpeg_of_size(4000, 3000)[:200],
        b"nothing",
    ],
    ids=["lying header", "bomb past the door", "cut", "no picture"],
)
def test_file_that_cannot_be_decoded_ends_as_unreadable(tmp_path: Path, content: bytes) -> None:
    done = run_encoder(tmp_path, content)
    assert done.returncode == processing.UNREADABLE
    assert "Traceback" not in done.stderr


def test_encoder_keeps_to_its_memory(tmp_path: Path) -> None:
    """Fifty megapixels of PNG, the most that the door lets in, stay below 400 MB."""
    row = b"\x00" + bytes(range(256)) * 94
    source = tmp_path / "original"
    source.write_bytes(samples.png_of_size(8000, 6250, row[:24_001] * 6250))
    encoder = [sys.executable, "-I", processing.__file__, str(source), str(tmp_path / "out"), NAME]
    # A process inherits its parent's peak: so a small one starts the encoder and tells of it.
    watch = (
        "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL);"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    done = subprocess.run([sys.executable, "-I", "-c", watch, *encoder], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 400 * 1024 * (1024 if sys.platform == "darwin" else 1)


def test_saving_again_writes_the_same_name_whole(tmp_path: Path) -> None:
    encode(tmp_path, samples.jpeg(400, 300))
    encode(tmp_path, samples.jpeg(400, 300))
    assert not list((tmp_path / "out").glob("*.part"))
    assert len(list((tmp_path / "out").iterdir())) == 6
