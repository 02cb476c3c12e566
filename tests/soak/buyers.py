"""Buyers over HTTP who cost the machine little: a kept connection, a cookie jar, and the few fields that forms need.

Pages are not checked here, the suite does that; what counts is what a buyer was told.
"""

from __future__ import annotations

import http.client
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

from tests.factories import Goods

NO_ANSWER = 0
PLACE = {"province_code": "310000", "city_code": "310100", "county_code": "310115"}
FIELD = re.compile(r'<input[^>]*?name="(\w+)"[^>]*?value="([^"]*)"')
KEPT = ("csrf_token", "form_key", "items", "versions", "expected_total")


@dataclass(frozen=True)
class Answer:
    """What came back; status 0 when the connection broke before there was an answer."""

    status: int
    text: str
    location: str
    seconds: float
    headers: dict[str, str]


@dataclass
class Tally:
    """What all buyers together lived through."""

    answers: Counter[int] = field(default_factory=Counter)
    seconds: dict[str, list[float]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, act: str, answer: Answer) -> None:
        with self._lock:
            self.answers[answer.status] += 1
            self.seconds.setdefault(act, []).append(answer.seconds)
            if answer.status >= 500 or answer.status == NO_ANSWER:
                self.faults.append(f"{act}: {answer.status} {_title(answer.text)}")

    def all_seconds(self) -> list[float]:
        return [value for row in self.seconds.values() for value in row]


class Buyer:
    """One browser of a guest."""

    def __init__(self, address: str, tally: Tally | None = None, timeout: float = 30) -> None:
        self._address = urlsplit(address)
        self._timeout = timeout
        self._connection: http.client.HTTPConnection | None = None
        self.cookies: dict[str, str] = {}
        self.tally = tally or Tally()
        self.form: dict[str, str] = {}

    def ask(
        self, act: str, path: str, fields: Sequence[tuple[str, str]] | dict[str, str] | None = None
    ) -> Answer:
        """GET, or POST when there are fields; act names it in the tally."""
        headers = {"Sec-Fetch-Site": "same-origin", "User-Agent": "Mozilla/5.0 (X11; Linux) soak"}
        body = None
        if fields is not None:
            body = urlencode(fields)
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        answer = self._send("GET" if body is None else "POST", path, body, headers)
        self.tally.note(act, answer)
        return answer

    def _send(self, method: str, path: str, body: str | None, headers: dict[str, str]) -> Answer:
        started = time.monotonic()
        is_fresh = self._connection is None
        if self._connection is None:
            self._connection = http.client.HTTPConnection(
                self._address.hostname or "", self._address.port, timeout=self._timeout
            )
        try:
            self._connection.request(method, path, body, headers)
            answer = self._connection.getresponse()
            text = answer.read().decode("utf-8", "replace")
        except (OSError, http.client.HTTPException) as error:
            self.leave()
            # A page is asked for again when a kept connection turns out to be closed; an act is the buyer's to repeat.
            if method == "GET" and not is_fresh:
                return self._send(method, path, body, headers)
            return Answer(NO_ANSWER, repr(error), "", time.monotonic() - started, {})
        for header in answer.headers.get_all("Set-Cookie") or ():
            name, _equals, value = header.partition(";")[0].partition("=")
            self.cookies[name] = value
        if answer.will_close:
            self.leave()
        location = answer.headers.get("Location", "")
        if location.startswith(f"{self._address.scheme}://{self._address.netloc}"):
            location = location[len(f"{self._address.scheme}://{self._address.netloc}") :]
        return Answer(answer.status, text, location, time.monotonic() - started, dict(answer.headers))

    def leave(self) -> None:
        """Close the connection; the next request opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    # The way to an order

    def add(self, goods: Goods, *, pack: int = 0, count: int = 1) -> bool:
        """Into the basket; False when it was refused, since nothing is left or the shop is busy."""
        fields = {"product": goods.product_code, "pack": str(goods.variants[pack]), "count": str(count)}
        answer = self.ask("basket", "/basket/add", fields)
        return answer.status == 303 and answer.location == "/basket"

    def arrive(self) -> bool:
        """The checkout page of what is in the basket, with the fields that it sends."""
        if self.ask("basket page", "/basket?province=310000").status != 200:
            return False
        answer = self.ask("checkout page", "/checkout")
        if answer.status != 200:
            return False
        self.form = self.read(answer)
        return "form_key" in self.form

    def read(self, page: Answer) -> dict[str, str]:
        found = {name: value for name, value in FIELD.findall(page.text) if name in KEPT}
        typed = {"name": "橙子收", "phone": "13900000000", "detail": "漕溪路 88 弄 6 号 502 室"}
        return found | typed | PLACE | {"address": "new", "pay_by": "alipay"}

    def press(self) -> Answer:
        """The last step: 303 to the pay page or to the order when it was placed, 422 with the reason when not."""
        return self.ask("order", "/checkout", self.form)

    def come_for(self, *goods: Goods) -> bool:
        """Product page and basket for each, then the checkout page; False when something was refused."""
        for one in goods:
            self.ask("product", f"/p/{one.product_code}")
            if not self.add(one):
                return False
        return self.arrive()


def is_order(answer: Answer) -> bool:
    """Whether the buyer was told that there is an order."""
    return answer.status == 303 and ("/pay/" in answer.location or "/o/" in answer.location)


def session_of(answer: Answer) -> str:
    """The provider's session on whose page the buyer stands; empty when at the order's own page."""
    found = re.search(r"/pay/(cs_\w+)", answer.location)
    return found[1] if found else ""


def crowd(count: int, act: Callable[[int], Any], *, threads: int = 24) -> list[Any]:
    """What act(0) … act(count - 1) gave, done by so many threads."""
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(act, range(count)))


def at_once(acts: Sequence[Callable[[], Any]]) -> list[Any]:
    """What each act gave, all begun at the same moment."""
    if not acts:
        return []
    gate = threading.Barrier(len(acts))

    def begin(act: Callable[[], Any]) -> Any:
        gate.wait()
        return act()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(begin, acts))


def share(values: list[float], percent: float) -> float:
    """A percentile; 0 of nothing."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))] if ordered else 0.0


def _title(text: str) -> str:
    """What a page calls itself; of anything else its first words."""
    found = re.search("<title>(.*?)</title>", text, re.DOTALL)
    return found[1].strip() if found else text[:200]
