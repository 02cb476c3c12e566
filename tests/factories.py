"""Shops' goods, orders and payments made through the services, with ordinary values where a test does not care."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select

from marketplace import clock, settings
from marketplace.accounts.queries import find_by_phone
from marketplace.audit import SYSTEM, Actor
from marketplace.catalogue import services as catalogue
from marketplace.catalogue.models import Variant
from marketplace.catalogue.rules import ListingDraft, Pack
from marketplace.catalogue.selling import sale_items
from marketplace.checkout import rules as checkout_rules
from marketplace.database import db, new_id, run_in_transaction
from marketplace.inventory import services as inventory
from marketplace.inventory.models import StockPool
from marketplace.logistics import queries as logistics
from marketplace.logistics import services as parcels
from marketplace.logistics.rules import Group
from marketplace.orders import queries as order_queries
from marketplace.orders import rules as order_rules
from marketplace.orders import services as orders
from marketplace.orders.models import PaymentMethod
from marketplace.payments import services as payments
from marketplace.payments.answers import ProviderSession
from marketplace.places import full_name, list_children, province_of
from marketplace.provenance import services as provenance
from marketplace.sellers.queries import memberships_of
from marketplace.sellers.rules import Shop
from tests.people import PEOPLE

SHANGHAI_PUDONG = "310115"


def user_id(key: str) -> int:
    """The id of one of the cast."""
    user = find_by_phone(PEOPLE[key].phone)
    assert user is not None
    return user.id


def actor(key: str) -> Actor:
    """One of the cast as the one who acts."""
    return Actor(user_id(key), PEOPLE[key].name)


def shop(key: str) -> Shop:
    """The shop of one of the cast."""
    return memberships_of(user_id(key))[0].shop


@dataclass(frozen=True)
class Goods:
    """A published listing: its packs in the order given."""

    seller_id: int
    product_id: int
    product_code: str
    pool_id: int
    variants: tuple[int, ...]


def make_goods(
    seller: str = "coop_owner",
    *,
    price: int = 4990,
    grams: int = 5000,
    packs: Sequence[tuple[int, int]] = (),
    stock: int = 100_000,
    category: str = "navel",
    variety: str | None = "newhall",
    grade: str | None = "first",
    title: str = "",
    is_published: bool = True,
) -> Goods:
    """A listing of a shop of the cast; packs are (grams, fen), stock is in the pool's unit."""

    def make() -> Goods:
        owner, by = shop(seller), actor(seller)
        batch = provenance.create_batch(
            by,
            seller_id=owner.id,
            category_code=category,
            variety_code=variety if category == "navel" else None,
            area_code=owner.area_code,
            picked_on=clock.today(),
        )
        if owner.must_certify:
            provenance.issue_certificate(
                by,
                seller_id=owner.id,
                batch_id=batch.id,
                product="脐橙",
                quantity_grams=max(stock, 1000),
                origin=full_name(owner.area_code),
                promised_by=owner.legal_name,
                contact="0797-0000000",
            )
        draft = ListingDraft(
            category_code=category,
            batch_id=batch.id,
            packs=[Pack(amount, fen) for amount, fen in packs or ((grams, price),)],
            stock_amount=stock,
            variety_code=variety if category == "navel" else None,
            grade_code=grade,
            size_code="d75_80" if category == "navel" else None,
            title=title,
            sc_number="SC10236072100001" if category == "tea_oil" else None,
        )
        product = catalogue.create_listing(by, seller_id=owner.id, draft=draft)
        if is_published:
            catalogue.publish(by, seller_id=owner.id, product_id=product.id)
        rows = db.session.execute(
            select(Variant.id, Variant.pool_id)
            .where(Variant.product_id == product.id)
            .order_by(Variant.position)
        ).all()
        return Goods(owner.id, product.id, product.code, rows[0].pool_id, tuple(row.id for row in rows))

    return run_in_transaction(make)


def make_freight(
    seller: str = "coop_owner", *, first: int = 600, following: int = 100, free_from: int | None = None
) -> None:
    """A shop's freight, the same to every province but Xinjiang and Tibet, which are not served."""

    def make() -> None:
        served = tuple(area.code for area in list_children(None) if area.code not in {"650000", "540000"})
        parcels.save_template(
            actor(seller),
            seller_id=shop(seller).id,
            groups=[Group(served, first, following)],
            free_from_amount=free_from,
        )

    run_in_transaction(make)


