"""Orders as their readers may see them: the buyer all parts, a seller its own, staff those of their counties."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import CompoundSelect, Select, func, select, union

from marketplace.database import db
from marketplace.errors import NotFoundError
from marketplace.orders.models import (
    Order,
    OrderEvent,
    OrderLine,
    PaymentState,
    SellerOrder,
    SellerOrderStatus,
)
from marketplace.orders.records import OrderHead, Part, Whole
from marketplace.paging import page_of
from marketplace.permissions import Viewer
from marketplace.sellers.models import Seller
from marketplace.sellers.queries import of_counties

PAGE = 20


def get_order(order_id: int, *, lock: bool = False) -> Order:
    """An order as it stands now, for services, who may keep others from changing it; NotFoundError."""
    query = select(Order).where(Order.id == order_id)
    order: Order = _one(query.with_for_update() if lock else query)
    return order


def find_by_form_key(form_key: str) -> Order | None:
    """The order that pressing "pay" made before, if it did."""
    return db.session.execute(select(Order).where(Order.form_key == form_key)).scalar_one_or_none()


def find_unpaid(moment: datetime, *, buyer_id: int | None, token: str | None) -> Order | None:
    """The newest order that waits for its payment: the person's own, or the guest order of the link; else None."""
    query = select(Order).where(Order.payment_state == PaymentState.UNPAID, Order.hold_until > moment)
    if buyer_id is not None:
        query = query.where(Order.buyer_id == buyer_id).order_by(Order.id.desc()).limit(1)
    elif token:
        query = query.where(Order.access_token == token, Order.buyer_id.is_(None))
    else:
        return None
    return db.session.execute(query).scalar_one_or_none()


def get_for_buyer(user_id: int, code: str) -> Whole:
    """A buyer's own order; another's is NotFoundError like none."""
    return _whole(_one(select(Order).where(Order.code == code, Order.buyer_id == user_id)))


def get_by_token(token: str) -> Whole:
    """A guest's order by the token of its link; NotFoundError."""
    return _whole(_one(select(Order).where(Order.access_token == token)))


def get_seller_order(seller_id: int, code: str) -> Part:
    """A seller's own part with its events; another's is NotFoundError like none (D19)."""
    sale = _one(select(SellerOrder).where(SellerOrder.code == code, SellerOrder.seller_id == seller_id))
    return _detailed(sale)


def get_for_staff(viewer: Viewer, code: str) -> Part:
    """A seller order of the viewer's counties; another county's is NotFoundError like none."""
    query = (
        select(SellerOrder).join(Seller, Seller.id == SellerOrder.seller_id).where(SellerOrder.code == code)
    )
    return _detailed(_one(of_counties(query, viewer, "orders:read")))


def list_for_buyer(
    user_id: int, after: int | None = None, *, limit: int = PAGE
) -> tuple[list[Whole], int | None]:
    """A buyer's orders, newest first, and the id after which the next page starts."""
    query = select(Order).where(Order.buyer_id == user_id)
    return _wholes(query, after, limit)


def list_for_phone(
    phone: str, after: int | None = None, *, limit: int = PAGE
) -> tuple[list[Whole], int | None]:
    """The guest orders placed with a phone, for who proved it, newest first."""
    query = select(Order).where(Order.contact_phone == phone, Order.buyer_id.is_(None))
    return _wholes(query, after, limit)


def list_for_seller(
    seller_id: int,
    status: SellerOrderStatus | None = None,
    after: int | None = None,
    *,
    limit: int = PAGE,
) -> tuple[list[Part], int | None]:
    """A seller's parts, newest first, all but those still unpaid or of one status; and where the next page starts."""
    query = select(SellerOrder).where(SellerOrder.seller_id == seller_id)
    if status is not None:
        query = query.where(SellerOrder.status == status)
    else:
        query = query.join(Order, Order.id == SellerOrder.order_id).where(
            SellerOrder.status != SellerOrderStatus.WAITING, Order.payment_state != PaymentState.CANCELLED
        )
    return _parts(query, after, limit)


