"""The demo's goods and three years of their orders, made through the services in the order of their dates.

All of it is invented; the days follow from the day that the demo stands at, chance from a fixed seed.
"""

from __future__ import annotations

import csv
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import select

from marketplace import clock, places
from marketplace.accounts.queries import find_by_phone
from marketplace.audit import Actor
from marketplace.catalogue import services as catalogue
from marketplace.catalogue.models import Variant
from marketplace.catalogue.rules import ListingDraft, Pack
from marketplace.checkout import services as checkout
from marketplace.database import db, new_id, run_in_transaction
from marketplace.demo.evidence import settle_refunds
from marketplace.ledger import services as ledger
from marketplace.logistics import services as parcels
from marketplace.logistics.rules import Group
from marketplace.media import services as media
from marketplace.money import share_half_up
from marketplace.orders import queries as order_queries
from marketplace.orders import services as orders
from marketplace.orders.models import PaymentMethod, SellerOrder
from marketplace.payments import refunding
from marketplace.payments import services as payments
from marketplace.payments.answers import ProviderSession
from marketplace.payments.models import Payment
from marketplace.provenance import services as provenance
from marketplace.provenance.rules import MOST_GRAMS
from marketplace.seeding import SEED
from marketplace.sellers.queries import memberships_of
from marketplace.sellers.rules import Shop

PHOTOS = SEED / "demo" / "photos"
TONNE = 1_000_000
TOGETHER = 40  # orders that share a transaction here; in a shop each act has its own
FEE_PER_MILLE = 29  # invented, as the payment sandbox's
SEASONAL = frozenset({"navel", "mandarin", "pomelo"})
WITH_LICENCE = frozenset({"tea_oil", "tea", "noodles", "duck", "jujube"})
NOT_SERVED = frozenset({"650000", "540000"})
FAR = frozenset({"630000", "150000", "620000", "640000", "460000", "230000", "220000", "210000"})
CITIES = (
    *("310115", "440305", "440106", "110105", "330106", "320102", "350102", "420106", "430104", "510104"),
    *("360111", "360702", "340104", "370102", "500103", "610113", "410105", "210102", "120104", "330203"),
)
FAMILY_NAMES = "李王张刘陈杨黄赵吴周"
# Orders of consumers in each season, oldest first, and the last days before the demo's own.
CONSUMER_ORDERS = (40, 60, 60, 80, 80, 110)
# Tonnes that the company bought of each shop, in orders of so many tonnes, by season as above: so many that one
# payment can be for them (payments.rules.MOST_TO_PAY).
TONNES: dict[str, tuple[int, tuple[int, ...]]] = {
    "coop": (160, (1600, 3200, 4480, 4800, 3520, 3200)),
    "anyuan_coop": (170, (0, 2040, 3060, 3400, 5100, 3910)),
    "xinfeng_company": (160, (2080, 2560, 8000, 9920, 1440, 960)),
}


@dataclass
class Stall:
    """A shop of the demo, and what it sells at the moment: variants with the day they were listed."""

    shop: Shop
    owner: Actor
    small: list[tuple[int, date]] = field(default_factory=list)
    bulk: int | None = None
    products: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Wish:
    """An order that somebody will place, and what will become of it if there is time enough."""

    at: datetime
    counts: dict[int, int]
    county: str
    buyer: str | None = None
    as_company: bool = False
    fate: str = ""  # cancelled, returned, part_refunded, spoiled, cash; else an ordinary sale


@dataclass(frozen=True)
class Season:
    """Days between which things were sold."""

    first: date
    last: date
    is_current: bool = False


