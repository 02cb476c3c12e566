"""Refusals that people may read, and the pages for answers that are none."""

from __future__ import annotations

from typing import Any

from flask import Flask, Response, render_template
from werkzeug.exceptions import HTTPException, SecurityError


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

    @app.errorhandler(500)
    def _failed(_error: Exception) -> Any:
        return page(500)
