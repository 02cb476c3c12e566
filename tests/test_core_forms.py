"""What people type becomes a value or a sentence at its field; never a crash, never something half-read."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.datastructures import MultiDict
from wtforms import PasswordField, TextAreaField

from marketplace.errors import DomainError
from marketplace.forms import (
    BaseForm,
    CodeField,
    CountField,
    KilosField,
    MoneyField,
    Needed,
    PhoneField,
    normal_phone,
    plain_text,
    text_field,
)
from marketplace.money import MAX_FEN


class TypedForm(BaseForm):
    """One of each field."""

    class Meta(BaseForm.Meta):
        csrf = False

    price = MoneyField("price")
    count = CountField("count")
    weight = KilosField("weight")
    phone = PhoneField("phone")
    code = CodeField("code")
    name = text_field("name", 10, Needed("a name, please"))
    story = TextAreaField("story")
    password = PasswordField("password")


def filled(app: Flask, **typed: str) -> Any:
    with app.test_request_context("/", method="POST"):
        form = TypedForm(MultiDict({"name": "x"} | typed))
        form.validate()
        return form


NUMBERS = {
    "price": {"49.9": 4990, "１２": 1200, "1,234.50": 123450, "¥5": 500, "": None, "  ": None},
    "count": {"50": 50, "１２": 12, "1,000": 1000, "0": 0, "007": 7, "": None},
    "weight": {"5": 5000, "2.5": 2500, "０．５": 500, "0.001": 1, "1,000": 1_000_000, "": None},
    "phone": {
        "13800000001": "13800000001",
        "138 0000 0001": "13800000001",
        "+86 138-0000-0001": "13800000001",
        "008613800000001": "13800000001",
        "１３８００００００１１"[:11]: None,
    },
    "code": {"123456": "123456", "123 456": "123456", "１２３４５６": "123456", "": None},
}


@pytest.mark.parametrize(
    ("field", "typed", "value"),
    [
        (field, typed, value)
        for field, cases in NUMBERS.items()
        for typed, value in cases.items()
        if field != "phone" or value
    ],
)
def test_what_is_typed_becomes_a_value(shared_app: Flask, field: str, typed: str, value: Any) -> None:
    form = filled(shared_app, **{field: typed})
    assert form[field].data == value
    assert not form[field].errors


STRANGE = [
    "1_000", "NaN", "nan", "inf", "Infinity", "-1", "－1", "+1", "1e3", "0x10", "٣", "१२", "²", "½", "五", "1.2.3",
    "1..2", ".5", "5.", "9" * 30, "9" * 5000, "true", "null", "[]", "1 2", "1;2", "' OR 1=1 --", "{{7*7}}", "${7}",
    "\u202e49",
]  # fmt: skip


@pytest.mark.parametrize("typed", STRANGE)
@pytest.mark.parametrize("field", ["price", "count", "weight", "phone", "code"])
def test_what_cannot_be_read_is_refused_at_its_field_and_shown_again(
    shared_app: Flask, field: str, typed: str
) -> None:
    form = filled(shared_app, **{field: typed})
    assert form[field].data is None
    assert len(form[field].errors) == 1
    assert form[field]._value() == typed[:200]


@pytest.mark.parametrize(
    ("field", "typed"),
    [("count", "1.5"), ("count", "1234567890"), ("weight", "2.5555"), ("weight", "12345678"), ("code", "12345"),
     ("code", "1234567"), ("phone", "12800000001"), ("phone", "1380000000"), ("phone", "0797-1234567"),
     ("price", "12345678901234"), ("price", "0.001")],
)  # fmt: skip
def test_numbers_beyond_their_bounds_are_refused(shared_app: Flask, field: str, typed: str) -> None:
    assert filled(shared_app, **{field: typed})[field].errors


@given(st.text())
def test_no_text_breaks_a_field(shared_app: Flask, typed: str) -> None:
    form = filled(shared_app, price=typed, count=typed, weight=typed, phone=typed, code=typed, name=typed, story=typed)
    assert form.price.data is None or 0 <= form.price.data <= MAX_FEN
    assert form.count.data is None or 0 <= form.count.data < 10**9
    assert form.weight.data is None or 0 <= form.weight.data < 10**10
    assert form.phone.data is None or (len(form.phone.data) == 11 and form.phone.data.isascii())
    assert form.code.data is None or (len(form.code.data) == 6 and form.code.data.isascii())
    assert "\x00" not in (form.name.data or "") + (form.story.data or "")


@given(st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True))
def test_a_phone_is_the_same_however_it_is_written(phone: str) -> None:
    for written in (phone, f"+86{phone}", f"86 {phone}", f"{phone[:3]}-{phone[3:7]}-{phone[7:]}", f"（+86）{phone}"):
        assert normal_phone(written) == phone


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("  石坳 ", "石坳"),
        ("a\x00b", "ab"),
        ("a\u202eb\u2066c", "abc"),
        ("one\r\ntwo\n", "one\ntwo"),
        ("a\tb", "a\tb"),
        ("\x1b[31mred", "[31mred"),
        (None, None),
    ],
)
def test_text_is_cleaned_of_control_characters(typed: str | None, kept: str | None) -> None:
    assert plain_text(typed) == kept


def test_a_password_is_taken_as_it_was_typed(shared_app: Flask) -> None:
    assert filled(shared_app, password=" a\tb ").password.data == " a\tb "


def test_a_text_is_bounded_and_a_needed_one_asked_for(shared_app: Flask) -> None:
    assert not filled(shared_app, name="十" * 10).name.errors
    assert filled(shared_app, name="十" * 11).name.errors == ["最多 10 个字"]
    assert filled(shared_app, name="   ").name.errors == ["a name, please"]


def test_an_unreadable_needed_field_says_one_thing(shared_app: Flask) -> None:
    class NeededForm(TypedForm):
        price = MoneyField("price", [Needed()])

    with shared_app.test_request_context("/", method="POST"):
        form = NeededForm(MultiDict({"name": "x", "price": "abc"}))
        form.validate()
        assert form.price.errors == ["金额请写成数字，比如 49.90"]


def test_a_services_refusal_stands_at_its_field_or_above_the_form(shared_app: Flask) -> None:
    form = filled(shared_app)
    form.refuse(DomainError("too dear", field="price"))
    form.refuse(DomainError("closed"))
    form.refuse(DomainError("elsewhere", field="no such field"))
    assert form.price.errors == ["too dear"]
    assert form.form_errors == ["closed", "elsewhere"]


def test_fields_that_the_form_does_not_have_are_ignored(shared_app: Flask) -> None:
    form = filled(shared_app, seller_id="5", is_admin="1", status="paid")
    assert set(form.data) == {"price", "count", "weight", "phone", "code", "name", "story", "password"}
