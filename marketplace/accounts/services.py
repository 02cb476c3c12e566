"""What changes a person: account, password, roles, company, addresses; the second factor stands beside."""

from __future__ import annotations

from dataclasses import dataclass

from flask_babel import gettext as _
from sqlalchemy import select, update

from marketplace import clock, limits, places, sessions
from marketplace.accounts import passwords, rules
from marketplace.accounts.codes import LIFE_BY_HAND, make_code, request_code, use_code, void_codes
from marketplace.accounts.models import (
    Acceptance,
    Address,
    BuyerCompany,
    CodePurpose,
    RoleGrant,
    User,
    UserStatus,
)
from marketplace.accounts.passwords import hash_password
from marketplace.accounts.queries import company_of, find_by_phone, get_address, get_user
from marketplace.audit import SYSTEM, Actor, record
from marketplace.database import count_changed, db
from marketplace.errors import DomainError, NotFoundError
from marketplace.logs import log
from marketplace.notifications.services import notify
from marketplace.permissions import Role

__all__ = (
    "hash_password",
    "request_code",
    "use_code",
)  # verbs of the neighbours that belong to the services too

GUEST = Actor(None, "guest")
MOST_ADDRESSES = 20


class PhoneTakenError(DomainError):
    """There is an account with this phone already."""


class GrantError(DomainError):
    """The role is held already, or not any more."""


class CompanyVerifiedError(DomainError):
    """The company was verified already, or belongs to the one who wants to verify it."""


class TooManyAddressesError(DomainError):
    """An address book has an end."""


# Accounts


def create_user(
    actor: Actor, *, phone: str, name: str, password_hash: str | None = None, is_demo: bool = False
) -> User:
    """Open an account; without a password its first sign-in needs a code. PhoneTakenError."""
    if find_by_phone(phone) is not None:
        raise PhoneTakenError(_("这个手机号已经有账号了"), field="phone")
    user = User(phone=phone, name=name, password_hash=password_hash, is_demo=is_demo, created_at=clock.now())
    db.session.add(user)
    db.session.flush()
    record(actor if actor != GUEST else Actor(user.id, name), "user.created", "user", user.id)
    return user


def register(*, phone: str, name: str, password: str) -> User:
    """Open one's own account and accept the rules and the privacy policy in force.

    Refuses PhoneTakenError and WeakPasswordError.
    """
    rules.check_password(password, phone=phone)
    user = create_user(GUEST, phone=phone, name=name, password_hash=hash_password(password))
    accept_documents(user.id)
    return user


def sign_up(*, phone: str, code: str, name: str, password: str) -> User | None:
    """Register with the code that was sent to the phone; None when it is wrong (counted: commit)."""
    if not use_code(phone, CodePurpose.SIGN_UP, code):
        return None
    return register(phone=phone, name=name, password=password)


def invite_user(actor: Actor, phone: str, name: str) -> User:
    """The account of a phone, made without a password when there is none; its person accepts the rules first."""
    found = find_by_phone(phone)
    if found is not None:
        return found
    return create_user(actor, phone=phone, name=name)


def issue_first_code(user: User) -> str:
    """A code, good for an hour, with which an invited person sets the password; it is told by hand."""
    return make_code(user.phone, CodePurpose.FIRST_SIGN_IN, life=LIFE_BY_HAND)


def create_admin(phone: str, name: str) -> str:
    """Make a phone's person an administrator and return the one-time code of the first sign-in."""
    user = invite_user(SYSTEM, phone, name)
    held = select(RoleGrant.id).where(
        RoleGrant.user_id == user.id, RoleGrant.role == Role.ADMIN, RoleGrant.revoked_at.is_(None)
    )
    if db.session.execute(held).first() is None:
        grant_role(SYSTEM, user.id, Role.ADMIN)
    return issue_first_code(user)


def rename(actor: Actor, user_id: int, *, name: str) -> None:
    """Change the name by which a person is called."""
    user = get_user(user_id)
    record(actor, "user.renamed", "user", user.id, changes={"name": [user.name, name]})
    user.name = name


def accept_documents(user_id: int) -> None:
    """Note that a person accepts the rules and the privacy policy in their present versions."""
    query = select(Acceptance.document, Acceptance.version).where(Acceptance.user_id == user_id)
    known = set(db.session.execute(query).tuples())
    for document, version in rules.VERSIONS.items():
        if (document, version) not in known:
            db.session.add(
                Acceptance(user_id=user_id, document=document, version=version, accepted_at=clock.now())
            )