def list_to_ship(
    seller_id: int, after: int | None = None, *, limit: int = PAGE
) -> tuple[list[Part], int | None]:
    """What a seller has to send, the earliest deadline first, and the id after which the next page starts."""
    query = select(SellerOrder).where(
        SellerOrder.seller_id == seller_id, SellerOrder.status == SellerOrderStatus.TO_SHIP
    )
    if after is not None:
        # It keeps its deadline when it was sent meanwhile.
        last = select(SellerOrder.ship_by).where(SellerOrder.seller_id == seller_id, SellerOrder.id == after)
        due = last.scalar_subquery()
        query = query.where(
            (SellerOrder.ship_by > due) | ((SellerOrder.ship_by == due) & (SellerOrder.id > after))
        )
    query = query.order_by(SellerOrder.ship_by, SellerOrder.id).limit(limit + 1)
    sales = list(db.session.execute(query).scalars())
    return _load_parts(sales[:limit]), sales[limit - 1].id if len(sales) > limit else None


def list_for_staff(
    viewer: Viewer,
    *,
    text: str = "",
    status: SellerOrderStatus | None = None,
    after: int | None = None,
    limit: int = PAGE,
) -> tuple[list[Part], int | None]:
    """Seller orders of the viewer's counties, newest first; text is an order's or a seller order's code, or a phone."""
    query = select(SellerOrder).join(Seller, Seller.id == SellerOrder.seller_id)
    if text:
        query = query.where(SellerOrder.id.in_(_named(text)))
    if status is not None:
        query = query.where(SellerOrder.status == status)
    return _parts(of_counties(query, viewer, "orders:read"), after, limit)


def _named(text: str) -> CompoundSelect[tuple[int]]:
    """Ids of the seller orders with a code, of the order with it, and of a phone's orders: each by its own index."""
    named = (Order.code == text.upper(), Order.contact_phone == text)
    return union(
        select(SellerOrder.id).where(SellerOrder.code == text.upper()),
        *(select(SellerOrder.id).where(SellerOrder.order_id.in_(select(Order.id).where(one))) for one in named),
    )


def count_for_seller(seller_id: int) -> dict[SellerOrderStatus, int]:
    """How many parts of a seller stand in each status; a status without any is left out."""
    query = (
        select(SellerOrder.status, func.count())
        .where(SellerOrder.seller_id == seller_id)
        .group_by(SellerOrder.status)
    )
    return dict(db.session.execute(query).tuples().all())


def sellers_of(order_id: int) -> list[SellerOrder]:
    """The seller orders of an order as they stand now, in the order of their sellers' ids."""
    query = (
        select(SellerOrder)
        .where(SellerOrder.order_id == order_id)
        .order_by(SellerOrder.seller_id)
        .execution_options(populate_existing=True)
    )
    return list(db.session.execute(query).scalars())


def lines_of(seller_id: int, seller_order_id: int) -> list[OrderLine]:
    """The lines of one seller order as they stand now."""
    query = (
        select(OrderLine)
        .where(OrderLine.seller_id == seller_id, OrderLine.seller_order_id == seller_order_id)
        .order_by(OrderLine.id)
        .execution_options(populate_existing=True)
    )
    return list(db.session.execute(query).scalars())


def parts_by_id(seller_id: int, seller_order_ids: Collection[int]) -> dict[int, Part]:
    """Some of a seller's parts by id: what stands behind a figure of the money page or the award report."""
    query = select(SellerOrder).where(
        SellerOrder.seller_id == seller_id, SellerOrder.id.in_(seller_order_ids)
    )
    return {part.seller_order.id: part for part in _load_parts(list(db.session.execute(query).scalars()))}


