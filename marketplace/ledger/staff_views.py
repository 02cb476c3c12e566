"""The journal of all books, for finance; nothing can be changed here."""

from __future__ import annotations

from flask import Blueprint, g, render_template, request, url_for
from flask.typing import ResponseReturnValue

from marketplace.ledger import queries
from marketplace.ledger.models import PLATFORM_BOOK
from marketplace.permissions import requires
from marketplace.routing import row_id
from marketplace.sellers import queries as sellers

bp = Blueprint("ledger", __name__)

PLATFORM = "platform"


@bp.get("/")
@requires("ledger:read")
def index() -> ResponseReturnValue:
    """Entries newest first: of all books, of the platform's, or of one seller's by its code."""
    name = request.args.get("book", "").strip()[:16]
    book = _book(name)
    entries, more = queries.list_entries(book=book, after=request.args.get("after", type=row_id))
    return render_template(
        "ledger/staff/index.html",
        entries=entries,
        book=book,
        name=name,
        shops=sellers.shops_by_id({entry.book for entry in entries if entry.book != PLATFORM_BOOK}),
        sums=queries.balances(book) if book is not None else None,
        next_url=url_for("staff.ledger.index", book=name or None, after=more) if more else None,
        first_url=url_for("staff.ledger.index", book=name or None) if request.args.get("after") else None,
    )


def _book(name: str) -> int | None:
    if not name:
        return None
    return PLATFORM_BOOK if name == PLATFORM else sellers.get_for_staff(g.viewer, name.upper()).id
