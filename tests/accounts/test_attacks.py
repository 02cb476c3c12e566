"""Attacks on the ways in, at their full figures: stuffing, lock-out, stolen cookies, poisoned resets, redirects."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from flask import Flask
from structlog.testing import capture_logs

from marketplace import clock, limits
from marketplace.accounts import passwords, second_factor, services
from marketplace.accounts.models import CodePurpose
from marketplace.accounts.queries import find_by_phone
from marketplace.audit import SYSTEM
from marketplace.database import db, run_in_transaction
from marketplace.errors import TooManyTriesError
from tests.accounts.codes import last_code, messages_to, wrong
from tests.browsing import Visitor, copy_of
from tests.page import Page
from tests.people import PEOPLE
from tests.racing import at_once

SignIn = Callable[[str], Visitor]
BUYER = PEOPLE["buyer"]
UNKNOWN = "13900001234"
NEW_PASSWORD = "山上的橙子 2026"


@pytest.fixture
def hashes(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether each password that was compared had a hash of its own; compared without the cost of a real one."""
    seen: list[bool] = []

    def matches(password_hash: str | None, password: str) -> bool:
        seen.append(password_hash is not None)
        return password_hash is not None and password == BUYER.password

    monkeypatch.setattr(passwords, "matches", matches)
    return seen


def user_id(app: Flask, key: str) -> int:
    with app.app_context():
        user = find_by_phone(PEOPLE[key].phone)
        assert user
        return user.id


def bare(page: Page, *typed: str) -> tuple[int, str, str]:
    """Status, target and body of an answer, without its token and what was typed."""
    body = page.answer.get_data(as_text=True)
    for form in page.soup.find_all("input", attrs={"name": "csrf_token"}):
        body = body.replace(str(form["value"]), "")
    for text in typed:
        body = body.replace(text, "").replace(text[:3] + "****" + text[-4:], "")
    return page.status, page.location, body


# S1, A5: cookies that should be dead


def test_cookie_planted_before_signing_in_stays_nobodys(app: Flask, visitor: Visitor) -> None:
    """Session fixation: the attacker's cookie is in the victim's browser before the victim signs in."""
    visitor.get("/sign-in")
    planted = copy_of(app, visitor)
    visitor.sign_in(BUYER)
    planted.get("/account", 303)


@pytest.mark.parametrize("act", ["password reset", "suspended", "factor reset", "ended by staff", "ended elsewhere"])
def test_copied_cookie_is_dead_at_the_next_request(app: Flask, sign_in: SignIn, act: str) -> None:
    key = "bureau" if act == "factor reset" else "buyer"
    thief = copy_of(app, sign_in(key))
    person_id = user_id(app, key)
    thief.get("/account")
    if act == "password reset":
        owner = Visitor(app)
        owner.submit("/forgotten", {"phone": BUYER.phone})
        owner.submit("/reset", {"phone": BUYER.phone, "code": last_code(app, BUYER.phone), "password": NEW_PASSWORD})
    elif act == "ended elsewhere":
        sign_in(key).submit("/account/sessions", form="/end-others")
    else:
        acts: dict[str, Callable[[], object]] = {
            "suspended": lambda: services.suspend(SYSTEM, person_id, reason="test"),
            "factor reset": lambda: second_factor.reset(SYSTEM, person_id),
            "ended by staff": lambda: services.end_sessions(SYSTEM, person_id),
        }
        with app.app_context():
            run_in_transaction(lambda: bool(acts[act]()))
    thief.get("/account", 303)
    thief.get("/staff/", 303)


def test_session_of_before_the_second_factor_never_becomes_one_of_after(app: Flask, visitor: Visitor) -> None:
    admin = PEOPLE["admin"]
    visitor.submit("/sign-in", {"phone": admin.phone, "password": admin.password})
    half = copy_of(app, visitor)
    Visitor(app).sign_in(admin)
    assert half.get("/staff/", 303).location.startswith("/sign-in/second-factor")


# S3, S4: guessing passwords