def place_order(
    wanted: Mapping[int, int],
    *,
    buyer: str | None = "buyer",
    county: str = SHANGHAI_PUDONG,
    method: PaymentMethod = PaymentMethod.ONLINE,
    as_company: bool = False,
    form_key: str = "",
    language: str = "zh",
) -> int:
    """An order of so many of each variant with its holds, as checkout places it; its id."""

    def place() -> int:
        items = sale_items(wanted)
        quote = checkout_rules.quote(
            items,
            wanted,
            logistics.templates_for(item.seller_id for item in items.values()),
            province_of(county),
        )
        # A year's sales may come in one order here, for the thresholds; the checkout refuses it.
        problems = [one for one in quote.problems if one.kind != checkout_rules.ProblemKind.TOO_MUCH]
        assert not problems, [problem.message for problem in problems]
        order_id = new_id()
        hold_until = clock.now() + timedelta(minutes=settings.get("orders.hold_minutes"))
        inventory.hold_all(
            order_id=order_id,
            by_seller={parcel.seller_id: parcel.pool_amounts for parcel in quote.parcels},
            expires_at=hold_until,
        )
        orders.create(
            actor(buyer) if buyer else SYSTEM,
            order_rules.NewOrder(
                order_id=order_id,
                form_key=form_key or secrets.token_hex(8),
                buyer_id=user_id(buyer) if buyer else None,
                contact_phone=PEOPLE[buyer].phone if buyer else "13900000000",
                payment_method=method,
                recipient_name="陈晓",
                recipient_phone="13900000000",
                county_code=county,
                area_name=full_name(county),
                address_detail="示例路 1 号",
                hold_until=hold_until,
                buys_as_company=as_company,
                language=language,
                parts=tuple(
                    order_rules.NewPart(
                        seller_id=parcel.seller_id,
                        freight_amount=parcel.freight_amount,
                        freight_reason=parcel.freight.as_snapshot() if parcel.freight else {},
                        lines=tuple(
                            order_rules.NewLine(
                                product_id=line.item.product_id,
                                variant_id=line.item.variant_id,
                                pool_id=line.item.pool_id,
                                pool_amount=line.pool_amount,
                                count=line.count,
                                price_amount=line.item.price_amount,
                                agri_class=line.item.agri_class,
                                title=line.item.title,
                                pack=line.item.pack,
                                snapshot=line.item.snapshot,
                            )
                            for line in parcel.lines
                        ),
                    )
                    for parcel in quote.parcels
                ),
            ),
        )
        return order_id

    return run_in_transaction(place)


def pay(order_id: int) -> None:
    """Pay an order as if the provider had told of it; no provider is called."""

    def settle() -> None:
        wish, _url = payments.intend(order_id)
        told = ProviderSession(
            ref=f"cs_test_{wish.payment_id}",
            is_paid=True,
            is_expired=False,
            is_open=False,
            amount=sum(amount for _words, amount in wish.lines),
            currency=wish.currency,
            payment_id=wish.payment_id,
            order_id=order_id,
            intent_ref=f"pi_test_{wish.payment_id}",
            url=None,
        )
        assert payments.record_session(told) == "paid"

    run_in_transaction(settle)


def ship(order_id: int) -> None:
    """Each seller sends its part."""
    ship_part(order_id, None)


def ship_part(order_id: int, part_id: int | None) -> None:
    """One seller sends its part, or with None each."""

    def send() -> None:
        for sale in order_queries.sellers_of(order_id):
            if part_id not in {None, sale.id}:
                continue
            parcels.dispatch(
                SYSTEM,
                seller_id=sale.seller_id,
                seller_order_id=sale.id,
                carrier_code="ZTO",
                waybills=[f"75{secrets.randbelow(10**12):012d}"],
            )

    run_in_transaction(send)


def complete(order_id: int) -> None:
    """The buyer confirms every part."""

    def confirm() -> None:
        for sale in order_queries.sellers_of(order_id):
            orders.complete(SYSTEM, seller_order_id=sale.id)

    run_in_transaction(confirm)


def make_completed_order(wanted: Mapping[int, int], *, buyer: str = "buyer", as_company: bool = False) -> int:
    """Placed, paid, shipped, received; its id."""
    order_id = place_order(wanted, buyer=buyer, as_company=as_company)
    pay(order_id)
    ship(order_id)
    complete(order_id)
    return order_id


def pool(pool_id: int) -> StockPool:
    """A pool as it stands now."""
    return db.session.execute(
        select(StockPool).where(StockPool.id == pool_id).execution_options(populate_existing=True)
    ).scalar_one()
