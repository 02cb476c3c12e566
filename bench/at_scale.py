"""What pages, reports and orders cost on a loaded market: python -m bench.at_scale, with the market's environment.

DATABASE_URL, DATA_DIR and KEY_FILE name a demo that `flask demo load --lines …` filled. One web process is asked over
HTTP by one reader after another; every address is asked once only, so that no kept page answers. The staff's and
sellers' figures and the orders are measured in this process, through the same services.
"""

from __future__ import annotations

import contextlib
import http.client
import itertools
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import func, select, text

from marketplace import clock, create_app, demo
from marketplace.awards import queries as awards
from marketplace.catalogue.models import Product, Variant
from marketplace.database import db, run_in_transaction
from marketplace.orders import queries as orders
from marketplace.orders.models import SellerOrderStatus
from marketplace.orders.work import count_work
from marketplace.permissions import Grant, Role, Viewer
from marketplace.revenue import queries as revenue
from marketplace.sellers.models import Seller
from tests import factories
from tests.live import free_port

READS, ORDERS = 60, 60
DEEP = 100_000  # products before the deep page
WORDS = (
    *("脐橙", "信丰", "信丰脐橙", "纽荷尔", "茶油", "板鸭 龙南"),
    *("orange", "一等 75", "安远 蜜桔", "白莲", "香蕉", "tea"),
)