def load(
    day: date, people: list[dict[str, Any]], shops: list[dict[str, Any]], goods: list[dict[str, Any]]
) -> int:
    """Goods and orders as they stand when a Shanghai day begins; how many orders there are."""
    chance = random.Random(20150204)  # noqa: S311  the same market every time
    phones = {person["key"]: person["phone"] for person in people}
    ids = {key: _user_id(phone) for key, phone in phones.items()}
    stalls = {shop["key"]: _stall(shop, ids) for shop in shops}
    db.session.rollback()
    seasons = list_seasons(day)
    with clock.at(clock.start_of_day(seasons[0].first - timedelta(days=20))):
        run_in_transaction(lambda: _set_up_freight(stalls, chance))
    count = 0
    for number, season in enumerate(seasons):
        _open_season(stalls, goods, season, day)
        wishes = [
            *_consumer_wishes(stalls, season, CONSUMER_ORDERS[number], day, chance),
            *_company_wishes(stalls, season, number, day),
        ]
        wishes.sort(key=lambda wish: wish.at)
        for batch in _in_batches(wishes):
            run_in_transaction(partial(_live_through, batch, ids, day, chance.getrandbits(32)))
        count += len(wishes)
        if not season.is_current:
            with clock.at(clock.start_of_day(season.last + timedelta(days=1))):
                run_in_transaction(partial(_close_season, stalls.values()))
    return count


def _user_id(phone: str) -> int:
    user = find_by_phone(phone)
    assert user is not None
    return user.id


def _stall(shop: dict[str, Any], ids: dict[str, int]) -> Stall:
    owner = ids[shop["owner"]]
    return Stall(memberships_of(owner)[0].shop, Actor(owner, shop["name"]))


def list_seasons(day: date) -> list[Season]:
    """Two winters of each past year, the beginning of this one, and the last eighteen days."""
    found = []
    for year in (day.year - 2, day.year - 1, day.year):
        found += [Season(date(year, 1, 5), date(year, 2, 20)), Season(date(year, 11, 10), date(year, 12, 10))]
    past = [season for season in found if season.last < day - timedelta(days=20)][:5]
    return [*past, Season(day - timedelta(days=18), day - timedelta(days=1), is_current=True)]


def _set_up_freight(stalls: dict[str, Stall], chance: random.Random) -> None:
    provinces = [area.code for area in places.list_children(None) if area.code not in NOT_SERVED]
    near = tuple(code for code in provinces if code not in FAR)
    far = tuple(code for code in provinces if code in FAR)
    for key, stall in stalls.items():
        first = chance.choice((500, 600, 800))
        parcels.save_template(
            stall.owner,
            seller_id=stall.shop.id,
            groups=[Group(near, first, 100), Group(far, first + 600, 300)],
            free_from_amount=19900 if key in TONNES else chance.choice((None, 9900, 19900)),
        )


def _open_season(stalls: dict[str, Stall], goods: list[dict[str, Any]], season: Season, day: date) -> None:
    """Put goods on sale: in a past season a part of the fruit, without pictures; now everything, oldest batch first."""
    if season.is_current:
        wanted = sorted(goods, key=lambda item: -item["picked_days_ago"])
    else:
        fruit = [item for item in goods if item["category"] in SEASONAL]
        wanted = [
            item for number, item in enumerate(fruit) if number % 2 == 0 or item["packs"][0][0] >= TONNE
        ]
    for item in wanted:
        picked_on = day - timedelta(days=item["picked_days_ago"]) if season.is_current else season.first
        stall = stalls[item["seller"]]
        with clock.at(clock.start_of_day(picked_on) + timedelta(hours=9)):
            variants = run_in_transaction(partial(_publish, stall, item, picked_on, season.is_current))
        if item["packs"][0][0] >= TONNE:
            stall.bulk = variants[0]
        else:
            stall.small += [(variant, picked_on) for variant in variants]


