"""Under /en every page is English, but for words that stand marked as somebody's own; its links stay under /en."""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest
from bs4 import BeautifulSoup, Comment, Doctype, Tag
from bs4.element import NavigableString
from flask import Flask
from sqlalchemy import select
from werkzeug.exceptions import HTTPException

from marketplace.audit import SYSTEM
from marketplace.database import db, run_in_transaction
from marketplace.orders import queries as order_queries
from marketplace.orders.models import Order, PaymentMethod
from marketplace.payments import disputing, refunding
from marketplace.payments.answers import dispute_of
from tests import factories
from tests.browsing import Visitor
from tests.page import Page
from tests.payments import disputes
from tests.people import PEOPLE

pytestmark = pytest.mark.nodatabase  # says the same on either database

# Han letters, and the marks and full-width signs that are written with them.
CHINESE = re.compile(r"[\u3000-\u303f\u3400-\u9fff\uff01-\uff65]")
MARKED = "zh-CN"
# A page's own words, read aloud or shown; what somebody typed into a field (value) is theirs.
ATTRIBUTES = (
    *("alt", "aria-label", "aria-description", "content", "placeholder", "title"),
    *("data-l", "data-confirm", "data-copied", "data-words"),
)
ALIKE = 2  # pages of one endpoint, with the same query names, that one person looks at
NOT_PAGES = ("/static/", "/media/")
STARTS = {
    None: (
        "/en/",
        "/en/account",
        "/en/orders/find",
        "/en/forgotten",
        "/en/gallery",
        "/en/demo/messages",
        "/en/no-such-page",
    ),
    "buyer": ("/en/", "/en/account", "/en/orders", "/en/staff/", "/en/basket", "/en/checkout"),
    "company_buyer": ("/en/account", "/en/orders"),
    "farmer": ("/en/seller/",),
    "coop_owner": ("/en/seller/orders/?status=shipped", "/en/seller/"),
    "coop_clerk": ("/en/seller/",),
    "coop_grower": ("/en/seller/",),
    "staff_xinfeng": ("/en/staff/",),
    "bureau": ("/en/staff/",),
    "finance": ("/en/staff/",),
    "admin": ("/en/staff/", "/en/account"),
}
# Not reached by a link, or no page.
NOT_LOOKED_AT = {
    "static_file",
    "health.healthz",
    "health.readyz",
    "metrics.show",
    "media.derivative",
    "places.children",
    "checkout.quote",
    "cart.confirm",  # after a form from elsewhere
    "accounts.sign_up_finish",  # after a code
    "accounts.sign_in_code_finish",
    "accounts.reset",
    "accounts.first_sign_in",
    "accounts.second_factor",
    "accounts.recovery_code",
    "accounts.second_factor_picture",
    "accounts.set_up_second_factor",
    "accounts.accept",  # when the rules change
    "orders.find_code",
    "orders.found",
    "payments.returned",
    "seller.sellers.choose",
    "seller.sellers.no_shop",
}


def is_marked(tag: Tag) -> bool:
    """Whether words at this place are said to be Chinese."""
    for holder in (tag, *tag.parents):
        if holder.get("lang"):
            return holder["lang"] == MARKED
    return False


def complaints(soup: BeautifulSoup) -> Iterator[str]:
    """Every Chinese text outside marked elements; the title and attributes may quote what stands marked or typed."""
    quoted = sorted(_originals(soup), key=len, reverse=True)

    def is_ours(text: str) -> bool:
        for original in quoted:
            text = text.replace(original, "")
        return bool(CHINESE.search(text))

    for text in soup.find_all(string=CHINESE):
        holder = text.parent
        assert isinstance(text, NavigableString)
        assert holder is not None
        if isinstance(text, Comment | Doctype) or holder.name == "script" or is_marked(holder):
            continue
        if holder.name != "title" or is_ours(str(text)):
            yield f"<{holder.name}> {' '.join(text.split())[:80]}"
    for tag in soup.find_all(True):
        for name in ATTRIBUTES:
            if is_ours(str(tag.get(name, ""))) and not is_marked(tag):
                yield f"<{tag.name} {name}> {str(tag[name])[:80]}"


def _originals(soup: BeautifulSoup) -> set[str]:
    found = {str(field["value"]) for field in soup.find_all("input", value=CHINESE)}
    for tag in soup.find_all(lang=MARKED):
        found |= {tag.get_text(" ", strip=True), *tag.stripped_strings}
    return {text for text in found if CHINESE.search(text)}


def addresses(soup: BeautifulSoup) -> Iterator[str]:
    """Where links and forms of this site lead, the way to the other language left out."""
    for tag in soup.find_all(["a", "form"]):
        target = str(tag.get("href") or tag.get("action") or "")
        if target.startswith("/") and not tag.get("hreflang"):
            yield target


