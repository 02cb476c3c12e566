"""Encode one picture: turned upright, in sRGB, without metadata, in four widths as WebP and JPEG.

Run as a script by its path, so that the process that reads strangers' bytes imports Pillow and nothing of the shop,
and limits its own memory and time first: a poisonous picture ends this process only.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import warnings
from pathlib import Path

from PIL import Image, ImageCms

MEMORY = 400 * 1024 * 1024  # D20
CPU_SECONDS = 60
UNREADABLE = 3  # exit status: trying again cannot help

WIDTHS = (1080, 720, 360, 168)
# Bytes that a width may take (main picture and cards of the page budget); quality goes down until it fits.
BUDGETS = {360: 25_000, 168: 5_800}
QUALITIES = (74, 66, 58, 50, 40, 30)

Image.MAX_IMAGE_PIXELS = 120_000_000
ORIENTATION = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def encode(source: Path, folder: Path, name: str, *, durable: bool = False) -> tuple[int, int]:
    """Write NAME-WIDTH.webp and .jpg into the folder; width and height of the largest. Any fault of the file raises.

    durable: the files are on the disk before this returns, since the original is deleted afterwards.
    """
    folder.mkdir(parents=True, exist_ok=True)
    picture = _upright(source)
    widest = min(WIDTHS[0], picture.width)
    size = None
    for width in sorted({kept for kept in WIDTHS if kept < widest} | {_name_of(widest)}, reverse=True):
        own = min(width, widest)
        height = max(1, (picture.height * own + picture.width // 2) // picture.width)
        if own != picture.width:
            picture = picture.resize((own, height), Image.Resampling.LANCZOS, reducing_gap=3.0)
        size = size or picture.size
        _write(folder / f"{name}-{width}.webp", _fit(picture, "WEBP", width), durable)
        _write(folder / f"{name}-{width}.jpg", _fit(picture, "JPEG", width), durable)
    assert size is not None
    return size


def _name_of(width: int) -> int:
    """The kept width under whose name a narrower picture goes."""
    return min(kept for kept in WIDTHS if kept >= width)


def _upright(source: Path) -> Image.Image:
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        with Image.open(source, formats=["JPEG", "PNG", "WEBP"]) as opened:
            width, height = opened.size
            share = min(1.0, WIDTHS[0] / min(width, height))
            # The box needs the photo's own aspect, or draft() leaves it at full size.
            opened.draft(None, (int(width * share), int(height * share)))
            opened.load()
            turn = _TURNS.get(_orientation(opened))
            profile = opened.info.get("icc_profile")
            small = _shrink(opened)
    if turn is not None:
        small = small.transpose(turn)
    upright = _to_srgb(small, profile)
    upright.info.clear()  # a comment would be carried into every derivative
    return upright


def _orientation(picture: Image.Image) -> int:
    with contextlib.suppress(Exception):  # a broken EXIF block spoils no photo
        return int(picture.getexif().get(ORIENTATION, 1))
    return 1


def _shrink(picture: Image.Image) -> Image.Image:
    """At least the largest width, band by band: the full picture is never in memory a second time."""
    factor = min(picture.size) // WIDTHS[0]
    if factor < 2:
        return _plain(picture)
    columns, rows = -(-picture.width // factor), -(-picture.height // factor)
    small: Image.Image | None = None
    for top in range(0, rows, 128):
        bottom = min(rows, top + 128)
        band = _plain(picture.crop((0, top * factor, picture.width, min(picture.height, bottom * factor))))
        if small is None:
            small = Image.new(band.mode, (columns, rows))
        small.paste(band.reduce(factor), (0, top))
    assert small is not None
    return small


def _plain(picture: Image.Image) -> Image.Image:
    """8 bits a channel without transparency: L, RGB or CMYK."""
    if picture.mode in {"L", "RGB", "CMYK"} and "transparency" not in picture.info:
        return picture
    if picture.mode.startswith("I;16") or picture.mode == "I":
        return picture.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    if picture.mode in {"LA", "La", "RGBA", "RGBa", "P", "PA"} or "transparency" in picture.info:
        clear = picture.convert("RGBA")
        ground = Image.new("RGB", clear.size, "white")
        ground.paste(clear, mask=clear.getchannel("A"))
        return ground
    return picture.convert("L" if picture.mode == "1" else "RGB")


def _to_srgb(picture: Image.Image, profile: bytes | None) -> Image.Image:
    if profile:
        with contextlib.suppress(ImageCms.PyCMSError, OSError, ValueError, TypeError):
            own = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            found = ImageCms.profileToProfile(picture, own, ImageCms.createProfile("sRGB"), outputMode="RGB")
            if found is not None:
                return found
    return picture.convert("RGB")


def _fit(picture: Image.Image, kind: str, width: int) -> bytes:
    content = b""
    for quality in QUALITIES:
        output = io.BytesIO()
        if kind == "WEBP":
            picture.save(output, "WEBP", quality=quality, method=2, exif=b"", xmp=b"", icc_profile=b"")
        else:
            picture.save(output, "JPEG", quality=quality, progressive=True, exif=b"", icc_profile=b"")
        content = output.getvalue()
        if len(content) <= BUDGETS.get(width, len(content)):
            break
    return content


def _write(path: Path, content: bytes, durable: bool) -> None:
    part = path.with_suffix(path.suffix + ".part")
    with part.open("wb") as file:
        file.write(content)
        if durable:
            file.flush()
            os.fsync(file.fileno())
    part.replace(path)


def _limit() -> None:
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource  # Windows has none

        # Data counts what is written to; the address space also holds mapped files, hence the wider bound.
        for kind, most in (
            (resource.RLIMIT_DATA, MEMORY),
            (resource.RLIMIT_AS, 3 * MEMORY),
            (resource.RLIMIT_CPU, CPU_SECONDS),
            (resource.RLIMIT_FSIZE, 64 * 1024 * 1024),
            (resource.RLIMIT_CORE, 0),
        ):
            resource.setrlimit(kind, (most, most))
        os.nice(5)


def main(source: str, folder: str, name: str) -> int:
    """Encode under the limits and print width and height as JSON; UNREADABLE when the file cannot be decoded."""
    _limit()
    try:
        width, height = encode(Path(source), Path(folder), name, durable=True)
    except MemoryError:
        print("out of memory", file=sys.stderr)
        return UNREADABLE
    except Exception as error:  # decoders raise whatever they like on strangers' bytes
        print(f"{type(error).__name__}: {error}"[:300], file=sys.stderr)
        return UNREADABLE
    print(json.dumps({"width": width, "height": height}))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:4]))
