"""Production on an empty machine: from the first key to the first sale, and back from a lost disk.

Nobody touches the database: what an operator types is typed here, what people press is pressed over HTTP.
"""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import psycopg
import pyotp
import pytest
from bs4 import Tag
from flask import Flask
from sqlalchemy.engine import make_url
from werkzeug.test import Client

from config import Config
from marketplace import clock, create_app
from marketplace.database import db
from tests.browsing import Visitor
from tests.databases import fresh_database, plain, postgresql
from tests.listing_form import TYPED
from tests.live import READY_SECONDS, SITE, WORKER, Live, forward
from tests.media import samples
from tests.sandbox.process import KEY, ROOT, SECRET

pytestmark = pytest.mark.nodatabase  # production is PostgreSQL, whichever the suite's is

ADMIN, CENTRE, FARMER, BUYER = "13800138000", "13800138001", "13800138002", "13800138003"
AFTER_THE_BACKUP = 20  # sales that the restored shop cannot know of
PASSWORD = "山上有很多橙子树"
XINFENG, TOWNSHIP = "360722", "360722105"
# What the proxy in front adds.
PROXY = {"Host": "shop.example", "X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.9"}
OWN = {"Sec-Fetch-Site": "same-origin"}
LISTING = TYPED | {"county_code": XINFENG, "area_code": TOWNSHIP, "act": "publish"}
ADDRESS = {
    "name": "橙子收",
    "phone": BUYER,
    "detail": "漕溪路 88 弄 6 号 502 室",
    "province_code": "310000",
    "city_code": "310100",
    "county_code": "310115",
}


class Production(Live):
    """DEMO=0 behind a proxy that speaks TLS; nothing is prepared but what commands prepare."""

    webhook_secret = SECRET

    def _prepare(self) -> Flask:
        self.environ |= {
            "DEMO": "0",
            "SECRET_KEY": "k" * 40,
            "STRIPE_API_KEY": KEY,
            "STRIPE_WEBHOOK_SECRET": SECRET,
            "SMS_URL": f"file:{self.folder / 'messages'}",
            "PUBLIC_URL": "https://shop.example",
            "TRUSTED_HOSTS": "shop.example,127.0.0.1,localhost",
            "PROXY_HOPS": "1",
        }
        return create_app(Config.from_environment(self.environ))

    def type(self, *words: str) -> str:
        """A flask command, in this process: what it prints."""
        with self.app.app_context():
            done = self.app.test_cli_runner().invoke(args=words)
            db.session.remove()
        assert done.exit_code == 0, f"{words}: {done.output}{done.exception!r}"
        return done.output

    def work_as_the_sites_own_role(self) -> None:
        """From here site and worker are one who cannot change what is final; commands stay the owner's."""
        owner = self.environ["DATABASE_URL"]
        with psycopg.connect(plain(owner), autocommit=True) as connection:
            connection.execute("CREATE ROLE ganchengji LOGIN")
            connection.execute((ROOT / "deploy" / "grants.sql").read_bytes())
        url = make_url(owner).set(drivername="postgresql", username="ganchengji")
        self.environ["DATABASE_URL"] = url.render_as_string(hide_password=False)

    def visitor(self) -> Visitor:
        found = Visitor(self.app)
        found.client = Client(partial(forward, self.address, PROXY))  # type: ignore[assignment]
        return found

    def code_sent_to(self, phone: str) -> str:
        """The newest code that the worker sent, read as the telephone would."""
        give_up = time.monotonic() + READY_SECONDS
        while time.monotonic() < give_up:
            for path in sorted((self.folder / "messages").glob("*.json"), reverse=True):
                message = json.loads(path.read_text(encoding="utf-8"))
                if phone in json.dumps(message) and "code" in message.get("parameters", {}):
                    return str(message["parameters"]["code"])
            time.sleep(0.1)
        raise AssertionError("no code was sent")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgresql() as address:
        yield address


def test_from_an_empty_machine_to_the_first_sale_and_back_from_a_lost_disk(
    tmp_path: Path, server: str
) -> None:
    shop_folder = tmp_path / "shop"
    shop_folder.mkdir()
    with fresh_database(server) as address:
        shop = Production(shop_folder, address)
        try:
            begin(shop)
            told = [sell(shop)]
            backup = shop.type("backup", "create", str(tmp_path)).partition(": ")[0]
            lost = [sell(shop) for _ in range(AFTER_THE_BACKUP)]
            assert shop.type("ledger", "check") == "the books are clean\n"
        finally:
            shop.stop()
    shutil.rmtree(shop_folder / "data")  # the disk; the key was kept apart, and the provider remembers
    with fresh_database(server) as address:
        restored = Production(shop_folder, address)
        try:
            come_back(restored, backup, told, lost)
        finally:
            restored.stop()


