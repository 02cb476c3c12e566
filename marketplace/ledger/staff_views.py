"""The journal of all books, for finance; nothing can be changed here."""

from __future__ import annotations

from flask import Blueprint, g, render_template, request, url_for
from flask.typing import ResponseReturnValue

from marketplace.ledger import queries
from marketplace.ledger.models import PLATFORM_BOOK
from marketplace.ledger.queries import Entry
from marketplace.payments import queries as payments
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
        vouchers=_vouchers(entries),
        shops=sellers.shops_by_id({entry.book for entry in entries if entry.book != PLATFORM_BOOK}),
        sums=queries.balances(book) if book is not None else None,
        next_url=url_for("staff.ledger.index", book=name or None, after=more) if more else None,
        first_url=url_for("staff.ledger.index", book=name or None) if request.args.get("after") else None,
    )


def _vouchers(entries: list[Entry]) -> dict[int, tuple[str, str]]:
    """Code and address of what each entry was written for: the seller's part of an order, else the whole order."""
    sales = payments.codes_of_parts({entry.seller_order_id for entry in entries if entry.seller_order_id})
    others = {entry.id: _number(entry.reference) for entry in entries if not entry.seller_order_id}
    codes = payments.order_codes_of(others.values())
    found = {}
    for entry in entries:
        if entry.seller_order_id in sales:
            code = sales[entry.seller_order_id]
            found[entry.id] = (code, url_for("staff.orders.detail", code=code))
        elif others.get(entry.id) in codes:
            code = codes[others[entry.id]]
            found[entry.id] = (code, url_for("staff.orders.index", q=code))
    return found


def _number(reference: str) -> int:
    """The id of the payment or refund that a reference names; a second try of a refund has its number behind."""
    first = reference.partition("-")[0]
    return int(first) if first.isascii() and first.isdigit() else 0


def _book(name: str) -> int | None:
    if not name:
        return None
    return PLATFORM_BOOK if name == PLATFORM else sellers.get_for_staff(g.viewer, name.upper()).id
