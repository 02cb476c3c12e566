"""Who may do what: one table of roles, one decorator on every view, deny by default (D19)."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from flask import Flask, current_app, g, redirect, request, url_for

from marketplace.errors import ForbiddenError

View = TypeVar("View", bound=Callable[..., Any])


class Role(enum.StrEnum):
    """What a person may be for the platform; sellers' members have roles of their own."""

    CENTRE_STAFF = "centre_staff"
    BUREAU = "bureau"
    FINANCE = "finance"
    ADMIN = "admin"


class MemberRole(enum.StrEnum):
    """What a person may be within one seller."""

    OWNER = "owner"
    CLERK = "clerk"
    ACCOUNTANT = "accountant"
    GROWER = "grower"


# Scoped by county for centre staff (their RoleGrant names the county); the other roles see the whole city.
ROLE_PERMISSIONS: dict[Role, frozenset[str]] = {
    Role.CENTRE_STAFF: frozenset(
        {
            "office:enter",
            "sellers:read",
            "seasons:write",
            "awards:read",
            "awards:prepare",
            "orders:read",
        }
    ),
    Role.BUREAU: frozenset(
        {
            "office:enter",
            "sellers:read",
            "awards:read",
            "awards:prepare",
            "awards:record",
            "awards:confirm",
        }
    ),
    Role.FINANCE: frozenset(
        {
            "office:enter",
            "companies:verify",
            "sellers:read",
            "orders:read",
            "orders:refund",
            "payments:read",
            "ledger:read",
            "awards:read",
            "awards:confirm",
        }
    ),
    Role.ADMIN: frozenset(
        {
            "office:enter",
            "sellers:read",
            "sellers:write",
            "users:read",
            "users:write",
            "companies:verify",
            "sessions:end",
            "operations:read",
            "jobs:read",
            "jobs:retry",
            "messages:read",
            "messages:retry",
            "settings:read",
            "settings:write",
            "reference:read",
            "orders:read",
        }
    ),
}

MEMBER_PERMISSIONS: dict[MemberRole, frozenset[str]] = {
    MemberRole.OWNER: frozenset(
        {
            "shop:read",
            "shop:write",
            "listing:read",
            "listing:write",
            "orders:read",
            "orders:ship",
            "orders:refund",
            "money:read",
            "awards:read",
        }
    ),
    MemberRole.CLERK: frozenset({"shop:read", "listing:read", "listing:write", "orders:read", "orders:ship"}),
    MemberRole.ACCOUNTANT: frozenset(
        {"shop:read", "listing:read", "orders:read", "money:read", "awards:read"}
    ),
    MemberRole.GROWER: frozenset({"shop:read"}),
}

SECOND_FACTOR_ROLES = frozenset(Role)  # all of them see other people's data (ASVS 6.3.3)


@dataclass(frozen=True)
class Grant:
    """One role of one person; area_code limits it to a county, None means the whole city."""

    role: Role
    area_code: str | None = None


@dataclass(frozen=True)
class Viewer:
    """The person behind a request, as far as rights go."""

    user_id: int | None = None
    grants: tuple[Grant, ...] = field(default=())

    @property
    def is_staff(self) -> bool:
        return bool(self.grants)

    def can(self, permission: str) -> bool:
        return any(permission in ROLE_PERMISSIONS[grant.role] for grant in self.grants)

    def has_role(self, role: Role) -> bool:
        return any(grant.role == role for grant in self.grants)

    def counties(self, permission: str) -> frozenset[str] | None:
        """County codes in which the right holds; None is everywhere, empty is nowhere."""
        areas = [grant.area_code for grant in self.grants if permission in ROLE_PERMISSIONS[grant.role]]
        return None if None in areas else frozenset(area for area in areas if area)


NOBODY = Viewer()


@dataclass(frozen=True)
class Access:
    """What a view asks of its reader; the house test reads it from every route."""

    kind: str  # public, signed_in, role, member
    permission: str | None = None
    to_write: str | None = None  # asked for instead when the page's own form is sent

    def needed(self, method: str) -> str:
        """The permission that a request of this method needs."""
        is_reading = method in {"GET", "HEAD", "OPTIONS"}
        return (None if is_reading else self.to_write) or self.permission or ""


def _mark(view: View, access: Access) -> View:
    view.access = access  # type: ignore[attr-defined]
    return view


def public(view: View) -> View:
    """Anyone may see it."""
    return _mark(view, Access("public"))


def signed_in(view: View) -> View:
    """Any person with an account; queries limit it to the person's own things."""
    return _mark(view, Access("signed_in"))


def requires(permission: str) -> Callable[[View], View]:
    """Staff whose role has the permission; queries limit it to their counties."""
    return lambda view: _mark(view, Access("role", permission))


def requires_member(permission: str, *, to_write: str | None = None) -> Callable[[View], View]:
    """A member of the current seller whose role has the permission (the seller area sets g.member)."""
    return lambda view: _mark(view, Access("member", permission, to_write))


def member_can(role: MemberRole, permission: str) -> bool:
    return permission in MEMBER_PERMISSIONS[role]


def access_of(app: Flask, endpoint: str) -> Access | None:
    """The declared access of an endpoint; None when nothing was declared."""
    return getattr(app.view_functions[endpoint], "access", None)


def may_open(endpoint: str) -> bool:
    """Whether the reader may open an endpoint's page, by what the endpoint itself declares: for links and menus."""
    access = access_of(current_app, endpoint)
    if access is None:
        return False
    needed = access.needed("GET")
    if access.kind == "member":
        return "member" in g and member_can(g.member, needed)
    if access.kind == "role":
        return bool(g.viewer.can(needed))
    return access.kind == "public" or g.viewer.user_id is not None


def sign_in_redirect() -> Any:
    target = request.script_root + request.full_path.rstrip("?") if request.method == "GET" else None
    return redirect(url_for("accounts.sign_in", next=target), 303)


def init_app(app: Flask) -> None:
    """Check every request before its view: a view that declares nothing answers nobody."""

    @app.before_request
    def _check() -> Any:
        if request.endpoint is None:
            return None
        access = access_of(app, request.endpoint)
        if access is None:
            raise ForbiddenError
        if access.kind == "public":
            return None
        if g.viewer.user_id is None:
            return sign_in_redirect()
        if access.kind == "role" and not g.viewer.can(access.permission or ""):
            raise ForbiddenError
        return None
