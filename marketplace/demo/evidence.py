"""What the demo's staff established about its shops, a year that was frozen, and a refund that came after it."""

from __future__ import annotations

from datetime import date, timedelta
from functools import partial
from typing import Any

from sqlalchemy import select

from marketplace import clock
from marketplace.accounts.queries import find_by_phone
from marketplace.audit import Actor
from marketplace.awards import services as awards
from marketplace.awards.facts import IncidentKind, IncidentStatus, NexusKind
from marketplace.awards.freezing import freeze_assessment
from marketplace.database import db, run_in_transaction
from marketplace.orders.models import SellerOrder, SellerOrderStatus
from marketplace.payments import queries as payments
from marketplace.payments import refunding
from marketplace.payments.answers import ProviderRefund
from marketplace.revenue.models import Mode
from marketplace.sellers.models import Seller

PAPER = "演示材料，不是真实文件"
FROZEN = ("coop", "xinfeng_company")  # their last year is frozen, as reports are each spring
UNKNOWN_PAST = ("yudu_coop",)
ALLEGED = ("anyuan_trader",)


def load(day: date, people: list[dict[str, Any]], shops: list[dict[str, Any]]) -> None:
    """Evidence for all registered shops, one open complaint, a frozen year with a later refund."""
    phones = {person["key"]: person["phone"] for person in people}
    officer = run_in_transaction(lambda: _actor(phones["staff_xinfeng"]))
    legal_names = {shop["key"]: shop["legal_name"] for shop in shops}
    ids = {key: _seller_id(name) for key, name in legal_names.items()}
    db.session.rollback()
    with clock.at(clock.start_of_day(date(day.year, 1, 8)) + timedelta(hours=2)):
        run_in_transaction(lambda: _record_evidence(officer, shops, ids))
    last_year, freeze_on, late = day.year - 1, date(day.year, 3, 31), date(day.year, 5, 12)
    if freeze_on < day:
        with clock.at(clock.start_of_day(freeze_on) + timedelta(hours=2)):
            for key in FROZEN:
                run_in_transaction(partial(freeze_assessment, officer, ids[key], last_year))
    if late < day:
        with clock.at(clock.start_of_day(late) + timedelta(hours=3)):
            run_in_transaction(lambda: _refund_one(ids["coop"], last_year))


def _actor(phone: str) -> Actor:
    user = find_by_phone(phone)
    assert user is not None
    return Actor(user.id, user.name)


def _seller_id(legal_name: str) -> int:
    return db.session.execute(select(Seller.id).where(Seller.legal_name == legal_name)).scalar_one()


def _record_evidence(officer: Actor, shops: list[dict[str, Any]], ids: dict[str, int]) -> None:
    for shop in shops:
        seller_id = ids[shop["key"]]
        awards.record_nexus(
            officer,
            seller_id=seller_id,
            kind=NexusKind.REGISTERED,
            document=PAPER,
            valid_from=date(2020, 1, 1),
        )
        is_known = shop["key"] not in UNKNOWN_PAST
        awards.set_history_state(
            officer, seller_id=seller_id, is_known=is_known, document=PAPER if is_known else ""
        )
    for key in ALLEGED:
        awards.record_incident(
            officer,
            seller_id=ids[key],
            kind=IncidentKind.INFRINGEMENT,
            occurred_on=clock.today() - timedelta(days=3),
            status=IncidentStatus.ALLEGED,
        )


def _refund_one(seller_id: int, year: int) -> None:
    """A tonne-sized order of the frozen year loses a part of its goods: an adjustment, not a restatement."""
    sale = db.session.execute(
        select(SellerOrder)
        .where(
            SellerOrder.seller_id == seller_id,
            SellerOrder.mode == Mode.B2B,
            SellerOrder.status == SellerOrderStatus.COMPLETED,
            SellerOrder.completed_at < clock.start_of_day(date(year + 1, 1, 1)),
        )
        .order_by(SellerOrder.id.desc())
        .limit(1)
    ).scalar_one()
    refunding.request_refund(
        Actor(None, "卖家"),
        seller_id=seller_id,
        seller_order_id=sale.id,
        line_id=None,
        goods_amount=sale.goods_amount // 20,
        freight_amount=0,
        reason="到货短重",
        form_key=f"demo-late-{sale.id}",
    )
    settle_refunds(sale.id)


def settle_refunds(seller_order_id: int) -> None:
    """Take in the provider's word that the money of a demo refund went back."""
    for refund in payments.refunds_by_order([seller_order_id])[seller_order_id]:
        if refund.provider_ref is None and refund.payment_id is not None:
            refund.provider_ref = f"re_demo_{refund.id}"
            db.session.flush()
            refunding.record_refund(
                ProviderRefund(refund.provider_ref, "succeeded", refund.amount, intent_ref=None, failure="")
            )
