"""Serve one size of a picture."""

from __future__ import annotations

from flask import Blueprint, send_file
from flask.typing import ResponseReturnValue

from marketplace.errors import NotFoundError
from marketplace.media import storage
from marketplace.media.rules import EXTENSIONS
from marketplace.permissions import public

bp = Blueprint("media", __name__)


@bp.get("/media/<name>/<int:width>.<extension>")
@public
def derivative(name: str, width: int, extension: str) -> ResponseReturnValue:
    """A derivative, kept for a year: its name is never used for another picture. 404 for all else."""
    path = storage.derivative(name, width, extension)
    if path is None or not path.is_file():
        raise NotFoundError
    answer = send_file(path, mimetype=EXTENSIONS[extension], max_age=31_536_000, conditional=True)
    answer.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    return answer