def due_for_confirmation(moment: datetime, limit: int) -> list[int]:
    """Seller orders whose time for confirmation is over, by id (D18)."""
    query = (
        select(SellerOrder.id)
        .where(
            SellerOrder.status.in_((SellerOrderStatus.SHIPPED, SellerOrderStatus.DELIVERED)),
            SellerOrder.confirm_at <= moment,
        )
        .order_by(SellerOrder.confirm_at, SellerOrder.id)
        .limit(limit)
    )
    return list(db.session.execute(query).scalars())


def lapsed_unpaid(moment: datetime, limit: int) -> list[int]:
    """Unpaid orders whose hold is over, oldest first, for the sweep that ends them at the provider first (D8)."""
    query = (
        select(Order.id)
        .where(Order.payment_state == PaymentState.UNPAID, Order.hold_until <= moment)
        .order_by(Order.hold_until, Order.id)
        .limit(limit)
    )
    return list(db.session.execute(query).scalars())


def _one(query: Select[Any]) -> Any:
    found = db.session.execute(query.execution_options(populate_existing=True)).scalar_one_or_none()
    if found is None:
        raise NotFoundError
    return found


def _parts(query: Select[tuple[SellerOrder]], after: int | None, limit: int) -> tuple[list[Part], int | None]:
    sales, following = page_of(query, SellerOrder.id, after, limit)
    return _load_parts(sales), following


def _wholes(query: Select[tuple[Order]], after: int | None, limit: int) -> tuple[list[Whole], int | None]:
    page, following = page_of(query, Order.id, after, limit)
    sales = (
        select(SellerOrder)
        .where(SellerOrder.order_id.in_([order.id for order in page]))
        .order_by(SellerOrder.seller_id)
    )
    by_order: dict[int, list[Part]] = {}
    for part in _load_parts(list(db.session.execute(sales).scalars())):
        by_order.setdefault(part.order.id, []).append(part)
    return [Whole(order, tuple(by_order.get(order.id, ()))) for order in page], following


def _load_parts(sales: list[SellerOrder]) -> list[Part]:
    """Parts in the given order, in three statements whatever their number."""
    if not sales:
        return []
    heads = _heads({sale.order_id for sale in sales})
    sellers = {
        seller_id: shown
        for seller_id, *shown in db.session.execute(
            select(Seller.id, Seller.name, Seller.code, Seller.phone).where(
                Seller.id.in_({sale.seller_id for sale in sales})
            )
        )
    }
    lines: dict[int, list[OrderLine]] = {}
    query = (
        select(OrderLine)
        .where(OrderLine.seller_order_id.in_([sale.id for sale in sales]))
        .where(OrderLine.seller_id.in_(sellers))
        .order_by(OrderLine.id)
        .execution_options(populate_existing=True)
    )
    for line in db.session.execute(query).scalars():
        lines.setdefault(line.seller_order_id, []).append(line)
    return [
        Part(heads[sale.order_id], sale, tuple(lines.get(sale.id, ())), *sellers[sale.seller_id])
        for sale in sales
    ]


def _heads(order_ids: Iterable[int]) -> dict[int, OrderHead]:
    names = list(OrderHead.__dataclass_fields__)
    query = select(*(getattr(Order, name) for name in names)).where(Order.id.in_(set(order_ids)))
    return {row.id: OrderHead(**row._mapping) for row in db.session.execute(query)}


def _whole(order: Order) -> Whole:
    parts = _load_parts(sellers_of(order.id))
    return Whole(order, tuple(parts), _events(order.id))


def _detailed(sale: SellerOrder) -> Part:
    (part,) = _load_parts([sale])
    return replace(part, events=_events(sale.order_id, sale.seller_id))


def _events(order_id: int, seller_id: int | None = None) -> tuple[OrderEvent, ...]:
    """All events of an order, or those that one of its sellers may read: its own and the whole order's."""
    query = select(OrderEvent).where(OrderEvent.order_id == order_id).order_by(OrderEvent.id.desc())
    if seller_id is not None:
        query = query.where((OrderEvent.seller_id == seller_id) | OrderEvent.seller_id.is_(None))
    return tuple(db.session.execute(query).scalars())
