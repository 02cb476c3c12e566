"""Who is behind a request: g.person, g.viewer and g.actor, from the session row and one statement more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Flask, g, redirect, request, url_for
from flask_login import AnonymousUserMixin, UserMixin

from marketplace import sessions
from marketplace.accounts.queries import SignedIn, find_signed_in
from marketplace.accounts.services import GUEST
from marketplace.audit import Actor
from marketplace.extensions import login_manager
from marketplace.permissions import NOBODY, SECOND_FACTOR_ROLES, Viewer, access_of

# Their answers are the same for everybody, so nobody is looked up for them.
WITHOUT_PEOPLE = frozenset(
    {"static_file", "health.healthz", "health.readyz", "media.derivative", "places.children"}
)
# Reached before the present rules were accepted: the page that asks for it, and the ways in and out around it.
BEFORE_CONSENT = frozenset(
    f"accounts.{name}"
    for name in (
        "accept",
        "sign_out",
        "second_factor",
        "set_up_second_factor",
        "make_second_factor",
        "second_factor_picture",
        "recovery_code",
    )
)


@dataclass(frozen=True, eq=False)
class Person(UserMixin):
    """The signed-in person as templates see it (current_user): plain values, good after a transaction too."""

    id: int
    name: str
    phone: str
    is_staff: bool  # holds a role, whether or not the second factor was shown
    has_second_factor: bool
    needs_second_factor: bool  # roles wait for the code of the authenticator
    has_accepted_rules: bool


def load() -> None:
    """Fill g for this request; anonymous visitors cost no statement."""
    g.person, g.viewer, g.actor = None, NOBODY, GUEST
    if request.endpoint in WITHOUT_PEOPLE:
        return
    web_session = sessions.current()
    if web_session is None or web_session.user_id is None:
        return
    has_shown = web_session.second_factor_at is not None
    found = find_signed_in(web_session.user_id)
    if found is None:  # suspended: the session counts for nothing
        return
    g.person = _person(found, has_shown=has_shown)
    counted = [grant for grant in found.grants if has_shown or grant.role not in SECOND_FACTOR_ROLES]
    g.viewer = Viewer(found.user_id, tuple(counted))
    g.actor = Actor(found.user_id, found.name)


def _person(found: SignedIn, *, has_shown: bool) -> Person:
    guarded = any(grant.role in SECOND_FACTOR_ROLES for grant in found.grants)
    return Person(
        id=found.user_id,
        name=found.name,
        phone=found.phone,
        is_staff=bool(found.grants),
        has_second_factor=found.totp_confirmed,
        needs_second_factor=guarded and not has_shown,
        has_accepted_rules=found.has_accepted,
    )


def _step_before(app: Flask) -> Any:
    """The page a signed-in person has to pass before this one: new rules, or the second factor for staff pages."""
    person: Person | None = g.person
    access = access_of(app, request.endpoint) if request.endpoint else None
    if person is None or access is None or access.kind == "public" or request.endpoint in BEFORE_CONSENT:
        return None
    target = request.script_root + request.full_path.rstrip("?") if request.method == "GET" else None
    if not person.has_accepted_rules:
        return redirect(url_for("accounts.accept", next=target), 303)
    if person.needs_second_factor and access.kind == "role":
        return redirect(url_for("accounts.second_factor", next=target), 303)
    return None


def init_app(app: Flask) -> None:
    """Load the person before anything asks for rights; Flask-Login serves current_user only (D10)."""
    login_manager.session_protection = (
        None  # our session row decides; Flask-Login keeps nothing in the cookie
    )
    login_manager.anonymous_user = AnonymousUserMixin
    login_manager.request_loader(lambda _request: g.get("person"))

    @app.before_request
    def _identify() -> Any:
        load()
        return _step_before(app)
