"""The way, once, whole, as people go it: list, buy, pay, ship, complete, award report, in a real browser."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import expect
from sqlalchemy import select

from marketplace import clock
from marketplace.catalogue.models import Product
from marketplace.database import db
from marketplace.ledger import checks
from marketplace.orders.models import Order, PaymentState, SellerOrder, SellerOrderStatus
from marketplace.sellers.models import Seller
from tests.journeys.chromium import DESKTOP, PHONE, Language, Tab
from tests.journeys.conftest import OpenTab
from tests.journeys.stage import FARMERS_TITLE
from tests.live import WORKER, Live
from tests.media.samples import GPS_MARK, phone_jpeg
from tests.people import PEOPLE

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("stage")]

WAYBILL = "75123456789012"
PICTURE = ".gal picture img"


@pytest.fixture(autouse=True)
def _clean_books(live: Live) -> Iterator[None]:
    yield
    with live.app.app_context():
        assert checks.check() == []


@dataclass(frozen=True)
class Way:
    """How somebody goes: on which screen, in which language, with scripts or without; and what is theirs."""

    size: tuple[int, int]
    language: Language
    scripts: bool
    title: str
    phone: str
    pixels: tuple[int, int]  # of the photo; the same photo again would be the same picture

    def open(self, open_tab: OpenTab) -> Tab:
        return open_tab(self.size, self.language, scripts=self.scripts)


WAYS = [
    pytest.param(Way(PHONE, "zh", True, "三月坡脐橙", "13900000101", (4000, 3000)), id="phone-zh"),
    pytest.param(Way(DESKTOP, "en", True, "河湾老园脐橙", "13900000102", (4032, 3024)), id="desktop-en"),
    pytest.param(
        Way(PHONE, "zh", False, "溪口晚摘脐橙", "13900000103", (4080, 3060)), id="phone-without-scripts"
    ),
]


@pytest.mark.parametrize("way", WAYS)
def test_a_box_goes_from_the_orchard_to_the_award_report(
    way: Way, live: Live, open_tab: OpenTab, tmp_path: Path
) -> None:
    photo = (
        tmp_path / "IMG_0001.jpg"
    )  # 12 megapixels as a phone takes them: turned by EXIF, with the place in it
    photo.write_bytes(phone_jpeg(*way.pixels))
    coop, buyer, farmer = (way.open(open_tab) for _who in range(3))
    sign_in(coop, live, "coop_owner")
    code = publish(coop, live, way, photo)
    see_the_picture(coop, code)
    fill_the_basket(buyer, way)
    check_out(buyer, way)
    pay(buyer)
    buyer.says("付好了")
    buyer.shows("167.80")
    order = order_of(live, way.phone)
    assert order.payment_state == PaymentState.PAID
    sign_in(farmer, live, "farmer")
    parts = parts_of(live, order)
    for seller, own, foreign, title in (
        (coop, parts[10980], parts[5800], way.title),
        (farmer, parts[5800], parts[10980], FARMERS_TITLE),
    ):
        ship(seller, own.code, foreign.code, title)
    see_it_on_the_way(buyer, order)
    receive(buyer, parts)
    assert {part.status for part in parts_of(live, order).values()} == {SellerOrderStatus.COMPLETED}
    if way.scripts:
        bureau, centre = way.open(open_tab), way.open(open_tab)
        for tab, key in ((bureau, "bureau"), (centre, "staff_xinfeng")):
            sign_in(tab, live, key)
            see_the_award_report(tab, seller_code(live, parts[10980]), parts[10980].code)
        centre.shows("石坳脐橙")


def sign_in(tab: Tab, live: Live, key: str) -> None:
    """By the page: phone, password, and the authenticator where there is one."""
    person = PEOPLE[key]
    tab.go("/sign-in")
    tab.fill(phone=person.phone, password=person.password)
    tab.follow("main button[type=submit]")
    if person.totp:
        tab.fill(code=live.code_of(person))
        tab.follow("main button[type=submit]")


def publish(tab: Tab, live: Live, way: Way, photo: Path) -> str:
    """Photograph a box, say what is in it, publish; the new listing's code."""
    live.pause(WORKER)  # so that the picture is surely seen while it waits
    try:
        tab.go("/seller/products/new?category=navel")
        tab.page.locator("#photos").set_input_files(photo)
        tab.tick("variety_code", "newhall")
        tab.tick("grade_code", "first")
        tab.tick("size_code", "d75_80")
        tab.fill(**{"packs-0-net": "5", "packs-0-price": "49.90", "packs-0-boxes": "20"})
        if way.scripts:
            tab.shows("4.99", "9.98")  # per 斤 and per kg while the price is typed
        tab.tick("batch", "new")
        tab.fill(orchard="屋后坡")
        tab.tick("certificate", "new")
        tab.fill(certificate_quantity="100")
        tab.page.locator("details", has=tab.page.locator("[name=title]")).locator("summary").click()
        tab.fill(title=way.title)
        tab.follow("button[form=listing][value=publish]")
        tab.says("已经在卖了", "照片正在处理")
        code = code_of_listing(live, way.title)
        tab.go(f"/p/{code}")
        expect(tab.page.locator(".gal .busy")).to_be_visible()
    finally:
        live.resume(WORKER)
    return code