class Walk:
    """One person's way over the pages, along links, a few of each kind."""

    def __init__(self, app: Flask, visitor: Visitor) -> None:
        self.app = app
        self.visitor = visitor
        self.endpoints: set[str] = set()
        self.wrong: list[str] = []
        self._seen: set[str] = set()
        self._kinds: Counter[tuple[str, ...]] = Counter()

    def go(self, starts: tuple[str, ...]) -> None:
        waiting = deque(starts)
        while waiting:
            path = waiting.popleft()
            page = Page(self.visitor.client.get(path))
            if page.location:
                target = urlsplit(page.location)
                if not target.netloc:
                    waiting += self._new([page.location], path)
                continue
            if not page.is_html:
                continue
            self._note(path)
            page.check()
            self.wrong += [f"{path}: {words}" for words in complaints(page.soup)]
            links = list(addresses(page.soup))
            gets = {str(form["action"]) for form in page.soup.find_all("form", method="get", action=True)}
            posts = {str(form.get("action")) for form in page.soup.find_all("form", method="post")} - gets
            waiting += self._new([link for link in links if link not in posts], path)
            self.wrong += [
                f"{path} sends to {link}" for link in posts if link.startswith("/") and not _is_english(link)
            ]

    def _new(self, links: list[str], page: str) -> Iterator[str]:
        for link in links:
            parts = urlsplit(link)
            if not _is_english(link):
                self.wrong.append(f"{page} leads to {link}")
                continue
            address = parts.path + (f"?{parts.query}" if parts.query else "")
            kind = (self._endpoint(address), *sorted(pair.split("=")[0] for pair in parts.query.split("&")))
            if address in self._seen or self._kinds[kind] >= ALIKE:
                continue
            self._seen.add(address)
            self._kinds[kind] += 1
            yield address

    def _note(self, path: str) -> None:
        self.endpoints.add(self._endpoint(path))

    def _endpoint(self, path: str) -> str:
        adapter = self.app.url_map.bind("localhost")
        try:
            return str(adapter.match(urlsplit(path).path.removeprefix("/en") or "/")[0])
        except HTTPException:
            return ""


def _is_english(link: str) -> bool:
    return link == "/en" or link.startswith(("/en/", "/en?", *NOT_PAGES))


@pytest.fixture
def further(app: Flask) -> dict[str | None, str]:
    """Goods of two shops and an order in every state; the answer is what a guest and a seller reach by no link."""
    with app.app_context():
        try:
            return _set_stage()
        finally:
            db.session.remove()


def _set_stage() -> dict[str | None, str]:
    for seller in ("coop_owner", "farmer"):
        factories.make_freight(seller, free_from=9900)
    packs = [(2500, 2790), (5000, 4990), (10_000, 9200)]
    goods = factories.make_goods(title="石坳坡上脐橙", packs=packs, stock=1_000_000)
    other = factories.make_goods("farmer", title="长根家自留果", grade="blemished")
    factories.make_goods(title="油山茶油", category="tea_oil", variety=None, grade=None, grams=1000)
    factories.make_goods(title="还没上架的", is_published=False)
    wanted = {goods.variants[1]: 2, other.variants[0]: 1}
    placed = [factories.place_order(wanted, buyer=None if step == 0 else "buyer") for step in range(5)]
    for order_id in placed[1:]:
        factories.pay(order_id)
    for order_id in placed[2:]:
        factories.ship(order_id)
    for order_id in placed[3:]:
        factories.complete(order_id)
    run_in_transaction(lambda: _give_back(placed[4]))
    told = dispute_of(disputes.dispute(placed[3]))
    run_in_transaction(lambda: disputing.record_dispute(told))
    factories.place_order(wanted, method=PaymentMethod.ON_DELIVERY)
    factories.make_completed_order(wanted, buyer="company_buyer", as_company=True)
    token = db.session.execute(select(Order.access_token).where(Order.id == placed[0])).scalar_one()
    return {None: f"/en/o/{token}", "coop_owner": f"/en/seller/products/{goods.product_code}/done"}


def _give_back(order_id: int) -> None:
    sale = order_queries.sellers_of(order_id)[0]
    refunding.request_refund(
        SYSTEM,
        seller_id=sale.seller_id,
        seller_order_id=sale.id,
        line_id=None,
        goods_amount=1000,
        freight_amount=0,
        reason="坏了几个",
        form_key="english",
    )


def test_every_page_under_en_is_english_and_leads_to_english_pages(
    app: Flask, sign_in: Callable[[str], Visitor], visitor: Visitor, further: dict[str | None, str]
) -> None:
    wrong: list[str] = []
    looked_at: set[str] = set()
    for key, starts in STARTS.items():
        person = sign_in(key) if key else visitor
        if key == "buyer":
            product = next(link for link in person.get("/en/").links() if "/p/" in link)
            person.submit(product, {"count": "1", "then": "basket"}, form="/basket/add")
        walk = Walk(app, person)
        walk.go((*starts, *(path for whose, path in further.items() if whose == key)))
        wrong += [f"{key or 'nobody'} {one}" for one in walk.wrong]
        looked_at |= walk.endpoints
    pages = {rule.endpoint for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ())}
    assert not wrong, "\n".join(dict.fromkeys(wrong))
    assert pages - looked_at - NOT_LOOKED_AT == set()


@pytest.mark.parametrize(
    ("key", "path"),
    [
        (None, "/en/sign-in"),
        (None, "/en/sign-up"),
        (None, "/en/forgotten"),
        (None, "/en/orders/find"),
        ("buyer", "/en/account/addresses/new"),
        ("buyer", "/en/account/company"),
        ("buyer", "/en/account/name"),
        ("buyer", "/en/account/password"),
        ("coop_owner", "/en/seller/products/new"),
        ("coop_owner", "/en/seller/batches/new"),
        ("coop_owner", "/en/seller/parcels/freight"),
        ("coop_owner", "/en/seller/account"),
    ],
)
def test_an_empty_form_is_refused_in_english(
    app: Flask, sign_in: Callable[[str], Visitor], key: str | None, path: str
) -> None:
    person = sign_in(key) if key else Visitor(app)
    form = person.get(path).form()
    data = {name: value if name == "csrf_token" else "" for name, value in form.fields.items()}
    page = Page(person.client.post(form.action or path, data=data, headers={"Sec-Fetch-Site": "same-origin"}))
    assert page.status in {400, 422}
    page.check()
    assert list(complaints(page.soup)) == []


def test_people_of_the_cast_all_have_a_way(app: Flask) -> None:
    """A new role is looked at too: those left out see what another of the cast sees."""
    assert set(PEOPLE) - set(STARTS) == {"second_farmer", "staff_anyuan", "second_finance"}
