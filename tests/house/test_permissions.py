"""Who may do what (D19): every endpoint, every one of the cast, and whose object it is. A new route needs a line.

Signed out is 303 to sign-in, another's object is 404 like none, a role that lacks the right is 403.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from flask import Flask
from sqlalchemy import select

from marketplace.database import db
from marketplace.extensions import csrf
from marketplace.permissions import access_of
from marketplace.sessions import WebSession
from tests import factories
from tests.browsing import Visitor, copy_of
from tests.conftest import undone
from tests.house import everything
from tests.people import PEOPLE

NOBODY = "nobody"
SHOPLESS = (
    "buyer",
    "company_buyer",
    "staff_xinfeng",
    "staff_anyuan",
    "bureau",
    "finance",
    "second_finance",
    "admin",
)
OTHER_SHOPS = ("farmer", "second_farmer")
COOP = {"owner": "coop_owner", "clerk": "coop_clerk", "grower": "coop_grower"}
STAFF = ("staff_xinfeng", "staff_anyuan", "bureau", "finance", "second_finance", "admin")
ALL = (NOBODY, *PEOPLE)
OK = 0  # let in: the page, a redirect, or a form that says what is missing


@dataclass(frozen=True)
class Line:
    """What each of the cast gets; where the object belongs to somebody, whose it is."""

    expected: dict[str, int]


def public() -> Line:
    """Everybody."""
    return Line(dict.fromkeys(ALL, OK))


def person() -> Line:
    """Everybody who is signed in, about themselves."""
    return Line(dict.fromkeys(PEOPLE, OK) | {NOBODY: 303})


def buyers_own() -> Line:
    """The buyer whose order or address it is; to anybody else it does not exist."""
    return Line(dict.fromkeys(PEOPLE, 404) | {NOBODY: 303, "buyer": OK})


def shop(roles: str, *, own: bool = False) -> Line:
    """Members of a shop with one of these roles; own: an object of the cooperative, which other shops cannot see.

    Who has no shop lacks the right to all of it; door() alone leads to how to open one.
    """
    allowed = roles.split()
    found = dict.fromkeys(SHOPLESS, 403) | {NOBODY: 303}
    found |= dict.fromkeys(OTHER_SHOPS, 404 if own else OK)
    return Line(found | {key: OK if role in allowed else 403 for role, key in COOP.items()})


def door(roles: str) -> Line:
    """The seller area's first page: who has no shop is led on to how to open one."""
    return Line(shop(roles).expected | dict.fromkeys(SHOPLESS, 303))


def office(roles: str) -> Line:
    """Staff with one of these roles; everybody else lacks the right."""
    allowed = roles.split()
    return Line(dict.fromkeys(PEOPLE, 403) | {NOBODY: 303} | dict.fromkeys(_staff(allowed), OK))


def county(roles: str) -> Line:
    """As office(), for an object of 信丰: to the other county's centre it does not exist."""
    found = dict(office(roles).expected)
    return Line(found | ({"staff_anyuan": 404} if "centre" in roles else {}))


def _staff(roles: list[str]) -> Iterator[str]:
    names = {"centre": ("staff_xinfeng", "staff_anyuan"), "finance": ("finance", "second_finance")}
    for role in roles:
        yield from names.get(role, (role,))


