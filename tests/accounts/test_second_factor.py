"""The second factor's life: recovery codes, another authenticator, and a lost one that somebody else resets."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pyotp
import pytest
from flask import Flask
from sqlalchemy import select

from marketplace import clock
from marketplace.accounts import queries, second_factor, services
from marketplace.accounts.models import RecoveryCode
from marketplace.audit import SYSTEM, AuditEntry
from marketplace.database import db, run_in_transaction
from marketplace.errors import TooManyTriesError
from marketplace.permissions import Role
from tests.accounts.codes import messages_to, wrong
from tests.browsing import Visitor
from tests.page import Page
from tests.people import PEOPLE
from tests.racing import at_once

SignIn = Callable[[str], Visitor]
STAFF = ("staff_xinfeng", "bureau", "finance")
CODE = re.compile(r"[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}")


def user_id(app: Flask, key: str) -> int:
    with app.app_context():
        user = queries.find_by_phone(PEOPLE[key].phone)
        assert user
        return user.id


def new_codes(visitor: Visitor, key: str) -> list[str]:
    """Ten fresh recovery codes as their page shows them."""
    fields = {"old_password": PEOPLE[key].password, "act": "codes"}
    return CODE.findall(visitor.submit("/account/second-factor", fields, 200).text)


def half_way(app: Flask, key: str) -> Visitor:
    """Signed in by password alone."""
    visitor = Visitor(app)
    visitor.submit("/sign-in", {"phone": PEOPLE[key].phone, "password": PEOPLE[key].password})
    return visitor


def recover(visitor: Visitor, code: str, status: int = 303) -> Page:
    return visitor.submit("/sign-in/recovery-code", {"code": code}, status)


def actions(app: Flask, key: str) -> list[str]:
    with app.app_context():
        query = select(AuditEntry.action).where(AuditEntry.subject_id == str(user_id(app, key)))
        return list(db.session.execute(query.order_by(AuditEntry.id)).scalars())


def templates_to(app: Flask, key: str) -> list[str]:
    return [message.template for message in messages_to(app, PEOPLE[key].phone)]


# Recovery codes


def test_ten_recovery_codes_are_shown_once_with_the_new_authenticator(app: Flask) -> None:
    with app.app_context():
        code = run_in_transaction(lambda: services.create_admin("13900001234", "第二位"))
    visitor = Visitor(app)
    fields = {"phone": "13900001234", "code": code, "password": "山上的橙子 2026", "agree": "y"}
    visitor.submit("/first-sign-in", fields)
    shown = visitor.follow(visitor.submit("/sign-in/second-factor/new"))
    secret = shown.soup.find("code").get_text().replace(" ", "")  # type: ignore[union-attr]
    page = visitor.submit("/sign-in/second-factor/new", {"code": pyotp.TOTP(secret).at(clock.now())}, 200)
    codes = CODE.findall(page.text)
    assert len(set(codes)) == 10
    assert page.answer.headers["Cache-Control"] == "no-store"
    assert page.soup.select_one("[data-print]")
    kept = visitor.get("/account/second-factor")
    assert "剩 10 个" in kept.text
    assert not CODE.search(kept.text)


def test_recovery_codes_are_kept_as_slow_hashes(app: Flask, sign_in: SignIn) -> None:
    codes = new_codes(sign_in("admin"), "admin")
    with app.app_context():
        hashes = list(db.session.execute(select(RecoveryCode.code_hash)).scalars())
    assert len(hashes) == 10
    assert all(one.startswith("$argon2id$") for one in hashes)
    assert not [code for code in codes if code.replace("-", "") in "".join(hashes)]


def test_recovery_code_opens_the_office_once_and_the_person_is_told(app: Flask, sign_in: SignIn) -> None:
    codes = new_codes(sign_in("admin"), "admin")
    visitor = half_way(app, "admin")
    visitor.get("/staff/", 303)
    assert recover(visitor, codes[3].lower().replace("-", " ")).location == "/staff/"
    visitor.get("/staff/")
    assert "剩 9 个" in visitor.get("/account/second-factor").text
    assert messages_to(app, PEOPLE["admin"].phone)[-1].parameters == {"left": 9}
    assert templates_to(app, "admin") == ["recovery_code_used"]
    assert actions(app, "admin")[-2:] == ["recovery_codes.made", "recovery_code.used"]
    again = half_way(app, "admin")
    assert list(recover(again, codes[3], 422).errors()) == ["code"]
    again.get("/staff/", 303)
    recover(again, codes[4])


def test_new_recovery_codes_need_the_password_and_void_the_old_ones(app: Flask, sign_in: SignIn) -> None:
    admin = sign_in("admin")
    old = new_codes(admin, "admin")
    page = admin.submit("/account/second-factor", {"old_password": "not it", "act": "codes"}, 422)
    assert page.errors() == {"old_password": "现在的密码不对"}
    new = new_codes(admin, "admin")
    assert not set(old) & set(new)
    visitor = half_way(app, "admin")
    recover(visitor, old[0], 422)
    recover(visitor, new[0])


def test_wrong_recovery_codes_count_together_with_wrong_dynamic_codes(app: Flask, sign_in: SignIn) -> None:
    codes = new_codes(sign_in("admin"), "admin")
    visitor, totp = half_way(app, "admin"), pyotp.TOTP(PEOPLE["admin"].totp or "")
    for _ in range(3):
        recover(visitor, "0000-0000-0000", 422)
    for _ in range(2):
        visitor.submit("/sign-in/second-factor", {"code": wrong(totp.at(clock.now()))}, 422)
    assert "分钟" in recover(visitor, codes[0], 429).text
    visitor.submit("/sign-in/second-factor", {"code": totp.at(clock.now())}, 429)
    with clock.at(clock.now() + timedelta(minutes=5)):
        recover(visitor, codes[0])


def test_recovery_code_of_another_person_opens_nothing(app: Flask, sign_in: SignIn) -> None:
    codes = new_codes(sign_in("finance"), "finance")
    recover(half_way(app, "bureau"), codes[0], 422)
    recover(half_way(app, "finance"), codes[0])


def test_buyers_have_no_recovery_codes(sign_in: SignIn) -> None:
    buyer = sign_in("buyer")
    buyer.get("/account/second-factor", 404)
    assert buyer.get("/sign-in/recovery-code", 303).location == "/account"


def test_password_alone_changes_no_second_factor(app: Flask) -> None:
    visitor = half_way(app, "admin")
    asked = visitor.get("/account/second-factor", 303)
    assert asked.location == "/sign-in/second-factor?next=/account/second-factor"
    visitor.get("/sign-in/second-factor/picture.svg", 404)
    assert visitor.get("/sign-in/second-factor/new", 303).location == "/sign-in/second-factor"


@pytest.mark.parametrize("guarded", [True, False], ids=["guarded", "control"])
def test_one_recovery_code_at_the_same_moment_lets_one_in(fresh_app: Flask, guarded: bool) -> None:
    """Control: who looks first and marks later lets all of them in."""
    with fresh_app.app_context():
        owner = queries.find_by_phone(PEOPLE["admin"].phone)
        assert owner
        person_id = owner.id
        hashes = list(second_factor.draw_recovery_codes().values())
        run_in_transaction(lambda: second_factor.keep_recovery_codes(SYSTEM, person_id, hashes))
        row_id = queries.list_recovery_hashes(person_id)[0][0]

        def looks_first() -> bool:
            return any(row_id == found for found, _hash in queries.list_recovery_hashes(person_id))

        def uses() -> bool:
            return run_in_transaction(lambda: second_factor.use_recovery_code(SYSTEM, person_id, row_id))

        answers = at_once(fresh_app, [uses if guarded else looks_first] * 6)
    assert sum(answers) == (1 if guarded else 6)


# Another authenticator


def test_another_authenticator_needs_the_password_and_ends_the_other_sessions(app: Flask, sign_in: SignIn) -> None:
    admin = sign_in("admin")
    with clock.at(clock.now() + timedelta(minutes=1)):
        other = sign_in("admin")
        fields = {"old_password": PEOPLE["admin"].password, "act": "authenticator"}
        shown = admin.follow(admin.submit("/account/second-factor", fields))
        secret = shown.soup.find("code").get_text().replace(" ", "")  # type: ignore[union-attr]
        assert secret != PEOPLE["admin"].totp
        other.get("/sign-in/second-factor/picture.svg", 404)  # only the browser that began sees it
        other.get("/staff/")  # nothing has changed before the first code
        done = admin.submit("/sign-in/second-factor/new", {"code": pyotp.TOTP(secret).at(clock.now())}, 200)
        assert len(CODE.findall(done.text)) == 10
        admin.get("/staff/")
        other.get("/staff/", 303)
        assert templates_to(app, "admin") == ["second_factor_changed"]
    with clock.at(clock.now() + timedelta(minutes=3)):
        old = pyotp.TOTP(PEOPLE["admin"].totp or "").at(clock.now())
        half_way(app, "admin").submit("/sign-in/second-factor", {"code": old}, 422)
        half_way(app, "admin").submit("/sign-in/second-factor", {"code": pyotp.TOTP(secret).at(clock.now())})


# A lost one


def reset(app: Flask, admin: Visitor, key: str) -> str:
    """Reset as an administrator and read the one-time code from the page."""
    page = admin.submit(f"/staff/people/{user_id(app, key)}", form="/reset-second-factor", status=200)
    assert page.answer.headers["Cache-Control"] == "no-store"
    return page.soup.find("code").get_text()  # type: ignore[union-attr]


@pytest.mark.parametrize("key", STAFF)
def test_lost_authenticator_is_reset_by_an_administrator_and_set_up_again_by_code(
    app: Flask, sign_in: SignIn, key: str
) -> None:
    admin, person = sign_in("admin"), sign_in(key)
    codes = new_codes(person, key)
    person.get("/staff/")
    code = reset(app, admin, key)
    person.get("/account", 303)  # every session ended
    assert templates_to(app, key) == ["second_factor_reset"]
    assert code not in str(messages_to(app, PEOPLE[key].phone)[-1].parameters)
    assert actions(app, key)[-1] == "second_factor.reset"
    again = half_way(app, key)
    recover_page = again.get("/sign-in/recovery-code", 303)
    assert recover_page.location == "/sign-in/second-factor/new"
    assert again.get("/sign-in/second-factor/new").form("/secret").fields.keys() == {"csrf_token", "code"}
    again.submit("/sign-in/second-factor/new", {"code": wrong(code)}, 422)
    again.get("/sign-in/second-factor/picture.svg", 404)
    shown = again.follow(again.submit("/sign-in/second-factor/new", {"code": code}))
    secret = shown.soup.find("code").get_text().replace(" ", "")  # type: ignore[union-attr]
    again.submit("/sign-in/second-factor/new", {"code": pyotp.TOTP(secret).at(clock.now())}, 200)
    again.get("/staff/")
    assert actions(app, key)[-2:] == ["second_factor.confirmed", "recovery_codes.made"]
    with clock.at(clock.now() + timedelta(minutes=1)):
        recover(half_way(app, key), codes[0], 422)


def test_whoever_knows_the_password_sets_nothing_up_without_the_code(app: Flask, sign_in: SignIn) -> None:
    code = reset(app, sign_in("admin"), "finance")
    thief, owner = half_way(app, "finance"), half_way(app, "finance")
    thief.submit("/sign-in/second-factor/new", {"code": ""}, 422)
    owner.submit("/sign-in/second-factor/new", {"code": code})
    thief.get("/sign-in/second-factor/picture.svg", 404)  # the secret is the owner's browser's alone
    thief.submit("/sign-in/second-factor/new", {"code": code}, 422)  # used up


def test_who_resets_cannot_sign_in_as_the_other(app: Flask, sign_in: SignIn) -> None:
    """The code replaces no password."""
    code = reset(app, sign_in("admin"), "finance")
    fields = {"phone": PEOPLE["finance"].phone, "code": code, "password": "山上的橙子 2026", "agree": "y"}
    Visitor(app).submit("/first-sign-in", fields, 422)
    Visitor(app).submit("/reset", {k: v for k, v in fields.items() if k != "agree"}, 422)


def test_code_after_a_reset_is_good_for_an_hour_and_a_new_reset_gives_another(app: Flask, sign_in: SignIn) -> None:
    admin = sign_in("admin")
    first = reset(app, admin, "bureau")
    second = reset(app, admin, "bureau")
    visitor = half_way(app, "bureau")
    if first != second:
        visitor.submit("/sign-in/second-factor/new", {"code": first}, 422)
    with clock.at(clock.now() + timedelta(minutes=60)):
        visitor.submit("/sign-in/second-factor/new", {"code": second}, 422)
    with clock.at(clock.now() + timedelta(minutes=59)):
        visitor.submit("/sign-in/second-factor/new", {"code": second})


def test_guessing_the_code_after_a_reset_is_limited(app: Flask, sign_in: SignIn) -> None:
    code = reset(app, sign_in("admin"), "bureau")
    visitor = half_way(app, "bureau")
    for _ in range(5):
        visitor.submit("/sign-in/second-factor/new", {"code": wrong(code)}, 422)
    visitor.submit("/sign-in/second-factor/new", {"code": code}, 429)


def test_nobody_resets_the_own_second_factor_nor_one_that_is_not_there(app: Flask, sign_in: SignIn) -> None:
    admin = sign_in("admin")
    token = admin.get("/account").form("/sign-out").fields["csrf_token"]
    for key, said in (("admin", "另一位管理员"), ("buyer", "没有设置过动态码")):
        answer = admin.post(f"/staff/people/{user_id(app, key)}/reset-second-factor", {"csrf_token": token})
        assert said in admin.follow(answer).text
    admin.get("/staff/")


def test_only_administrator_is_told_to_find_a_second_one(app: Flask, sign_in: SignIn) -> None:
    admin = sign_in("admin")
    assert "管理员只有您一位" in admin.get("/account/second-factor").text
    buyer = user_id(app, "buyer")
    with app.app_context():
        run_in_transaction(lambda: bool(services.grant_role(SYSTEM, buyer, Role.ADMIN)))
    assert "管理员只有您一位" not in admin.get("/account/second-factor").text


def test_only_administrator_is_let_in_again_from_the_server(app: Flask) -> None:
    phone = PEOPLE["admin"].phone
    done = app.test_cli_runner().invoke(args=["users", "reset-second-factor", phone])
    assert done.exit_code == 0, done.output
    code = re.search(r"one-time code (\d{6})", done.output)
    assert code
    half_way(app, "admin").submit("/sign-in/second-factor/new", {"code": code[1]})
    unknown = app.test_cli_runner().invoke(args=["users", "reset-second-factor", "13900009999"])
    assert unknown.exit_code == 1
    assert "no account" in unknown.output


def test_dynamic_codes_at_the_same_moment_are_counted(fresh_app: Flask) -> None:
    """Twenty wrong ones at once: five are looked at. Control: that of the codes by SMS, counted in the same way."""
    with fresh_app.app_context():
        owner = queries.find_by_phone(PEOPLE["admin"].phone)
        assert owner
        person_id = owner.id
        answers = at_once(
            fresh_app, [lambda: run_in_transaction(lambda: second_factor.verify(person_id, "000000"))] * 20
        )
    assert answers.count(False) == 5
    assert sum(isinstance(answer, TooManyTriesError) for answer in answers) == 15
