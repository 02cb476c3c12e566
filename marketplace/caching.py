"""Pages and parts of pages kept in memory, and never a stale one (D3).

Each carries the version of the catalogue that was read before anything else of it was. One small statement a request
reads the version in force; what carries another one is made anew, in whichever process. A change and the new version
come with the same commit (changes.py).

Whole pages are kept for requests without any cookie and answered before anything is looked up for a person; for guests
with a basket by how much is in it. For who is signed in a page is put together around the kept part, which holds
nothing of anybody's.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from datetime import date
from threading import Lock
from typing import Any, TypeVar

from flask import Flask, current_app, g, render_template, request, session
from sqlalchemy import BigInteger, Connection, cast, delete, func, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Mapped, mapped_column

from marketplace import changes, clock, connections, logs
from marketplace.database import Base, db
from marketplace.i18n import language
from marketplace.templating import basket_count, finds_orders

LONGEST_ADDRESS = 400
MOST_IN_BASKET = 20  # of guests for whom a page is kept
# In a request's environ.
STAMP = "marketplace.stamp"  # as it was read for this request
KEEP = "marketplace.keep"  # that the answer may be kept: its stamp, endpoint and group
ADDRESS = ("wsgi.url_scheme", "HTTP_HOST", "SCRIPT_NAME", "PATH_INFO", "QUERY_STRING")
OVERHEAD = 2000  # bytes of a page's headers and address
NOT_KEPT = frozenset({"x-request-id", "date"})  # headers of one request
NOT_IN_304 = frozenset({"content-length", "content-type"})

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
T = TypeVar("T")
Stamp = tuple[int, date]  # the catalogue's version and the day: seasons and "picked today" depend on it


class CatalogueVersion(Base):
    """The sum of all rows is the version; each change of what public pages show raises it."""

    __tablename__ = changes.TABLE

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    version: Mapped[int] = mapped_column(BigInteger)


_SUM = select(cast(func.sum(CatalogueVersion.version), BigInteger))


def version(reader: Connection | Any = db.session) -> int:
    """The catalogue's version in force; one statement."""
    return reader.execute(_SUM).scalar_one() or 0


def fold() -> int:
    """Add up the rows of many transactions in one; the sum stays. In the caller's transaction."""
    folded = delete(CatalogueVersion).where(CatalogueVersion.id != 0).returning(CatalogueVersion.version)
    counted = db.session.execute(folded).scalars().all()
    if counted:
        change = update(CatalogueVersion).where(CatalogueVersion.id == 0)
        db.session.execute(change.values(version=CatalogueVersion.version + sum(counted)))
    return len(counted)


@dataclass(frozen=True)
class Kept:
    """Something made once, under the stamp at which it was."""

    stamp: Stamp
    value: Any
    size: int


class Store:
    """What was used last, up to so many bytes; shared by the threads of a process."""

    def __init__(self, most_bytes: int) -> None:
        self.most_bytes = most_bytes
        self._kept: OrderedDict[Any, Kept] = OrderedDict()
        self._size = 0
        self._lock = Lock()

    def get(self, key: Any) -> Kept | None:
        with self._lock:
            found = self._kept.get(key)
            if found:
                self._kept.move_to_end(key)
            return found

    def put(self, key: Any, kept: Kept) -> None:
        with self._lock:
            self._drop(key)
            if kept.size > self.most_bytes // 8:
                return
            self._kept[key] = kept
            self._size += kept.size
            while self._size > self.most_bytes:
                self._drop(next(iter(self._kept)))

    def _drop(self, key: Any) -> None:
        dropped = self._kept.pop(key, None)
        self._size -= dropped.size if dropped else 0

    def clear(self) -> None:
        with self._lock:
            self._kept.clear()
            self._size = 0


def page(template: str, make: Callable[[], dict[str, str]]) -> str:
    """A page of the texts that make() gives, which are kept for this address and language.

    make() reads nothing of the person, the basket or the cookie. What it raises is not kept. The whole page is kept for
    who has no cookie, and for guests: all that it shows of them is how much is in the basket, and whether they ordered.
    """
    request.environ[KEEP] = _stamp(), request.endpoint, request.blueprint
    address = request.full_path
    if len(address) > LONGEST_ADDRESS:
        return render_template(template, **make())

    def put_together() -> str:
        return render_template(template, **kept(address, make, size=lambda texts: _size(*texts.values())))

    is_kept_whole = not request.cookies  # outside, in Pages
    is_own = g.viewer.user_id is not None or "_flashes" in session or basket_count() > MOST_IN_BASKET
    if is_kept_whole or is_own:
        return put_together()
    return kept((address, basket_count(), finds_orders()), put_together, size=_size)