def begin(shop: Production) -> None:
    """An administrator's one-time code, a centre, a seller, a listing."""
    shop.type("keys", "create")
    shop.type("db", "upgrade")
    shop.type("seed", "reference")
    shop.work_as_the_sites_own_role()
    code = word_after("one-time code", shop.type("users", "create-admin", ADMIN, "第一位管理员"))
    shop.type("preflight")
    shop.start(SITE, WORKER)

    admin = first_sign_in(shop, ADMIN, code)
    pass_second_factor(admin)

    centre = shop.visitor()
    centre.submit("/sign-up", {"phone": CENTRE})
    account = {"code": shop.code_sent_to(CENTRE), "name": "信丰中心", "password": PASSWORD, "agree": "y"}
    centre.submit("/sign-up/finish", account)
    found = admin.get("/staff/people/", query_string={"q": CENTRE})
    person = next(link for link in found.links() if re.fullmatch(r"/staff/people/\d+", link))
    admin.submit(person, {"role": "centre_staff", "area_code": XINFENG}, form="/roles")
    pass_second_factor(centre)

    told = shop.type(
        *("sellers", "create", "--kind", "person", "--name", "石坳果园", "--legal-name", "张三"),
        *("--area", TOWNSHIP, "--phone", FARMER),
    )
    assert "石坳果园" in centre.get("/staff/sellers/").text
    farmer = first_sign_in(shop, FARMER, word_after("one-time code", told))
    freight = "/seller/parcels/freight"
    nowhere = {name: "" for name in farmer.get(freight).form().fields if name.endswith("-group")}
    assert "至少要有一个能送到的省份" in farmer.submit(freight, nowhere, 422).text
    farmer.submit(freight, {"groups-0-first_amount": "6", "groups-0-next_amount": "0.4"})
    form = farmer.get("/seller/products/new").form("/new?category=navel")
    fields = form.fields | LISTING | {"picked_on": clock.today().isoformat()}
    fields["photos"] = [samples.upload(samples.jpeg(800, 600), "orange.jpg")]
    farmer.post(form.action, fields, content_type="multipart/form-data")


def first_sign_in(shop: Production, phone: str, code: str) -> Visitor:
    visitor = shop.visitor()
    visitor.submit("/first-sign-in", {"phone": phone, "code": code, "password": PASSWORD, "agree": "y"})
    return visitor


def pass_second_factor(visitor: Visitor) -> None:
    """Set the authenticator up from what the page shows, and type its first number; the recovery codes are shown."""
    page = "/sign-in/second-factor/new"
    shown = visitor.follow(visitor.submit(page))
    secret = shown.soup.find("code")
    assert isinstance(secret, Tag)
    visitor.submit(page, {"code": pyotp.TOTP(secret.get_text().replace(" ", "")).now()}, 200)
    visitor.get("/staff/")


def sell(shop: Production) -> str:
    """A guest buys a box and pays at the provider; the address of the order, once it says that it is paid."""
    guest = shop.visitor()
    product = next(link for link in guest.get("/").links() if link.startswith("/p/"))
    form = guest.get(product).form("/basket/add")
    guest.post("/basket/add", form.fields | {"count": "1"}, headers=OWN)
    page = guest.submit("/checkout", ADDRESS | {"list_areas": "1"}, 200, form="/checkout")
    answer = guest.post("/checkout", page.form("/checkout").fields)
    session = re.search(r"/pay/(cs_\w+)", answer.location)
    assert session, answer.location
    shop.sandbox.control(f"sessions/{session[1]}/pay")
    shop.sandbox.wait_until_quiet()
    told = shop.sandbox.look("sessions")["sessions"][0]
    order = re.sub(r"^https://shop\.example|/return$", "", told["success_url"]).replace("/pay/", "/o/")
    assert "等卖家发货" in guest.get(order).text
    return order


def come_back(shop: Production, backup: str, told: list[str], lost: list[str]) -> None:
    """What was told before the backup is there; what was paid after it is named, and given back by a person."""
    said = shop.type("backup", "restore", backup)
    reconcile = next(line.split()[2:] for line in said.splitlines() if "payments reconcile --since" in line)
    for check in (("ledger", "check"), ("revenue", "verify"), ("audit", "verify")):
        shop.type(*check)
    named = re.findall(r"payments give-back (cs_\w+)", shop.type(*reconcile))
    assert len(named) == len(lost)
    reader = Visitor(shop.app)
    for order in told:
        assert "等卖家发货" in reader.get(order).text
    for order in lost:
        reader.get(order, 404)
    for session in named:
        assert shop.type("payments", "give-back", session) == "57.90 are on their way back\n"
    assert shop.type(*reconcile) == "reconciled\n"
    assert shop.type("ledger", "check") == "the books are clean\n"


def word_after(words: str, text: str) -> str:
    found = re.search(rf"{words} (\w+)", text)
    assert found, text
    return found[1]
