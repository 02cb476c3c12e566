"""What a picture file says of itself: read from its bytes alone, nothing is decoded, bounded in time and memory."""

from __future__ import annotations

import struct
from dataclasses import dataclass

MAX_PARTS = 100_000  # a 25 MB file of tiny parts would otherwise keep a worker busy for seconds

# JPEG frames that the decoder knows: baseline, extended, progressive (ITU-T T.81 table B.1).
_KNOWN_FRAMES = {0xC0, 0xC1, 0xC2}
_ALL_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}

_FOREIGN = (
    (b"GIF8", "GIF"),
    (b"BM", "BMP"),
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
    (b"%PDF", "PDF"),
)
_HEIF_BRANDS = {b"heic", b"heix", b"hevc", b"mif1", b"msf1", b"heim", b"heis"}


@dataclass(frozen=True)
class Header:
    """Format and size; is_buffered means that decoding needs the whole picture in memory, whatever size is asked."""

    format: str
    width: int
    height: int
    is_buffered: bool = False

    @property
    def pixels(self) -> int:
        return self.width * self.height


class UnreadableError(ValueError):
    """The bytes are no picture that is accepted; kind is what they are, as far as that can be told."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


class CutOffError(ValueError):
    """A picture that ends before its end."""


class MovingError(ValueError):
    """A picture that moves."""


def read(data: bytes) -> Header:
    """Format and size by content; UnreadableError, CutOffError or MovingError."""
    try:
        if data.startswith(b"\xff\xd8\xff"):
            return _read_jpeg(data)
        if data.startswith(b"\x89PNG\r\n\x1a\n"):
            return _read_png(data)
        if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
            return _read_webp(data)
    except (struct.error, IndexError) as error:
        raise CutOffError from error
    raise UnreadableError(_kind_of(data))


def _kind_of(data: bytes) -> str:
    for start, kind in _FOREIGN:
        if data.startswith(start):
            return kind
    if data[4:8] == b"ftyp":
        return "HEIC" if data[8:12] in _HEIF_BRANDS else "AVIF" if data[8:12] == b"avif" else "video"
    text = data[:400].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if b"<svg" in text:
        return "SVG"
    return "HTML" if text.startswith(b"<") else "other"


def _read_jpeg(data: bytes) -> Header:
    position, frame, found = 2, 0, None
    for _ in range(MAX_PARTS):
        if data[position] != 0xFF:
            raise UnreadableError("other")
        while data[position] == 0xFF:
            position += 1
        marker, position = data[position], position + 1
        if marker == 0x01 or 0xD0 <= marker <= 0xD8:  # without a length
            continue
        if marker == 0xD9:
            raise CutOffError  # the end before any picture
        (length,) = struct.unpack_from(">H", data, position)
        if length < 2 or position + length > len(data):
            raise CutOffError
        if marker in _ALL_FRAMES and found is None:
            precision, height, width, parts = struct.unpack_from(">BHHB", data, position + 2)
            if marker not in _KNOWN_FRAMES or precision != 8 or not width or not height:
                raise UnreadableError("other")
            frame, found = marker, (width, height, parts)
        elif marker == 0xDA:
            if found is None:
                raise UnreadableError("other")
            if data.find(b"\xff\xd9", position + length) < 0:
                raise CutOffError
            width, height, parts = found
            # Progressive files and files of several scans keep all coefficients until the last one has come.
            return Header("JPEG", width, height, frame == 0xC2 or data[position + 2] < parts)
        position += length
    raise UnreadableError("other")


def _read_png(data: bytes) -> Header:
    length, kind, width, height = struct.unpack_from(">I4sII", data, 8)
    if kind != b"IHDR" or length != 13 or not width or not height:
        raise UnreadableError("other")
    position, has_pixels = 8, False
    for _ in range(MAX_PARTS):
        length, kind = struct.unpack_from(">I4s", data, position)
        position += 12 + length
        if position > len(data):
            raise CutOffError
        has_pixels = has_pixels or (kind == b"IDAT" and length > 0)
        if kind == b"IEND":
            if not has_pixels:
                raise CutOffError
            return Header("PNG", width, height, True)
    raise UnreadableError("other")


def _read_webp(data: bytes) -> Header:
    (size,) = struct.unpack_from("<I", data, 4)
    if size + 8 > len(data):
        raise CutOffError
    kind = data[12:16]
    if kind == b"VP8X":
        if data[20] & 0x02:
            raise MovingError
        width = 1 + int.from_bytes(data[24:27], "little")
        height = 1 + int.from_bytes(data[27:30], "little")
        return Header("WEBP", width, height, True)
    if kind == b"VP8 " and data[23:26] == b"\x9d\x01\x2a":
        width, height = struct.unpack_from("<HH", data, 26)
        width, height = width & 0x3FFF, height & 0x3FFF
    elif kind == b"VP8L" and data[20] == 0x2F:
        (bits,) = struct.unpack_from("<I", data, 21)
        width, height = 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    else:
        raise UnreadableError("other")
    if not width or not height:
        raise UnreadableError("other")
    return Header("WEBP", width, height, True)
