"""Writing a new order: its parts, lines and the parties of the sale as they are at that moment."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from marketplace import audit, clock, settings
from marketplace.accounts.queries import company_of
from marketplace.audit import Actor
from marketplace.database import db, new_code, new_id
from marketplace.inventory import services as inventory
from marketplace.notifications.services import notify
from marketplace.orders import queries, rules
from marketplace.orders.models import (
    BuyerKind,
    Order,
    OrderLine,
    PaymentMethod,
    PaymentState,
    SellerOrder,
    SellerOrderStatus,
)
from marketplace.orders.moves import notify_seller, tell
from marketplace.sellers import queries as sellers
from marketplace.sellers.models import Seller


def create(actor: Actor, new: rules.NewOrder) -> Order:
    """Write a new order with its seller orders and lines; its stock is held already, under new.order_id.

    Prices are those of the draft, totals are summed from its lines. Seller kind, buyer kind, credit code, mode and
    commission rate are taken as they are at this moment (D16). Cash on delivery is confirmed at once and goes to the
    sellers; an online order waits for mark_paid(). EmptyOrderError; OrderExistsError when the form was sent before.
    """
    if not new.parts or not all(part.lines for part in new.parts):
        raise rules.EmptyOrderError
    moment = clock.now()
    is_cash = new.payment_method == PaymentMethod.ON_DELIVERY
    kind, credit_code, title = _buyer_of(new)
    order = Order(
        id=new.order_id,
        code=new_code(),
        form_key=new.form_key,
        access_token=secrets.token_urlsafe(24),
        buyer_id=new.buyer_id,
        contact_phone=new.contact_phone,
        buyer_kind=kind,
        buyer_credit_code=credit_code,
        invoice_title=title,
        mode_rule=rules.MODE_RULE,
        payment_method=new.payment_method,
        payment_state=PaymentState.ON_DELIVERY if is_cash else PaymentState.UNPAID,
        goods_amount=new.goods_amount,
        freight_amount=new.freight_amount,
        recipient_name=new.recipient_name,
        recipient_phone=new.recipient_phone,
        county_code=new.county_code,
        area_name=new.area_name,
        address_detail=new.address_detail,
        note=new.note,
        language=new.language,
        placed_at=moment,
        hold_until=new.hold_until,
    )
    db.session.add(order)
    try:
        db.session.flush()
    except IntegrityError as error:
        if "form_key" not in str(error.orig):
            raise
        raise rules.OrderExistsError from error  # the whole act ends here
    _add_parts(new, kind, is_cash=is_cash, moment=moment)
    tell(new.order_id, None, "placed", actor)
    audit.record(actor, "order.placed", "order", new.order_id)
    db.session.flush()
    if is_cash:
        for sale in queries.sellers_of(order.id):
            inventory.confirm(order_id=order.id, seller_id=sale.seller_id, actor=actor)
            notify_seller(sale)
        notify(
            "order_placed",
            phone=order.contact_phone,
            parameters={"code": order.code},
            language=order.language,
        )
    return order


def _buyer_of(new: rules.NewOrder) -> tuple[BuyerKind, str | None, str]:
    """Buyer kind, credit code and invoice title; only a verified code makes an enterprise (D16)."""
    if not new.buys_as_company or new.buyer_id is None:
        return BuyerKind.CONSUMER, None, new.invoice_title
    company = company_of(new.buyer_id)
    if company is None:
        return BuyerKind.CONSUMER, None, new.invoice_title
    title = new.invoice_title or company.name
    if company.verified_at is None:
        return BuyerKind.CONSUMER, None, title
    return BuyerKind.ENTERPRISE, company.credit_code, title


def _add_parts(new: rules.NewOrder, kind: BuyerKind, *, is_cash: bool, moment: datetime) -> None:
    rate = sellers.rate_on(clock.shanghai_date(moment))
    ship_by = moment + timedelta(hours=settings.get("orders.ship_hours")) if is_cash else None
    query = select(Seller).where(Seller.id.in_([part.seller_id for part in new.parts]))
    known = {seller.id: seller for seller in db.session.execute(query).scalars()}
    parts = sorted(new.parts, key=lambda part: part.seller_id)
    sales = [
        SellerOrder(
            id=new_id(),
            seller_id=part.seller_id,
            order_id=new.order_id,
            code=new_code(),
            status=SellerOrderStatus.TO_SHIP if is_cash else SellerOrderStatus.WAITING,
            seller_kind=known[part.seller_id].kind,
            mode=rules.mode_of(known[part.seller_id].is_enterprise, kind),
            goods_amount=part.goods_amount,
            freight_amount=part.freight_amount,
            freight_reason=part.freight_reason,
            commission_ppm=rate,
            ship_by=ship_by,
        )
        for part in parts
    ]
    db.session.add_all(sales)
    db.session.flush()
    db.session.add_all(_line(line, sale) for part, sale in zip(parts, sales, strict=True) for line in part.lines)


def _line(line: rules.NewLine, sale: SellerOrder) -> OrderLine:
    return OrderLine(
        seller_id=sale.seller_id,
        seller_order_id=sale.id,
        product_id=line.product_id,
        variant_id=line.variant_id,
        pool_id=line.pool_id,
        pool_amount=line.pool_amount,
        count=line.count,
        price_amount=line.price_amount,
        amount=line.amount,
        vat_amount=line.vat_amount,
        agri_class=line.agri_class,
        needs_confirmation=line.needs_confirmation,
        title=line.title,
        pack=line.pack,
        snapshot=line.snapshot,
    )