def _publish(stall: Stall, item: dict[str, Any], picked_on: date, with_photos: bool) -> list[int]:
    shop, sources = stall.shop, _credits()
    batch = provenance.create_batch(
        stall.owner,
        seller_id=shop.id,
        category_code=item["category"],
        variety_code=item["variety"],
        area_code=shop.area_code,
        picked_on=picked_on,
    )
    if shop.must_certify:
        provenance.issue_certificate(
            stall.owner,
            seller_id=shop.id,
            batch_id=batch.id,
            product=item["title"][:20] or "脐橙",
            quantity_grams=min(max(item["stock"], 1000), MOST_GRAMS),
            origin=places.full_name(shop.area_code),
            promised_by=shop.legal_name,
            contact=shop.phone,
        )
    product = catalogue.create_listing(
        stall.owner,
        seller_id=shop.id,
        draft=ListingDraft(
            category_code=item["category"],
            batch_id=batch.id,
            packs=[Pack(net, price) for net, price in item["packs"]],
            stock_amount=item["stock"],
            variety_code=item["variety"],
            grade_code=item["grade"],
            size_code=item["size"],
            title=item["title"],
            description=item["description"],
            image_ids=[
                media.store_seed(shop.id, PHOTOS / name, sources[name]).id
                for name in item["photos"]
                if with_photos
            ],
            sc_number="SC00000000000000" if item["category"] in WITH_LICENCE else None,
        ),
    )
    catalogue.publish(stall.owner, seller_id=shop.id, product_id=product.id)
    stall.products.append(product.id)
    query = select(Variant.id).where(Variant.seller_id == shop.id, Variant.product_id == product.id)
    return list(db.session.execute(query.order_by(Variant.position)).scalars())


def _credits() -> dict[str, str]:
    with (PHOTOS / "SOURCES.csv").open(encoding="utf-8", newline="") as file:
        return {row["file"]: f"{row['author']}, {row['licence']}" for row in csv.DictReader(file)}


def _close_season(stalls: Iterable[Stall]) -> None:
    for stall in stalls:
        for product_id in stall.products:
            catalogue.pause(stall.owner, seller_id=stall.shop.id, product_id=product_id)
        stall.products, stall.small, stall.bulk = [], [], None


def _consumer_wishes(
    stalls: dict[str, Stall], season: Season, count: int, day: date, chance: random.Random
) -> Iterator[Wish]:
    days = (season.last - season.first).days + 1
    open_stalls = [stall for stall in stalls.values() if stall.small]
    fates = [""] * 16 + ["cancelled", "returned", "part_refunded", "spoiled", "cash", "cash"]
    for _number in range(count):
        on = season.first + timedelta(days=chance.randrange(days))
        at = clock.start_of_day(on) + timedelta(minutes=chance.randrange(7 * 60, 23 * 60))
        counts: dict[int, int] = {}
        for stall in chance.sample(open_stalls, k=chance.choice((1, 1, 1, 2))):
            choices = [variant for variant, listed_on in stall.small if listed_on < on]
            if choices:
                counts[chance.choice(choices)] = chance.choice((1, 1, 1, 2, 2, 3))
        if counts:
            buyer = "buyer" if chance.random() < 0.12 else None
            county = CITIES[0] if buyer else chance.choice(CITIES)
            yield Wish(at, counts, county, buyer, fate=chance.choice(fates))


