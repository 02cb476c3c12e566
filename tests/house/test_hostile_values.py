"""Whatever is typed or forged into any field of anybody's forms: an answer of the shop's, never a fault."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from wtforms import FieldList

from marketplace.forms import RowsField
from tests.browsing import Visitor
from tests.house import everything
from tests.house.source import PRODUCT
from tests.page import Form, Page

EXAMPLES = 20  # for each reader; each sends every form that was drawn once
HOSTILE: tuple[Any, ...] = (
    "", " ", "-1", "0", "１２", "٣", "²", "1_000", "1e3", "NaN", "null", "[]", "9" * 19, "9" * 5000, "a" * 1000,
    "\x00", "a\x00b", "1\r\nX: y", "\u202e𠀀🍊\u0301", "2026-02-30", "0001-01-01", "9999-12-31", ["1", "zz"], [],
    "<i>{{7*7}}</i>", "'; --", "%s%n", "../../etc/passwd", "on", b"\xff\xfe",
)  # fmt: skip
# Which pages each reader's forms stand on. What would end the visit, or lock the cast out, is left alone.
READERS: dict[str | None, str] = {
    None: "/(sign-in|sign-up|forgotten|orders/find|basket|checkout|p/|o/)",
    "buyer": "/(account|orders|basket|checkout|p/)",
    "coop_owner": "/seller/",
    "finance": "/staff/(payments|people)",
    "admin": "/staff/",
}
LEFT_ALONE = re.compile(
    r"sign-out|/password|/sessions|suspend|reinstate|revoke|end-sessions|second-factor|/choose"
)


def forms_of(app: Flask, visitor: Visitor, things: dict[str, object], area: str) -> list[Form]:
    """Each form that posts on the pages of an area, once for each action."""
    found: dict[str, Form] = {}
    for endpoint in sorted({rule.endpoint for rule in app.url_map.iter_rules()}):
        path, methods = everything.path_of(app, endpoint, things)
        if "GET" not in methods or not re.match(area, path) or LEFT_ALONE.search(path):
            continue
        page = Page(visitor.client.get(path))
        for form in page.soup.find_all("form", method="post") if page.status == 200 else ():
            action = str(form.get("action") or path)
            if not LEFT_ALONE.search(action):
                found.setdefault(re.sub(r"[0-9]{6,}", "#", action), _form(form, action))
    return list(found.values())


def _form(form: Any, action: str) -> Form:
    fields = {
        str(field["name"]): str(field.get("value", "")) for field in form.find_all(attrs={"name": True})
    }
    return Form(action, fields)


@pytest.mark.parametrize("key", READERS)
def test_no_value_of_any_field_is_a_fault(
    app: Flask, sign_in: Callable[[str], Visitor], key: str | None
) -> None:
    things = everything.make(app)
    visitor = sign_in(key) if key else Visitor(app)
    goods = {"product": things["product"], "pack": things["variant_id"], "count": "1"}
    visitor.client.post("/basket/add", data=goods, headers={"Sec-Fetch-Site": "same-origin"})
    forms = forms_of(app, visitor, things, READERS[key])
    assert forms

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(st.data())
    def send(data: st.DataObject) -> None:
        form = data.draw(st.sampled_from(forms))
        names = [name for name in form.fields if name != "csrf_token"] or ["x"]
        fields: dict[str, Any] = dict(form.fields)
        for name in data.draw(st.lists(st.sampled_from(names), min_size=1, max_size=3, unique=True)):
            fields[name] = data.draw(st.sampled_from(HOSTILE))
            if data.draw(st.booleans()):  # a row that is none, under the name of one that is
                row = data.draw(st.sampled_from(["²", "9" * 5000, "-1", "999"]))
                fields[re.sub(r"-[0-9]+-", f"-{row}-", name)] = "5"
        answer = visitor.client.post(form.action, data=fields, headers={"Sec-Fetch-Site": "same-origin"})
        assert answer.status_code < 500, (form.action, fields)

    send()


@pytest.mark.parametrize(
    ("key", "path", "name"),
    [
        ("finance", "/staff/people/companies/{company_id}/verify", "credit_code"),
        ("coop_owner", "/seller/products/new", "batch"),
        ("admin", "/staff/sellers/{shop}/status", "reason"),
    ],
)
def test_a_nul_byte_is_refused_before_any_field_is_read(
    app: Flask, sign_in: Callable[[str], Visitor], key: str, path: str, name: str
) -> None:
    """PostgreSQL refuses such a text, SQLite would store it; no browser sends one."""
    visitor, things = sign_in(key), everything.make(app)
    token = visitor.get("/account/name").form().fields["csrf_token"]
    visitor.post(path.format(**things), {"csrf_token": token, name: "a\x00b", "status": "suspended"}, 400)
    visitor.post(path.format(**things), {"csrf_token": token, f"{name}\x00": "a", "status": "suspended"}, 400)


def test_rows_of_forms_are_numbered_by_one_field() -> None:
    assert issubclass(RowsField, FieldList)
    users = [
        path
        for path in PRODUCT.rglob("*.py")
        if re.search(r"\bFieldList\b", path.read_text(encoding="utf-8"))
    ]
    assert users == [PRODUCT / "forms.py"]
