"""Sales for tests of stock, orders, books and revenue: through the services, without pages and provider."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from marketplace import clock
from marketplace.accounts.queries import find_by_phone
from marketplace.audit import SYSTEM
from marketplace.database import db, new_id, run_in_transaction
from marketplace.inventory import services as inventory
from marketplace.inventory.models import Unit
from marketplace.ledger import services as ledger
from marketplace.orders import queries, services
from marketplace.orders.models import OrderLine, PaymentMethod, SellerOrder
from marketplace.orders.rules import NewLine, NewOrder, NewPart
from marketplace.payments.models import Payment, PaymentPart, PaymentStatus, Refund, RefundStatus
from marketplace.provenance.services import create_batch
from marketplace.revenue.models import AgriClass
from marketplace.sellers.models import CommissionRate
from marketplace.sellers.queries import memberships_of
from tests.people import PEOPLE

BOX_GRAMS = 5_000


@dataclass(frozen=True)
class Box:
    """What is bought of one pool: how many boxes, what one costs and takes."""

    pool_id: int
    price: int
    count: int = 1
    grams: int = BOX_GRAMS
    agri_class: AgriClass = AgriClass.PRIMARY
    vat: int = 0


@dataclass(frozen=True)
class Wish:
    """One seller's part of a basket."""

    seller_id: int
    boxes: Sequence[Box]
    freight: int = 0


def user_id_of(key: str) -> int:
    user = find_by_phone(PEOPLE[key].phone)
    assert user is not None
    return user.id


def shop_of(key: str) -> int:
    """The seller for whom one of the cast acts."""
    return memberships_of(user_id_of(key))[0].shop.id


def make_pool(seller_id: int, grams: int = 1_000_000) -> int:
    """A pool of navel oranges."""

    def make() -> int:
        batch = create_batch(
            SYSTEM,
            seller_id=seller_id,
            category_code="navel_orange",
            variety_code=None,
            area_code="360722105",
            picked_on=clock.today(),
        )
        return inventory.create_pool(
            SYSTEM,
            seller_id=seller_id,
            batch_id=batch.id,
            grade_code=None,
            size_code=None,
            unit=Unit.GRAM,
            amount=grams,
        ).id

    return run_in_transaction(make)


def set_commission(rate_ppm: int) -> None:
    run_in_transaction(
        lambda: db.session.add(CommissionRate(rate_ppm=rate_ppm, effective_from=clock.today(), source="test"))
    )


def draft(
    wishes: Sequence[Wish],
    *,
    buyer: str | None = "buyer",
    as_company: bool = False,
    cash: bool = False,
    form_key: str | None = None,
) -> NewOrder:
    """A new order of the wishes, to be held and created."""
    order_id = new_id()
    return NewOrder(
        order_id=order_id,
        form_key=form_key or f"form-{order_id}",
        buyer_id=user_id_of(buyer) if buyer else None,
        contact_phone="13800000001",
        payment_method=PaymentMethod.ON_DELIVERY if cash else PaymentMethod.ONLINE,
        recipient_name="陈晓",
        recipient_phone="13800000001",
        county_code="310115",
        area_name="上海市浦东新区",
        address_detail="示例路 1 号",
        hold_until=clock.now() + timedelta(minutes=30),
        buys_as_company=as_company,
        parts=tuple(
            NewPart(
                seller_id=wish.seller_id,
                freight_amount=wish.freight,
                lines=tuple(
                    NewLine(
                        product_id=1,
                        variant_id=1,
                        pool_id=box.pool_id,
                        pool_amount=box.grams * box.count,
                        count=box.count,
                        price_amount=box.price,
                        vat_amount=box.vat,
                        agri_class=box.agri_class,
                        title="赣南脐橙",
                        pack={},
                        snapshot={},
                    )
                    for box in wish.boxes
                ),
            )
            for wish in wishes
        ),
    )


def place_in_transaction(new: NewOrder) -> int:
    """Hold and create, in the caller's transaction."""
    by_seller = {part.seller_id: part.pool_amounts for part in new.parts}
    inventory.hold_all(order_id=new.order_id, by_seller=by_seller, expires_at=new.hold_until)
    return services.create(SYSTEM, new).id


def place(wishes: Sequence[Wish], **options: object) -> int:
    """An order that waits for its payment; its id."""
    new = draft(wishes, **options)  # type: ignore[arg-type]
    return run_in_transaction(lambda: place_in_transaction(new))