READERS = "owner clerk accountant"
WRITERS = "owner clerk"
LINES: dict[str, Line] = {
    # The storefront
    "static_file": public(),
    "health.healthz": public(),
    "health.readyz": public(),
    "metrics.show": public(),
    "places.children": public(),
    "media.derivative": public(),
    "catalogue.home": public(),
    "catalogue.listing": public(),
    "catalogue.category": public(),
    "catalogue.search": public(),
    "catalogue.choose_filters": public(),
    "catalogue.product": public(),
    "catalogue.batch": public(),
    "sellers.shop": public(),
    "cart.add": public(),
    "cart.confirm": public(),
    "cart.basket": public(),
    "cart.change": public(),
    "checkout.start": public(),
    "checkout.quote": public(),
    "pages.rules_page": public(),
    "pages.privacy": public(),
    "pages.licences": public(),
    "pages.accessibility": public(),
    "pages.contact": public(),
    "pages.credits_page": public(),
    "pages.gallery": public(),
    "pages.demo_messages": public(),
    "webhooks.stripe_event": public(),
    # Ways in, and the person's own pages
    "accounts.sign_in": public(),
    "accounts.sign_in_code": public(),
    "accounts.sign_in_code_finish": public(),
    "accounts.sign_out": public(),
    "accounts.sign_up": public(),
    "accounts.sign_up_finish": public(),
    "accounts.forgotten": public(),
    "accounts.reset": public(),
    "accounts.first_sign_in": public(),
    "accounts.second_factor": person(),
    "accounts.recovery_code": person(),
    "accounts.own_second_factor": Line(dict.fromkeys(PEOPLE, 404) | {NOBODY: 303} | dict.fromkeys(STAFF, OK)),
    "accounts.set_up_second_factor": person(),
    "accounts.make_second_factor": person(),
    "accounts.second_factor_picture": person(),
    "accounts.accept": person(),
    "accounts.account": person(),
    "accounts.name": person(),
    "accounts.password": person(),
    "accounts.addresses": person(),
    "accounts.new_address": person(),
    "accounts.address": buyers_own(),
    "accounts.delete_address": buyers_own(),
    "accounts.company": person(),
    "accounts.remove_company": Line(dict.fromkeys(PEOPLE, 404) | {NOBODY: 303, "company_buyer": OK}),
    "accounts.sessions_list": person(),
    "accounts.end_session": buyers_own(),
    "accounts.end_other_sessions": person(),
    # The buyer's orders; a guest's by the token of its link
    "orders.index": person(),
    "orders.detail": buyers_own(),
    "orders.confirm": buyers_own(),
    "payments.pay": buyers_own(),
    "payments.cancel": buyers_own(),
    "orders.guest": public(),
    "orders.confirm_guest": public(),
    "payments.pay_guest": public(),
    "payments.cancel_guest": public(),
    "payments.returned": public(),
    "orders.find": public(),
    "orders.find_code": public(),
    "orders.found": public(),
    "orders.close": public(),
    # A shop's own pages
    "seller.sellers.today": door("owner clerk accountant grower"),
    "seller.sellers.account": shop("owner clerk accountant grower"),
    "seller.sellers.no_shop": person(),
    "seller.sellers.choose": Line(
        dict.fromkeys(PEOPLE, 404) | {NOBODY: 303} | dict.fromkeys(COOP.values(), OK)
    ),
    "seller.catalogue.index": shop(READERS),
    "seller.catalogue.new": shop(WRITERS),
    "seller.catalogue.detail": shop(READERS, own=True),
    "seller.catalogue.done": shop(READERS, own=True),
    "seller.catalogue.change_pack": shop(WRITERS, own=True),
    "seller.catalogue.change_words": shop(WRITERS, own=True),
    "seller.catalogue.change_pictures": shop(WRITERS, own=True),
    "seller.catalogue.change_status": shop(WRITERS, own=True),
    "seller.inventory.index": shop(READERS),
    "seller.inventory.detail": shop(READERS, own=True),
    "seller.inventory.correct": shop(WRITERS, own=True),
    "seller.provenance.index": shop(READERS),
    "seller.provenance.new": shop(WRITERS),
    "seller.provenance.detail": shop(READERS, own=True),
    "seller.provenance.certificate": shop(READERS, own=True),
    "seller.provenance.issue": shop(WRITERS, own=True),
    "seller.logistics.freight": shop(READERS),
    "seller.orders.index": shop(READERS),
    "seller.orders.packing": shop(READERS),
    "seller.orders.detail": shop(READERS, own=True),
    "seller.logistics.ship": shop(WRITERS, own=True),
    "seller.logistics.numbers": shop(WRITERS, own=True),
    "seller.logistics.delivered": shop(WRITERS, own=True),
    "seller.payments.refund": shop("owner", own=True),
    "seller.payments.cancel": shop("owner", own=True),
    "seller.ledger.index": shop("owner accountant"),
    "seller.awards.index": shop("owner accountant"),
    "seller.awards.lines": shop("owner accountant"),
    # The office
    "staff.staff.home": office("centre bureau finance admin"),
    "staff.staff.settings_list": office("admin"),
    "staff.staff.setting": office("admin"),
    "staff.staff.reference": office("admin"),
    "staff.staff.reference_table": office("admin"),
    "staff.accounts.index": office("admin"),
    "staff.accounts.detail": office("admin"),
    "staff.accounts.grant": office("admin"),
    "staff.accounts.revoke": office("admin"),
    "staff.accounts.suspend": office("admin"),
    "staff.accounts.reinstate": office("admin"),
    "staff.accounts.end_sessions": office("admin"),
    "staff.accounts.reset_second_factor": office("admin"),
    "staff.accounts.companies": office("finance admin"),
    "staff.accounts.verify_company": office("finance admin"),
    "staff.sellers.index": office("centre bureau finance admin"),
    "staff.sellers.detail": county("centre bureau finance admin"),
    "staff.sellers.set_status": office("admin"),
    "staff.operations.index": office("admin"),
    "staff.jobs.index": office("admin"),
    "staff.jobs.retry": office("admin"),
    "staff.notifications.index": office("admin"),
    "staff.notifications.retry": office("admin"),
    "staff.provenance.index": office("centre"),
    "staff.orders.index": office("centre finance admin"),
    "staff.orders.detail": county("centre finance admin"),
    "staff.payments.index": office("finance"),
    "staff.payments.refunds": office("finance"),
    "staff.payments.disputes": office("finance"),
    "staff.payments.dispute": office("finance"),
    "staff.payments.refund": office("finance"),
    "staff.payments.retry": office("finance"),
    "staff.ledger.index": office("finance"),
    "staff.awards.index": office("centre bureau finance"),
    "staff.awards.detail": county("centre bureau finance"),
    "staff.awards.lines": county("centre bureau finance"),
}


