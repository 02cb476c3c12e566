"""Ways in: right, wrong, too often, too late, with somebody else's cookie."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pyotp
import pytest
from flask import Flask
from sqlalchemy import select

from marketplace import clock
from marketplace.accounts import services
from marketplace.accounts.models import Acceptance, CodePurpose, Document
from marketplace.accounts.queries import find_by_phone
from marketplace.audit import SYSTEM
from marketplace.database import db, run_in_transaction
from tests.accounts.codes import last_code, messages_to, wrong
from tests.browsing import Visitor, copy_of
from tests.page import Page
from tests.people import PEOPLE

NEW_PHONE = "13900001234"
NEW_PASSWORD = "山上的橙子 2026"
SignIn = Callable[[str], Visitor]


def enter(visitor: Visitor, password: str, status: int = 303, phone: str = PEOPLE["buyer"].phone) -> Page:
    return visitor.submit("/sign-in", {"phone": phone, "password": password}, status)


def user_id(app: Flask, key: str) -> int:
    with app.app_context():
        user = find_by_phone(PEOPLE[key].phone)
        assert user
        return user.id


# Password


def test_buyer_signs_in_and_lands_on_the_own_page(visitor: Visitor) -> None:
    answer = enter(visitor, PEOPLE["buyer"].password)
    assert answer.location == "/account"
    assert PEOPLE["buyer"].name in visitor.follow(answer).text


def test_farmer_lands_on_what_waits_for_the_own_shop(visitor: Visitor) -> None:
    farmer = PEOPLE["farmer"]
    answer = enter(visitor, farmer.password, phone=farmer.phone)
    assert answer.location == "/seller/"
    visitor.get(answer.location)


def test_phone_may_be_typed_with_blanks_and_country_code(visitor: Visitor) -> None:
    assert enter(visitor, PEOPLE["buyer"].password, phone="+86 138 0000 0001").location == "/account"


def test_after_signing_in_one_goes_on_to_the_page_one_wanted(visitor: Visitor) -> None:
    asked = visitor.get("/account/addresses", 303)
    assert asked.location == "/sign-in?next=/account/addresses"
    answer = visitor.submit(
        asked.location, {"phone": PEOPLE["buyer"].phone, "password": PEOPLE["buyer"].password}
    )
    assert answer.location == "/account/addresses"


def test_english_reader_stays_in_english(visitor: Visitor) -> None:
    asked = visitor.get("/en/account", 303)
    assert asked.location == "/en/sign-in?next=/en/account"
    answer = visitor.submit(
        asked.location, {"phone": PEOPLE["buyer"].phone, "password": PEOPLE["buyer"].password}
    )
    assert answer.location == "/en/account"


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"]
)
def test_sign_in_never_leads_to_another_site(visitor: Visitor, target: str) -> None:
    page = visitor.get("/sign-in", query_string={"next": target})
    fields = page.form().fields | {"phone": PEOPLE["buyer"].phone, "password": PEOPLE["buyer"].password}
    assert visitor.post("/sign-in", fields, query_string={"next": target}).location == "/account"


def test_wrong_password_and_unknown_phone_get_the_same_answer(app: Flask) -> None:
    bodies = set()
    for phone in (PEOPLE["buyer"].phone, "13999999999"):
        page = enter(Visitor(app), "not the password", 422, phone)
        assert page.errors() == {"password": "手机号或密码不对"}
        token = page.form().fields["csrf_token"]
        bodies.add(page.answer.get_data(as_text=True).replace(phone, "").replace(token, ""))
    assert len(bodies) == 1


def test_typed_phone_is_kept_and_the_password_is_not(visitor: Visitor) -> None:
    page = enter(visitor, "not the password", 422)
    assert page.form().fields["phone"] == PEOPLE["buyer"].phone
    assert "not the password" not in page.answer.get_data(as_text=True)


def test_empty_form_says_what_is_missing(visitor: Visitor) -> None:
    page = visitor.submit("/sign-in", {"phone": "", "password": ""}, 422)
    assert page.errors() == {"phone": "请填手机号", "password": "请填密码"}


def test_form_without_token_is_refused(visitor: Visitor) -> None:
    visitor.post("/sign-in", {"phone": PEOPLE["buyer"].phone, "password": PEOPLE["buyer"].password}, 400)


# Limits


def test_ten_wrong_passwords_from_one_address_are_enough(app: Flask) -> None:
    visitor = Visitor(app)
    for _ in range(10):
        enter(visitor, "not the password", 422)
    enter(visitor, "not the password", 429)
    enter(visitor, PEOPLE["buyer"].password, 429)
    spoofed = visitor.submit(
        "/sign-in",
        {"phone": PEOPLE["buyer"].phone, "password": PEOPLE["buyer"].password},
        429,
        headers={"X-Forwarded-For": "203.0.113.9"},
    )
    assert "分钟" in spoofed.text


def test_owner_still_gets_in_from_another_address_and_the_guesser_after_a_while(app: Flask) -> None:
    guesser, owner = Visitor(app), Visitor(app)
    for _ in range(12):
        answer = guesser.get("/sign-in").form().fields | {"phone": PEOPLE["buyer"].phone, "password": "x"}
        guesser.client.post("/sign-in", data=answer)
    page = owner.get("/sign-in")
    right = page.form().fields | {"phone": PEOPLE["buyer"].phone, "password": PEOPLE["buyer"].password}
    owner.post("/sign-in", right, 303, environ_base={"REMOTE_ADDR": "198.51.100.7"})
    with clock.at(clock.now() + timedelta(minutes=6)):
        enter(guesser, PEOPLE["buyer"].password)


def test_right_passwords_are_not_counted(app: Flask) -> None:
    for _ in range(12):
        enter(Visitor(app), PEOPLE["buyer"].password)


# Sessions


def test_cookie_from_before_signing_in_stays_anonymous(app: Flask) -> None:
    visitor = Visitor(app)
    visitor.get("/sign-in")
    before = visitor.client.get_cookie("session")
    assert before
    enter(visitor, PEOPLE["buyer"].password)
    after = visitor.client.get_cookie("session")
    assert after
    assert after.value != before.value
    copied = Visitor(app)
    copied.client.set_cookie("session", before.value)
    copied.get("/account", 303)


def test_copied_cookie_is_dead_after_signing_out(app: Flask, sign_in: SignIn) -> None:
    visitor, thief = sign_in("buyer"), copy_of(app, sign_in("buyer"))
    thief.get("/account")
    thief = copy_of(app, visitor)
    visitor.submit("/account", form="/sign-out")
    visitor.get("/account", 303)
    thief.get("/account", 303)


def test_copied_cookie_is_dead_after_the_password_changed(app: Flask, sign_in: SignIn) -> None:
    visitor, other = sign_in("buyer"), sign_in("buyer")
    thief = copy_of(app, visitor)
    visitor.submit("/account/password", {"old_password": PEOPLE["buyer"].password, "password": NEW_PASSWORD})
    visitor.get("/account")
    thief.get("/account", 303)
    other.get("/account", 303)
    enter(Visitor(app), PEOPLE["buyer"].password, 422)
    enter(Visitor(app), NEW_PASSWORD)
    assert [message.template for message in messages_to(app, PEOPLE["buyer"].phone)] == ["password_changed"]


def test_suspended_person_is_out_at_the_next_request_and_cannot_come_back(
    app: Flask, sign_in: SignIn
) -> None:
    visitor = sign_in("buyer")
    buyer_id = user_id(app, "buyer")
    with app.app_context():
        run_in_transaction(lambda: services.suspend(SYSTEM, buyer_id, reason="test"))
    visitor.get("/account", 303)
    page = enter(Visitor(app), PEOPLE["buyer"].password, 422)
    assert "停用" in page.text
    with app.app_context():
        run_in_transaction(lambda: services.reinstate(SYSTEM, buyer_id))
    visitor.get("/account", 303)
    enter(Visitor(app), PEOPLE["buyer"].password)


def test_forged_cookie_is_nobody(app: Flask) -> None:
    visitor = Visitor(app)
    visitor.client.set_cookie("session", "eyJzaWQiOiJ4In0.forged.signature")
    visitor.get("/account", 303)


def test_signing_out_needs_a_token(sign_in: SignIn) -> None:
    visitor = sign_in("buyer")
    visitor.post("/sign-out", {}, 400)
    visitor.get("/account")


def test_private_pages_are_kept_by_nobody(sign_in: SignIn) -> None:
    assert sign_in("buyer").get("/account").answer.headers["Cache-Control"] == "no-store"


# Sign-up


def sign_up(visitor: Visitor, phone: str = NEW_PHONE) -> Page:
    answer = visitor.submit("/sign-up", {"phone": phone})
    assert answer.location == "/sign-up/finish"
    return visitor.follow(answer)


def finish(visitor: Visitor, code: str, status: int = 303, **changes: str) -> Page:
    fields = {"code": code, "name": "新来的", "password": NEW_PASSWORD, "agree": "y"} | changes
    return visitor.submit("/sign-up/finish", fields, status)


def test_newcomer_signs_up_by_code_accepts_both_documents_and_is_signed_in(
    app: Flask, visitor: Visitor
) -> None:
    assert "139****1234" in sign_up(visitor).text
    answer = finish(visitor, last_code(app, NEW_PHONE))
    assert answer.location == "/account"
    assert "新来的" in visitor.follow(answer).text
    with app.app_context():
        user = find_by_phone(NEW_PHONE)
        assert user
        accepted = select(Acceptance.document).where(Acceptance.user_id == user.id)
        assert set(db.session.execute(accepted).scalars()) == set(Document)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"agree": ""}, "agree"),
        ({"password": "12345678"}, "password"),
        ({"password": "x13900001234"}, "password"),
        ({"name": "  "}, "name"),
        ({"code": "12"}, "code"),
        ({"versions": "2015-01-01 2015-01-01"}, "agree"),
    ],
)
def test_what_is_missing_is_said_at_its_field_and_the_code_stays_good(
    app: Flask, visitor: Visitor, changes: dict[str, str], field: str
) -> None:
    sign_up(visitor)
    code = last_code(app, NEW_PHONE)
    assert list(finish(visitor, status=422, **{"code": code, **changes}).errors()) == [field]
    finish(visitor, code)


def test_wrong_code_is_counted_and_five_are_too_many(app: Flask, visitor: Visitor) -> None:
    sign_up(visitor)
    code = last_code(app, NEW_PHONE)
    for _ in range(5):
        assert finish(visitor, wrong(code), 422).errors() == {"code": "验证码不对或者过期了"}
    finish(visitor, code, 429)
    with clock.at(clock.now() + timedelta(minutes=11)):
        finish(visitor, code, 422)


def test_code_is_good_once(app: Flask, visitor: Visitor) -> None:
    sign_up(visitor)
    code = last_code(app, NEW_PHONE)
    finish(visitor, code)
    with app.app_context():
        assert not run_in_transaction(lambda: services.use_code(NEW_PHONE, CodePurpose.SIGN_UP, code))


def test_code_is_good_for_ten_minutes(app: Flask, visitor: Visitor) -> None:
    sign_up(visitor)
    code = last_code(app, NEW_PHONE)
    with clock.at(clock.now() + timedelta(minutes=10)):
        finish(visitor, code, 422)


def test_only_the_newest_code_is_good(app: Flask, visitor: Visitor) -> None:
    sign_up(visitor)
    first = last_code(app, NEW_PHONE)
    sign_up(visitor)
    second = last_code(app, NEW_PHONE)
    if first != second:
        finish(visitor, first, 422)
    finish(visitor, second)


def test_code_of_one_purpose_opens_nothing_else(app: Flask, visitor: Visitor) -> None:
    phone = PEOPLE["buyer"].phone
    visitor.submit("/forgotten", {"phone": phone})
    sign_up(visitor, phone)
    finish(visitor, last_code(app, phone), 422)


def test_sign_up_of_a_known_phone_answers_the_same_and_tells_the_phone_only(app: Flask) -> None:
    bodies = []
    for phone in (PEOPLE["buyer"].phone, NEW_PHONE):
        visitor = Visitor(app)
        page = sign_up(visitor, phone)
        text = page.answer.get_data(as_text=True).replace(page.form().fields["csrf_token"], "")
        bodies.append(text.replace(phone[:3] + "****" + phone[-4:], ""))
    assert bodies[0] == bodies[1]
    assert [message.template for message in messages_to(app, PEOPLE["buyer"].phone)] == ["account_exists"]
    assert [message.template for message in messages_to(app, NEW_PHONE)] == ["code"]


def test_five_codes_a_day_go_to_one_phone(app: Flask, visitor: Visitor) -> None:
    for _ in range(5):
        sign_up(visitor)
    page = visitor.submit("/sign-up", {"phone": NEW_PHONE}, 429)
    assert "24 小时" in page.text
    assert len(messages_to(app, NEW_PHONE)) == 5
    visitor.submit("/sign-up", {"phone": "13900005678"})


def test_twenty_codes_a_day_go_out_for_one_address(app: Flask, visitor: Visitor) -> None:
    for n in range(20):
        visitor.submit("/sign-up", {"phone": f"1390000{n:04d}"})
    visitor.submit("/sign-up", {"phone": "13900009999"}, 429)


def test_second_step_without_the_first_leads_back(visitor: Visitor) -> None:
    assert visitor.get("/sign-up/finish", 303).location == "/sign-up"


# Forgotten password


def forgotten(visitor: Visitor, phone: str) -> Page:
    answer = visitor.submit("/forgotten", {"phone": phone})
    assert answer.location == "/reset"
    return visitor.follow(answer)


def test_forgotten_password_is_set_anew_by_code_and_every_session_ends(
    app: Flask, visitor: Visitor, sign_in: SignIn
) -> None:
    other = sign_in("buyer")
    phone = PEOPLE["buyer"].phone
    assert forgotten(visitor, phone).form().fields["phone"] == phone
    visitor.submit("/reset", {"code": last_code(app, phone), "password": NEW_PASSWORD})
    visitor.get("/account")
    other.get("/account", 303)
    enter(Visitor(app), PEOPLE["buyer"].password, 422)
    enter(Visitor(app), NEW_PASSWORD)


def test_reset_of_an_unknown_phone_answers_the_same_and_sends_nothing(app: Flask) -> None:
    bodies = []
    for phone in (PEOPLE["buyer"].phone, NEW_PHONE):
        page = forgotten(Visitor(app), phone)
        text = page.answer.get_data(as_text=True).replace(page.form().fields["csrf_token"], "")
        bodies.append(text.replace(phone, ""))
    assert bodies[0] == bodies[1]
    assert messages_to(app, NEW_PHONE) == []


def test_reset_code_is_dead_after_a_password_change(app: Flask, visitor: Visitor, sign_in: SignIn) -> None:
    phone = PEOPLE["buyer"].phone
    forgotten(visitor, phone)
    code = last_code(app, phone)
    sign_in("buyer").submit(
        "/account/password", {"old_password": PEOPLE["buyer"].password, "password": NEW_PASSWORD}
    )
    visitor.submit("/reset", {"code": code, "password": "另一个长密码"}, 422)


def test_reset_message_is_the_same_whatever_the_host_says(app: Flask, visitor: Visitor) -> None:
    fields = visitor.get("/forgotten").form().fields | {"phone": PEOPLE["buyer"].phone}
    visitor.post("/forgotten", fields, 303, headers={"X-Forwarded-Host": "evil.example"})
    hostile = visitor.client.post("/forgotten", data=fields, headers={"Host": "evil.example"})
    assert hostile.status_code == 400
    assert all("evil" not in str(message.parameters) for message in messages_to(app, PEOPLE["buyer"].phone))


# Second factor


def totp(key: str, shift: int = 0) -> str:
    return pyotp.TOTP(PEOPLE[key].totp or "").at(clock.now() + timedelta(seconds=shift))


def test_staff_see_nothing_before_the_second_factor(app: Flask) -> None:
    visitor = Visitor(app)
    answer = visitor.submit(
        "/sign-in", {"phone": PEOPLE["admin"].phone, "password": PEOPLE["admin"].password}
    )
    assert answer.location == "/sign-in/second-factor"
    for path in ("/staff/", "/staff/people/", "/staff/settings", "/staff/jobs/"):
        assert visitor.get(path, 303).location.startswith("/sign-in/second-factor?next=/staff/")
    visitor.get("/account")


def test_right_code_opens_the_office_in_a_fresh_session(app: Flask, visitor: Visitor) -> None:
    visitor.submit("/sign-in", {"phone": PEOPLE["admin"].phone, "password": PEOPLE["admin"].password})
    half = copy_of(app, visitor)
    asked = visitor.get("/staff/people/", 303)
    answer = visitor.submit(asked.location, {"code": totp("admin")})
    assert answer.location == "/staff/people/"
    visitor.follow(answer)
    half.get("/staff/", 303)


def test_code_of_the_authenticator_is_good_once(app: Flask, visitor: Visitor) -> None:
    visitor.sign_in(PEOPLE["admin"])
    other = Visitor(app)
    answer = other.submit("/sign-in", {"phone": PEOPLE["admin"].phone, "password": PEOPLE["admin"].password})
    page = other.submit(answer.location, {"code": totp("admin")}, 422)
    assert "用过" in page.errors()["code"]
    other.submit(answer.location, {"code": totp("admin", -30)}, 422)
    other.submit(answer.location, {"code": totp("admin", 30)})


def test_five_wrong_codes_stop_the_sixth_even_when_it_is_right(app: Flask, visitor: Visitor) -> None:
    answer = visitor.submit(
        "/sign-in", {"phone": PEOPLE["admin"].phone, "password": PEOPLE["admin"].password}
    )
    for _ in range(5):
        visitor.submit(answer.location, {"code": wrong(totp("admin"))}, 422)
    visitor.submit(answer.location, {"code": totp("admin")}, 429)


def test_reset_of_the_password_does_not_skip_the_second_factor(app: Flask, visitor: Visitor) -> None:
    phone = PEOPLE["finance"].phone
    forgotten(visitor, phone)
    answer = visitor.submit("/reset", {"code": last_code(app, phone), "password": NEW_PASSWORD})
    assert answer.location == "/sign-in/second-factor"
    visitor.get("/staff/", 303)


def test_first_administrator_comes_in_by_a_code_told_by_hand(app: Flask, visitor: Visitor) -> None:
    with app.app_context():
        code = run_in_transaction(lambda: services.create_admin(NEW_PHONE, "第一位"))
    with clock.at(clock.now() + timedelta(minutes=59)):
        fields = {"phone": NEW_PHONE, "code": code, "password": NEW_PASSWORD, "agree": "y"}
        answer = visitor.submit("/first-sign-in", fields)
        set_up = visitor.follow(visitor.follow(answer, 303))
        assert set_up.path == "/sign-in/second-factor/new"
        visitor.get("/sign-in/second-factor/picture.svg", 404)
        shown = visitor.follow(visitor.submit("/sign-in/second-factor/new"))
        picture = visitor.get("/sign-in/second-factor/picture.svg")
        assert picture.answer.mimetype == "image/svg+xml"
        assert "style=" not in picture.text
        secret = shown.soup.find("code").get_text().replace(" ", "")  # type: ignore[union-attr]
        right = pyotp.TOTP(secret).at(clock.now())
        visitor.submit("/sign-in/second-factor/new", {"code": wrong(right)}, 422)
        done = visitor.submit("/sign-in/second-factor/new", {"code": right}, 200)
        assert "/staff/" in done.links()
        visitor.get("/staff/")
        visitor.get("/sign-in/second-factor/picture.svg", 404)
    Visitor(app).submit(
        "/first-sign-in", {"phone": NEW_PHONE, "code": code, "password": NEW_PASSWORD, "agree": "y"}, 422
    )


def test_code_told_by_hand_dies_after_an_hour(app: Flask, visitor: Visitor) -> None:
    with app.app_context():
        code = run_in_transaction(lambda: services.create_admin(NEW_PHONE, "第一位"))
    with clock.at(clock.now() + timedelta(minutes=60)):
        fields = {"phone": NEW_PHONE, "code": code, "password": NEW_PASSWORD, "agree": "y"}
        visitor.submit("/first-sign-in", fields, 422)


def test_buyers_have_no_second_factor_page(sign_in: SignIn) -> None:
    visitor = sign_in("buyer")
    visitor.get("/sign-in/second-factor/new", 404)
    visitor.get("/sign-in/second-factor/picture.svg", 404)
    assert visitor.get("/sign-in/second-factor", 303).location == "/account"


# New rules


def test_new_version_of_the_rules_is_asked_for_before_anything_else(
    app: Flask, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitor = sign_in("buyer")
    monkeypatch.setitem(services.rules.VERSIONS, Document.RULES, "2027-01-01")
    asked = visitor.get("/account/addresses", 303)
    assert asked.location == "/account/accept?next=/account/addresses"
    visitor.get("/pages/rules")
    page = visitor.submit(asked.location, {}, 422)
    assert page.errors() == {"agree": "要同意规则和隐私政策才能继续"}
    answer = visitor.submit(asked.location, {"agree": "y"})
    assert answer.location == "/account/addresses"
    visitor.follow(answer)
