"""What every answer says to the browser: what may run, who may keep it, where forms may go; whatever its status."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask, g, request
from werkzeug.test import TestResponse

from marketplace.database import db
from marketplace.orders.models import Order
from tests.browsing import Visitor
from tests.market import Market

SignIn = Callable[[str], Visitor]

POLICY = {
    "default-src": "'none'",
    "img-src": "'self' data: blob:",
    "style-src": "'self'",
    "script-src": "'self'",
    "connect-src": "'self'",
    "manifest-src": "'self'",
    "frame-ancestors": "'none'",
    "base-uri": "'none'",
}


def check(answer: TestResponse) -> None:
    """Strict headers (D22, ASVS 3.4)."""
    headers = answer.headers
    where = f"{answer.request.method} {answer.request.path}: {answer.status_code}"
    directives = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
    form_action = directives.pop("form-action").split()
    assert directives == POLICY, where
    assert form_action[0] == "'self'", where
    assert len(form_action) == 2, where
    assert headers["X-Content-Type-Options"] == "nosniff", where
    assert headers["Referrer-Policy"] == "same-origin", where
    assert headers["X-Frame-Options"] == "DENY", where
    assert "geolocation=()" in headers["Permissions-Policy"], where
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin", where
    assert "Access-Control-Allow-Origin" not in headers, where
    assert "Cache-Control" in headers, where
    if answer.mimetype.startswith("text/"):
        assert "charset=utf-8" in headers["Content-Type"], where
    if "Set-Cookie" in headers or answer.status_code >= 400:
        assert "no-store" in headers["Cache-Control"], where
    if "public" in headers["Cache-Control"]:
        assert "Set-Cookie" not in headers, where


# Found on every installation, whoever asks.
ANSWERS: dict[str, tuple[Callable[[Any], TestResponse], int]] = {
    "home": (lambda client: client.get("/"), 200),
    "list": (lambda client: client.get("/products"), 200),
    "rules": (lambda client: client.get("/pages/rules"), 200),
    "sign in": (lambda client: client.get("/sign-in"), 200),
    "to sign in": (lambda client: client.get("/account"), 303),
    "office, signed out": (lambda client: client.get("/staff/"), 303),
    "json": (lambda client: client.get("/areas/children?parent=360000"), 200),
    "alive": (lambda client: client.get("/healthz"), 200),
    "not ready": (lambda client: client.get("/readyz"), 503),
    "style sheet": (lambda client: client.get("/static/0/css/app.css"), 200),
    "no such page": (lambda client: client.get("/nowhere"), 404),
    "no such asset": (lambda client: client.get("/static/0/css/none.css"), 404),
    "no such method": (lambda client: client.delete("/"), 405),
    "trace": (lambda client: client.open("/", method="TRACE"), 405),
    "no token": (lambda client: client.post("/sign-in"), 400),
    "foreign basket": (lambda client: client.post("/basket/add", headers={"Sec-Fetch-Site": "cross-site"}), 403),
    "unsigned event": (lambda client: client.post("/webhooks/stripe", data=b"null"), 400),
    "a NUL byte": (lambda client: client.get("/search?q=%00"), 404),
    "broken utf-8": (lambda client: client.get("/search?q=%ff%fe"), 200),
    "a folder": (lambda client: client.get("/static/0/../../config.py"), 404),
    "a hidden file": (lambda client: client.get("/.git/config"), 404),
    "only the head": (lambda client: client.head("/pages/rules"), 200),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_headers_are_strict_on_every_answer(visitor: Visitor, name: str) -> None:
    ask, status = ANSWERS[name]
    with ask(visitor.client) as answer:
        assert answer.status_code == status
        check(answer)


def test_a_request_that_is_too_large_is_told_so(app: Flask, visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.config, "MAX_CONTENT_LENGTH", 1000)
    answer = visitor.client.post("/sign-in", data={"phone": "1" * 2000})
    assert answer.status_code == 413
    check(answer)
    assert visitor.post("/sign-in", {"phone": "1" * 2000}, 413).title


def test_too_many_fields_are_refused(visitor: Visitor) -> None:
    fields = {f"f{n}": "" for n in range(1500)}
    answer = visitor.client.post("/sign-in", data=fields, content_type="multipart/form-data")
    assert answer.status_code == 413
    check(answer)


@pytest.fixture
def failing(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Flask:
    """One page fails as only a programming mistake does."""

    def fail(**_values: object) -> str:
        raise ZeroDivisionError("a secret detail")

    fail.access = app.view_functions["pages.rules_page"].access  # type: ignore[attr-defined]
    monkeypatch.setitem(app.view_functions, "pages.rules_page", fail)
    monkeypatch.setitem(app.config, "PROPAGATE_EXCEPTIONS", False)
    return app


@pytest.mark.parametrize("prefix", ["", "/en"])
def test_a_failure_shows_a_page_and_nothing_of_the_inside(failing: Flask, prefix: str) -> None:
    page = Visitor(failing).get(f"{prefix}/pages/rules", 500)
    check(page.answer)
    text = page.answer.get_data(as_text=True)
    assert "ZeroDivisionError" not in text
    assert "a secret detail" not in text
    assert "Traceback" not in text


def test_no_answer_names_the_software(visitor: Visitor) -> None:
    for path in ("/", "/nowhere"):
        assert "X-Powered-By" not in visitor.client.get(path).headers


PRIVATE = {
    "buyer": ("/account", "/orders", "/account/addresses", "/account/sessions", "/"),
    "coop_owner": ("/seller/", "/seller/orders/", "/seller/money/", "/seller/stock/", "/seller/awards/"),
    "staff_xinfeng": ("/staff/", "/staff/sellers/", "/staff/orders/"),
    "bureau": ("/staff/awards/",),
    "finance": ("/staff/payments/", "/staff/books/"),
    "admin": ("/staff/people/", "/staff/settings", "/staff/jobs/", "/staff/messages/"),
}


@pytest.mark.parametrize("key", PRIVATE)
def test_pages_of_a_person_are_kept_by_nobody(sign_in: SignIn, key: str) -> None:
    """Not even by the browser: after signing out, going back shows nothing."""
    visitor = sign_in(key)
    for path in PRIVATE[key]:
        answer = visitor.get(path).answer
        check(answer)
        assert answer.headers["Cache-Control"] == "no-store"
        assert "Cookie" in answer.headers["Vary"]


def test_an_order_by_its_link_is_kept_by_nobody(app: Flask, visitor: Visitor) -> None:
    market = Market(app)
    market.make_freight()
    goods = market.make_goods()
    order_id = market.place_order({goods.variants[0]: 1}, buyer=None)
    with app.app_context():
        token = db.session.get_one(Order, order_id).access_token
        db.session.remove()
    answer = visitor.get(f"/o/{token}").answer
    check(answer)
    assert "no-store" in answer.headers["Cache-Control"]
    assert answer.headers["Referrer-Policy"] == "same-origin"  # the link travels to nobody


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "a b", "[::1"])
@pytest.mark.parametrize("path", ["/", "/sign-in", "/nowhere", "/forgotten"])
def test_a_foreign_host_name_gets_nothing(app: Flask, host: str, path: str) -> None:
    answer = app.test_client().get(path, headers={"Host": host})
    assert answer.status_code == 400
    assert "evil" not in answer.get_data(as_text=True)
    assert "evil" not in str(answer.headers)


@pytest.mark.parametrize(
    ("hops", "seen"), [(0, ("127.0.0.1", "http")), (1, ("203.0.113.7", "https")), (2, ("198.51.100.9", "https"))]
)
def test_forwarded_headers_count_as_many_hops_as_there_are_proxies(
    app_with: Callable[..., Flask], hops: int, seen: tuple[str, str]
) -> None:
    """What a client itself adds in front stays a claim."""
    behind = app_with(proxy_hops=hops)
    noted = []

    @behind.before_request
    def note() -> None:
        noted.append((request.remote_addr, request.scheme))

    headers = {"X-Forwarded-For": "8.8.8.8, 198.51.100.9, 203.0.113.7", "X-Forwarded-Proto": "https,https"}
    behind.test_client().get("/healthz", headers=headers)
    assert noted == [seen]
    host = behind.test_client().get("/", headers={"X-Forwarded-Host": "evil.example, evil.example"})
    assert host.status_code == (400 if hops else 200)


def test_the_providers_pay_page_is_the_only_foreign_target(app_with: Callable[..., Flask]) -> None:
    for base, target in (("", "http://127.0.0.1:8001"), ("https://pay.example/", "https://pay.example")):
        answer = app_with(stripe_api_base=base).test_client().get("/pages/rules")
        assert f"form-action 'self' {target};" in answer.headers["Content-Security-Policy"]


def test_assets_are_kept_for_a_year_and_pages_asked_for_again(visitor: Visitor) -> None:
    page = visitor.get("/pages/rules")
    assert page.answer.headers["Cache-Control"] == "no-cache"
    sheet = str(page.soup.select_one("link[rel=stylesheet]")["href"])  # type: ignore[index]
    with visitor.client.get(sheet) as answer:
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize(
    "path",
    ["/static/0/../config.py", "/static/0/%2e%2e/config.py", "/static/0//etc/passwd",
     "/static/0/css/..%2f..%2fconfig.py", "/media/../../config.py/360.webp",
     "/media/x/360.webp", "/media/%2e%2e/360.jpg"],
)  # fmt: skip
def test_no_path_leads_out_of_the_folder(visitor: Visitor, path: str) -> None:
    assert visitor.client.get(path).status_code in {308, 404}


def test_each_request_begins_with_nothing_of_the_one_before(app: Flask, sign_in: SignIn) -> None:
    sign_in("admin").get("/staff/")
    with app.test_request_context("/"):
        assert "viewer" not in g
    assert Visitor(app).get("/staff/", 303).location.startswith("/sign-in")
