"""Refusals that people may read, and the pages for answers that are none."""

from __future__ import annotations

import errno
from typing import Any

from flask import Flask, Response, current_app, make_response, render_template
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException, SecurityError

from marketplace.i18n import language
from marketplace.logs import log
from marketplace.outages import is_unavailable


class DomainError(Exception):
    """A rule says no: the message is for the person, the field names the input it belongs to."""

    def __init__(self, message: Any, *, field: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field

    def __str__(self) -> str:
        return str(self.message)


class NotFoundError(DomainError):
    """There is no such thing, or it is not yours: both are answered alike, 404 (D19)."""

    def __init__(self, message: Any = "not found") -> None:
        super().__init__(message)


class ForbiddenError(DomainError):
    """The role lacks the right: 403."""

    def __init__(self, message: Any = "forbidden") -> None:
        super().__init__(message)


class TooManyTriesError(DomainError):
    """A limit on failures was reached: 429."""


class BusyError(Exception):
    """More is asked than can be answered in time: 503, come back in some seconds."""


AWAY_SECONDS, BUSY_SECONDS = 10, 2  # after which to ask again
# The disk is full or read-only, or has a fault: as with the database, nobody made a mistake.
DISK_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO}
ERROR_PAGES = (400, 403, 404, 405, 409, 413, 429, 500, 503)


def init_app(app: Flask) -> None:
    """Give each refused request a page that says what to do next."""

    def page(status: int) -> tuple[str, int]:
        known = status if status in ERROR_PAGES else (500 if status >= 500 else 400)
        return render_template(f"errors/{known}.html"), status

    @app.errorhandler(HTTPException)
    def _http(error: HTTPException) -> Any:
        if error.response is not None or (error.code or 500) < 400:
            return error.get_response()
        if isinstance(error, SecurityError):  # under a foreign host's name no address of ours can be built
            return Response("400", 400, mimetype="text/plain")
        body, status = page(error.code or 500)
        return body, status, {k: v for k, v in error.get_headers() if k in {"Allow", "Retry-After"}}

    @app.errorhandler(NotFoundError)
    def _missing(_error: NotFoundError) -> Any:
        return page(404)

    @app.errorhandler(ForbiddenError)
    def _forbidden(_error: ForbiddenError) -> Any:
        return page(403)

    @app.errorhandler(TooManyTriesError)
    def _too_many(_error: TooManyTriesError) -> Any:
        return page(429)

    @app.errorhandler(DomainError)
    def _refused(error: DomainError) -> Any:
        return render_template("errors/409.html", message=error.message), 409

    @app.errorhandler(BusyError)
    def _busy(_error: BusyError) -> Any:
        return unavailable("busy", BUSY_SECONDS)

    @app.errorhandler(SQLAlchemyError)
    def _database(error: SQLAlchemyError) -> Any:
        if not is_unavailable(error):
            raise error
        log().warning("database.unavailable", reason=f"{type(error).__name__}: {getattr(error, 'orig', error)}")
        return unavailable("away", AWAY_SECONDS)

    @app.errorhandler(OSError)
    def _disk(error: OSError) -> Any:
        if error.errno not in DISK_ERRORS:
            raise error
        log().error("disk.unavailable", reason=error.strerror)
        return unavailable("away", AWAY_SECONDS)

    @app.errorhandler(500)
    def _failed(_error: Exception) -> Any:
        return page(500)


def unavailable(why: str, seconds: int) -> Response:
    """503 with a page that asks no database; made once for each language, since it comes when much is refused."""
    pages: dict[tuple[str, str], str] = current_app.extensions.setdefault("unavailable_pages", {})
    key = (why, language())
    if key not in pages:
        home = "/" if language() == "en" else "/en/"
        pages[key] = render_template("errors/503.html", why=why, switch_language_url=lambda: home)
    return make_response(pages[key], 503, {"Retry-After": str(seconds)})