def suspend(actor: Actor, user_id: int, *, reason: str) -> None:
    """Shut a person out from the next request on; OwnRightsError for oneself."""
    if actor.user_id == user_id:
        raise rules.OwnRightsError(_("不能停用自己"))
    user = get_user(user_id)
    user.status = UserStatus.SUSPENDED
    sessions.end_all(user_id)
    record(actor, "user.suspended", "user", user_id, changes={"reason": reason})


def reinstate(actor: Actor, user_id: int) -> None:
    """Let a suspended person in again."""
    get_user(user_id).status = UserStatus.ACTIVE
    record(actor, "user.reinstated", "user", user_id)


def end_sessions(actor: Actor, user_id: int, *, but: int | None = None) -> None:
    """Sign a person out everywhere, or everywhere but in one session."""
    get_user(user_id)
    sessions.end_all(user_id, but=but)
    record(actor, "sessions.ended", "user", user_id)


# Passwords


@dataclass(frozen=True)
class Attempt:
    """One try to sign in, counted before the slow hash; taken back when it was right."""

    phone: str
    address: str
    user_id: int | None
    password_hash: str | None


def begin_sign_in(phone: str, address: str) -> Attempt:
    """Count a try by number and by address and load what it is compared with; TooManyTriesError."""
    subjects = _sign_in_subjects(phone, address)
    for limit, subject in subjects:
        if limits.is_reached(limit, subject):
            log().warning("sign_in.limited", limit=limit.name)
        limits.take(limit, subject)
    user = find_by_phone(phone)
    return Attempt(phone, address, user.id if user else None, user.password_hash if user else None)


def verify_password(attempt: Attempt, password: str) -> bool:
    """Whether the password is right: outside a transaction, the same work for a phone that nobody has."""
    return passwords.matches(attempt.password_hash, password)


def finish_sign_in(attempt: Attempt, password: str) -> None:
    """After the right password: successes do not count (D10)."""
    for limit, subject in _sign_in_subjects(attempt.phone, attempt.address):
        limits.give_back(limit, subject)
    if attempt.password_hash and passwords.is_outdated(attempt.password_hash):
        get_user(attempt.user_id or 0).password_hash = hash_password(password)


def _sign_in_subjects(phone: str, address: str) -> tuple[tuple[limits.Limit, str], ...]:
    return (
        (limits.SIGN_IN_ADDRESS, address),
        (limits.SIGN_IN_PAIR, f"{phone} {address}"),
        (limits.SIGN_IN_PERSON, phone),
    )


def change_password(actor: Actor, user_id: int, *, password: str, language: str = "zh") -> None:
    """Set a new password and end every session of the person; WeakPasswordError.

    The caller has checked the old password and starts a new session, so that a copied cookie is dead too.
    """
    user = get_user(user_id)
    rules.check_password(password, phone=user.phone)
    user.password_hash = hash_password(password)
    void_codes(user.phone, CodePurpose.RESET_PASSWORD, CodePurpose.FIRST_SIGN_IN)
    sessions.end_all(user_id)
    record(actor, "password.changed", "user", user_id)
    notify("password_changed", phone=user.phone, parameters={}, language=language)


def reset_password(
    *,
    phone: str,
    code: str,
    password: str,
    purpose: CodePurpose = CodePurpose.RESET_PASSWORD,
    language: str = "zh",
) -> User | None:
    """Set a new password by a code and end every session; None when the code is wrong (counted: commit).

    The second factor stays as it is, and suspended people stay out.
    """
    rules.check_password(password, phone=phone)
    if not use_code(phone, purpose, code):
        return None
    user = find_by_phone(phone)
    if user is None:
        return None
    change_password(Actor(user.id, user.name), user.id, password=password, language=language)
    return user


# Roles


def grant_role(actor: Actor, user_id: int, role: Role, area_code: str | None = None) -> RoleGrant:
    """Give a role from the next request on; RoleAreaError, GrantError when it is held already."""
    get_user(user_id)
    rules.check_role_area(role, area_code, {area.code for area in places.list_ganzhou_counties()})
    area = RoleGrant.area_code.is_(None) if area_code is None else RoleGrant.area_code == area_code
    held = select(RoleGrant.id).where(
        RoleGrant.user_id == user_id, RoleGrant.role == role, area, RoleGrant.revoked_at.is_(None)
    )
    if db.session.execute(held).first() is not None:
        raise GrantError(_("这个角色已经有了"), field="role")
    grant = RoleGrant(
        user_id=user_id, role=role, area_code=area_code, granted_by=actor.user_id, granted_at=clock.now()
    )
    db.session.add(grant)
    db.session.flush()
    record(actor, "role.granted", "user", user_id, changes={"role": role.value, "area": area_code})
    return grant


