"""Which pictures are taken, in which sizes they are kept, and how one is addressed."""

from __future__ import annotations

from dataclasses import dataclass

from flask_babel import lazy_gettext as _l

from marketplace.errors import DomainError
from marketplace.media import headers
from marketplace.media.models import ImageState

WIDTHS = (168, 360, 720, 1080)  # D20
EXTENSIONS = {"webp": "image/webp", "jpg": "image/jpeg"}
MAX_BYTES = 25 * 1024 * 1024
MAX_PHOTOS = 9
MAX_ASPECT = 5  # a strip longer than that shows nothing on a card

# D20, and what fits into the 400 MB of the encoding process: a JPEG is decoded small by draft(), unless it is
# progressive (its coefficients stay in memory: 50 megapixels took 313 MB); WEBP has no such way and took 16 to 19
# bytes a pixel (16 megapixels, lossless: 300 MB).
MAX_PIXELS = {"JPEG": 120_000_000, "PNG": 50_000_000, "WEBP": 18_000_000}
MAX_BUFFERED_PIXELS = 50_000_000


class PictureError(DomainError):
    """A file that cannot become a picture; the sentence says what to do instead."""

    def __init__(self, message: object, *, field: str | None = "photos") -> None:
        super().__init__(message, field=field)


@dataclass(frozen=True)
class Picture:
    """A stored picture as templates show it; without a width it is not ready."""

    image_id: int
    name: str
    state: ImageState
    width: int | None = None
    height: int | None = None
    credit: str | None = None

    def url(self, width: int, format: str = "webp") -> str:  # noqa: A002  the word that templates use
        """The address of a derivative: pictures are never enlarged, so a wide one may be answered by the widest."""
        widest = next((kept for kept in WIDTHS if kept >= (self.width or 0)), WIDTHS[-1])
        extension = "webp" if format == "webp" else "jpg"
        return f"/media/{self.name}/{min(width, widest)}.{extension}"


_FOREIGN_FORMATS = {
    "GIF": _l("这是 GIF 动图，请用 JPEG、PNG 或 WEBP 照片"),
    "HEIC": _l("这是 HEIC 照片，暂时读不了：请在手机相机设置里选“兼容性最佳”再拍一张，或选 JPEG"),
    "SVG": _l("这是 SVG 图形，不是照片，请用 JPEG、PNG 或 WEBP"),
    "HTML": _l("这是网页文件，不是照片，请用 JPEG、PNG 或 WEBP"),
    "PDF": _l("这是 PDF 文件，不是照片，请用 JPEG、PNG 或 WEBP"),
    "video": _l("这是视频，请选一张照片"),
}


def inspect(data: bytes) -> headers.Header:
    """The header of a picture that is taken; PictureError for any other bytes. Nothing is decoded here."""
    if not data:
        raise PictureError(_l("这张照片是空的（0 字节），请再选一次"))
    if len(data) > MAX_BYTES:
        raise PictureError(_l("这张照片超过 25 MB，请选小一点的"))
    try:
        header = headers.read(data)
    except headers.CutOffError as error:
        raise PictureError(_l("这张照片没传完整，请再传一次")) from error
    except headers.MovingError as error:
        raise PictureError(_l("这是会动的图，请选一张照片")) from error
    except headers.UnreadableError as error:
        words = _FOREIGN_FORMATS.get(error.kind, _l("这个文件不是照片，请用 JPEG、PNG 或 WEBP"))
        raise PictureError(words) from error
    most = MAX_PIXELS[header.format]
    if header.format == "JPEG" and header.is_buffered:
        most = MAX_BUFFERED_PIXELS
    if header.pixels > most:
        raise PictureError(
            _l(
                "这张照片有 %(width)s×%(height)s 点，太大了：最多 %(most)s 点",
                width=header.width,
                height=header.height,
                most=f"{most:,}",
            )
        )
    if max(header.width, header.height) > MAX_ASPECT * min(header.width, header.height):
        raise PictureError(_l("这张照片太细长了，请选一张普通的照片"))
    return header
