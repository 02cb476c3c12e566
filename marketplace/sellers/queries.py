"""Shops and their people, each query scoped to its reader."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeVar

from sqlalchemy import Select, select

from marketplace.accounts.models import User
from marketplace.database import db
from marketplace.errors import NotFoundError
from marketplace.paging import page_of
from marketplace.permissions import MemberRole, Viewer
from marketplace.sellers.models import CommissionRate, Seller, SellerMember, SellerStatus
from marketplace.sellers.rules import Shop

PAGE = 30
Q = TypeVar("Q", bound=Select[Any])


def of_counties(query: Q, viewer: Viewer, permission: str) -> Q:
    """A query over Seller, limited to the counties in which the viewer has the right."""
    counties = viewer.counties(permission)
    return query if counties is None else query.where(Seller.county_code.in_(counties))


def shop_of(seller: Seller) -> Shop:
    """The row as plain values that outlive a transaction."""
    return Shop(
        id=seller.id,
        code=seller.code,
        name=seller.name,
        legal_name=seller.legal_name,
        kind=seller.kind,
        registered_as=seller.registered_as,
        county_code=seller.county_code,
        area_code=seller.area_code,
        phone=seller.phone,
        is_open=seller.status == SellerStatus.APPROVED,
    )


def get_seller(seller_id: int) -> Seller:
    """A seller by id, for services; NotFoundError."""
    seller = db.session.get(Seller, seller_id)
    if seller is None:
        raise NotFoundError
    return seller


def get_public_shop(code: str) -> Seller:
    """An approved shop by its public code; NotFoundError otherwise."""
    seller = db.session.execute(
        select(Seller).where(Seller.code == code, Seller.status == SellerStatus.APPROVED)
    ).scalar_one_or_none()
    if seller is None:
        raise NotFoundError
    return seller


@dataclass(frozen=True)
class Membership:
    """One person's role in one shop."""

    shop: Shop
    role: MemberRole


def memberships_of(user_id: int) -> list[Membership]:
    """The shops for which a person acts, oldest first."""
    rows = db.session.execute(
        select(Seller, SellerMember.role)
        .join(SellerMember, SellerMember.seller_id == Seller.id)
        .where(SellerMember.user_id == user_id, SellerMember.until.is_(None))
        .order_by(SellerMember.id)
    )
    return [Membership(shop_of(seller), role) for seller, role in rows]


@dataclass(frozen=True)
class TeamMember:
    """One person of a shop's team."""

    user_id: int
    name: str
    phone: str
    role: MemberRole


def team_of(seller_id: int) -> list[TeamMember]:
    """Who may act for a shop."""
    rows = db.session.execute(
        select(User.id, User.name, User.phone, SellerMember.role)
        .join(SellerMember, SellerMember.user_id == User.id)
        .where(SellerMember.seller_id == seller_id, SellerMember.until.is_(None))
        .order_by(SellerMember.id)
    )
    return [TeamMember(*row) for row in rows]


def owners_phone(seller_id: int) -> str | None:
    """The mobile to which a shop's messages go."""
    return db.session.execute(
        select(User.phone)
        .join(SellerMember, SellerMember.user_id == User.id)
        .where(
            SellerMember.seller_id == seller_id,
            SellerMember.role == MemberRole.OWNER,
            SellerMember.until.is_(None),
        )
        .order_by(SellerMember.id)
        .limit(1)
    ).scalar_one_or_none()


def list_sellers(
    viewer: Viewer, *, county: str | None = None, text: str = "", after: int | None = None
) -> tuple[list[Seller], int | None]:
    """Sellers of the counties that the viewer may see, newest first, and the id after which the next page starts."""
    query = of_counties(select(Seller), viewer, "sellers:read")
    if county:
        query = query.where(Seller.county_code == county)
    if text:
        query = query.where(Seller.name.contains(text, autoescape=True))
    return page_of(query, Seller.id, after, PAGE)


def get_for_staff(viewer: Viewer, code: str) -> Seller:
    """A seller of the viewer's counties by code; another county's is NotFoundError like none."""
    query = of_counties(select(Seller).where(Seller.code == code), viewer, "sellers:read")
    seller = db.session.execute(query).scalar_one_or_none()
    if seller is None:
        raise NotFoundError
    return seller


def shops_by_id(seller_ids: Iterable[int]) -> dict[int, Shop]:
    """Shops by id, in one statement."""
    rows = db.session.execute(select(Seller).where(Seller.id.in_(set(seller_ids)))).scalars()
    return {seller.id: shop_of(seller) for seller in rows}


def rate_on(day: date) -> int:
    """The commission in force on a day, in millionths; 0 when no rate was ever set."""
    found = db.session.execute(
        select(CommissionRate.rate_ppm)
        .where(CommissionRate.effective_from <= day)
        .order_by(CommissionRate.effective_from.desc(), CommissionRate.id.desc())
        .limit(1)
    ).scalar_one_or_none()
    return found or 0
