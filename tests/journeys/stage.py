"""What stands in the shop before the journeys: goods with photos of two sellers, orders in every state."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from marketplace import clock
from marketplace.audit import SYSTEM
from marketplace.catalogue import services as catalogue
from marketplace.catalogue.models import Product
from marketplace.database import db, run_in_transaction
from marketplace.media import services as media
from marketplace.orders import queries as order_queries
from marketplace.orders.models import Order, PaymentMethod, SellerOrder
from marketplace.payments import refunding
from marketplace.provenance.models import Batch, Certificate
from marketplace.seeding import SEED
from tests import factories
from tests.factories import Goods
from tests.journeys.pages import MainPage
from tests.live import Live

PHOTOS = (
    *("phone-orange_03.jpg", "phone-orange_04.jpg", "phone-orange_06.jpg", "crate_small-orange_014.jpg"),
    *("crate_small-orange_024.jpg", "styled-orange_slices.jpg"),
)
TITLES = (
    *("石坳坡上脐橙", "龙回头茬果", "大塘埠礼盒", "屋后老树脐橙", "西牛尝鲜小箱", "古陂中秋果"),
    *("嘉定家常箱", "小江向阳坡", "铁石口整箱", "油山晚摘"),
)
FARMERS_TITLE = "长根家自留果"


@dataclass(frozen=True)
class Stage:
    """Codes and addresses of what was made."""

    coop_shop: str
    product: str
    batch: str
    pool_id: int
    certificate_id: int
    orders: dict[str, str]  # state -> the order's code
    parts: dict[str, str]  # state -> the code of the cooperative's part
    guest_token: str
    user_id: int

    def address(self, page: MainPage) -> str:
        """The page's path with this stage's codes."""
        return page.path.format(**vars(self), year=clock.today().year)


def set_stage(live: Live) -> Stage:
    with live.app.app_context():
        try:
            return _set()
        finally:
            db.session.remove()


def _set() -> Stage:
    factories.make_freight("coop_owner", first=600, following=40)  # 11 kg gross: 6.00 + 10 × 0.40
    factories.make_freight("farmer", first=600, free_from=5000)
    shown = [_show("coop_owner", title, photo) for title, photo in zip(TITLES, PHOTOS * 2, strict=False)]
    _show("farmer", FARMERS_TITLE, PHOTOS[0], price=5800)
    goods = factories.make_goods(
        "coop_owner",
        title="信丰石坳脐橙",
        packs=[(2500, 2790), (5000, 4990), (10_000, 9200)],
        stock=1_000_000,
    )
    _hang(goods, "coop_owner", PHOTOS[:3])
    factories.make_goods(
        "coop_owner", title="榨汁果", grade="blemished", price=1990, stock=500_000
    )  # drawn, as it has no photo
    orders = _orders(goods, shown[0])
    with db.session.begin():
        batch = db.session.execute(
            select(Batch).join(Product, Product.batch_id == Batch.id).where(Product.id == goods.product_id)
        ).scalar_one()
        return Stage(
            coop_shop=factories.shop("coop_owner").code,
            product=goods.product_code,
            batch=batch.code,
            pool_id=goods.pool_id,
            certificate_id=db.session.execute(
                select(Certificate.id).where(Certificate.batch_id == batch.id)
            ).scalar_one(),
            orders={state: db.session.get_one(Order, order_id).code for state, order_id in orders.items()},
            parts={state: _part(order_id).code for state, order_id in orders.items()},
            guest_token=db.session.get_one(Order, orders["to_pay"]).access_token,
            user_id=factories.user_id("buyer"),
        )


def _show(seller: str, title: str, photo: str, *, price: int = 4990) -> Goods:
    goods = factories.make_goods(seller, title=title, price=price, stock=500_000)
    _hang(goods, seller, (photo,))
    return goods


def _hang(goods: Goods, seller: str, photos: tuple[str, ...]) -> None:
    def hang() -> None:
        images = [
            media.store_seed(goods.seller_id, SEED / "demo" / "photos" / one, "示例").id for one in photos
        ]
        catalogue.set_pictures(
            factories.actor(seller), seller_id=goods.seller_id, product_id=goods.product_id, image_ids=images
        )

    run_in_transaction(hang)


def _orders(goods: Goods, other: Goods) -> dict[str, int]:
    """One order of the buyer in each state; the unpaid one is a guest's."""
    wanted = {goods.variants[1]: 2, other.variants[0]: 1}
    found = {"to_pay": factories.place_order(wanted, buyer=None)}
    for state in ("to_ship", "shipped", "completed", "refunded"):
        found[state] = factories.place_order(wanted)
        factories.pay(found[state])
    for state in ("shipped", "completed", "refunded"):
        factories.ship(found[state])
    for state in ("completed", "refunded"):
        factories.complete(found[state])
    run_in_transaction(lambda: _give_back(found["refunded"]))
    found["cash"] = factories.place_order(wanted, method=PaymentMethod.ON_DELIVERY)
    factories.make_completed_order(wanted, buyer="company_buyer", as_company=True)
    return found


def _give_back(order_id: int) -> None:
    sale = order_queries.sellers_of(order_id)[0]
    refunding.request_refund(
        SYSTEM,
        seller_id=sale.seller_id,
        seller_order_id=sale.id,
        line_id=None,
        goods_amount=1000,
        freight_amount=0,
        reason="坏了几个",
        form_key="stage",
    )


def _part(order_id: int) -> SellerOrder:
    return db.session.execute(select(SellerOrder).where(SellerOrder.order_id == order_id)).scalar_one()