def _size(*texts: str) -> int:
    return 2 * sum(map(len, texts)) + OVERHEAD


def kept(key: Hashable, make: Callable[[], T], *, size: Callable[[T], int]) -> T:
    """What make() gives, kept for this key and language as long as no public page changes; size is in bytes, about."""
    store: Store = current_app.extensions["kept_pages"]
    stamp, place = _stamp(), (language(), key)
    found = store.get(place)
    if found and found.stamp == stamp:
        value: T = found.value
        return value
    value = make()
    store.put(place, Kept(stamp, value, size(value)))
    return value


def _stamp() -> Stamp:
    """Read once for a request, before anything else of the catalogue."""
    if STAMP not in request.environ:
        request.environ[STAMP] = version(), clock.today()
    stamp: Stamp = request.environ[STAMP]
    return stamp


@dataclass(frozen=True)
class Page:
    """A whole answer, 200, without what belongs to one request."""

    endpoint: str
    group: str
    headers: list[tuple[str, str]]
    body: bytes
    etag: str

    def answer(self, environ: Environ, start_response: StartResponse) -> list[bytes]:
        """The page, or 304 for a browser that has it."""
        own = [("X-Request-Id", environ[logs.NUMBER])]
        if self.etag in environ.get("HTTP_IF_NONE_MATCH", ""):  # weak or strong: a proxy that packs makes it weak
            kept = [one for one in self.headers if one[0].lower() not in NOT_IN_304]
            start_response("304 NOT MODIFIED", kept + own)
            return []
        start_response("200 OK", self.headers + own)
        return [self.body]


class Pages:
    """WSGI middleware: a kept page is answered here; one that may be kept is taken from its first answer."""

    def __init__(self, app: Flask, inner: Callable[[Environ, StartResponse], Iterable[bytes]]) -> None:
        self.inner = inner
        with app.app_context():
            self.engines = db.engines
        self.store: Store = app.extensions["kept_pages"]
        self.is_behind_proxy = app.config["SETTINGS"].proxy_hops > 0

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] != "GET" or "HTTP_COOKIE" in environ:
            return self.inner(environ, start_response)
        # The host is a part of it, so that a foreign one, which is refused, never finds a page.
        key = tuple(environ.get(name, "") for name in ADDRESS)
        found = self.store.get(key)
        if found and found.stamp == self._stamp(environ):
            page: Page = found.value
            answer = page.answer(environ, start_response)
            logs.tell(environ, page.endpoint, page.group, 200 if answer else 304)
            return answer
        return self._ask(key, environ, start_response)

    def _stamp(self, environ: Environ) -> Stamp | None:
        logs.begin(environ, is_behind_proxy=self.is_behind_proxy)
        try:
            with connections.reader(self.engines[None]) as connection:
                environ[STAMP] = version(connection), clock.today()
        except SQLAlchemyError:  # told by the page that cannot be made either
            return None
        return environ[STAMP]

    def _ask(self, key: Any, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        said: list[Any] = []

        def hold(*values: Any) -> Callable[[bytes], object]:
            said[:] = values
            return lambda _written: None

        answer = self.inner(environ, hold)
        status, headers, *_more = said
        names = {name.lower() for name, _value in headers}
        if KEEP not in environ or not status.startswith("200 ") or "set-cookie" in names:
            start_response(*said)
            return answer
        body = b"".join(answer)
        if close := getattr(answer, "close", None):
            close()
        etag = hashlib.sha256(body).hexdigest()[:32]
        shown = [one for one in headers if one[0].lower() not in NOT_KEPT] + [("ETag", f'"{etag}"')]
        stamp, endpoint, group = environ[KEEP]
        page = Page(endpoint, group, shown, body, etag)
        if sum(map(len, key)) <= LONGEST_ADDRESS:
            self.store.put(key, Kept(stamp, page, len(body) + OVERHEAD))
        return page.answer(environ, start_response)


def init_app(app: Flask) -> None:
    """Keep pages and parts in this process; outside of it is only what makes an address of another one."""
    app.extensions["kept_pages"] = Store(app.config["SETTINGS"].page_cache_mb * 1024 * 1024)
    app.wsgi_app = Pages(app, app.wsgi_app)  # type: ignore[method-assign]