def pay(order_id: int, at: datetime | None = None) -> int:
    """The provider says that it was paid: payment, parts, orders and books, as the webhook does; the payment's id."""

    def take() -> int:
        moment = at or clock.now()
        order = queries.get_order(order_id)
        payment = Payment(
            order_id=order_id,
            idempotency_key=f"key-{new_id()}",
            amount=order.total_amount,
            status=PaymentStatus.SUCCEEDED,
            created_at=moment,
            expires_at=moment,
            succeeded_at=moment,
        )
        db.session.add(payment)
        db.session.flush()
        assert services.mark_paid(order_id, at=moment)
        for sale in queries.sellers_of(order_id):
            db.session.add(
                PaymentPart(
                    seller_id=sale.seller_id,
                    payment_id=payment.id,
                    seller_order_id=sale.id,
                    amount=sale.total_amount,
                )
            )
            ledger.book_payment(sale, payment.id)
        return payment.id

    return run_in_transaction(take)


def sale_of(order_id: int, seller_id: int) -> SellerOrder:
    """One seller's part as it stands now."""
    (sale,) = (sale for sale in queries.sellers_of(order_id) if sale.seller_id == seller_id)
    return sale


def lines_of(order_id: int, seller_id: int) -> list[OrderLine]:
    return queries.lines_of(seller_id, sale_of(order_id, seller_id).id)


def ship(order_id: int, seller_id: int) -> bool:
    sale_id = sale_of(order_id, seller_id).id
    return run_in_transaction(
        lambda: services.ship(
            SYSTEM, seller_id=seller_id, seller_order_id=sale_id, carrier="顺丰", waybill="SF1"
        )
    )


def deliver(order_id: int, seller_id: int) -> bool:
    sale_id = sale_of(order_id, seller_id).id
    return run_in_transaction(lambda: services.deliver(SYSTEM, seller_id=seller_id, seller_order_id=sale_id))


def complete(order_id: int, seller_id: int) -> bool:
    sale_id = sale_of(order_id, seller_id).id
    return run_in_transaction(lambda: services.complete(SYSTEM, seller_order_id=sale_id))


def sell(seller_id: int, boxes: Sequence[Box], *, freight: int = 0, **options: object) -> int:
    """An order of one seller, carried to completion; its id."""
    order_id = place([Wish(seller_id, boxes, freight)], **options)
    if not options.get("cash"):
        pay(order_id)
    ship(order_id, seller_id)
    complete(order_id, seller_id)
    return order_id


def refund(
    order_id: int, seller_id: int, *, goods: int = 0, freight: int = 0, line_id: int | None = None
) -> int:
    """Decide a refund and write its row; its id."""

    def decide() -> int:
        sale = sale_of(order_id, seller_id)
        is_cash = queries.get_order(order_id).payment_method == PaymentMethod.ON_DELIVERY
        refund_id = new_id()
        payment = db.session.query(Payment).filter_by(order_id=order_id).first()
        services.deduct_refund(
            SYSTEM,
            refund_id=refund_id,
            seller_id=seller_id,
            seller_order_id=sale.id,
            line_id=line_id,
            goods_amount=goods,
            freight_amount=freight,
            reason="坏果",
        )
        row = Refund(
            id=refund_id,
            seller_id=seller_id,
            seller_order_id=sale.id,
            order_line_id=line_id,
            payment_id=None if is_cash or payment is None else payment.id,
            form_key=f"refund-{refund_id}",
            idempotency_key=f"refund-{refund_id}",
            goods_amount=goods,
            freight_amount=freight,
            reason="坏果",
            status=RefundStatus.RECORDED if is_cash else RefundStatus.REQUESTED,
            requested_at=clock.now(),
        )
        db.session.add(row)
        db.session.flush()
        if is_cash:
            ledger.book_refund_done(row)
        return refund_id

    return run_in_transaction(decide)


def settle_refund(refund_id: int, status: RefundStatus, *, provider_ref: str = "re_1") -> None:
    """The provider's word on a refund, booked."""

    def settle() -> None:
        row = db.session.get_one(Refund, refund_id)
        row.status, row.provider_ref = status, f"{provider_ref}-{refund_id}"
        db.session.flush()
        if status == RefundStatus.SUCCEEDED:
            ledger.book_refund_done(row)
        elif status == RefundStatus.FAILED:
            ledger.book_refund_failed(row)

    run_in_transaction(settle)


def is_open(refund_id: int) -> bool:
    """Whether the provider still has to answer, or has to be asked again."""
    row = db.session.get_one(Refund, refund_id, populate_existing=True)
    return row.payment_id is not None and row.status != RefundStatus.SUCCEEDED


def facts(seller_id: int) -> Mapping[tuple[int, str, str], int]:
    """A seller's award facts: year, mode, class → fen."""
    from marketplace.revenue.queries import year_facts

    return {
        (fact.year, fact.mode.value, fact.agri_class.value): fact.total_amount
        for fact in year_facts(seller_id)
    }
