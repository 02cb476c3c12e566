"""Placing an order: price it again, hold the stock, write the order, all in one transaction or not at all."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from marketplace import audit, clock, places, settings
from marketplace.accounts import services as accounts
from marketplace.audit import Actor
from marketplace.cart import services as cart
from marketplace.catalogue.selling import sale_items
from marketplace.checkout import rules
from marketplace.checkout.paying import most_in_cash
from marketplace.checkout.rules import Parcel, Problem, ProblemKind, Quote
from marketplace.database import new_id
from marketplace.errors import DomainError
from marketplace.inventory import services as inventory
from marketplace.inventory.rules import OutOfStockError
from marketplace.logistics.queries import templates_for
from marketplace.money import format_fen
from marketplace.orders import queries as order_queries
from marketplace.orders import services as orders
from marketplace.orders.models import Order, PaymentMethod
from marketplace.orders.rules import NewLine, NewOrder, NewPart
from marketplace.payments import services as payments
from marketplace.payments.gateway import SessionWish
from marketplace.places import Level, province_of


class CashNotOfferedError(DomainError):
    """Cash on delivery is switched off, or not offered for so much (most in fen)."""

    def __init__(self, most: int) -> None:
        message = (
            _("货到付款一单最多 %(most)s 元，请换一种付法", most=format_fen(most))
            if most
            else _("现在不能货到付款，请换一种付法")
        )
        super().__init__(message, field="pay_by")


class UnknownPlaceError(DomainError):
    """The place is no county of the country."""

    def __init__(self) -> None:
        super().__init__(_l("请选到县（市、区）"), field="county_code")


@dataclass(frozen=True)
class Placing:
    """What a buyer wants, as the checkout page showed it; expected_total in fen, counts by variant.

    form_key is the page's own random text, owner who it was made for: the same page pressed twice is one order, and
    somebody else's press with the same text is another.
    """

    form_key: str
    owner: str
    counts: Mapping[int, int]
    expected_total: int
    payment_method: PaymentMethod
    contact_phone: str
    recipient_name: str
    recipient_phone: str
    county_code: str
    address_detail: str
    buyer_id: int | None = None
    cart_id: int | None = None
    confirmed: frozenset[int] = frozenset()
    buys_as_company: bool = False
    invoice_title: str = ""
    note: str = ""
    language: str = "zh"
    accepted: str = ""  # versions of rules and privacy policy that a guest was shown
    keeps_address: bool = False
    channel: str | None = None  # what is paid with at once; None is paid later, or in cash

    @property
    def key(self) -> str:
        """What the order is stored under: nobody reaches another's order by knowing the form's text."""
        return hashlib.sha256(f"{self.owner}\n{self.form_key}".encode()).hexdigest()


@dataclass(frozen=True)
class PlacedOrder:
    """Plain values that outlive the transaction."""

    order_id: int
    code: str
    access_token: str
    is_new: bool
    wish: SessionWish | None = None  # what the provider is to be asked, of a new order that is paid at once


def price(counts: Mapping[int, int], province_code: str | None) -> Quote:
    """The wanted counts at today's prices, stock and freight, in two statements."""
    items = sale_items(counts)
    templates = templates_for({item.seller_id for item in items.values()}) if items else {}
    return rules.quote(items, counts, templates, province_code)


