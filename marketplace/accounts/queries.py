"""People, their roles, companies and addresses, each read for one reader."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import and_, func, or_, select

from marketplace.accounts import rules
from marketplace.accounts.models import (
    Acceptance,
    Address,
    BuyerCompany,
    RecoveryCode,
    RoleGrant,
    User,
    UserStatus,
)
from marketplace.database import db
from marketplace.errors import NotFoundError
from marketplace.paging import page_of
from marketplace.permissions import Grant, Role, Viewer

PAGE = 30


@dataclass(frozen=True)
class SignedIn:
    """What every request has to know of its person."""

    user_id: int
    name: str
    phone: str
    totp_confirmed: bool
    has_accepted: bool
    grants: tuple[Grant, ...]


def find_signed_in(user_id: int) -> SignedIn | None:
    """An active person with live roles and whether the present rules were accepted, in one statement."""
    in_force = [
        and_(Acceptance.document == name, Acceptance.version == v) for name, v in rules.VERSIONS.items()
    ]
    accepted = select(func.count()).where(Acceptance.user_id == User.id, or_(*in_force)).scalar_subquery()
    rows = db.session.execute(
        select(
            User.id,
            User.name,
            User.phone,
            User.totp_confirmed_at,
            accepted,
            RoleGrant.role,
            RoleGrant.area_code,
        )
        .outerjoin(RoleGrant, and_(RoleGrant.user_id == User.id, RoleGrant.revoked_at.is_(None)))
        .where(User.id == user_id, User.status == UserStatus.ACTIVE)
        .order_by(RoleGrant.id)
    ).all()
    if not rows:
        return None
    found_id, name, phone, confirmed_at, count, *_role = rows[0]
    grants = tuple(Grant(row.role, row.area_code) for row in rows if row.role is not None)
    return SignedIn(found_id, name, phone, confirmed_at is not None, count == len(rules.VERSIONS), grants)


def load_viewer(user_id: int) -> Viewer:
    """All rights of a person, whether or not a second factor was shown."""
    found = find_signed_in(user_id)
    return Viewer(user_id, found.grants if found else ())


def get_user(user_id: int) -> User:
    """The person, or NotFoundError."""
    found = db.session.get(User, user_id)
    if found is None:
        raise NotFoundError
    return found


def find_by_phone(phone: str) -> User | None:
    return db.session.execute(select(User).where(User.phone == phone)).scalar_one_or_none()


def names_of(user_ids: Iterable[int]) -> dict[int, str]:
    """Names by id, for lists that show who did something."""
    wanted = set(user_ids)
    if not wanted:
        return {}
    return dict(db.session.execute(select(User.id, User.name).where(User.id.in_(wanted))).tuples().all())


def list_users(
    viewer: Viewer, after: int | None = None, text: str = ""
) -> tuple[list[User], int | None]:
    """Newest people first, and the id after which the next page starts; empty for who may not read people."""
    if not viewer.can("users:read"):
        return [], None
    query = select(User)
    if text:
        query = query.where(
            or_(User.phone.startswith(text, autoescape=True), User.name.contains(text, autoescape=True))
        )
    return page_of(query, User.id, after, PAGE)


def list_grants(user_ids: Iterable[int]) -> dict[int, list[RoleGrant]]:
    """Live roles by person."""
    query = select(RoleGrant).where(RoleGrant.user_id.in_(set(user_ids)), RoleGrant.revoked_at.is_(None))
    found: dict[int, list[RoleGrant]] = {}
    for grant in db.session.execute(query.order_by(RoleGrant.id)).scalars():
        found.setdefault(grant.user_id, []).append(grant)
    return found


def is_only_admin(viewer: Viewer) -> bool:
    """Whether nobody else could reset what this administrator loses."""
    if not viewer.has_role(Role.ADMIN):
        return False
    others = (
        select(RoleGrant.id)
        .join(User, User.id == RoleGrant.user_id)
        .where(
            RoleGrant.role == Role.ADMIN,
            RoleGrant.revoked_at.is_(None),
            RoleGrant.user_id != viewer.user_id,
            User.status == UserStatus.ACTIVE,
        )
    )
    return db.session.execute(others.limit(1)).first() is None


def list_recovery_hashes(user_id: int) -> list[tuple[int, str]]:
    """Id and hash of each recovery code that is still good."""
    query = select(RecoveryCode.id, RecoveryCode.code_hash).where(
        RecoveryCode.user_id == user_id, RecoveryCode.used_at.is_(None)
    )
    return list(db.session.execute(query.order_by(RecoveryCode.id)).tuples())


def count_recovery_codes(user_id: int) -> int:
    """How many recovery codes are still good."""
    query = select(func.count()).where(RecoveryCode.user_id == user_id, RecoveryCode.used_at.is_(None))
    return db.session.execute(query).scalar_one()


def company_of(user_id: int) -> BuyerCompany | None:
    return db.session.execute(
        select(BuyerCompany).where(BuyerCompany.user_id == user_id)
    ).scalar_one_or_none()


def list_companies(viewer: Viewer, *, waiting: bool) -> list[tuple[BuyerCompany, User]]:
    """Companies with their people: those that wait for verification by age, or the last ones verified."""
    if not viewer.can("companies:verify"):
        return []
    query = select(BuyerCompany, User).join(User, User.id == BuyerCompany.user_id).limit(200)
    if waiting:
        query = query.where(BuyerCompany.verified_at.is_(None)).order_by(BuyerCompany.id)
    else:
        query = query.where(BuyerCompany.verified_at.is_not(None)).order_by(BuyerCompany.verified_at.desc())
    return list(db.session.execute(query).tuples())


def count_waiting_companies(viewer: Viewer) -> int:
    if not viewer.can("companies:verify"):
        return 0
    return db.session.execute(select(func.count()).where(BuyerCompany.verified_at.is_(None))).scalar_one()


def list_addresses(user_id: int) -> list[Address]:
    """A person's addresses, the usual one first."""
    query = select(Address).where(Address.user_id == user_id).order_by(Address.is_default.desc(), Address.id)
    return list(db.session.execute(query).scalars())


def get_address(user_id: int, address_id: int) -> Address:
    """One of the person's own addresses, or NotFoundError."""
    found = db.session.get(Address, address_id)
    if found is None or found.user_id != user_id:
        raise NotFoundError
    return found
