"""Which whole order a request may read and act on: the buyer's own, or a guest's by the link; and where its page is."""

from __future__ import annotations

from datetime import timedelta

from flask import abort, g, session, url_for

from marketplace import clock, sessions
from marketplace.accounts import services as accounts
from marketplace.accounts.models import CodePurpose
from marketplace.database import db
from marketplace.errors import NotFoundError
from marketplace.orders import queries
from marketplace.orders.models import Order
from marketplace.orders.records import Whole
from marketplace.permissions import sign_in_redirect
from marketplace.sessions import WebSession

LOOKING = timedelta(hours=1)


def own(code: str) -> Whole:
    """The signed-in buyer's order; another's is not found, like none."""
    return queries.get_for_buyer(g.viewer.user_id, code)


def by_link(token: str) -> Whole:
    """A guest's order by its link. One that belongs to an account is read signed in, whoever has the link."""
    whole = queries.get_by_token(token)
    if whole.order.buyer_id is not None:
        raise NotFoundError
    return whole


def page_of(order: Order) -> str:
    """The address of an order's page for who may read it."""
    if order.buyer_id is None:
        return url_for("orders.guest", token=order.access_token)
    return url_for("orders.detail", code=order.code)


def check_reader(order: Order) -> None:
    """After a link of the provider: an account's order goes on to sign-in when signed out, another's is not found."""
    if order.buyer_id is None or order.buyer_id == g.viewer.user_id:
        return
    if g.viewer.user_id is None:
        abort(sign_in_redirect())
    raise NotFoundError


def remember_order(token: str) -> None:
    """Keep a guest's new order in the cookie of the browser that placed it, to lead back from the pay page."""
    session["order"] = token


def unpaid() -> tuple[Order, str] | None:
    """What this person, or this guest's browser, still has to pay, and its page; no statement for anybody else."""
    token = session.get("order")
    order = queries.find_unpaid(
        clock.now(), buyer_id=g.viewer.user_id, token=token if isinstance(token, str) else None
    )
    return (order, page_of(order)) if order else None


def proved_phone() -> str | None:
    """The phone that this browser proved by a code, for looking at guest orders."""
    web_session = sessions.current()
    return web_session.guest_phone if web_session else None


def prove_phone(phone: str, code: str, session_id: int | None) -> bool:
    """Take a code for an hour of looking, in the caller's transaction; False when it is wrong (counted: commit).

    TooManyTriesError. As look_at().
    """
    if not accounts.use_code(phone, CodePurpose.FIND_ORDER, code):
        return False
    look_at(phone, session_id)
    return True


def look_at(phone: str, session_id: int | None) -> None:
    """Open the guest orders of a phone that was proved, in the caller's transaction.

    A signed-in person's session (session_id) is kept and knows the phone as well; others get a session row of their
    own, which sessions.remember() puts into the cookie afterwards.
    """
    if session_id is None:
        row = sessions.start(user_id=None, guest_phone=phone)
        row.expires_at = clock.now() + LOOKING
    else:
        db.session.get_one(WebSession, session_id).guest_phone = phone


def forget_phone(session_id: int) -> None:
    """End a guest's session, or take the phone from a signed-in person's."""
    row = db.session.get(WebSession, session_id)
    if row is not None and row.user_id is None:
        sessions.end(row.id)
    elif row is not None:
        row.guest_phone = None
