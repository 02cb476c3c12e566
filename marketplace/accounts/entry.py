"""Beginning and leaving a session, as the screens do it: the row, the cookie, the basket, the page to go on to."""

from __future__ import annotations

from ipaddress import ip_address

from flask import g, request, session, url_for

from marketplace import clock, sessions
from marketplace.accounts import rules
from marketplace.accounts.models import UserStatus
from marketplace.accounts.queries import get_user, load_viewer
from marketplace.cart import visitor
from marketplace.database import run_in_transaction
from marketplace.security import safe_target
from marketplace.sellers.queries import memberships_of


def client_address() -> str:
    """Where a request comes from, for limits: the IPv4 address, or the /64 network of an IPv6 one."""
    text = request.remote_addr or ""
    try:
        address = ip_address(text)
    except ValueError:
        return text[:64]
    return ":".join(address.exploded.split(":")[:4]) if address.version == 6 else text


def enter(user_id: int, *, second_factor: bool = False, proved_phone: str | None = None) -> None:
    """Start a fresh session for a person and end the one of this request; a session id never outlives a step up.

    A phone that was proved by a code opens its guest orders too. One act for the row, one for the basket that was
    filled before.
    """
    g.pop("web_session", None)  # an act before may have ended it
    before = sessions.current()
    before_id = before.id if before else None
    phone = proved_phone or (before.guest_phone if before and before.user_id == user_id else None)
    device = rules.device_label(request.user_agent.string)

    def start() -> None:
        if before_id is not None:
            sessions.end(before_id)
        staff = load_viewer(user_id).is_staff
        row = sessions.start(user_id=user_id, guest_phone=phone, device=device, staff=staff)
        if second_factor:
            row.second_factor_at = clock.now()

    run_in_transaction(start)
    province = session.get("province")
    sessions.remember()
    g.pop("web_session", None)
    if province:
        session["province"] = province
    visitor.take_over(user_id)


def leave() -> None:
    """End this request's session; a copied cookie is worth nothing afterwards."""
    found = sessions.current()
    if found is not None:
        found_id = found.id
        run_in_transaction(lambda: sessions.end(found_id))
    session.clear()


def is_shut_out(user_id: int) -> bool:
    return get_user(user_id).status == UserStatus.SUSPENDED


def next_page(user_id: int) -> str:
    """Where a person goes on: the page that was asked for, else the desk of their work, else their shop, else 我的."""
    target = safe_target(request.args.get("next"))
    if target:
        return target
    if load_viewer(user_id).is_staff:
        return url_for("staff.staff.home")
    return url_for("seller.sellers.today" if memberships_of(user_id) else "accounts.account")