@pytest.fixture
def market(app: Flask) -> dict[str, object]:
    """One of everything, by argument name."""
    return everything.make(app)


def test_every_endpoint_has_its_line_and_declares_its_access(app: Flask) -> None:
    endpoints = {rule.endpoint for rule in app.url_map.iter_rules()}
    assert endpoints == set(LINES)
    assert [endpoint for endpoint in endpoints if access_of(app, endpoint) is None] == []


# Opened by their own right, these then say 404 or 303 for reasons of their own.
EXCUSED = {
    "media.derivative",  # no such picture
    "seller.sellers.choose",  # names no shop
    "accounts.second_factor",
    "accounts.recovery_code",  # who has shown the second factor is led on
    "accounts.second_factor_picture",  # no secret is waiting
    "accounts.set_up_second_factor",  # for staff who have none yet
    "accounts.make_second_factor",
    "seller.catalogue.change_status",  # names no status
    "staff.accounts.revoke",  # the buyer has no such role
    "orders.guest",  # the order belongs to an account: its link alone opens nothing
    "orders.confirm_guest",
    "payments.pay_guest",
    "payments.cancel_guest",
    "payments.returned",
    "orders.found",
    "seller.awards.lines",  # nothing was sold yet
    "staff.awards.lines",
    "webhooks.stripe_event",
    "health.readyz",  # no worker in the suite
    "metrics.show",  # no token is set
    "cart.add",  # names no pack
    "cart.confirm",
}


def test_everybody_gets_what_the_table_says(
    app: Flask, sign_in: Callable[[str], Visitor], market: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """All cells at once, refusals before what is let in, so that no act changes what a later cell expects."""
    visitors = {NOBODY: Visitor(app)} | {key: sign_in(key) for key in PEOPLE}
    monkeypatch.setitem(app.config, "WTF_CSRF_ENABLED", False)  # the token has its own test
    with app.app_context():
        market["session_id"] = db.session.execute(
            select(WebSession.id).where(WebSession.user_id == factories.user_id("buyer"))
        ).scalar_one()
        db.session.remove()
    wrong, let_in = [], []
    for endpoint, line in LINES.items():
        path, methods = everything.path_of(app, endpoint, market)
        for method in methods:
            for key, expected in line.expected.items():
                if expected == OK:
                    let_in.append((endpoint, method, path, key))
                    continue
                status = (
                    visitors[key]
                    .client.open(path, method=method, headers=SAME_ORIGIN, buffered=True)
                    .status_code
                )
                if status != expected:
                    wrong.append(f"{method} {endpoint} as {key}: {status} instead of {expected}")
    for endpoint, method, path, key in let_in:
        if method == "GET" and endpoint not in EXCUSED:
            status = visitors[key].client.get(path, buffered=True).status_code
            if status != 200 and not (status == 303 and endpoint in LEADS_ON):
                wrong.append(f"GET {endpoint} as {key}: {status} instead of 200")
    assert not wrong, "\n".join(wrong)


SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}
# Pages that have nothing to show at this moment and lead on to the one that has.
LEADS_ON = {
    "accounts.sign_in",
    "accounts.sign_in_code_finish",
    "accounts.sign_up",
    "accounts.sign_up_finish",
    "accounts.forgotten",
    "accounts.reset",
    "accounts.first_sign_in",
    "accounts.accept",
    "accounts.set_up_second_factor",
    "checkout.start",
    "checkout.quote",
    "orders.find_code",
    "staff.payments.refund",
    "seller.logistics.ship",
    "seller.logistics.numbers",
    "seller.logistics.delivered",
    "seller.payments.refund",
    "seller.payments.cancel",
}


