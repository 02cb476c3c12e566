"""Pages and acts: CPU a request beside the least of it, all in the same interleaved rounds."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote

from bench import ceiling, goods, measure
from bench.ground import Ground, Stand
from bench.measure import Ask, Target
from tests.databases import fresh_database
from tests.soak.buyers import Answer, Buyer, is_order, share


def get(path: Callable[[int], str]) -> Ask:
    return lambda buyer, number: buyer.ask("", path(number))


@dataclass(frozen=True)
class Mark:
    """At most so many times the ceiling, and so many milliseconds of CPU."""

    times: float
    most_ms: float

    def __str__(self) -> str:
        return f"≤ {self.times:g} × ceiling, ≤ {self.most_ms:g} ms CPU"


PAGES = {
    "list": (Mark(3, 6), "a list of 24 cards, made anew and its choices counted, as after a change; no cookie"),
    "list, counted": (Mark(3, 6), "the same at an address that was not asked for before, while nothing changes"),
    "cached": (Mark(2, 0.5), "the same list, kept, without a cookie"),
    "fragment": (Mark(2, 0.5), "the same list for somebody with a basket: the kept part in a page of their own"),
    "product": (Mark(5, 2.2), "a product's page, made anew"),
    "search": (Mark(3, 5.5), "24 of the products that a word finds, made anew"),
    "basket": (Mark(7, 3), "a pack put into a basket"),
    "last step": (Mark(10, 5), "the last press: order, holds, and the payment opened at the provider"),
}


def pages(ground: Ground) -> None:
    """All pages and acts in the same interleaved rounds, the ceilings among them."""
    with ground.ceiling() as low, ground.shop(PAGE_CACHE_MB="0") as anew, ground.shop() as keeping:
        ceilings = {
            "hello": low("hello", get(lambda _n: "/hello")),
            "cards": low("cards", get(lambda n: f"/cards?before={100 + n % 900}")),
            "product": low("product", get(lambda n: f"/product/{1 + n % 1000}")),
            "search": low("search", get(lambda n: f"/search?q={quote(f'词{n % 20}')}")),
            "basket": _posting(low("basket", _post("/basket"))),
            "order": _posting(low("order", _post("/order"))),
        }
        browsing = _with_basket(keeping)
        ours = {
            "list": (anew.target("list", get(lambda n: "/products")), "cards"),
            "list, counted": (keeping.target("list, counted", get(lambda n: f"/products?at={n}")), "cards"),
            "cached": (keeping.target("cached", get(lambda n: "/products")), "hello"),
            "fragment": (keeping.target("fragment", browsing), "hello"),
            "product": (anew.target("product", get(lambda n: f"/p/{anew.codes[n % len(anew.codes)]}")), "product"),
            "search": (anew.target("search", get(lambda n: f"/search?q={quote(goods.word(n))}")), "search"),
            "basket": (_posting(anew.target("basket", _add(anew))), "basket"),
        }
        steps = Steps(anew, ground)
        measure.interleaved(
            [*ceilings.values(), *(target for target, _least in ours.values())],
            rounds=ground.rounds,
            seconds=ground.seconds,
        )
        for name, (target, least) in ours.items():
            _tell_page(ground, name, target, ceilings[least])
        steps.tell(ceilings["order"])
        memory(ground, anew)


def search_alone(ground: Ground) -> None:
    """Searching among so many products; the ceiling has a thousand."""
    with ground.ceiling() as low, ground.shop(PAGE_CACHE_MB="0") as anew:
        least = low("search", get(lambda n: f"/search?q={quote(f'词{n % 20}')}"))
        target = anew.target("search", get(lambda n: f"/search?q={quote(goods.word(n))}"))
        measure.interleaved([least, target], rounds=ground.rounds, seconds=ground.seconds)
        _tell_page(ground, "search", target, least, f"search, {ground.products:,} products")


def _tell_page(ground: Ground, name: str, target: Target, least: Target, label: str = "") -> None:
    mark = PAGES[name][0]
    times = target.ms / least.ms
    ground.tell(
        label or name,
        str(mark),
        f"{times:.1f} × ({target.ms:.2f} ms CPU, {least.name} {least.ms:.2f}); p95 {target.p(95):.0f} ms, "
        f"{target.rate:.0f} a second at {measure.CLIENTS} clients",
        times <= mark.times,
    )


def _posting(target: Target) -> Target:
    target.status = 303
    return target


def _post(path: str) -> Ask:
    return lambda buyer, number: buyer.ask("", path, {"product": str(1 + number % 1000), "basket": str(number)})


def _add(stand: Stand) -> Ask:
    """Each time as somebody new: without a cookie, so that baskets stay small."""

    def ask(buyer: Buyer, number: int) -> Answer:
        buyer.cookies.clear()
        one = stand.goods[number % len(stand.goods)]
        return buyer.ask("", "/basket/add", {"product": one.product_code, "pack": str(one.variants[0]), "count": "1"})

    return ask


def _with_basket(stand: Stand) -> Ask:
    """Somebody who put something in and reads on."""
    first = Buyer(stand.live.address)
    first.add(stand.goods[0])
    first.ask("", "/basket")
    cookies = dict(first.cookies)
    first.leave()

    def ask(buyer: Buyer, _number: int) -> Answer:
        buyer.cookies = dict(cookies)
        return buyer.ask("", "/products")

    return ask


class Steps:
    """The way to an order: all of it, and its last step apart; one buyer after another, as the raw orders are."""

    def __init__(self, stand: Stand, ground: Ground) -> None:
        self.stand, self.ground = stand, ground

    def tell(self, least: Target) -> None:
        count = 20 if self.ground.is_small else 150
        ready, whole = [], []
        processes = (self.stand.worker, *self.stand.database)
        for number in range(count):
            buyer = Buyer(self.stand.live.address)
            before = measure.cpu_ms(processes)
            if not buyer.come_for(self.stand.goods[number % len(self.stand.goods)]):
                raise RuntimeError("the checkout page did not come")
            whole.append(measure.cpu_ms(processes) - before)
            ready.append(buyer)
        before, begun = measure.cpu_ms(processes), time.monotonic()
        seconds = []
        for buyer in ready:
            answer = buyer.press()
            if not is_order(answer):
                raise RuntimeError(f"no order: {answer.status} {answer.text[:300]}")
            seconds.append(answer.seconds)
            buyer.leave()
        used = (measure.cpu_ms(processes) - before) / count
        rate = count / (time.monotonic() - begun)
        raw = self._raw_rate(count)
        mark = PAGES["last step"][0]
        self.ground.tell(
            "last step",
            f"{mark}; rate ≥ 0.2 of the raw order",
            f"{used / least.ms:.1f} × ({used:.2f} ms CPU, order {least.ms:.2f});"
            f" p50 {1000 * share(seconds, 50):.0f} ms; {rate:.0f} a second, raw orders {raw:.0f}: {rate / raw:.2f}",
            used <= mark.times * least.ms and rate >= 0.2 * raw,
        )
        total = sum(whole) / count + used
        self.ground.tell("whole order", "≤ 30 ms CPU", f"{total:.1f} ms CPU, five requests, one buyer", total <= 30)

    def _raw_rate(self, count: int) -> float:
        """Orders a second of the four statements alone, without a web server, one after another."""
        with fresh_database(self.ground.server) as address:
            engine = ceiling.make_engine(address)
            ceiling.fill(engine, 1000)
            ceiling.place(engine, 1)
            begun = time.monotonic()
            for number in range(count):
                ceiling.place(engine, 1 + number)
            passed = time.monotonic() - begun
            engine.dispose()
        return count / passed


def memory(ground: Ground, stand: Stand) -> None:
    """One web process after all of this."""
    found = measure.pss_mib(stand.worker)
    ground.tell("memory", "≤ 120 MiB", f"{found:.0f} MiB (PSS) after the rounds", found <= 120)
