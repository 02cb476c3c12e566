"""Sign-in sessions as rows: what is kept, how often it is written, when it ends."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from flask import Flask
from sqlalchemy import select

from marketplace import clock
from marketplace.accounts.queries import find_by_phone
from marketplace.database import db
from marketplace.sessions import LIFETIME, SEEN_EVERY, STAFF_LIFETIME, WebSession
from tests.browsing import Visitor
from tests.conftest import NOON
from tests.people import PEOPLE

SignIn = Callable[[str], Visitor]


def rows(app: Flask, key: str) -> list[WebSession]:
    with app.app_context():
        person = find_by_phone(PEOPLE[key].phone)
        assert person
        found = list(db.session.execute(select(WebSession).where(WebSession.user_id == person.id)).scalars())
        db.session.expunge_all()
        return found


def cookie(visitor: Visitor) -> str:
    found = visitor.client.get_cookie("session")
    assert found
    return found.value


def state(app: Flask, visitor: Visitor) -> dict[str, Any]:
    with visitor.client.session_transaction() as kept:
        return dict(kept)


def test_only_the_tokens_hash_is_kept(app: Flask, sign_in: SignIn) -> None:
    visitor = sign_in("buyer")
    token = state(app, visitor)["sid"]
    assert len(token) >= 43  # 256 bits
    (row,) = rows(app, "buyer")
    assert token not in str(vars(row))
    assert len(row.token_hash) == 64


def test_a_session_ends_after_its_lifetime(app: Flask, sign_in: SignIn) -> None:
    buyer, admin = sign_in("buyer"), sign_in("admin")
    with clock.at(NOON + STAFF_LIFETIME + timedelta(seconds=1)):
        buyer.get("/account")
        assert admin.get("/staff/", 303).location.startswith("/sign-in")
    with clock.at(NOON + LIFETIME + timedelta(seconds=1)):
        assert buyer.get("/account", 303).location.startswith("/sign-in")


def test_last_seen_is_written_once_in_ten_minutes(
    app: Flask, sign_in: SignIn, count_statements: Callable[[], Any]
) -> None:
    visitor = sign_in("buyer")
    with clock.at(NOON + SEEN_EVERY), count_statements() as seen:
        visitor.get("/account")
    assert not [statement for statement in seen if statement.startswith("UPDATE")]
    with clock.at(NOON + SEEN_EVERY + timedelta(seconds=1)), count_statements() as seen:
        visitor.get("/account")
        visitor.get("/account")
    assert len([statement for statement in seen if statement.startswith("UPDATE web_sessions")]) == 1
    assert rows(app, "buyer")[0].seen_at == NOON + SEEN_EVERY + timedelta(seconds=1)


def test_strangers_cost_no_session_row_and_no_statement_for_who_they_are(
    app: Flask, visitor: Visitor, count_statements: Callable[[], Any]
) -> None:
    with count_statements() as seen:
        visitor.get("/pages/rules")
    assert not [statement for statement in seen if "web_sessions" in statement or "users" in statement]
    with app.app_context():
        assert not db.session.execute(select(WebSession.id)).first()


def test_a_basket_outlives_signing_in_but_no_other_state_does(app: Flask, visitor: Visitor) -> None:
    with visitor.client.session_transaction() as kept:
        kept["province"] = "310000"
        kept["seller_id"] = 5
    visitor.sign_in(PEOPLE["buyer"])
    found = state(app, visitor)
    assert found["province"] == "310000"
    assert "seller_id" not in found


def test_each_sign_in_makes_a_fresh_token_and_ends_the_one_before(app: Flask, sign_in: SignIn) -> None:
    visitor = sign_in("buyer")
    first = state(app, visitor)["sid"]
    visitor.client.delete_cookie("session")
    visitor.sign_in(PEOPLE["buyer"])
    assert state(app, visitor)["sid"] != first


def test_cookie_is_signed_and_a_foreign_signature_counts_for_nothing(app: Flask, sign_in: SignIn) -> None:
    value = cookie(sign_in("buyer"))
    stranger = Visitor(app)
    head, _, _tail = value.rpartition(".")
    stranger.client.set_cookie("session", f"{head}.{'A' * 27}")
    assert stranger.get("/account", 303).location.startswith("/sign-in")


def test_cookie_flags_follow_the_sites_address(app: Flask, app_with: Callable[..., Flask]) -> None:
    plain = Visitor(app).get("/sign-in").answer.headers["Set-Cookie"]
    assert plain.startswith("session=")
    assert {"HttpOnly", "Path=/", "SameSite=Lax"} <= set(plain.split("; "))
    assert "Domain" not in plain
    secure = app_with(public_url="https://shop.example", trusted_hosts=("shop.example",))
    answer = secure.test_client().get("/sign-in", base_url="https://shop.example")
    kept = answer.headers["Set-Cookie"]
    assert kept.startswith("__Host-session=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(kept.split("; "))
    assert "Domain" not in kept
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains"
