"""The life of an order: each move once, with its stock, books, revenue and messages."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from marketplace import clock
from marketplace.audit import SYSTEM
from marketplace.database import db, run_in_transaction
from marketplace.errors import NotFoundError
from marketplace.inventory.queries import available
from marketplace.inventory.rules import HoldLapsedError, OutOfStockError
from marketplace.ledger import checks
from marketplace.ledger.models import Account
from marketplace.ledger.queries import money_of, seller_summary
from marketplace.notifications.models import OutboxMessage
from marketplace.orders import queries, rules, services
from marketplace.orders.models import BuyerKind, OrderEvent, PaymentState, SellerOrderStatus
from marketplace.payments.models import RefundStatus
from marketplace.revenue import services as revenue
from marketplace.revenue.models import Mode
from tests.orders.sales import (
    Box,
    Wish,
    complete,
    deliver,
    draft,
    facts,
    lines_of,
    make_pool,
    pay,
    place,
    place_in_transaction,
    refund,
    sale_of,
    sell,
    set_commission,
    settle_refund,
    ship,
    shop_of,
    user_id_of,
)

pytestmark = pytest.mark.usefixtures("app_context")


@pytest.fixture
def farm() -> int:
    return shop_of("farmer")


@pytest.fixture
def coop() -> int:
    return shop_of("coop_owner")


def assert_clean() -> None:
    assert checks.check() == []
    assert revenue.verify() == []


def messages() -> list[tuple[str, dict[str, object]]]:
    rows = db.session.execute(select(OutboxMessage).order_by(OutboxMessage.id)).scalars()
    return [(row.template, row.parameters) for row in rows]


def test_two_sellers_one_payment_parts_of_109_80_and_58_00_and_award_facts_of_99_80_and_58_00(
    farm: int, coop: int
) -> None:
    first, second = make_pool(coop, 100_000), make_pool(farm, 100_000)
    order_id = place(
        [Wish(coop, [Box(first, 4990, count=2)], freight=1000), Wish(farm, [Box(second, 5800)], freight=0)]
    )
    assert queries.get_order(order_id).total_amount == 16780
    pay(order_id)
    assert not run_in_transaction(lambda: services.mark_paid(order_id, at=clock.now()))
    assert sale_of(order_id, coop).total_amount == 10980
    assert sale_of(order_id, farm).total_amount == 5800
    assert available([first]) == {first: 90_000}
    assert_clean()
    for seller_id in (coop, farm):
        assert ship(order_id, seller_id)
        assert complete(order_id, seller_id)
        assert not complete(order_id, seller_id)
    assert facts(coop) == {(2026, "b2c", "primary"): 9980}
    assert facts(farm) == {(2026, "c2c", "primary"): 5800}
    assert seller_summary(coop).payable_amount == 10980
    assert seller_summary(farm).payable_amount == 5800
    assert_clean()


def test_unpaid_order_holds_and_gives_back_on_cancelling(farm: int, coop: int) -> None:
    pools = {farm: make_pool(farm, 20_000), coop: make_pool(coop, 20_000)}
    order_id = place([Wish(seller, [Box(pool, 1000, count=3)]) for seller, pool in pools.items()])
    assert set(available(pools.values()).values()) == {5_000}
    assert_clean()
    assert run_in_transaction(lambda: services.cancel_unpaid(SYSTEM, order_id, "lapsed"))
    assert set(available(pools.values()).values()) == {20_000}
    assert not run_in_transaction(lambda: services.cancel_unpaid(SYSTEM, order_id, "lapsed"))
    assert not run_in_transaction(lambda: services.mark_paid(order_id, at=clock.now()))
    assert {sale.status for sale in queries.sellers_of(order_id)} == {SellerOrderStatus.CANCELLED}
    code = queries.get_order(order_id).code
    assert ("order_cancelled", {"code": code, "reason": "付款时间过了"}) in messages()
    assert_clean()


def test_paid_order_cannot_be_cancelled_as_unpaid(farm: int) -> None:
    order_id = place([Wish(farm, [Box(make_pool(farm), 1000)])])
    pay(order_id)
    assert not run_in_transaction(lambda: services.cancel_unpaid(SYSTEM, order_id, "lapsed"))
    assert sale_of(order_id, farm).status == SellerOrderStatus.TO_SHIP
    assert_clean()


def test_late_payment_is_honoured_while_the_stock_is_there(farm: int) -> None:
    pool = make_pool(farm, 10_000)
    order_id = place([Wish(farm, [Box(pool, 1000, count=2)])])
    run_in_transaction(lambda: services.cancel_unpaid(SYSTEM, order_id, "lapsed"))
    assert run_in_transaction(
        lambda: services.revive(order_id, hold_until=clock.now() + timedelta(minutes=5))
    )
    pay(order_id)
    assert available([pool]) == {pool: 0}
    assert queries.get_order(order_id).payment_state == PaymentState.PAID
    assert_clean()


def test_late_payment_is_refused_whole_when_one_seller_sold_out(farm: int, coop: int) -> None:
    scarce, plenty = make_pool(farm, 5_000), make_pool(coop, 50_000)
    order_id = place([Wish(farm, [Box(scarce, 1000)]), Wish(coop, [Box(plenty, 1000)])])
    run_in_transaction(lambda: services.cancel_unpaid(SYSTEM, order_id, "lapsed"))
    place([Wish(farm, [Box(scarce, 1000)])])
    assert not run_in_transaction(lambda: services.revive(order_id, hold_until=clock.now()))
    assert queries.get_order(order_id).payment_state == PaymentState.CANCELLED
    assert available([scarce, plenty]) == {scarce: 0, plenty: 50_000}
    assert_clean()


def test_paying_a_lapsed_hold_is_refused_by_the_stock(farm: int) -> None:
    from marketplace.inventory import services as inventory

    order_id = place([Wish(farm, [Box(make_pool(farm), 1000)])])
    with pytest.raises(HoldLapsedError):
        run_in_transaction(
            lambda: (
                inventory.release(order_id=order_id, seller_id=farm),
                services.mark_paid(order_id, at=clock.now()),
            )
        )
    assert queries.get_order(order_id).payment_state == PaymentState.UNPAID
    assert_clean()


def test_sold_out_basket_leaves_nothing_behind(farm: int, coop: int) -> None:
    scarce, plenty = make_pool(farm, 4_999), make_pool(coop, 50_000)
    with pytest.raises(OutOfStockError) as refusal:
        place([Wish(farm, [Box(scarce, 1000)]), Wish(coop, [Box(plenty, 1000)])])
    assert refusal.value.pool_ids == (scarce,)
    assert available([plenty]) == {plenty: 50_000}
    assert_clean()


def test_the_same_form_makes_one_order(farm: int) -> None:
    pool = make_pool(farm, 10_000)
    order_id = place([Wish(farm, [Box(pool, 1000)])], form_key="once")
    with pytest.raises(rules.OrderExistsError):
        place([Wish(farm, [Box(pool, 1000)])], form_key="once")
    found = queries.find_by_form_key("once")
    assert found is not None
    assert found.id == order_id
    assert available([pool]) == {pool: 5_000}
    assert_clean()


def test_shipping_tells_the_buyer_and_sets_the_day_of_confirmation(farm: int) -> None:
    order_id = place([Wish(farm, [Box(make_pool(farm), 1000)])])
    pay(order_id)
    assert sale_of(order_id, farm).ship_by == clock.now() + timedelta(hours=48)
    assert ship(order_id, farm)
    assert not ship(order_id, farm)
    assert sale_of(order_id, farm).confirm_at == clock.now() + timedelta(days=15)
    assert deliver(order_id, farm)
    assert not deliver(order_id, farm)
    assert sale_of(order_id, farm).confirm_at == clock.now() + timedelta(days=7)
    names = [name for name, _parameters in messages()]
    assert names == ["new_order", "order_paid", "order_shipped"]
    kinds = db.session.execute(
        select(OrderEvent.kind).where(OrderEvent.order_id == order_id).order_by(OrderEvent.id)
    ).scalars()
    assert list(kinds) == ["placed", "paid", "shipped", "delivered"]


def test_an_unpaid_order_cannot_be_shipped_and_a_sent_one_cannot_be_cancelled(farm: int) -> None:
    order_id = place([Wish(farm, [Box(make_pool(farm), 1000)])])
    with pytest.raises(rules.MoveRefusedError):
        ship(order_id, farm)
    pay(order_id)
    with pytest.raises(rules.MoveRefusedError):
        complete(order_id, farm)
    ship(order_id, farm)
    sale_id = sale_of(order_id, farm).id
    with pytest.raises(rules.MoveRefusedError):
        run_in_transaction(
            lambda: services.withdraw_part(SYSTEM, seller_id=farm, seller_order_id=sale_id, reason="seller")
        )


def test_another_sellers_part_is_not_found(farm: int, coop: int) -> None:
    order_id = place([Wish(farm, [Box(make_pool(farm), 1000)]), Wish(coop, [Box(make_pool(coop), 1000)])])
    pay(order_id)
    theirs = sale_of(order_id, coop)
    for act in (
        lambda: services.ship(SYSTEM, seller_id=farm, seller_order_id=theirs.id),
        lambda: services.withdraw_part(SYSTEM, seller_id=farm, seller_order_id=theirs.id, reason="seller"),
    ):
        with pytest.raises(NotFoundError):
            run_in_transaction(act)
    with pytest.raises(NotFoundError):
        queries.get_seller_order(farm, theirs.code)
    mine = queries.get_seller_order(farm, sale_of(order_id, farm).code)
    assert [event.kind for event in mine.events] == ["paid", "placed"]
    assert queries.get_for_buyer(user_id_of("buyer"), queries.get_order(order_id).code).status == "to_ship"
    with pytest.raises(NotFoundError):
        queries.get_for_buyer(user_id_of("company_buyer"), queries.get_order(order_id).code)


def test_cancelling_a_paid_part_gives_its_goods_and_money_back_and_leaves_the_other(
    farm: int, coop: int
) -> None:
    pool, other = make_pool(farm, 10_000), make_pool(coop, 10_000)
    order_id = place([Wish(farm, [Box(pool, 4990)], freight=600), Wish(coop, [Box(other, 5800)])])
    pay(order_id)
    refund_id = refund(order_id, farm, goods=4990, freight=600)
    assert sale_of(order_id, farm).status == SellerOrderStatus.CANCELLED
    assert sale_of(order_id, coop).status == SellerOrderStatus.TO_SHIP
    assert available([pool, other]) == {pool: 10_000, other: 5_000}
    assert seller_summary(farm).refunds_due_amount == 5590
    assert_clean()
    settle_refund(refund_id, RefundStatus.SUCCEEDED)
    assert seller_summary(farm).refunds_due_amount == 0
    assert_clean()


def test_a_part_cancelled_without_its_refund_is_named_by_the_check(farm: int) -> None:
    order_id = place([Wish(farm, [Box(make_pool(farm), 1000)])])
    pay(order_id)
    sale_id = sale_of(order_id, farm).id
    run_in_transaction(
        lambda: services.withdraw_part(SYSTEM, seller_id=farm, seller_order_id=sale_id, reason="seller")
    )
    assert any("money is not on the way back" in sentence for sentence in checks.check())
    refund(order_id, farm, goods=1000)
    assert_clean()


def test_cash_on_delivery_is_booked_on_completion_and_never_by_the_provider(farm: int) -> None:
    pool = make_pool(farm, 10_000)
    order_id = place([Wish(farm, [Box(pool, 4990)], freight=600)], cash=True)
    assert sale_of(order_id, farm).status == SellerOrderStatus.TO_SHIP
    assert available([pool]) == {pool: 5_000}
    assert [name for name, _parameters in messages()] == ["new_order", "order_placed"]
    with pytest.raises(rules.NothingPaidError):
        refund(order_id, farm, goods=100)
    assert_clean()
    ship(order_id, farm)
    complete(order_id, farm)
    money = money_of(farm, [sale_of(order_id, farm).id])[sale_of(order_id, farm).id]
    assert (money.paid_amount, money.cash_amount, money.net_amount) == (5590, 5590, 5590)
    assert facts(farm) == {(2026, "c2c", "primary"): 4990}
    assert_clean()
    refund(order_id, farm, goods=990)
    assert facts(farm) == {(2026, "c2c", "primary"): 4000}
    assert seller_summary(farm).payable_amount == 0
    assert_clean()


def test_cash_order_is_cancelled_before_dispatch_without_any_money(farm: int) -> None:
    pool = make_pool(farm, 10_000)
    order_id = place([Wish(farm, [Box(pool, 4990)])], cash=True)
    sale_id = sale_of(order_id, farm).id
    run_in_transaction(
        lambda: services.withdraw_part(SYSTEM, seller_id=farm, seller_order_id=sale_id, reason="buyer")
    )
    assert available([pool]) == {pool: 10_000}
    assert_clean()


@pytest.mark.parametrize(
    ("seller", "buyer", "as_company", "mode"),
    [
        ("coop_owner", "company_buyer", True, Mode.B2B),
        ("coop_owner", "company_buyer", False, Mode.B2C),
        ("coop_owner", "buyer", True, Mode.B2C),
        ("coop_owner", None, False, Mode.B2C),
        ("farmer", "buyer", False, Mode.C2C),
        ("farmer", "company_buyer", True, Mode.UNCLASSIFIED),
    ],
)
def test_mode_by_the_parties_of_the_sale(
    seller: str, buyer: str | None, as_company: bool, mode: Mode
) -> None:
    shop = shop_of(seller)
    order_id = place([Wish(shop, [Box(make_pool(shop), 1000)])], buyer=buyer, as_company=as_company)
    assert sale_of(order_id, shop).mode == mode
    order = queries.get_order(order_id)
    is_company = as_company and buyer == "company_buyer"
    assert (order.buyer_kind == BuyerKind.ENTERPRISE) is is_company
    assert (order.buyer_credit_code is not None) is is_company
    assert order.mode_rule == rules.MODE_RULE


def test_commission_is_taken_on_goods_and_given_back_with_refunds(coop: int) -> None:
    set_commission(35_000)
    order_id = sell(coop, [Box(make_pool(coop), 3333, count=3)], freight=1000)
    assert sale_of(order_id, coop).commission_amount == 350  # 99.99 × 3.5 % = 3.49965
    assert seller_summary(coop).payable_amount == 9999 + 1000 - 350
    assert_clean()
    refund(order_id, coop, goods=5000, freight=1000)
    assert sale_of(order_id, coop).commission_amount == 175  # 49.99 × 3.5 % = 1.74965
    assert_clean()
    refund(order_id, coop, goods=4999)
    assert sale_of(order_id, coop).commission_amount == 0
    assert seller_summary(coop).payable_amount == 0
    assert_clean()


def test_refund_of_a_line_never_takes_from_another(farm: int) -> None:
    pool = make_pool(farm)
    order_id = place([Wish(farm, [Box(pool, 1000), Box(pool, 2000)], freight=500)])
    pay(order_id)
    ship(order_id, farm)
    first, second = lines_of(order_id, farm)
    with pytest.raises(rules.RefundTooHighError) as refusal:
        refund(order_id, farm, goods=1001, line_id=first.id)
    assert refusal.value.field == "goods_amount"
    with pytest.raises(rules.RefundTooHighError) as refusal:
        refund(order_id, farm, freight=501)
    assert refusal.value.field == "freight_amount"
    with pytest.raises(rules.NothingToRefundError):
        refund(order_id, farm)
    with pytest.raises(NotFoundError):
        refund(order_id, farm, goods=1, line_id=17)
    refund(order_id, farm, goods=1000, line_id=first.id)
    refund(order_id, farm, goods=700)
    assert [line.refunded_amount for line in lines_of(order_id, farm)] == [1000, 700]
    assert lines_of(order_id, farm)[1].id == second.id
    assert_clean()
    complete(order_id, farm)
    assert facts(farm) == {(2026, "c2c", "primary"): 1300}
    assert_clean()


def test_a_refund_that_comes_back_is_owed_again(farm: int) -> None:
    order_id = sell(farm, [Box(make_pool(farm), 5000)])
    refund_id = refund(order_id, farm, goods=700)
    settle_refund(refund_id, RefundStatus.FAILED)
    assert_clean()
    settle_refund(refund_id, RefundStatus.SUCCEEDED, provider_ref="re_2")
    assert_clean()
    settle_refund(refund_id, RefundStatus.FAILED, provider_ref="re_2")
    assert seller_summary(farm).refunds_due_amount == 700
    assert_clean()
    settle_refund(refund_id, RefundStatus.SUCCEEDED, provider_ref="re_3")
    assert seller_summary(farm).refunds_due_amount == 0
    assert_clean()


def test_confirmation_comes_by_itself_seven_days_after_delivery_else_fifteen_after_dispatch(
    farm: int,
) -> None:
    pool = make_pool(farm)
    delivered, underway = (place([Wish(farm, [Box(pool, 1000)])]) for _ in range(2))
    for order_id in (delivered, underway):
        pay(order_id)
        ship(order_id, farm)
    deliver(delivered, farm)
    start = clock.now()

    def statuses() -> tuple[SellerOrderStatus, SellerOrderStatus]:
        return sale_of(delivered, farm).status, sale_of(underway, farm).status

    with clock.at(start + timedelta(days=7, seconds=-1)):
        assert services.confirm_due() == 0
    with clock.at(start + timedelta(days=7)):
        assert services.confirm_due() == 1
        assert services.confirm_due() == 0
    assert statuses() == (SellerOrderStatus.COMPLETED, SellerOrderStatus.SHIPPED)
    with clock.at(start + timedelta(days=15)):
        assert services.confirm_due() == 1
    assert statuses() == (SellerOrderStatus.COMPLETED, SellerOrderStatus.COMPLETED)
    assert_clean()


def test_one_order_that_cannot_be_confirmed_does_not_keep_the_others_waiting(
    farm: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = make_pool(farm)
    orders = [place([Wish(farm, [Box(pool, 1000)])]) for _ in range(2)]
    for order_id in orders:
        pay(order_id)
        ship(order_id, farm)
    broken = sale_of(orders[0], farm).id
    recognise = revenue.recognise

    def fail_once(sale: object, lines: object) -> None:
        if sale.id == broken:  # type: ignore[attr-defined]
            raise RuntimeError("broken")
        recognise(sale, lines)  # type: ignore[arg-type]

    monkeypatch.setattr(revenue, "recognise", fail_once)
    with clock.at(clock.now() + timedelta(days=20)):
        assert services.confirm_due() == 1
    assert sale_of(orders[0], farm).status == SellerOrderStatus.SHIPPED
    assert sale_of(orders[1], farm).status == SellerOrderStatus.COMPLETED
    assert_clean()


def test_an_order_without_lines_is_refused(farm: int) -> None:
    with pytest.raises(rules.EmptyOrderError):
        run_in_transaction(lambda: services.create(SYSTEM, draft([])))
    with pytest.raises(rules.EmptyOrderError):
        run_in_transaction(lambda: services.create(SYSTEM, draft([Wish(farm, [])])))


def test_prolonging_moves_the_end_of_an_unpaid_order_only(farm: int) -> None:
    order_id = place([Wish(farm, [Box(make_pool(farm), 1000)])])
    later = clock.now() + timedelta(hours=1)
    assert run_in_transaction(lambda: services.prolong(order_id, hold_until=later))
    assert queries.get_order(order_id).hold_until == later
    assert queries.lapsed_unpaid(later - timedelta(seconds=1), 10) == []
    assert queries.lapsed_unpaid(later, 10) == [order_id]
    pay(order_id)
    assert not run_in_transaction(lambda: services.prolong(order_id, hold_until=later))
    assert queries.lapsed_unpaid(later, 10) == []


def test_books_of_a_payment_stand_on_the_providers_clearing_alone(coop: int) -> None:
    from marketplace.ledger.queries import balances

    order_id = place([Wish(coop, [Box(make_pool(coop), 4990, count=2)], freight=1000)])
    assert balances(coop) == {}
    pay(order_id)
    assert balances(coop) == {
        Account.PROVIDER_CLEARING: 10980,
        Account.UNEARNED_GOODS: -9980,
        Account.UNEARNED_FREIGHT: -1000,
    }


def test_holding_in_one_transaction_with_creating_is_all_or_nothing(farm: int) -> None:
    pool = make_pool(farm, 10_000)
    new = draft([Wish(farm, [Box(pool, 1000)])])

    def place_and_fail() -> None:
        place_in_transaction(new)
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        run_in_transaction(place_and_fail)
    assert available([pool]) == {pool: 10_000}
    assert_clean()