def place_order(actor: Actor, placing: Placing) -> PlacedOrder:
    """Hold the stock and write the order, in the caller's transaction; pressing again gives the same order.

    Refuses EmptyBasketError, BasketChangedError (line by line), PriceChangedError, CashNotOfferedError,
    UnknownPlaceError; OrderExistsError when the same press is under way elsewhere: call again. Nothing is changed
    then, the basket stays as it was. The try to pay is recorded with the order; the provider is asked afterwards.
    """
    found = order_queries.find_by_form_key(placing.key)
    if found is not None:
        return _placed(found, is_new=False)
    county = places.find(placing.county_code)
    if county is None or county.level != Level.COUNTY:
        raise UnknownPlaceError
    wanted = price(placing.counts, province_of(placing.county_code))
    rules.check_order(wanted, confirmed=placing.confirmed, expected_total=placing.expected_total)
    if placing.payment_method == PaymentMethod.ON_DELIVERY and wanted.total_amount > most_in_cash():
        raise CashNotOfferedError(most_in_cash())
    order_id = new_id()
    hold_until = clock.now() + timedelta(minutes=settings.get("orders.hold_minutes"))
    by_seller = {parcel.seller_id: parcel.pool_amounts for parcel in wanted.parcels}
    try:
        inventory.hold_all(order_id=order_id, by_seller=by_seller, expires_at=hold_until)
    except OutOfStockError as error:
        raise rules.BasketChangedError(_gone_meanwhile(wanted, error.pool_ids)) from error
    order = orders.create(
        actor,
        NewOrder(
            order_id=order_id,
            form_key=placing.key,
            buyer_id=placing.buyer_id,
            contact_phone=placing.contact_phone,
            payment_method=placing.payment_method,
            recipient_name=placing.recipient_name,
            recipient_phone=placing.recipient_phone,
            county_code=placing.county_code,
            area_name=places.full_name(placing.county_code),
            address_detail=placing.address_detail,
            hold_until=hold_until,
            parts=tuple(_part(parcel) for parcel in wanted.parcels),
            buys_as_company=placing.buys_as_company,
            invoice_title=placing.invoice_title,
            note=placing.note,
            language=placing.language,
        ),
    )
    _leave_traces(actor, placing, order_id)
    wish = payments.begin(order, hold_until, placing.channel) if placing.channel else None
    return _placed(order, is_new=True, wish=wish)


def _placed(order: Order, *, is_new: bool, wish: SessionWish | None = None) -> PlacedOrder:
    return PlacedOrder(order.id, order.code, order.access_token, is_new, wish)


def _leave_traces(actor: Actor, placing: Placing, order_id: int) -> None:
    """The basket without what was bought, the address if it is to be kept, and what a guest agreed to."""
    if placing.cart_id is not None:
        for variant_id in placing.counts:
            cart.remove(placing.cart_id, variant_id)
    if placing.keeps_address and placing.buyer_id is not None:
        with suppress(
            accounts.TooManyAddressesError
        ):  # a full address book must not keep anybody from buying
            accounts.save_address(
                placing.buyer_id,
                name=placing.recipient_name,
                phone=placing.recipient_phone,
                county_code=placing.county_code,
                detail=placing.address_detail,
            )
    if placing.accepted:
        audit.record(actor, "rules.accepted", "order", order_id, changes={"versions": placing.accepted})


def _part(parcel: Parcel) -> NewPart:
    assert parcel.freight is not None  # check_order lets no parcel pass that is not served
    return NewPart(
        seller_id=parcel.seller_id,
        lines=tuple(_line(line) for line in parcel.lines),
        freight_amount=parcel.freight.amount,
        freight_reason=parcel.freight.as_snapshot(),
    )


def _line(line: rules.Line) -> NewLine:
    item = line.item
    return NewLine(
        product_id=item.product_id,
        variant_id=item.variant_id,
        pool_id=item.pool_id,
        pool_amount=line.pool_amount,
        count=line.count,
        price_amount=item.price_amount,
        agri_class=item.agri_class,
        title=item.title,
        pack=item.pack,
        snapshot=item.snapshot,
        needs_confirmation=item.needs_confirmation,
    )


def _gone_meanwhile(wanted: Quote, pool_ids: Iterable[int]) -> list[Problem]:
    """Somebody took the last ones between our look and our hold: which lines that concerns."""
    missing = set(pool_ids)
    return [
        Problem(
            ProblemKind.TOO_FEW,
            _("“%(title)s”刚刚被别人买走了一些，请改少一点", title=line.item.title),
            variant_id=line.item.variant_id,
        )
        for parcel in wanted.parcels
        for line in parcel.lines
        if line.item.pool_id in missing
    ]