def test_who_may_act_is_let_in(
    app: Flask, sign_in: Callable[[str], Visitor], market: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An empty form from somebody with the right is answered by the form, never by 403 or 404."""
    visitors = {key: sign_in(key) for key in PEOPLE}
    monkeypatch.setitem(app.config, "WTF_CSRF_ENABLED", False)
    tried, wrong = 0, []
    for endpoint, line in LINES.items():
        path, methods = everything.path_of(app, endpoint, market)
        key = next((key for key, expected in line.expected.items() if expected == OK), None)
        if "POST" not in methods or key is None or endpoint in EXCUSED | {"accounts.end_session"}:
            continue
        visitor = Visitor(app) if key == NOBODY else copy_of(app, visitors[key])
        with undone(app):
            status = visitor.client.post(path, headers=SAME_ORIGIN).status_code
        tried += 1
        if status not in {200, 303, 400, 409, 422}:
            wrong.append(f"{endpoint} as {key}: {status}")
    assert not wrong, "\n".join(wrong)
    assert tried > 50


@pytest.mark.parametrize(
    ("key", "path"),
    [
        ("coop_clerk", "/seller/account"),
        ("coop_grower", "/seller/account"),
        ("coop_grower", "/seller/parcels/freight"),
        ("coop_grower", "/seller/orders/"),
    ],
)
def test_who_may_only_read_a_page_may_not_send_its_form(
    app: Flask, sign_in: Callable[[str], Visitor], monkeypatch: pytest.MonkeyPatch, key: str, path: str
) -> None:
    visitor = sign_in(key)
    monkeypatch.setitem(app.config, "WTF_CSRF_ENABLED", False)
    assert visitor.client.post(path, data={"story": "x"}, headers=SAME_ORIGIN).status_code in {403, 405}


def test_anothers_object_and_none_have_the_same_body(
    sign_in: Callable[[str], Visitor], market: dict[str, object]
) -> None:
    stranger = sign_in("farmer")
    for theirs, none in (
        (f"/seller/orders/{market['part']}", "/seller/orders/00000000000"),
        (f"/seller/products/{market['product']}", "/seller/products/0000000000"),
        (f"/orders/{market['order']}", "/orders/00000000000"),
    ):
        first, second = stranger.client.get(theirs), stranger.client.get(none)
        assert (first.status_code, second.status_code) == (404, 404)
        body = first.get_data(as_text=True).replace(theirs, "")
        assert body == second.get_data(as_text=True).replace(none, "")


def test_every_post_needs_its_token(
    app: Flask, sign_in: Callable[[str], Visitor], market: dict[str, object]
) -> None:
    """But the signed webhook and add-to-basket, which looks at the origin instead (D3)."""
    visitors = {
        key: sign_in(key)
        for key in ("buyer", "company_buyer", "coop_owner", "staff_xinfeng", "finance", "admin")
    }
    without = []
    for endpoint, line in LINES.items():
        path, methods = everything.path_of(app, endpoint, market)
        if "POST" in methods:
            visitor = next(visitors[key] for key in visitors if line.expected[key] == OK)
            if visitor.client.post(path, headers=SAME_ORIGIN).status_code != 400:
                without.append(endpoint)
    assert without == ["cart.add"]
    assert csrf._exempt_views == {"marketplace.cart.views.add", "marketplace.payments.webhooks.stripe_event"}


def test_a_foreign_page_cannot_fill_the_basket(app: Flask, market: dict[str, object]) -> None:
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://elsewhere.example"}):
        answer = app.test_client().post(
            "/basket/add", data={"variant": market["variant_id"]}, headers=headers
        )
        assert answer.status_code == 403


def test_no_write_is_done_by_a_link(
    app: Flask, sign_in: Callable[[str], Visitor], market: dict[str, object]
) -> None:
    """Every page that can be opened is opened; nothing but the session's last-seen moment may change."""
    visitors = [
        Visitor(app),
        *(sign_in(key) for key in ("buyer", "coop_owner", "staff_xinfeng", "bureau", "finance")),
    ]
    visitors.append(sign_in("admin"))
    before = _rows(app)
    for endpoint in LINES:
        path, methods = everything.path_of(app, endpoint, market)
        if "GET" in methods:
            for visitor in visitors:
                assert visitor.client.get(path, buffered=True).status_code in {200, 303, 403, 404, 503}, path
    assert _rows(app) == before


def _rows(app: Flask) -> dict[str, int]:
    """Each table's content as one number."""
    with app.app_context():
        found = {
            table.name: hash(tuple(sorted(str(tuple(row)) for row in db.session.execute(select(table)))))
            for table in db.metadata.sorted_tables
        }
        db.session.remove()
        return found
