"""Unsent messages as operations see them, and nobody else."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import update

from marketplace.database import db, run_in_transaction
from marketplace.notifications import services
from marketplace.notifications.models import MessageStatus, OutboxMessage
from tests.browsing import Visitor

SignIn = Callable[[str], Visitor]
PHONE = "13900002222"


def park(app: Flask, template: str = "order_placed", **parameters: object) -> None:
    values = parameters or {"code": "7K2M9P4QX1C5"}
    with app.app_context():
        run_in_transaction(lambda: services.notify(template, phone=PHONE, parameters=values))
        change = update(OutboxMessage).values(status=MessageStatus.PARKED, tries=8, last_error="no route")
        run_in_transaction(
            lambda: db.session.execute(change.where(OutboxMessage.recipient == PHONE)) and None
        )


@pytest.mark.parametrize("key", ["buyer", "farmer", "finance", "bureau", "staff_xinfeng"])
def test_others_do_not_see_messages(sign_in: SignIn, key: str) -> None:
    sign_in(key).get("/staff/messages/", 403)


def test_parked_message_is_shown_masked_and_sent_again(app: Flask, sign_in: SignIn) -> None:
    park(app)
    admin = sign_in("admin")
    page = admin.get("/staff/messages/")
    assert "139****2222" in page.text
    assert PHONE not in page.text
    assert "no route" in page.text
    answer = admin.submit("/staff/messages/", form="/retry")
    assert "马上再发" in admin.follow(answer).text
    assert "139****2222" in admin.get("/staff/messages/", query_string={"status": "waiting"}).text


def test_code_is_neither_shown_nor_sent_again(app: Flask, sign_in: SignIn) -> None:
    park(app, "code", code="483920", minutes=10)
    admin = sign_in("admin")
    for state in ("parked", "waiting", "sent"):
        page = admin.get("/staff/messages/", query_string={"status": state})
        assert "483920" not in page.answer.get_data(as_text=True)
        assert not page.soup.select("form[action$='/retry']")


def test_unknown_state_or_message_is_not_found(sign_in: SignIn) -> None:
    admin = sign_in("admin")
    admin.get("/staff/messages/", 404, query_string={"status": "lost"})
    token = admin.get("/account").form("/sign-out").fields["csrf_token"]
    admin.post("/staff/messages/1/retry", {"csrf_token": token}, 404)
