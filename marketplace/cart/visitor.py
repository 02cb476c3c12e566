"""Which basket belongs to this request, and what the cookie remembers of it (D3)."""

from __future__ import annotations

import re
from typing import Any

from flask import g, request, session

from marketplace.cart import queries, services
from marketplace.cart.models import Cart
from marketplace.database import run_in_transaction

_PROVINCE = re.compile(r"[1-9][0-9]0000")


def identity() -> tuple[int | None, str | None]:
    """The person, if signed in, and the token of the cookie."""
    token = session.get("basket")
    return g.viewer.user_id, token if isinstance(token, str) else None


def current() -> Cart | None:
    """The visitor's basket; one filled before signing in is taken over first."""
    user_id, token = identity()
    if user_id is not None and token is not None:
        take_over(user_id)
    return queries.find_cart(user_id, session.get("basket"))


def take_over(user_id: int) -> None:
    """After signing in: what was in the cookie's basket belongs to the person. Opens its own transaction."""
    token: Any = session.pop("basket", None)
    count = run_in_transaction(lambda: services.adopt(user_id, token))
    remember(None, count)


def remember(token: str | None, count: int) -> None:
    """Put the token (strangers only) and the number of packs into the cookie."""
    if token is not None:
        session["basket"] = token
        session.permanent = True
    if session.get("basket_count", 0) != count:
        session["basket_count"] = count


def province() -> str | None:
    """Where to send: as asked for in the address, else as remembered; remembered only by who has a cookie anyway."""
    asked = request.args.get("province", "")
    if _PROVINCE.fullmatch(asked):
        if ("basket" in session or "sid" in session) and session.get("province") != asked:
            session["province"] = asked
        return asked
    found = session.get("province")
    return found if isinstance(found, str) else None