def revoke_role(actor: Actor, user_id: int, grant_id: int) -> None:
    """Take a role from the next request on; NotFoundError, OwnRightsError, GrantError."""
    if actor.user_id == user_id:
        raise rules.OwnRightsError(_("不能收回自己的角色"))
    grant = db.session.get(RoleGrant, grant_id)
    if grant is None or grant.user_id != user_id:
        raise NotFoundError
    if grant.revoked_at is not None:
        raise GrantError(_("这个角色已经收回了"))
    grant.revoked_at = clock.now()
    changes = {"role": grant.role.value, "area": grant.area_code}
    record(actor, "role.revoked", "user", user_id, changes=changes)


# Company and addresses


def set_company(actor: Actor, user_id: int, *, name: str, credit_code: str) -> BuyerCompany:
    """Name the company a person buys for; a change needs a new verification (D16). CreditCodeError."""
    code = rules.check_credit_code(credit_code)
    company = company_of(user_id)
    if company is None:
        company = BuyerCompany(user_id=user_id, name=name, credit_code=code)
        db.session.add(company)
    elif (company.name, company.credit_code) != (name, code):
        company.name, company.credit_code = name, code
        company.verified_at = company.verified_by = None
    db.session.flush()
    record(actor, "company.set", "company", company.id, changes={"name": name, "credit_code": code})
    return company


def remove_company(actor: Actor, user_id: int) -> None:
    """Buy as a consumer again; orders keep what stood on them."""
    company = company_of(user_id)
    if company is None:
        raise NotFoundError
    db.session.delete(company)
    record(actor, "company.removed", "company", company.id)


def verify_company(actor: Actor, company_id: int, *, credit_code: str | None = None) -> None:
    """Confirm that name and credit code agree with the public register; orders count as B2B from now on (D16).

    CompanyVerifiedError when it was done before, is one's own, or has changed since it was looked at (credit_code).
    """
    company = db.session.get(BuyerCompany, company_id)
    if company is None:
        raise NotFoundError
    if actor.user_id is not None and actor.user_id == company.user_id:
        raise CompanyVerifiedError(_("自己的单位要请别人核实"))
    seen = credit_code or company.credit_code
    done = count_changed(
        update(BuyerCompany)
        .where(
            BuyerCompany.id == company_id,
            BuyerCompany.verified_at.is_(None),
            BuyerCompany.credit_code == seen,
        )
        .values(verified_at=clock.now(), verified_by=actor.user_id)
    )
    if done != 1:
        raise CompanyVerifiedError(_("已经核实过，或者刚刚改了，请再看一遍"))
    record(actor, "company.verified", "company", company_id, changes={"credit_code": seen})


def save_address(
    user_id: int,
    address_id: int | None = None,
    *,
    name: str,
    phone: str,
    county_code: str,
    detail: str,
    is_default: bool = False,
) -> Address:
    """Keep a new address or change one's own; the first is the usual one. NotFoundError, TooManyAddressesError."""
    known = list(db.session.execute(select(Address).where(Address.user_id == user_id)).scalars())
    if address_id is None:
        if len(known) >= MOST_ADDRESSES:
            raise TooManyAddressesError(_("最多存 %(count)s 个地址，请先删掉一个", count=MOST_ADDRESSES))
        address = Address(user_id=user_id)
        db.session.add(address)
    else:
        address = get_address(user_id, address_id)
    address.name, address.phone, address.county_code, address.detail = name, phone, county_code, detail
    others = [other for other in known if other is not address]
    address.is_default = is_default or not any(other.is_default for other in others)
    if address.is_default:
        for other in others:
            other.is_default = False
    db.session.flush()
    return address


def delete_address(user_id: int, address_id: int) -> None:
    """Forget an address; the oldest of the others becomes the usual one. NotFoundError."""
    address = get_address(user_id, address_id)
    query = select(Address).where(Address.user_id == user_id, Address.id != address_id).order_by(Address.id)
    if address.is_default and (oldest := db.session.execute(query.limit(1)).scalar_one_or_none()):
        oldest.is_default = True
    db.session.delete(address)