def _company_wishes(stalls: dict[str, Stall], season: Season, number: int, day: date) -> Iterator[Wish]:
    days = (season.last - season.first).days
    for key, (each, tonnes) in TONNES.items():
        variant, orders_wanted = stalls[key].bulk, tonnes[number] // each
        for turn in range(orders_wanted if variant else 0):
            on = season.first + timedelta(days=1 + turn * max(1, days - 1) // max(1, orders_wanted))
            if on < day:
                at = clock.start_of_day(on) + timedelta(hours=10, minutes=turn)
                yield Wish(at, {variant: each}, "440305", "company_buyer", as_company=True)  # type: ignore[dict-item]


def _in_batches(wishes: list[Wish]) -> Iterator[list[Wish]]:
    for start in range(0, len(wishes), TOGETHER):
        yield wishes[start : start + TOGETHER]


def _live_through(batch: list[Wish], ids: dict[str, int], day: date, seed: int) -> None:
    """Place the orders and let happen to each what there was time for until the demo's day began."""
    chance = random.Random(seed)  # noqa: S311  repeated alike when the transaction is tried again
    end = clock.start_of_day(day)
    for wish in batch:
        _live(wish, ids, end, chance)


def _live(wish: Wish, ids: dict[str, int], end: datetime, chance: random.Random) -> None:
    buyer_id = ids[wish.buyer] if wish.buyer else None
    buyer = Actor(buyer_id, "买家")
    phone = f"1390000{chance.randrange(10_000):04d}"
    method = PaymentMethod.ON_DELIVERY if wish.fate == "cash" else PaymentMethod.ONLINE
    with clock.at(wish.at):
        quote = checkout.price(wish.counts, places.province_of(wish.county))
        placed = checkout.place_order(
            buyer,
            checkout.Placing(
                form_key=str(new_id()),
                owner="demo",
                counts=wish.counts,
                expected_total=quote.total_amount,
                payment_method=method,
                contact_phone=phone,
                recipient_name=chance.choice(FAMILY_NAMES) + "演示",
                recipient_phone=phone,
                county_code=wish.county,
                address_detail=f"示例路 {chance.randrange(1, 200)} 号",
                buyer_id=buyer_id,
                confirmed=frozenset(wish.counts),
                buys_as_company=wish.as_company,
            ),
        )
    if wish.fate == "cancelled":
        with clock.at(wish.at + timedelta(minutes=12)):
            orders.cancel_unpaid(buyer, placed.order_id, "buyer")
        return
    if method == PaymentMethod.ONLINE:
        with clock.at(wish.at + timedelta(minutes=3)):
            _pay(placed.order_id)
    for sale in order_queries.sellers_of(placed.order_id):
        _follow(sale, wish, buyer, end, chance)


def _pay(order_id: int) -> None:
    wish, _url = payments.intend(order_id)
    amount = sum(amount for _words, amount in wish.lines)
    payments.record_session(
        ProviderSession(
            ref=f"cs_demo_{wish.payment_id}",
            is_paid=True,
            is_expired=False,
            is_open=False,
            amount=amount,
            currency=wish.currency,
            payment_id=wish.payment_id,
            order_id=order_id,
            intent_ref=f"pi_demo_{wish.payment_id}_{amount}",
            url=None,
        )
    )
    payment = db.session.get_one(Payment, wish.payment_id)
    payment.channel, payment.fee_amount = "alipay", share_half_up(amount, FEE_PER_MILLE, 1000)
    db.session.flush()
    ledger.book_provider_fee(payment)


def _follow(sale: SellerOrder, wish: Wish, buyer: Actor, end: datetime, chance: random.Random) -> None:
    """Ship, deliver, complete and refund one seller's part, as far as the time goes."""
    seller = Actor(None, "卖家")
    shipped = wish.at + timedelta(hours=chance.randrange(6, 40))
    delivered = shipped + timedelta(hours=chance.randrange(30, 90))
    completed = delivered + timedelta(hours=chance.randrange(20, 150))
    if wish.fate == "returned" and shipped < end:
        with clock.at(wish.at + timedelta(hours=2)):
            refunding.cancel_part(
                seller, seller_id=sale.seller_id, seller_order_id=sale.id, reason="买家改了主意"
            )
            settle_refunds(sale.id)
        return
    if shipped < end:
        with clock.at(shipped):
            number = f"75{chance.randrange(10**12):012d}"
            parcels.dispatch(
                seller,
                seller_id=sale.seller_id,
                seller_order_id=sale.id,
                carrier_code="ZTO",
                waybills=[number],
            )
    if delivered < end:
        with clock.at(delivered):
            parcels.record_delivery(seller, seller_id=sale.seller_id, seller_order_id=sale.id)
    if wish.fate == "part_refunded" and delivered + timedelta(hours=5) < end:
        with clock.at(delivered + timedelta(hours=5)):
            _refund(sale, sale.goods_amount // 10, "到货有坏果")
    if completed < end:
        with clock.at(completed):
            orders.complete(buyer, seller_order_id=sale.id)
    if wish.fate == "spoiled" and completed + timedelta(hours=3) < end:
        with clock.at(completed + timedelta(hours=3)):
            _refund(sale, sale.goods_amount // 5, "坏了几个")


def _refund(sale: SellerOrder, amount: int, reason: str) -> None:
    if amount:
        refunding.request_refund(
            Actor(None, "卖家"),
            seller_id=sale.seller_id,
            seller_order_id=sale.id,
            line_id=None,
            goods_amount=amount,
            freight_amount=0,
            reason=reason,
            form_key=f"demo-{sale.id}-{reason}",
        )
        settle_refunds(sale.id)
