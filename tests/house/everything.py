"""One of everything that an address can name, and the address of every endpoint for it."""

from __future__ import annotations

from flask import Flask, url_for
from sqlalchemy import select

from marketplace.accounts.models import Address, BuyerCompany
from marketplace.database import db, new_id, run_in_transaction
from marketplace.inventory.models import StockPool
from marketplace.jobs.models import Job, JobStatus
from marketplace.jobs.services import enqueue
from marketplace.notifications.models import Channel, MessageStatus, OutboxMessage
from marketplace.orders.models import Order, SellerOrder
from marketplace.payments.models import Dispute, DisputeStatus, Payment, Refund, RefundStatus
from marketplace.provenance.models import Batch, Certificate
from tests import factories
from tests.conftest import NOON


def make(app: Flask) -> dict[str, object]:
    """One of everything: the cooperative's and the buyer's, and what waits in the office. Values by argument name."""
    with app.app_context():
        factories.make_freight()
        goods = factories.make_goods()
        placed = factories.place_order({goods.variants[0]: 1})
        factories.pay(placed)
        order = db.session.get_one(Order, placed)
        sale = db.session.execute(select(SellerOrder).where(SellerOrder.order_id == placed)).scalar_one()
        batch = db.session.execute(select(Batch).where(Batch.seller_id == goods.seller_id)).scalar_one()
        certificate = db.session.execute(
            select(Certificate).where(Certificate.seller_id == goods.seller_id)
        ).scalar_one()
        buyer = factories.user_id("buyer")
        company_buyer = factories.user_id("company_buyer")
        found: dict[str, object] = {
            "order": order.code,
            "token": order.access_token,
            "part": sale.code,
            "product": goods.product_code,
            "variant_id": goods.variants[0],
            "pool_id": db.session.get_one(StockPool, goods.pool_id).id,
            "batch": batch.code,
            "certificate_id": certificate.id,
            "shop": factories.shop("coop_owner").code,
            "user_id": buyer,
            "address_id": db.session.execute(select(Address.id).where(Address.user_id == buyer)).scalar_one(),
            "company_id": db.session.execute(
                select(BuyerCompany.id).where(BuyerCompany.user_id == company_buyer)
            ).scalar_one(),
        }
        seller_id, sale_id = goods.seller_id, sale.id
        found |= run_in_transaction(lambda: _office_things(seller_id, sale_id))
        db.session.remove()
        return found


def _office_things(seller_id: int, sale_id: int) -> dict[str, object]:
    enqueue("media.encode", {"image_id": 0})
    db.session.flush()
    job = db.session.execute(select(Job).where(Job.kind == "media.encode")).scalar_one()
    job.status = JobStatus.PARKED
    message = OutboxMessage(
        channel=Channel.SMS,
        recipient="13900000000",
        template="seller_invited",
        parameters={"shop": "x"},
        status=MessageStatus.PARKED,
        next_try_at=NOON,
        created_at=NOON,
    )
    refund = Refund(
        seller_id=seller_id,
        seller_order_id=sale_id,
        form_key="table",
        idempotency_key=f"table-{new_id()}",
        goods_amount=0,
        freight_amount=0,
        reason="",
        status=RefundStatus.FAILED,
        requested_at=NOON,
    )
    dispute = Dispute(
        payment_id=db.session.execute(select(Payment.id)).scalar_one(),
        provider_ref=f"dp_{new_id()}",
        amount=0,
        reason="general",
        status=DisputeStatus.INQUIRY,
        opened_at=NOON,
    )
    db.session.add_all([message, refund, dispute])
    db.session.flush()
    return {"job_id": job.id, "message_id": message.id, "refund_id": refund.id, "dispute_id": dispute.id}


def path_of(app: Flask, endpoint: str, things: dict[str, object]) -> tuple[str, list[str]]:
    """The address of an endpoint for the market's objects, and the methods to try."""
    rule = next(iter(app.url_map.iter_rules(endpoint)))
    values = {name: _value(endpoint, name, things) for name in rule.arguments}
    with app.test_request_context():
        path = url_for(endpoint, **values)
    return path + QUERIES.get(endpoint, ""), sorted((rule.methods or set()) & {"GET", "POST"})


QUERIES = {
    "seller.awards.lines": "?mode=b2c&class=primary",
    "staff.awards.lines": "?mode=b2c&class=primary",
    "seller.sellers.choose": "",
}
CODES = {
    "catalogue.category": "navel",
    "catalogue.choose_filters": "navel",
    "catalogue.product": "product",
    "sellers.shop": "shop",
    "staff.sellers": "shop",
    "staff.awards": "shop",
    "orders.": "order",
    "payments.": "order",
    "seller.orders": "part",
    "seller.logistics": "part",
    "seller.payments": "part",
    "staff.orders": "part",
    "staff.payments": "part",
    "seller.provenance": "batch",
    "seller.catalogue": "product",
}


def _value(endpoint: str, name: str, things: dict[str, object]) -> object:
    if name == "code":
        kind = next(kind for start, kind in CODES.items() if endpoint.startswith(start))
        return things.get(kind, kind)
    fixed: dict[str, object] = {
        "seller_code": things["shop"],
        "batch_code": things["batch"],
        "fingerprint": "0",
        "path": "css/app.css",
        "name": {"media.derivative": "0" * 32, "pages.gallery": "index"}.get(endpoint, "categories"),
        "width": 360,
        "extension": "webp",
        "year": NOON.year,
        "key": "cod.enabled",
        "session_id": things.get("session_id", 1),
        "grant_id": 1,
    }
    return things.get(name, fixed.get(name))