def test_a_hundred_and_fifty_people_with_one_wrong_password_each_are_stopped_and_told_of(
    app: Flask, hashes: list[bool]
) -> None:
    visitor = Visitor(app)
    fields = visitor.get("/sign-in").form().fields
    with capture_logs() as logged:
        statuses = [
            visitor.client.post(
                "/sign-in",
                data=fields | {"phone": f"139{n:08d}", "password": "Spring2026!"},
                headers={"X-Forwarded-For": f"203.0.113.{n}"},
            ).status_code
            for n in range(150)
        ]
    assert statuses == [422] * 100 + [429] * 50
    assert len(hashes) == 100  # one each, though nobody has these numbers
    alerts = [entry for entry in logged if entry["event"] == "sign_in.limited"]
    assert {entry["limit"] for entry in alerts} == {"sign-in address"}
    assert "139" not in str([entry["limit"] for entry in alerts])


def test_fifteen_failures_of_one_person_from_everywhere_are_the_most(app: Flask, hashes: list[bool]) -> None:
    assert wrong_from(app, [f"198.51.100.{n}" for n in range(18)]) == [422] * 15 + [429] * 3


def test_owner_is_let_in_from_elsewhere_while_somebody_keeps_guessing(app: Flask, hashes: list[bool]) -> None:
    """One address guesses on and on for a quarter of an hour; ten of its tries in five minutes are all that count."""
    for minute in range(0, 16, 5):
        with clock.at(clock.now() + timedelta(minutes=minute)):
            wrong_from(app, ["203.0.113.66"] * 12)
            owner = Visitor(app)
            fields = owner.get("/sign-in").form().fields | {"phone": BUYER.phone, "password": BUYER.password}
            owner.post("/sign-in", fields, 303, environ_base={"REMOTE_ADDR": "198.51.100.7"})


def wrong_from(app: Flask, addresses: list[str]) -> list[int]:
    """Statuses of one wrong password for the buyer from each address."""
    client = app.test_client()
    page = Page(client.get("/sign-in"))
    fields = page.form().fields | {"phone": BUYER.phone, "password": "wrong"}
    return [
        client.post("/sign-in", data=fields, environ_base={"REMOTE_ADDR": address}).status_code
        for address in addresses
    ]


def test_right_passwords_of_many_people_behind_one_address_are_not_counted(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "SIGN_IN_ADDRESS", limits.Limit("sign-in address", 3, timedelta(minutes=5)))
    for key in ("buyer", "company_buyer", "farmer", "coop_owner", "coop_clerk"):
        Visitor(app).sign_in(PEOPLE[key])


@pytest.mark.parametrize("guarded", [True, False], ids=["guarded", "control"])
def test_passwords_guessed_at_the_same_moment_are_counted(
    fresh_app: Flask, monkeypatch: pytest.MonkeyPatch, guarded: bool
) -> None:
    """Control: checked by all before any of them is counted, all twenty are looked at."""
    gate = threading.Barrier(20)

    def act() -> bool:
        if not guarded:
            limits.check(limits.SIGN_IN_PAIR, f"{BUYER.phone} 192.0.2.1")
            db.session.remove()  # the pool has fewer connections than there are tries
            gate.wait(60)
        return run_in_transaction(lambda: bool(services.begin_sign_in(BUYER.phone, "192.0.2.1")))

    if not guarded:
        monkeypatch.setattr(limits, "take", limits.count)
    with fresh_app.app_context():
        answers = at_once(fresh_app, [act] * 20)
    assert answers.count(True) == (10 if guarded else 20)
    assert sum(isinstance(answer, TooManyTriesError) for answer in answers) == (10 if guarded else 0)


# S5: forgotten passwords

HOSTS = {
    "another host": {"Host": "evil.example"},
    "as user of ours": {"Host": "evil.example@localhost"},
    "with ours in front": {"Host": "localhost.evil.example"},
    "a port that is none": {"Host": "localhost:evil.example"},
    "forwarded host": {"X-Forwarded-Host": "evil.example"},
    "all other names": {
        "Forwarded": "host=evil.example",
        "X-Host": "evil.example",
        "X-Original-URL": "https://evil.example/",
        "X-HTTP-Host-Override": "evil.example",
        "X-Forwarded-Server": "evil.example",
    },
}