@contextmanager
def site() -> Iterator[tuple[int, int]]:
    """One web process; its port and its number."""
    port = free_port()
    environ = os.environ | {"PORT": str(port), "WEB_PROCESSES": "1"}
    process = subprocess.Popen(
        [sys.executable, "-m", "marketplace.serving"], env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        for _try in range(600):
            time.sleep(0.1)
            try:
                read(port, "/healthz")
                break
            except OSError:
                continue
        yield port, process.pid
    finally:
        process.terminate()
        process.wait()


def read(port: int, path: str) -> float:
    """Ask for a page; how many milliseconds it took."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    begun = time.perf_counter()
    connection.request("GET", path)
    answer = connection.getresponse()
    answer.read()
    took = (time.perf_counter() - begun) * 1000
    connection.close()
    assert answer.status == 200, (path, answer.status)
    return took


def show(name: str, times: list[float], cpu: float | None = None) -> None:
    ordered = sorted(times)
    p95 = ordered[min(len(ordered) - 1, round(len(ordered) * 0.95))]
    used = "" if cpu is None else f"{cpu / len(times):.1f}"
    print(f"| {name} | {used} | {statistics.median(ordered):.1f} | {p95:.1f} |", flush=True)


def cpu_ms(*trees: int) -> float:
    """What these processes and all below them have used, ended ones included."""
    parents: dict[int, int] = {}
    used: dict[int, int] = {}
    for place in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = place.read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
            parents[int(place.parent.name)] = int(fields[1])
            used[int(place.parent.name)] = sum(map(int, fields[11:15]))
    found = set(trees)
    while below := {process for process, parent in parents.items() if parent in found} - found:
        found |= below
    return 1000 / os.sysconf("SC_CLK_TCK") * sum(used.get(process, 0) for process in found)


def postmaster() -> int:
    """The database's first process, on this machine."""
    backend = db.session.execute(text("SELECT pg_backend_pid()")).scalar_one()
    db.session.rollback()
    return int(Path(f"/proc/{backend}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[1])


def timed(name: str, act: Callable[[], object], count: int = 30) -> None:
    act()  # statements are compiled and pages of the database read once
    times = []
    trees = (os.getpid(), postmaster())
    before = cpu_ms(*trees)
    for _turn in range(count):
        db.session.rollback()
        begun = time.perf_counter()
        act()
        times.append((time.perf_counter() - begun) * 1000)
    show(name, times, cpu_ms(*trees) - before)


def asked(name: str, trees: tuple[int, int], port: int, paths: list[str]) -> None:
    before = cpu_ms(*trees)
    times = [read(port, path) for path in paths]
    show(name, times, cpu_ms(*trees) - before)


def pages(port: int, trees: tuple[int, int], codes: list[str], shop: str, deep: dict[str, str]) -> None:
    fresh = itertools.count()
    lists = {
        "home": "/?",
        "list, newest": "/products?",
        "list, by price": "/products?sort=price",
        "list, by unit price": "/products?sort=unit",
        "category, newest": "/c/navel?",
        "category, by price": "/c/navel?sort=price",
        "rare category, by unit price": "/c/duck?sort=unit",
        "one county, by price": "/products?sort=price&county=360726",
        "one pack, by price": "/products?sort=price&pack=mass-2500",
        "deep page, newest": f"/products?after={deep['newest']}",
        "deep page, by price": f"/products?sort=price&after={deep['price']}",
        "shop": f"/shop/{shop}?",
    }
    for name, path in lists.items():
        read(port, path)
        asked(name, trees, port, [f"{path}&x={next(fresh)}" for _turn in range(READS)])
    asked("product", trees, port, [f"/p/{code}" for code in codes])
    for word in WORDS:
        read(port, f"/search?q={quote(word)}")
    words = list(itertools.islice(itertools.cycle(WORDS), READS * 2))
    asked("search, 12 words", trees, port, [f"/search?q={quote(word)}&x={next(fresh)}" for word in words])
    for word in WORDS:
        asked(f"search {word}", trees, port, [f"/search?q={quote(word)}&x={next(fresh)}" for _turn in range(12)])


def reports(first: Seller, usual: Seller) -> None:
    centre = Viewer(None, (Grant(Role.FINANCE),))
    year = clock.today().year - 1
    timed("award list of all sellers, one year", lambda: awards.list_year(centre, year))
    for name, seller in (("a usual seller", usual), ("the largest seller", first)):
        kind, registered = seller.kind, seller.registered_as
        seller_id = seller.id
        timed(
            f"award comparison, {name}",
            lambda seller_id=seller_id, kind=kind, registered=registered: awards.get_comparison(  # type: ignore[misc]
                seller_id, kind=kind, registered_as=registered, year=year
            ),
        )
        timed(
            f"its year's figures, {name}",
            lambda seller_id=seller_id: revenue.year_facts(seller_id),  # type: ignore[misc]
        )
        timed(f"lines of a figure, {name}", lambda seller_id=seller_id: awards.list_lines(seller_id, year, None, ()))  # type: ignore[misc]
        timed(f"orders, {name}", lambda seller_id=seller_id: orders.list_for_seller(seller_id))  # type: ignore[misc]
        timed(f"work, {name}", lambda seller_id=seller_id: count_work(seller_id))  # type: ignore[misc]
    timed("staff's orders", lambda: orders.list_for_staff(centre))
    timed("staff's orders to ship", lambda: orders.list_for_staff(centre, status=SellerOrderStatus.TO_SHIP))
    timed("staff's orders of a phone", lambda: orders.list_for_staff(centre, text="13900000001"))


def whole_orders(variants: list[int]) -> None:
    def one(variant: int) -> None:
        order_id = factories.place_order({variant: 1})
        factories.pay(order_id)
        factories.ship(order_id)
        factories.complete(order_id)

    turns = itertools.cycle(variants)
    timed("an order placed, paid, shipped and completed", lambda: one(next(turns)), ORDERS)


def beside(port: int, report: Callable[[], object]) -> None:
    """L7: readers of the shop while somebody asks for one report after another."""
    fresh = itertools.count(1 << 20)
    alone = [read(port, f"/products?x={next(fresh)}") for _turn in range(READS)]
    stop, asked = threading.Event(), [0]

    def ask() -> None:
        with app.app_context():
            while not stop.is_set():
                report()
                db.session.rollback()
                asked[0] += 1

    reader = threading.Thread(target=ask)
    reader.start()
    busy = [read(port, f"/products?x={next(fresh)}") for _turn in range(READS)]
    stop.set()
    reader.join()
    show("list, alone", alone)
    show(f"list, beside {asked[0]} award lists", busy)


app = create_app()
if __name__ == "__main__":
    parts = set(sys.argv[1:]) or {"pages", "reports", "orders"}
    with app.test_request_context("/"):
        run_in_transaction(lambda: demo.load_people(extras=False))
        lowest = db.session.execute(select(func.min(Seller.id)).where(Seller.name.startswith("演示果园"))).scalar_one()
        first, usual = db.session.get_one(Seller, lowest), db.session.get_one(Seller, lowest + 7)
        products = db.session.execute(select(func.count()).select_from(Product)).scalar_one()
        print(f"{products} products\n\n| what | CPU ms | p50 ms | p95 ms |\n|---|---|---|---|")
        codes = list(db.session.execute(select(Product.code).order_by(Product.code).limit(READS)).scalars())
        depth = min(DEEP, products // 2)
        deep = {
            name: "{}.{}".format(
                *db.session.execute(
                    text(
                        f"SELECT {column}, id FROM products WHERE status = 'published'"  # noqa: S608  our own words
                        f" ORDER BY {column} {way}, id {way} LIMIT 1 OFFSET {depth}"
                    )
                ).one()
            )
            for name, column, way in (("newest", "listed_rank", "DESC"), ("price", "shelf_price_amount", "ASC"))
        }
        query = select(Variant.id).where(Variant.seller_id == lowest + 7, Variant.position == 0).limit(8)
        variants = list(db.session.execute(query).scalars())
        shop = usual.code
        db.session.rollback()
        if "pages" in parts:
            with site() as (port, number):
                pages(port, (number, postmaster()), codes, shop, deep)
                beside(port, lambda: awards.list_year(Viewer(None, (Grant(Role.FINANCE),)), clock.today().year - 1))
        first, usual = db.session.get_one(Seller, lowest), db.session.get_one(Seller, lowest + 7)
        if "reports" in parts:
            reports(first, usual)
        if "orders" in parts:
            whole_orders(variants)
