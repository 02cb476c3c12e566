"""The demo's people and shops, made through the services."""

from __future__ import annotations

from typing import Any

from flask import current_app

from marketplace import places
from marketplace.accounts import second_factor
from marketplace.accounts import services as accounts
from marketplace.accounts.queries import find_by_phone
from marketplace.audit import SYSTEM
from marketplace.permissions import MemberRole, Role
from marketplace.sellers import services as sellers
from marketplace.sellers.models import SellerKind


def load(people: list[dict[str, Any]], shops: list[dict[str, Any]], password: str) -> None:
    """In the caller's transaction; nothing happens when the first person is there already."""
    if find_by_phone(people[0]["phone"]):
        return
    assert current_app.config["SETTINGS"].demo
    hashed = accounts.hash_password(password)  # once: it is slow on purpose
    ids = {person["key"]: _person(person, hashed) for person in people}
    for shop in shops:
        if shop["owner"] in ids:
            _shop(shop, ids)


def _person(person: dict[str, Any], hashed: str) -> int:
    user = accounts.create_user(
        SYSTEM, phone=person["phone"], name=person["name"], password_hash=hashed, is_demo=True
    )
    accounts.accept_documents(user.id)
    if person.get("totp"):
        second_factor.assign(user.id, person["totp"])
    if person.get("grant"):
        accounts.grant_role(SYSTEM, user_id=user.id, role=Role(person["grant"]), area_code=person.get("area"))
    if person.get("company"):
        company = accounts.set_company(SYSTEM, user_id=user.id, **person["company"])
        accounts.verify_company(SYSTEM, company_id=company.id)
    if person.get("county"):
        assert places.find(person["county"])
        accounts.save_address(
            user_id=user.id,
            name=person["name"],
            phone=person["phone"],
            county_code=person["county"],
            detail=person["detail"],
            is_default=True,
        )
    return user.id


def _shop(shop: dict[str, Any], ids: dict[str, int]) -> None:
    seller = sellers.create_seller(
        SYSTEM,
        kind=SellerKind(shop["kind"]),
        name=shop["name"],
        legal_name=shop["legal_name"],
        credit_code=shop["credit_code"],
        area_code=shop["area"],
        phone="0797-0000000",
        own_produce_declared=shop["credit_code"] is None,
        story=shop["story"],
        owner_user_id=ids[shop["owner"]],
        is_demo=True,
    )
    for key, role in shop.get("members", []):
        if key in ids:
            sellers.add_member(SYSTEM, seller_id=seller.id, user_id=ids[key], role=MemberRole(role))
