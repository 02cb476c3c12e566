"""Passwords, credit codes, roles and devices, row by row."""

from __future__ import annotations

import pytest
from flask import Flask

from marketplace.accounts import passwords, rules
from marketplace.permissions import Role

PHONE = "13900000000"
AS_DECIDED = passwords._hasher  # before the suite puts a cheap one in its place


@pytest.mark.parametrize(
    "password",
    ["short", "12345678", "password1", "PASSWORD1", "aaaaaaaaaaaa", "98765432", "my13900000000", "x" * 129],
)
def test_weak_passwords_are_refused(app: Flask, password: str) -> None:
    with app.test_request_context(), pytest.raises(rules.WeakPasswordError):
        rules.check_password(password, phone=PHONE)


@pytest.mark.parametrize(
    "password",
    ["ganchengji-2026", "今天的橙子很甜啊", "x y z 9 b c", "correct horse battery", "ab" * 30 + "c"],
)
def test_any_long_enough_password_is_good(app: Flask, password: str) -> None:
    with app.test_request_context():
        rules.check_password(password, phone=PHONE)


def test_password_is_hashed_as_decided_and_checked_without_a_hash_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "_hasher", AS_DECIDED)
    hashed = passwords.hash_password("ganchengji-2026")
    assert hashed.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert passwords.matches(hashed, "ganchengji-2026")
    assert not passwords.matches(hashed, "ganchengji-2027")
    assert not passwords.matches(None, "ganchengji-2026")
    assert not passwords.matches(None, "nobody's password")


@pytest.mark.parametrize(
    ("code", "is_right"),
    [
        ("91350100M000100Y43", True),
        ("91360702MA00000230", True),
        ("91350100M000100Y44", False),
        ("91350100M000100Y4", False),
        ("91350100M000100Y433", False),
        ("91350100M000100I43", False),
        ("91350100m000100y43", False),
        ("", False),
        ("１1350100M000100Y43", False),
    ],
)
def test_credit_code_has_the_check_character_of_the_standard(code: str, is_right: bool) -> None:
    assert rules.credit_code_check(code) is is_right


def test_credit_code_may_be_typed_with_blanks_and_small_letters(app: Flask) -> None:
    with app.test_request_context():
        assert rules.check_credit_code(" 91350100 m000100y43 ") == "91350100M000100Y43"
        with pytest.raises(rules.CreditCodeError):
            rules.check_credit_code("91350100M000100Y4")


@pytest.mark.parametrize(
    ("role", "area", "is_right"),
    [
        (Role.CENTRE_STAFF, "360722", True),
        (Role.CENTRE_STAFF, None, False),
        (Role.CENTRE_STAFF, "440305", False),
        (Role.BUREAU, None, True),
        (Role.BUREAU, "360722", False),
        (Role.ADMIN, "360722", False),
    ],
)
def test_only_centre_staff_have_a_county(app: Flask, role: Role, area: str | None, is_right: bool) -> None:
    with app.test_request_context():
        if is_right:
            rules.check_role_area(role, area, {"360722", "360726"})
        else:
            with pytest.raises(rules.RoleAreaError):
                rules.check_role_area(role, area, {"360722", "360726"})


@pytest.mark.parametrize(
    ("agent", "label"),
    [
        (
            "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/120 Mobile Safari/537.36",
            "Chrome · Android",
        ),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 17) MicroMessenger/8.0 Safari", "WeChat · iPhone"),
        ("curl/8", ""),
        ("<script>alert(1)</script>", ""),
    ],
)
def test_device_is_named_in_two_known_words(agent: str, label: str) -> None:
    assert rules.device_label(agent) == label
