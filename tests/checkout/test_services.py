"""Placing an order: what it leaves behind, what it refuses, and that pressing twice is once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import func, select

from marketplace import places, settings
from marketplace.accounts import queries as accounts
from marketplace.audit import SYSTEM, AuditEntry
from marketplace.cart import queries as carts
from marketplace.cart import services as cart_services
from marketplace.catalogue import services as catalogue
from marketplace.checkout import rules, services
from marketplace.checkout.services import PlacedOrder, Placing
from marketplace.database import db, run_in_transaction
from marketplace.inventory import services as inventory
from marketplace.inventory.rules import OutOfStockError
from marketplace.ledger import checks
from marketplace.orders import queries as orders
from marketplace.orders.models import BuyerKind, Order, PaymentMethod, PaymentState, SellerOrderStatus
from marketplace.revenue.models import Mode
from tests import factories
from tests.factories import Goods, actor, user_id

pytestmark = pytest.mark.usefixtures("app_context")

PUDONG, LHASA = "310115", "540102"


@pytest.fixture
def goods() -> Goods:
    factories.make_freight(first=600, following=100)
    return factories.make_goods(title="石坳脐橙", packs=[(5000, 4990), (2500, 2790)], stock=50_000)


def placing(counts: dict[int, int], total: int, **values: Any) -> Placing:
    known: dict[str, Any] = {
        "form_key": "k" * 24,
        "owner": "basket one",
        "counts": counts,
        "expected_total": total,
        "payment_method": PaymentMethod.ONLINE,
        "contact_phone": "13900000000",
        "recipient_name": "橙子收",
        "recipient_phone": "13900000000",
        "county_code": PUDONG,
        "address_detail": "示例路 1 号",
    }
    return Placing(**(known | values))


def place(wanted: Placing, by: str | None = None) -> PlacedOrder:
    who = actor(by) if by else SYSTEM
    return run_in_transaction(lambda: services.place_order(who, wanted))


def count_orders() -> int:
    return db.session.execute(select(func.count()).select_from(Order)).scalar_one()


def test_an_order_holds_its_stock_and_keeps_what_was_shown(goods: Goods) -> None:
    placed = place(placing({goods.variants[0]: 2}, 9980 + 1600))
    whole = orders.get_by_token(placed.access_token)
    assert (whole.status, whole.order.goods_amount, whole.order.freight_amount) == ("to_pay", 9980, 1600)
    assert whole.order.area_name == places.full_name(PUDONG)
    (part,) = whole.parts
    (line,) = part.lines
    assert (line.count, line.price_amount, line.pool_amount) == (2, 4990, 10_000)
    assert line.snapshot["origin"].startswith("江西省赣州市")
    assert part.seller_order.freight_reason["billed_kilos"] == 11
    assert factories.pool(goods.pool_id).held == 10_000
    assert checks.check() == []


def test_pressing_twice_is_one_order(goods: Goods) -> None:
    wanted = placing({goods.variants[0]: 2}, 11580)
    first, second = place(wanted), place(wanted)
    assert (second.order_id, first.is_new, second.is_new) == (first.order_id, True, False)
    assert factories.pool(goods.pool_id).held == 10_000


def test_pressing_twice_is_one_order_even_when_the_price_changed_between(goods: Goods) -> None:
    wanted = placing({goods.variants[0]: 2}, 11580)
    first = place(wanted)
    by = actor("coop_owner")
    run_in_transaction(
        lambda: catalogue.change_price(
            by, seller_id=goods.seller_id, variant_id=goods.variants[0], price_amount=5990
        )
    )
    assert place(wanted).order_id == first.order_id


def test_another_persons_press_with_the_same_form_key_is_another_order(goods: Goods) -> None:
    mine = place(placing({goods.variants[0]: 2}, 11580))
    theirs = place(placing({goods.variants[0]: 2}, 11580, owner="basket two"))
    assert theirs.order_id != mine.order_id
    assert count_orders() == 2


@pytest.mark.parametrize(
    ("total", "refusal"), [(11579, rules.PriceChangedError), (-1, rules.PriceChangedError)]
)
def test_another_total_than_was_shown_orders_nothing(
    goods: Goods, total: int, refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        place(placing({goods.variants[0]: 2}, total))
    assert factories.pool(goods.pool_id).held == 0
    assert count_orders() == 0


def test_too_few_left_is_told_line_by_line(goods: Goods) -> None:
    with pytest.raises(rules.BasketChangedError) as refused:
        place(placing({goods.variants[0]: 9, goods.variants[1]: 9}, 1))
    problems = {problem.variant_id: problem.message for problem in refused.value.problems}
    assert set(problems) == set(goods.variants)
    # Either pack alone would fit: what is told is what they have together.
    assert {str(message) for message in problems.values()} == {"“石坳脐橙”几种装法合起来只剩 50 kg，改少一点"}
    with pytest.raises(rules.BasketChangedError) as refused:
        place(placing({goods.variants[0]: 11}, 1))
    assert [str(problem.message) for problem in refused.value.problems] == ["“石坳脐橙”只够 10 箱了"]


def test_last_box_taken_between_look_and_hold_is_told_by_its_line(
    goods: Goods, monkeypatch: pytest.MonkeyPatch
) -> None:
    def taken(**_values: Any) -> None:
        raise OutOfStockError([goods.pool_id])

    monkeypatch.setattr(inventory, "hold_all", taken)
    with pytest.raises(rules.BasketChangedError) as refused:
        place(placing({goods.variants[0]: 2}, 11580))
    (problem,) = refused.value.problems
    assert problem.variant_id == goods.variants[0]
    assert count_orders() == 0


def test_a_place_that_is_not_served_orders_nothing(goods: Goods) -> None:
    with pytest.raises(rules.BasketChangedError) as refused:
        place(placing({goods.variants[0]: 1}, 4990, county_code=LHASA))
    assert [problem.kind for problem in refused.value.problems] == [rules.ProblemKind.NOT_SERVED]


@pytest.mark.parametrize("code", ["310000", "310100", "", "99", "360722105"])
def test_an_address_needs_a_county(goods: Goods, code: str) -> None:
    with pytest.raises(services.UnknownPlaceError):
        place(placing({goods.variants[0]: 1}, 5590, county_code=code))


def test_nothing_is_no_order() -> None:
    with pytest.raises(rules.EmptyBasketError):
        place(placing({}, 0))


def test_cash_on_delivery_takes_the_stock_and_goes_to_the_sellers_at_once(goods: Goods) -> None:
    placed = place(placing({goods.variants[0]: 2}, 11580, payment_method=PaymentMethod.ON_DELIVERY))
    whole = orders.get_by_token(placed.access_token)
    assert whole.order.payment_state == PaymentState.ON_DELIVERY
    assert whole.parts[0].seller_order.status == SellerOrderStatus.TO_SHIP
    pool = factories.pool(goods.pool_id)
    assert (pool.on_hand, pool.held) == (40_000, 0)
    assert checks.check() == []


def test_cash_on_delivery_can_be_switched_off(goods: Goods) -> None:
    run_in_transaction(lambda: settings.put(SYSTEM, "cod.enabled", "0"))
    with pytest.raises(services.CashNotOfferedError):
        place(placing({goods.variants[0]: 2}, 11580, payment_method=PaymentMethod.ON_DELIVERY))


def test_more_than_one_payment_can_be_is_refused_before_anything_is_held() -> None:
    factories.make_freight(free_from=100)
    bulk = factories.make_goods(title="整吨采购", packs=[(1_000_000, 620_000)], stock=9_000_000_000)
    one = bulk.variants[0]
    with pytest.raises(rules.BasketChangedError) as refused:
        place(placing({one: 400}, 248_000_000))
    assert [str(problem.message) for problem in refused.value.problems] == [
        "一次最多付 999,999.99 元，这里一共 2,480,000.00 元：“整吨采购”这一单最多 161 份，其余的再下一单。"
    ]
    assert factories.pool(bulk.pool_id).held == 0
    place(placing({one: 161}, 99_820_000))


def test_many_dear_things_of_which_none_alone_is_too_much_are_told_for_all_of_it() -> None:
    factories.make_freight(free_from=100)
    bulk = [
        factories.make_goods(title=f"大宗{number}", packs=[(1_000_000, 10_000_000)], stock=9_000_000_000)
        for number in range(4)
    ]
    with pytest.raises(rules.BasketChangedError) as refused:
        place(placing({one.variants[0]: 4 for one in bulk}, 160_000_000))
    [problem] = refused.value.problems
    assert (problem.variant_id, problem.kind) == (None, rules.ProblemKind.TOO_MUCH)
    assert "拿掉几样，分几次下单" in problem.message


def test_cash_on_delivery_ends_at_a_sum_that_staff_may_set(goods: Goods) -> None:
    run_in_transaction(lambda: settings.put(SYSTEM, "cod.most_yuan", "115"))
    wanted = placing({goods.variants[0]: 2}, 11580, payment_method=PaymentMethod.ON_DELIVERY)
    with pytest.raises(services.CashNotOfferedError, match="货到付款一单最多 115"):
        place(wanted)
    assert factories.pool(goods.pool_id).held == 0
    run_in_transaction(lambda: settings.put(SYSTEM, "cod.most_yuan", "116"))
    place(wanted)


def test_blemished_fruit_needs_its_tick_each_time() -> None:
    factories.make_freight(first=600, following=0)
    juice = factories.make_goods(title="榨汁果", grade="blemished", price=1990)
    wanted = placing({juice.variants[0]: 1}, 2590)
    with pytest.raises(rules.BasketChangedError) as refused:
        place(wanted)
    assert [problem.kind for problem in refused.value.problems] == [rules.ProblemKind.NOT_CONFIRMED]
    placed = place(replace(wanted, confirmed=frozenset(juice.variants)))
    assert orders.get_by_token(placed.access_token).parts[0].lines[0].needs_confirmation


@pytest.mark.parametrize(
    ("as_company", "kind", "mode"),
    [(True, BuyerKind.ENTERPRISE, Mode.B2B), (False, BuyerKind.CONSUMER, Mode.B2C)],
)
def test_a_verified_company_chooses_each_time_as_whom_it_buys(
    goods: Goods, as_company: bool, kind: BuyerKind, mode: Mode
) -> None:
    buyer = user_id("company_buyer")
    wanted = placing({goods.variants[0]: 2}, 11580, buyer_id=buyer, buys_as_company=as_company)
    placed = place(wanted, "company_buyer")
    whole = orders.get_for_buyer(buyer, placed.code)
    assert (whole.order.buyer_kind, whole.parts[0].seller_order.mode) == (kind, mode)
    assert bool(whole.order.buyer_credit_code) == as_company


def test_only_what_was_bought_leaves_the_basket(goods: Goods) -> None:
    buyer = user_id("buyer")
    first, second = goods.variants

    def fill() -> int:
        cart_services.add(buyer, None, first, 2)
        return cart_services.add(buyer, None, second, 1).id

    cart_id = run_in_transaction(fill)
    place(placing({first: 2}, 11580, buyer_id=buyer, cart_id=cart_id), "buyer")
    assert [line.item.variant_id for line in carts.items(cart_id)] == [second]


def test_a_refused_order_leaves_the_basket_as_it_was(goods: Goods) -> None:
    buyer = user_id("buyer")
    cart_id = run_in_transaction(lambda: cart_services.add(buyer, None, goods.variants[0], 2).id)
    with pytest.raises(rules.PriceChangedError):
        place(placing({goods.variants[0]: 2}, 1, buyer_id=buyer, cart_id=cart_id), "buyer")
    assert [line.count for line in carts.items(cart_id)] == [2]


def test_a_new_address_is_kept_when_wished(goods: Goods) -> None:
    buyer = user_id("buyer")
    before = len(accounts.list_addresses(buyer))
    place(placing({goods.variants[0]: 2}, 11580, buyer_id=buyer, keeps_address=True), "buyer")
    assert len(accounts.list_addresses(buyer)) == before + 1


def test_what_a_guest_agreed_to_is_on_record(goods: Goods) -> None:
    placed = place(placing({goods.variants[0]: 2}, 11580, accepted="2026-11-01 2026-11-01"))
    (entry,) = db.session.execute(
        select(AuditEntry).where(
            AuditEntry.action == "rules.accepted", AuditEntry.subject_id == str(placed.order_id)
        )
    ).scalars()
    assert entry.changes == {"versions": "2026-11-01 2026-11-01"}
