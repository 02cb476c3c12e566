"""Signing in by a code on the phone: who gets in where, and that nobody learns whose number it is."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta

import pyotp
import pytest
from flask import Flask

from marketplace import clock, limits
from marketplace.accounts import services
from marketplace.accounts.models import CodePurpose
from marketplace.accounts.queries import find_by_phone
from marketplace.audit import SYSTEM
from marketplace.database import db, run_in_transaction
from marketplace.errors import TooManyTriesError
from tests.accounts.codes import last_code, messages_to, wrong
from tests.browsing import Visitor
from tests.market import Market
from tests.page import Page
from tests.people import PEOPLE
from tests.racing import at_once

STRANGER = "13900000000"


def ask(visitor: Visitor, phone: str, status: int = 303) -> Page:
    answer = visitor.submit("/sign-in/code", {"phone": phone}, status)
    return visitor.follow(answer) if status == 303 else answer


def enter(visitor: Visitor, code: str, status: int = 303) -> Page:
    return visitor.submit("/sign-in/code/finish", {"code": code}, status)


def test_buyer_signs_in_by_code_in_a_fresh_session(app: Flask, visitor: Visitor) -> None:
    phone = PEOPLE["buyer"].phone
    page = ask(visitor, phone)
    before = visitor.client.get_cookie("session")
    assert before
    field = page.soup.select_one("input[name=code]")
    assert field
    assert (field["autocomplete"], field["inputmode"]) == ("one-time-code", "numeric")
    assert enter(visitor, last_code(app, phone)).location == "/account"
    assert PEOPLE["buyer"].name in visitor.get("/account").text
    copied = Visitor(app)
    copied.client.set_cookie("session", before.value)
    copied.get("/account", 303)


def test_seller_lands_on_the_own_shop_in_the_own_language(app: Flask, visitor: Visitor) -> None:
    phone = PEOPLE["farmer"].phone
    answer = visitor.submit("/en/sign-in/code", {"phone": phone})
    assert answer.location == "/en/sign-in/code/finish"
    assert messages_to(app, phone)[-1].language == "en"
    assert visitor.submit(answer.location, {"code": last_code(app, phone)}).location == "/en/seller/"


def test_one_goes_on_to_the_page_one_wanted(app: Flask, visitor: Visitor) -> None:
    link = next(link for link in visitor.get("/sign-in?next=/orders").links() if "/sign-in/code" in link)
    answer = visitor.submit(link, {"phone": PEOPLE["buyer"].phone})
    assert answer.location == "/sign-in/code/finish?next=/orders"
    assert visitor.submit(answer.location, {"code": last_code(app, PEOPLE["buyer"].phone)}).location == "/orders"


@pytest.mark.parametrize("key", ["admin", "finance", "staff_xinfeng"])
def test_code_stands_for_the_password_alone_staff_still_show_their_second_factor(app: Flask, key: str) -> None:
    visitor, phone = Visitor(app), PEOPLE[key].phone
    ask(visitor, phone)
    assert enter(visitor, last_code(app, phone)).location == "/sign-in/second-factor"
    visitor.get("/staff/", 303)
    code = pyotp.TOTP(PEOPLE[key].totp or "").at(clock.now())
    assert visitor.submit("/sign-in/second-factor", {"code": code}).location == "/staff/"


def test_known_and_unknown_numbers_get_the_same_answers(app: Flask) -> None:
    """Asking and a wrong code, byte for byte; both get a message."""
    seen = []
    for phone in (PEOPLE["buyer"].phone, STRANGER):
        visitor = Visitor(app)
        pages = [ask(visitor, phone), enter(visitor, wrong(last_code(app, phone)), 422)]
        seen.append([_bare(page, phone) for page in pages])
        assert [message.template for message in messages_to(app, phone)] == ["code"]
    assert seen[0] == seen[1]


def _bare(page: Page, phone: str) -> tuple[int, str]:
    fields, text = page.form().fields, page.answer.get_data(as_text=True)
    for varying in (fields["csrf_token"], phone[:3] + "****" + phone[-4:], fields.get("code")):
        text = text.replace(varying, "") if varying else text
    return page.status, text


def test_guest_who_proves_the_phone_sees_its_orders_and_nobody_elses(app: Flask, visitor: Visitor) -> None:
    market = Market(app)
    market.make_freight()
    goods = market.make_goods()
    market.place_order({goods.variants[0]: 1}, buyer=None)
    ask(visitor, STRANGER)
    found = visitor.follow(enter(visitor, last_code(app, STRANGER)))
    assert found.path == "/orders/found"
    assert "还没有账号" in found.text
    assert len([link for link in found.links() if "/o/" in link]) == 1
    visitor.get("/account", 303)
    other = Visitor(app)
    ask(other, "13900000009")
    assert not [link for link in other.follow(enter(other, last_code(app, "13900000009"))).links() if "/o/" in link]


def test_who_signed_in_by_code_sees_the_guest_orders_of_the_phone_too(app: Flask, visitor: Visitor) -> None:
    phone = PEOPLE["buyer"].phone
    ask(visitor, phone)
    enter(visitor, last_code(app, phone))
    visitor.get("/orders/found")


def test_invited_seller_comes_in_by_code_and_accepts_the_rules_first(app: Flask, visitor: Visitor) -> None:
    with app.app_context():
        run_in_transaction(lambda: bool(services.invite_user(SYSTEM, STRANGER, "新店主")))
    ask(visitor, STRANGER)
    answer = enter(visitor, last_code(app, STRANGER))
    assert visitor.follow(answer, 303).location.startswith("/account/accept")


def test_suspended_person_is_told_so_only_after_the_code(app: Flask, visitor: Visitor) -> None:
    phone = PEOPLE["buyer"].phone
    with app.app_context():
        user = find_by_phone(phone)
        assert user
        user_id = user.id
        run_in_transaction(lambda: services.suspend(SYSTEM, user_id, reason="test"))
    assert "停用" not in ask(visitor, phone).text
    assert "停用" in enter(visitor, last_code(app, phone), 422).text
    visitor.get("/account", 303)


def test_five_wrong_codes_end_it_and_a_new_code_does_not_help(app: Flask, visitor: Visitor) -> None:
    phone = PEOPLE["buyer"].phone
    ask(visitor, phone)
    code = last_code(app, phone)
    for _ in range(5):
        assert enter(visitor, wrong(code), 422).errors() == {"code": "验证码不对或者过期了"}
    assert "分钟" in enter(visitor, code, 429).text
    ask(visitor, phone)
    enter(visitor, last_code(app, phone), 429)
    with clock.at(clock.now() + timedelta(minutes=10)):
        enter(visitor, code, 422)


def test_code_is_good_once_and_for_ten_minutes(app: Flask, visitor: Visitor) -> None:
    phone = PEOPLE["buyer"].phone
    ask(visitor, phone)
    with clock.at(clock.now() + timedelta(minutes=10)):
        enter(visitor, last_code(app, phone), 422)
    with clock.at(clock.now() + timedelta(minutes=9, seconds=59)):
        enter(visitor, last_code(app, phone))
    other = Visitor(app)
    ask(other, phone)
    code = last_code(app, phone)
    enter(visitor_of(app, other), code)
    enter(other, code, 422)


def visitor_of(app: Flask, visitor: Visitor) -> Visitor:
    """Another browser with the same cookie."""
    cookie = visitor.client.get_cookie("session")
    assert cookie
    copied = Visitor(app)
    copied.client.set_cookie("session", cookie.value)
    return copied


def test_code_for_signing_in_opens_nothing_else(app: Flask, visitor: Visitor) -> None:
    phone = PEOPLE["buyer"].phone
    ask(visitor, phone)
    code = last_code(app, phone)
    visitor.submit("/reset", {"phone": phone, "code": code, "password": "山上的橙子 2026"}, 422)
    with app.app_context():
        for purpose in set(CodePurpose) - {CodePurpose.SIGN_IN}:
            assert not run_in_transaction(lambda purpose=purpose: services.use_code(phone, purpose, code))  # type: ignore[misc]


def test_five_codes_a_day_go_to_one_number_whatever_they_are_for(app: Flask, visitor: Visitor) -> None:
    phone = PEOPLE["buyer"].phone
    for path in ("/sign-in/code", "/forgotten", "/orders/find", "/sign-up", "/sign-in/code"):
        visitor.submit(path, {"phone": phone})
    for path in ("/sign-in/code", "/forgotten", "/orders/find", "/sign-up"):
        assert "24 小时" in visitor.submit(path, {"phone": phone}, 429).text
    assert len(messages_to(app, phone)) == 5


def test_twenty_codes_a_day_go_out_for_one_address_whatever_it_claims(app: Flask, visitor: Visitor) -> None:
    for n in range(20):
        visitor.submit("/sign-in/code", {"phone": f"1390000{n:04d}"})
    headers = {"X-Forwarded-For": "203.0.113.9", "Forwarded": "for=203.0.113.9"}
    visitor.submit("/sign-in/code", {"phone": "13900009999"}, 429, headers=headers)
    fields = visitor.get("/sign-in/code").form().fields | {"phone": "13900009999"}
    visitor.post("/sign-in/code", fields, environ_base={"REMOTE_ADDR": "198.51.100.7"})


def test_second_step_without_the_first_leads_back(visitor: Visitor) -> None:
    assert visitor.get("/sign-in/code/finish", 303).location == "/sign-in/code"


@pytest.mark.parametrize("guarded", [True, False], ids=["guarded", "control"])
def test_twenty_wrong_codes_at_the_same_moment_are_five_tries(
    fresh_app: Flask, monkeypatch: pytest.MonkeyPatch, guarded: bool
) -> None:
    """Control: checked by all before any of them is counted, all twenty are looked at."""
    tries, gate = 20, threading.Barrier(20)
    with fresh_app.app_context():
        run_in_transaction(lambda: services.request_code(STRANGER, CodePurpose.SIGN_IN, "192.0.2.1"))
        code = wrong(last_code(fresh_app, STRANGER))

        def act() -> bool:
            if not guarded:
                limits.check(limits.CODE_TRIES, f"{CodePurpose.SIGN_IN} {STRANGER}")
                db.session.remove()  # the pool has fewer connections than there are tries
            gate.wait(60)
            return run_in_transaction(lambda: services.use_code(STRANGER, CodePurpose.SIGN_IN, code))

        if not guarded:
            monkeypatch.setattr(limits, "take", limits.count)
        answers = at_once(fresh_app, [act] * tries)
    assert answers.count(False) == (5 if guarded else tries)
    assert sum(isinstance(answer, TooManyTriesError) for answer in answers) == (15 if guarded else 0)


def test_pages_without_account_cost_no_statement(visitor: Visitor, count_statements: Callable[[], object]) -> None:
    with count_statements() as seen:  # type: ignore[attr-defined]
        visitor.get("/sign-in/code")
    assert seen == []
