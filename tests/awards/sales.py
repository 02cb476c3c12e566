"""Sales of any amount made through real orders: placed, paid, shipped and received at a given moment."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import select

from marketplace import clock
from marketplace.audit import SYSTEM
from marketplace.awards import services
from marketplace.awards.facts import NexusKind
from marketplace.database import db, new_id, run_in_transaction
from marketplace.orders import services as orders
from marketplace.orders.models import SellerOrder
from tests import factories

DEAREST_PACK = 100_000_00  # fen: the dearest pack that a listing may have, a tonne
TONNE = 1_000_000
AUTUMN = datetime(2026, 10, 20, 4, tzinfo=UTC)


def sell(
    fen: int,
    at: datetime = AUTUMN,
    *,
    seller: str = "coop_owner",
    buyer: str = "buyer",
    as_company: bool = False,
    category: str = "navel",
) -> int:
    """One order of exactly so many fen of goods, received at that moment; the id of its seller order."""
    tonnes, rest = divmod(fen, DEAREST_PACK)
    packs = [(TONNE, DEAREST_PACK), (500, rest)] if rest else [(TONNE, DEAREST_PACK)]
    with clock.at(at):
        factories.make_freight(seller)
        goods = factories.make_goods(seller, packs=packs, stock=TONNE * tonnes + TONNE, category=category)
        wanted = dict(zip(goods.variants, (tonnes, 1), strict=False))
        order_id = factories.make_completed_order(
            {variant: count for variant, count in wanted.items() if count}, buyer=buyer, as_company=as_company
        )
    return db.session.execute(select(SellerOrder.id).where(SellerOrder.order_id == order_id)).scalar_one()


def refund(seller_order_id: int, fen: int, at: datetime, *, seller: str = "coop_owner") -> None:
    """So much of the goods is given back at that moment."""
    seller_id = factories.shop(seller).id
    with clock.at(at):
        run_in_transaction(
            lambda: orders.deduct_refund(
                SYSTEM,
                refund_id=new_id(),
                seller_id=seller_id,
                seller_order_id=seller_order_id,
                line_id=None,
                goods_amount=fen,
                freight_amount=0,
                reason="坏果",
            )
        )


def establish(seller: str = "coop_owner") -> int:
    """Nexus and history of a shop on record; its id."""
    seller_id, by = factories.shop(seller).id, factories.actor("staff_xinfeng")

    def record() -> None:
        services.record_nexus(by, seller_id=seller_id, kind=NexusKind.REGISTERED, document="营业执照")
        services.set_history_state(by, seller_id=seller_id, is_known=True, document="审计报告")

    run_in_transaction(record)
    return seller_id