def see_the_picture(tab: Tab, code: str) -> None:
    """Once the worker encoded it: upright, and without the place where it was taken."""
    give_up = time.monotonic() + 30
    while not tab.page.locator(PICTURE).count():
        assert time.monotonic() < give_up, "the picture was never encoded"
        time.sleep(0.3)
        tab.go(f"/p/{code}")
    picture = tab.page.locator(PICTURE).first
    assert int(picture.get_attribute("width") or 0) < int(picture.get_attribute("height") or 0)
    for address in (
        picture.get_attribute("src"),
        picture.evaluate("e => e.currentSrc") if tab.scripts else None,
    ):
        if address:
            answer = tab.context.request.get(f"{tab.address}{address.removeprefix(tab.address)}")
            assert answer.ok
            assert GPS_MARK not in answer.body()


def fill_the_basket(tab: Tab, way: Way) -> None:
    """Two boxes, found by the category; one of another seller, found by searching."""
    tab.go("/")
    tab.follow("a[href$='/c/navel']")
    tab.follow(f"h3 a:has-text('{way.title}')")
    tab.shows("49.90", "4.99", "9.98")
    tab.says("坏果包赔", "鲜活易腐，不支持7天无理由退货", "统一社会信用代码")
    tab.fill(count="2")
    tab.follow("button[value=basket]")
    tab.go("/")
    tab.fill(q=FARMERS_TITLE)
    tab.follow("[role=search] button")
    tab.follow(f"h3 a:has-text('{FARMERS_TITLE}')")
    tab.follow("button[value=basket]")
    assert tab.page.locator(".parcel").count() == 2
    tab.choose("province", "310000")
    tab.follow("form:has(#province) button")
    tab.shows("99.80", "10.00", "58.00", "167.80")
    tab.follow("button[value=buy]")


def check_out(tab: Tab, way: Way) -> None:
    """As a guest, by phone; the place from the national picker; the total before paying."""
    tab.says("不用注册")
    tab.fill(name="橙子收", phone=way.phone, detail="漕溪路 88 弄 6 号 502 室")
    for level, code in (("province_code", "310000"), ("city_code", "310100"), ("county_code", "310115")):
        tab.choose(level, code)
        if not way.scripts:
            tab.follow(f"form :below([name={level}])[name=list_areas]")
    expect(tab.page.locator("#quote")).to_contain_text("167")
    tab.shows("167.80")
    tab.tick("pay_by", "alipay")
    tab.says("模拟支付")
    tab.follow(".btn.buy")
    expect(tab.page.locator("body")).to_contain_text(
        "Simulated payment" if way.language == "en" else "模拟支付"
    )
    tab.shows("167.80")


def pay(tab: Tab) -> None:
    tab.follow("button[value=pay]")
    give_up = time.monotonic() + 20
    while not tab.page.locator("img[src*='done']").count():  # should the provider still be asked
        assert time.monotonic() < give_up
        tab.page.reload()


def ship(tab: Tab, code: str, foreign: str, title: str) -> None:
    """A seller sees its own part only, packs by the list, and enters the waybill."""
    tab.go("/seller/orders/")
    tab.shows(code)
    assert foreign not in tab.page.content()
    tab.follow("a[href$='/packing']")
    tab.shows(code, title, "橙子收")
    assert foreign not in tab.page.content()
    tab.go(f"/seller/orders/{code}")
    tab.follow(f"a[href$='/ship/{code}']")
    tab.choose("carrier_code", "ZTO")
    tab.fill(waybills=WAYBILL)
    tab.follow("main form button[type=submit]")
    tab.shows(WAYBILL)


def see_it_on_the_way(tab: Tab, order: Order) -> None:
    """The buyer's page by the guest's link: each parcel with its own line."""
    tab.go(f"/o/{order.access_token}")
    assert tab.page.locator("ol.route").count() == 2
    assert tab.page.locator("ol.route [aria-current=step]").count() == 2
    tab.shows(WAYBILL)
    tab.says("发货了", "包裹 1", "包裹 2")


def receive(tab: Tab, parts: dict[int, SellerOrder]) -> None:
    for part in parts.values():
        tab.follow(f"form[action$='/confirm/{part.code}'] button")
    tab.says("确认收货了")
    assert tab.page.locator("form[action*='/confirm/']").count() == 0


def see_the_award_report(tab: Tab, seller: str, part: str) -> None:
    """The seller's line, its report, and the entries behind the figure, which sum to it."""
    year = clock.today().year
    tab.go("/staff/awards/")
    tab.follow(f"a[href*='/staff/awards/{seller}?']")
    tab.shows(str(year))
    tab.follow(f"a[href*='/{seller}/{year}/lines?mode=b2c']")
    row = tab.page.locator("tr, [role=row]", has_text=part)
    expect(row).to_contain_text("99.80")
    expect(tab.page.locator(".pill.ok").first).to_be_visible()  # the lines sum to the figure
    tab.go("/staff/awards/")


def code_of_listing(live: Live, title: str) -> str:
    with live.app.app_context():
        return db.session.execute(select(Product.code).where(Product.title == title)).scalar_one()


def order_of(live: Live, phone: str) -> Order:
    with live.app.app_context():
        query = select(Order).where(Order.contact_phone == phone).order_by(Order.id.desc()).limit(1)
        return db.session.execute(query).scalar_one()


def parts_of(live: Live, order: Order) -> dict[int, SellerOrder]:
    """By their totals in fen."""
    with live.app.app_context():
        query = select(SellerOrder).where(SellerOrder.order_id == order.id)
        return {part.total_amount: part for part in db.session.execute(query).scalars()}


def seller_code(live: Live, part: SellerOrder) -> str:
    with live.app.app_context():
        return db.session.get_one(Seller, part.seller_id).code
