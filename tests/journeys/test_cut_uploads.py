"""A photo on its way up from the hillside and the link is cut, or the phone dies: nothing stays, it goes up later."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from sqlalchemy import func, select
from werkzeug.datastructures import MultiDict
from werkzeug.test import stream_encode_multipart

from marketplace import clock
from marketplace.catalogue.models import Product
from marketplace.database import db
from marketplace.media.models import Image
from tests.listing_form import TYPED
from tests.live import SITE, Live, live_shop
from tests.media import samples
from tests.people import PEOPLE

NEW = "/seller/products/new"
PARTS = 12


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory, database_server: str) -> Iterator[Live]:
    with live_shop(tmp_path_factory.mktemp("live"), database_server) as live:
        live.start(SITE)
        yield live


def stored(live: Live) -> tuple[int, int, int]:
    """Listings, pictures, and files that wait to be encoded."""
    with live.app.app_context():
        products = db.session.execute(select(func.count()).select_from(Product)).scalar_one()
        images = db.session.execute(select(func.count()).select_from(Image)).scalar_one()
    waiting = Path(live.environ["DATA_DIR"], "private")
    return products, images, sum(path.is_file() for path in waiting.rglob("*"))


def test_a_photo_cut_at_each_twelfth_leaves_nothing_and_goes_up_afterwards(live: Live) -> None:
    person = PEOPLE["farmer"]
    farmer = live.visitor().sign_in(person)
    form = farmer.get(NEW).form("/new?category=navel")
    fields = form.fields | TYPED | {"picked_on": clock.today().isoformat(), "act": "publish"}
    photo = samples.upload(samples.phone_jpeg(2000, 1500), "IMG_0001.jpg")
    stream, length, boundary = stream_encode_multipart(MultiDict([*fields.items(), ("photos", photo)]))
    body = stream.read()
    address = urlsplit(live.address)
    cookies = "; ".join(f"{cookie.key}={cookie.value}" for cookie in farmer.client._cookies.values())
    head = (
        f"POST {form.action} HTTP/1.1\r\nHost: {address.netloc}\r\nCookie: {cookies}\r\nConnection: close\r\n"
        f"Content-Type: multipart/form-data; boundary={boundary}\r\nContent-Length: {length}\r\n\r\n"
    ).encode()
    for part in range(PARTS):
        with socket.create_connection((address.hostname, address.port), timeout=20) as phone:
            phone.sendall(head + body[: length * part // PARTS])
        farmer.get(NEW)  # still signed in, and the shop has seen the end of that connection
        assert stored(live) == (0, 0, 0), f"after {part} of {PARTS}"
    with socket.create_connection((address.hostname, address.port), timeout=20) as phone:
        phone.sendall(head + body)
        assert phone.recv(100).startswith(b"HTTP/1.1 303 ")
    assert stored(live) == (1, 1, 1)
