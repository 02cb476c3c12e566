"""Picture files of our own making, good and bad."""

from __future__ import annotations

import io
import struct
import zlib
from functools import cache

from PIL import Image
from werkzeug.datastructures import FileStorage

GPS_MARK = b"Ganzhou-GPS"


def save(picture: Image.Image, kind: str, **options: object) -> bytes:
    output = io.BytesIO()
    picture.save(output, kind, **options)
    return output.getvalue()


def two_halves(width: int, height: int) -> Image.Image:
    """Red above, blue below: which way it is turned can be seen."""
    picture = Image.new("RGB", (width, height), (200, 30, 30))
    picture.paste((30, 30, 200), (0, height // 2, width, height))
    return picture


@cache
def phone_jpeg(width: int = 4000, height: int = 3000, orientation: int = 6) -> bytes:
    """As a phone takes it: 12 megapixels, turned by EXIF, with place, maker and comment."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "Phone maker"
    exif[0x010E] = GPS_MARK.decode()
    place = exif.get_ifd(0x8825)
    place[1], place[2] = "N", (25.0, 23.0, 30.0)
    place[3], place[4] = "E", (114.0, 55.0, 10.0)
    place[29] = GPS_MARK.decode()
    content = save(two_halves(width, height), "JPEG", quality=85, exif=exif, comment=GPS_MARK)
    assert content.count(GPS_MARK) == 3
    return content


def jpeg(width: int = 40, height: int = 30, **options: object) -> bytes:
    return save(two_halves(width, height), "JPEG", **options)


def png(width: int = 40, height: int = 30) -> bytes:
    return save(two_halves(width, height), "PNG")


def webp(width: int = 40, height: int = 30, **options: object) -> bytes:
    return save(two_halves(width, height), "WEBP", **options)


def gif() -> bytes:
    return save(two_halves(40, 30), "GIF")


def moving_webp() -> bytes:
    return save(
        two_halves(40, 30), "WEBP", save_all=True, append_images=[Image.new("RGB", (40, 30), "white")]
    )


def png_of_size(width: int, height: int, pixels: bytes = b"\x00" * 64) -> bytes:
    """A PNG whose header claims a size; its pixels are whatever is given."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(pixels)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def jpeg_of_size(width: int, height: int, *, progressive: bool = False) -> bytes:
    """A JPEG whose frame header claims a size."""
    content = bytearray(jpeg(progressive=progressive))
    at = content.index(b"\xff\xc2" if progressive else b"\xff\xc0")
    struct.pack_into(">HH", content, at + 5, height, width)
    return bytes(content)


def webp_of_size(width: int, height: int) -> bytes:
    """A lossless WEBP whose header claims a size."""
    content = bytearray(webp(lossless=True))
    struct.pack_into("<I", content, 21, (width - 1) | (height - 1) << 14)
    return bytes(content)


def upload(content: bytes, name: str = "photo.jpg") -> FileStorage:
    return FileStorage(io.BytesIO(content), filename=name, name="photos")


SVG = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
HTML = b"<!doctype html><script>alert(1)</script>"
HEIC = b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic" + b"\x00" * 64

# Name, content, and a word of the sentence that answers it.
BAD = {
    "zero bytes": (b"", "0 字节"),
    "one byte": (b"\xff", "不是照片"),
    "renamed HTML": (HTML, "网页"),
    "renamed SVG": (SVG, "SVG"),
    "GIF": (gif(), "GIF"),
    "HEIC": (HEIC, "HEIC"),
    "moving WEBP": (moving_webp(), "会动"),
    "PDF": (b"%PDF-1.7\n" + b"0" * 100, "PDF"),
    "text": ("脐橙".encode() * 50, "不是照片"),
    "JPEG cut in its pixels": (jpeg(400, 300)[:-200], "没传完整"),
    "JPEG cut in its header": (jpeg()[:100], "没传完整"),
    "JPEG start alone": (b"\xff\xd8\xff\xe0", "没传完整"),
    "PNG cut": (png()[:-20], "没传完整"),
    "PNG start alone": (png()[:16], "没传完整"),
    "PNG without pixels": (png()[:33] + png()[-12:], "没传完整"),
    "WEBP cut": (webp()[:-10], "没传完整"),
    "PNG bomb": (png_of_size(30_000, 30_000), "太大"),
    "PNG over 50 megapixels": (png_of_size(10_000, 5_001), "太大"),
    "JPEG over 120 megapixels": (jpeg_of_size(12_001, 10_000), "太大"),
    "progressive JPEG over 50 megapixels": (jpeg_of_size(10_000, 5_001, progressive=True), "太大"),
    "WEBP over its limit": (webp_of_size(16_000, 16_000), "太大"),
    "JPEG without height": (jpeg_of_size(40, 0), "不是照片"),
    "strip": (png(600, 60), "细长"),
    "more than 25 MB": (jpeg() + b"\x00" * (25 * 1024 * 1024), "25 MB"),
    "JPEG of endless parts": (b"\xff\xd8" + b"\xff\xe1\x00\x02" * 110_000, "不是照片"),
}