@pytest.mark.parametrize("variant", HOSTS)
def test_no_host_name_poisons_a_reset(app: Flask, visitor: Visitor, variant: str) -> None:
    fields = visitor.get("/forgotten").form().fields | {"phone": BUYER.phone}
    answer = visitor.client.post("/forgotten", data=fields, headers=HOSTS[variant])
    assert answer.status_code == (400 if "Host" in HOSTS[variant] else 303)
    assert "evil" not in str(answer.headers) + answer.get_data(as_text=True)
    sent = [sorted(message.parameters) for message in messages_to(app, BUYER.phone)]
    assert sent == ([["code", "minutes"]] if answer.status_code == 303 else [])


def test_code_of_a_reset_is_good_once_within_an_hour_and_stands_in_no_address(app: Flask, visitor: Visitor) -> None:
    asked = visitor.submit("/forgotten", {"phone": BUYER.phone})
    code = last_code(app, BUYER.phone)
    page = visitor.follow(asked)
    assert page.answer.headers["Referrer-Policy"] == "same-origin"
    assert page.answer.headers["Cache-Control"] == "no-store"
    fields = page.form().fields | {"code": code, "password": NEW_PASSWORD}
    with clock.at(clock.now() + timedelta(minutes=61)):
        visitor.post("/reset", fields, 422)
    done = visitor.post("/reset", fields)
    for address in (asked.location, page.form().action, done.location, *page.links()):
        assert code not in address
        assert BUYER.phone not in address
    other = Visitor(app)
    again = other.get("/reset").form().fields
    other.post("/reset", again | {"phone": BUYER.phone, "code": code, "password": NEW_PASSWORD + "!"}, 422)


# S6: who has an account


def test_every_way_in_answers_known_and_unknown_numbers_alike(app: Flask, hashes: list[bool]) -> None:
    """Sign-in, reset, sign-up, sign-in by code, an invitation's code, finding orders; asking and the wrong answer."""
    seen = []
    for phone in (BUYER.phone, UNKNOWN):
        answers = {}
        for path, fields, status in (
            ("/sign-in", {"phone": phone, "password": "wrong"}, 422),
            ("/forgotten", {"phone": phone}, 303),
            ("/reset", {"phone": phone, "code": "000000", "password": NEW_PASSWORD}, 422),
            ("/sign-up", {"phone": phone}, 303),
            ("/sign-up/finish", {"code": "000000", "name": "x", "password": NEW_PASSWORD, "agree": "y"}, 422),
            ("/sign-in/code", {"phone": phone}, 303),
            ("/sign-in/code/finish", {"code": "000000"}, 422),
            ("/first-sign-in", {"phone": phone, "code": "000000", "password": NEW_PASSWORD, "agree": "y"}, 422),
            ("/orders/find", {"phone": phone}, 303),
            ("/orders/find/code", {"code": "000000"}, 422),
        ):
            visitor = visitor_at(app, path, phone)
            answers[path] = bare(visitor.submit(path, fields, status), phone)
        seen.append(answers)
    for path, answer in seen[0].items():
        assert answer == seen[1][path], path
    assert hashes == [True, False]  # compared either way


def visitor_at(app: Flask, path: str, phone: str) -> Visitor:
    """A browser that took the first step, where there is one."""
    visitor = Visitor(app)
    first = {"/sign-up/finish": "code_phone", "/sign-in/code/finish": "code_phone", "/orders/find/code": "find_phone"}
    if path in first:
        with visitor.client.session_transaction() as kept:
            kept[first[path]] = phone
    return visitor


