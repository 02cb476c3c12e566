"""Making shops and giving people roles in them."""

from __future__ import annotations

from sqlalchemy import select

from marketplace import audit, clock
from marketplace.accounts import services as accounts
from marketplace.accounts.queries import find_by_phone
from marketplace.audit import Actor
from marketplace.database import db, new_code
from marketplace.errors import DomainError
from marketplace.forms import normal_phone
from marketplace.jobs.services import enqueue
from marketplace.notifications.services import notify
from marketplace.permissions import MemberRole
from marketplace.places import county_of, find_in_ganzhou
from marketplace.sellers import queries, rules
from marketplace.sellers.models import Seller, SellerKind, SellerMember, SellerStatus


class DoubleSellerError(DomainError):
    """One credit code is one entity: there is a shop with it already."""


class UnknownAreaError(DomainError):
    """The place is no township or village of Ganzhou."""


def create_seller(
    actor: Actor,
    *,
    kind: SellerKind,
    name: str,
    legal_name: str,
    area_code: str,
    phone: str,
    credit_code: str | None = None,
    registered_as: SellerKind | None = None,
    own_produce_declared: bool = False,
    story: str = "",
    owner_user_id: int | None = None,
    is_demo: bool = False,
) -> Seller:
    """Create an approved shop and make the owner its member.

    Refuses MissingLicenceError, MissingDeclarationError, DoubleSellerError and UnknownAreaError.
    """
    rules.check_identity(kind, registered_as, credit_code, own_produce_declared)
    if find_in_ganzhou(area_code) is None:
        raise UnknownAreaError("choose a township or village of Ganzhou", field="area_code")
    if credit_code and db.session.execute(select(Seller.id).where(Seller.credit_code == credit_code)).first():
        raise DoubleSellerError("there is a shop with this credit code already", field="credit_code")
    moment = clock.now()
    seller = Seller(
        code=new_code(7),
        kind=kind,
        registered_as=registered_as,
        name=name,
        legal_name=legal_name,
        credit_code=credit_code,
        own_produce_declared_on=clock.today() if own_produce_declared else None,
        county_code=county_of(area_code),
        area_code=area_code,
        phone=phone,
        story=story,
        status=SellerStatus.APPROVED,
        approved_at=moment,
        is_demo=is_demo,
        created_at=moment,
    )
    db.session.add(seller)
    db.session.flush()
    audit.record(
        actor, "seller.created", "seller", seller.id, seller_id=seller.id, changes={"kind": [None, kind]}
    )
    if owner_user_id is not None:
        add_member(actor, seller_id=seller.id, user_id=owner_user_id, role=MemberRole.OWNER)
    return seller


def create_from_command(
    actor: Actor,
    *,
    kind: str,
    name: str,
    legal_name: str,
    credit_code: str | None,
    area: str,
    phone: str,
    registered_as: str | None,
) -> tuple[str, str | None]:
    """For operators: the shop's code, and the owner's one-time code when an account had to be made.

    A natural person's own-produce declaration is on paper with the operator.
    """
    number = normal_phone(phone)
    if number is None:
        raise DomainError(f"{phone} is no mobile number")
    try:
        seller_kind = SellerKind(kind)
        registration = SellerKind(registered_as) if registered_as else None
    except ValueError as error:
        raise DomainError(f"kind must be one of {', '.join(SellerKind)}") from error
    owner = find_by_phone(number)
    code = None
    if owner is None:
        owner = accounts.invite_user(actor, phone=number, name=legal_name[:60])
        code = accounts.issue_first_code(owner)
    seller = create_seller(
        actor,
        kind=seller_kind,
        name=name,
        legal_name=legal_name,
        area_code=area,
        phone=number,
        credit_code=credit_code,
        registered_as=registration,
        own_produce_declared=rules.legal_kind(seller_kind, registration) == SellerKind.PERSON,
        owner_user_id=owner.id,
    )
    notify("seller_invited", phone=number, parameters={"shop": name})
    return seller.code, code


def add_member(actor: Actor, *, seller_id: int, user_id: int, role: MemberRole) -> SellerMember:
    """Let a person act for a shop; a second call changes the role."""
    member = db.session.execute(
        select(SellerMember).where(SellerMember.seller_id == seller_id, SellerMember.user_id == user_id)
    ).scalar_one_or_none()
    if member is None:
        member = SellerMember(seller_id=seller_id, user_id=user_id, role=role, since=clock.now())
        db.session.add(member)
    before = member.role if member.id else None
    member.role, member.until = role, None
    db.session.flush()
    audit.record(
        actor, "seller.member_added", "user", user_id, seller_id=seller_id, changes={"role": [before, role]}
    )
    return member


def change_shop(actor: Actor, *, seller_id: int, name: str, story: str, phone: str) -> None:
    """Change what the shop page says about itself; a new name is found by search soon after (its job)."""
    seller = queries.get_seller(seller_id)
    changes = {
        field: [getattr(seller, field), value]
        for field, value in (("name", name), ("story", story), ("phone", phone))
        if getattr(seller, field) != value
    }
    seller.name, seller.story, seller.phone = name, story, phone
    if "name" in changes:
        enqueue("catalogue.index_shop", {"seller_id": seller_id})
    if changes:
        audit.record(actor, "seller.changed", "seller", seller_id, seller_id=seller_id, changes=changes)


def set_status(actor: Actor, *, seller_id: int, status: SellerStatus, reason: str) -> None:
    """Suspend a shop or open it again, with the reason on record."""
    seller = queries.get_seller(seller_id)
    audit.record(
        actor,
        "seller.status_changed",
        "seller",
        seller_id,
        seller_id=seller_id,
        changes={"status": [seller.status, status], "reason": [None, reason]},
    )
    seller.status = status
