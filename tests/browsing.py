"""A visitor who reads pages as parsed documents; every page has to pass the checks that hold for all."""

from __future__ import annotations

from typing import Any

import pyotp
from flask import Flask, session
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from marketplace import clock
from marketplace.accounts import entry
from marketplace.accounts.queries import find_by_phone
from marketplace.database import db
from tests.page import Page
from tests.people import Person


class Visitor:
    """One browser: follows nothing by itself, keeps its cookies, checks each page."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.client: FlaskClient = app.test_client()
        self.person: Person | None = None

    def get(self, path: str, status: int = 200, **options: Any) -> Page:
        """A page by its address, with the status that is expected."""
        return self._page(self.client.get(path, **options), status)

    def post(self, path: str, data: dict[str, Any] | None = None, status: int = 303, **options: Any) -> Page:
        """Send a form's fields as they are, without a token unless data has one."""
        return self._page(self.client.post(path, data=data or {}, **options), status)

    def submit(
        self,
        path: str,
        data: dict[str, Any] | None = None,
        status: int = 303,
        *,
        form: str | None = None,
        **options: Any,
    ) -> Page:
        """Open the page, fill its form (found by its action, else the first that posts), and send it."""
        page = self.get(path)
        found = page.form(form)
        fields = found.fields | (data or {})
        options.setdefault("headers", {"Sec-Fetch-Site": "same-origin"})
        return self._page(self.client.post(found.action or path, data=fields, **options), status)

    def follow(self, page: Page, status: int = 200) -> Page:
        """The page to which an answer redirects."""
        assert page.location, f"no redirect but {page.status}"
        return self.get(page.location, status)

    def sign_in(self, person: Person) -> Visitor:
        """Sign in with phone and password, and the second factor where one is asked for."""
        answer = self.submit("/sign-in", {"phone": person.phone, "password": person.password})
        if person.totp:
            code = pyotp.TOTP(person.totp).at(clock.now())
            answer = self.submit(answer.location, {"code": code})
        self.person = person
        return self

    def enter(self, person: Person) -> Visitor:
        """Signed in as by the pages, second factor included, without the pages, which have tests of their own."""
        with self.app.test_request_context():
            user = find_by_phone(person.phone)
            assert user, person
            entry.enter(user.id, second_factor=person.totp is not None)
            answer = self.app.make_response("")
            self.app.session_interface.save_session(self.app, session, answer)
            db.session.remove()
        cookie = answer.headers["Set-Cookie"].partition(";")[0]
        self.client.set_cookie("session", cookie.partition("=")[2])
        self.person = person
        return self

    def _page(self, answer: TestResponse, status: int) -> Page:
        page = Page(answer)
        assert page.status == status, (
            f"{answer.request.path}: {page.status} instead of {status}\n{page.text[:1500]}"
        )
        if page.is_html:
            page.check()
        return page


def copy_of(app: Flask, visitor: Visitor) -> Visitor:
    """Another browser with the same cookie."""
    cookie = visitor.client.get_cookie("session")
    assert cookie
    copied = Visitor(app)
    copied.client.set_cookie("session", cookie.value)
    return copied