def test_password_is_hashed_for_a_number_that_nobody_has(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[str] = []

    class Hasher:
        def verify(self, password_hash: str, _password: str) -> bool:
            compared.append(password_hash)
            return True

    monkeypatch.setattr(passwords, "_hasher", Hasher())
    monkeypatch.setattr(passwords, "_nobody", lambda: "the hash of nobody")
    assert not passwords.matches(None, "anything")
    assert compared == ["the hash of nobody"]


def test_code_is_made_whether_or_not_the_number_has_an_account(
    app: Flask, count_statements: Callable[[], object]
) -> None:
    counts = []
    for phone in (BUYER.phone, UNKNOWN):
        with app.app_context(), count_statements() as seen:  # type: ignore[attr-defined]
            run_in_transaction(
                lambda phone=phone: services.request_code(phone, CodePurpose.SIGN_UP, "192.0.2.1")  # type: ignore[misc]
            )
            counts.append([statement.split("(")[0].split()[:3] for statement in seen])
    assert counts[0] == counts[1]


# S7 by number stands in test_sign_in_by_code.py; here what it shares with the reset


def test_wrong_codes_of_a_reset_are_limited_as_those_of_a_sign_in(app: Flask, visitor: Visitor) -> None:
    visitor.submit("/forgotten", {"phone": BUYER.phone})
    code = last_code(app, BUYER.phone)
    fields = {"phone": BUYER.phone, "password": NEW_PASSWORD}
    for _ in range(5):
        visitor.submit("/reset", fields | {"code": wrong(code)}, 422)
    visitor.submit("/reset", fields | {"code": code}, 429)


# S10: where one is led

FOREIGN = (
    "https://evil.example", "http://evil.example/", "//evil.example", "///evil.example", "////evil.example",
    "/\\evil.example", "\\/evil.example", "\\\\evil.example", "/\t/evil.example", "/\n/evil.example",
    "/\r\n/evil.example",
    "https:evil.example", "https:/evil.example", "https:///evil.example", "javascript:alert(1)", "data:text/html,x",
    "//evil.example@localhost", "https://localhost@evil.example", "https://localhost.evil.example", " //evil.example",
    "/%0d%0aLocation:https://evil.example", "/ /evil.example", "/\x7f/evil.example",
)  # fmt: skip


@pytest.mark.parametrize("target", FOREIGN)
def test_nobody_is_led_to_a_foreign_site(app: Flask, visitor: Visitor, hashes: list[bool], target: str) -> None:
    query = {"next": target}
    for path in ("/sign-in", "/sign-up", "/forgotten", "/sign-in/code", "/account", "/orders/found"):
        assert_ours(visitor.client.get(path, query_string=query).headers.get("Location", ""))
    page = visitor.get("/sign-in", query_string=query)
    for link in page.links():
        assert_ours(link)
    fields = page.form().fields | {"phone": BUYER.phone, "password": BUYER.password}
    assert_ours(visitor.post("/sign-in", fields, query_string=query).answer.headers["Location"])
    for path in ("/sign-in/second-factor", "/sign-in/recovery-code", "/account/accept"):
        assert_ours(visitor.client.get(path, query_string=query).headers.get("Location", ""))


def assert_ours(address: str) -> None:
    """An address of this site as browsers read it: they drop tabs and line ends, and take a backslash for a slash."""
    read = "".join(character for character in address if character not in "\t\r\n").strip().replace("\\", "/")
    assert not urlsplit(read).netloc or urlsplit(read).hostname in {"localhost", "127.0.0.1"}, address
    assert not read.startswith("//"), address
    assert urlsplit(read).scheme in {"", "http", "https"}, address


def test_going_back_after_signing_out_asks_the_server_which_shows_nothing(app: Flask, sign_in: SignIn) -> None:
    buyer, owner = sign_in("buyer"), sign_in("coop_owner")
    for visitor, paths in ((buyer, ("/account", "/orders")), (owner, ("/seller/", "/seller/orders/"))):
        for path in paths:
            assert visitor.get(path).answer.headers["Cache-Control"] == "no-store"
        visitor.submit("/account", form="/sign-out")
        for path in paths:
            assert visitor.get(path, 303).location.startswith("/sign-in")
