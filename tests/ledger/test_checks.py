"""flask ledger check: silent on sound books, one sentence for each thing that was tampered with."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from marketplace import append_only, clock
from marketplace.audit import SYSTEM
from marketplace.database import db, new_id, run_in_transaction
from marketplace.ledger import services
from marketplace.ledger.checks import check
from marketplace.ledger.models import PLATFORM_BOOK, Account
from marketplace.orders import services as orders
from marketplace.payments.models import Payment, PaymentStatus, Refund, RefundStatus
from tests.orders.sales import Box, Wish, make_pool, pay, place, refund, sell, ship, shop_of

pytestmark = pytest.mark.usefixtures("app_context")


@pytest.fixture
def coop() -> int:
    return shop_of("coop_owner")


def tamper(statement: str, **values: object) -> None:
    """Change a row behind the shop's back, as somebody with the database in hand could."""

    def change() -> None:
        dialect = db.session.get_bind().dialect.name
        for drop in append_only.drop_statements(dialect):
            db.session.execute(text(drop))
        db.session.execute(text(statement), values)

    run_in_transaction(change)


def test_sound_books_are_silent(coop: int) -> None:
    pool = make_pool(coop)
    sell(coop, [Box(pool, 4990, count=2)], freight=1000)
    sell(coop, [Box(pool, 4990)], cash=True)
    place([Wish(coop, [Box(pool, 100)])])
    order_id = place([Wish(coop, [Box(pool, 100)], 50)])
    pay(order_id)
    refund(order_id, coop, goods=100, freight=50)
    assert check() == []


@pytest.mark.parametrize(
    ("statement", "finding"),
    [
        ("UPDATE postings SET amount = amount + 1 WHERE account = 'seller_payable'", "does not balance"),
        ("UPDATE postings SET book = 0 WHERE account = 'seller_payable'", "does not balance"),
        ("DELETE FROM postings", "does not balance"),
        (
            "UPDATE journal_entries SET transfer_id = 5 WHERE kind = 'completion'",
            "transfer 5 is not two entries",
        ),
        (
            "UPDATE postings SET account = 'book_transfer' WHERE account = 'seller_payable'",
            "without a transfer id",
        ),
        ("UPDATE postings SET amount = -amount", "stands on the wrong side"),
        ("UPDATE journal_entries SET seller_order_id = 5", "is booked and does not exist"),
        ("UPDATE seller_orders SET status = 'delivered'", "unearned_goods is 0.00, should be -99.80"),
        ("UPDATE seller_orders SET commission_amount = 7", "seller_payable is -109.80, should be -109.73"),
        ("UPDATE seller_orders SET goods_amount = 1", "is not the sum of its lines"),
        ("UPDATE orders SET freight_amount = 0", "is not the sum of its seller orders"),
        ("UPDATE seller_orders SET refunded_freight_amount = 3", "are not the sum of its refunds"),
        ("UPDATE payments SET amount = 5", "succeeded and 109.80 of it is booked"),
        ("UPDATE payments SET status = 'open'", "is booked and did not succeed"),
        ("UPDATE payment_parts SET amount = 5", "its parts are 0.05, booked 109.80"),
        ("UPDATE payments SET fee_amount = 5", "fee is not booked"),
        ("UPDATE orders SET payment_state = 'unpaid'", "has a payment booked and is not paid"),
        ("UPDATE stock_pools SET on_hand = on_hand + 1", "990001 on hand and 0 held"),
        ("UPDATE holds SET state = 'held'", "by its holds 10000"),
        ("DELETE FROM holds", "its hold says None"),
        ("UPDATE holds SET amount = 1", "its hold says 1 confirmed"),
    ],
)
def test_each_kind_of_damage_is_named(coop: int, statement: str, finding: str) -> None:
    sell(coop, [Box(make_pool(coop), 4990, count=2)], freight=1000)
    assert check() == []
    tamper(statement)
    assert any(finding in sentence for sentence in check()), check()


def test_completing_without_booking_is_named(coop: int) -> None:
    order_id = place([Wish(coop, [Box(make_pool(coop), 4990)])])
    pay(order_id)
    ship(order_id, coop)
    tamper("UPDATE seller_orders SET status = 'completed'")
    assert any("seller_payable is 0.00, should be -49.90" in sentence for sentence in check())


def test_an_open_refund_is_owed_until_it_is_done(coop: int) -> None:
    order_id = sell(coop, [Box(make_pool(coop), 4990)])
    refund(order_id, coop, goods=90)
    tamper("UPDATE refunds SET status = 'succeeded'")
    assert any("refunds_due is -0.90, should be 0.00" in sentence for sentence in check())
    tamper("UPDATE refunds SET status = 'failed'")
    assert check() == []


def test_a_payment_that_no_order_can_take_is_booked_and_given_back(coop: int) -> None:
    order_id = place([Wish(coop, [Box(make_pool(coop), 4990)])])
    run_in_transaction(lambda: orders.cancel_unpaid(SYSTEM, order_id, "lapsed"))

    def pay_late() -> int:
        moment = clock.now()
        payment = Payment(
            order_id=order_id,
            idempotency_key="late",
            amount=4990,
            status=PaymentStatus.SUCCEEDED,
            created_at=moment,
            expires_at=moment,
        )
        db.session.add(payment)
        db.session.flush()
        services.book_unmatched_payment(payment)
        row = Refund(
            id=new_id(),
            seller_id=PLATFORM_BOOK,
            seller_order_id=None,
            payment_id=payment.id,
            form_key="late",
            idempotency_key="late",
            goods_amount=4990,
            freight_amount=0,
            reason="late",
            requested_at=moment,
        )
        db.session.add(row)
        db.session.flush()
        services.book_unmatched_refund(row)
        return row.id

    refund_id = run_in_transaction(pay_late)
    assert check() == []

    def done() -> None:
        row = db.session.get_one(Refund, refund_id)
        row.status, row.provider_ref = RefundStatus.SUCCEEDED, "re_late"
        services.book_refund_done(row)

    run_in_transaction(done)
    assert check() == []
    tamper("UPDATE refunds SET status = 'pending'")
    assert check() == ["refunds of payments without an order: 49.90 due, 0.00 booked"]


def test_money_of_one_seller_never_stands_in_anothers_book(coop: int) -> None:
    farm = shop_of("farmer")
    sell(coop, [Box(make_pool(coop), 4990)])
    tamper("UPDATE journal_entries SET book = :farm WHERE book = :coop", farm=farm, coop=coop)
    tamper("UPDATE postings SET book = :farm WHERE book = :coop", farm=farm, coop=coop)
    assert any("is booked in the book of" in sentence for sentence in check())


def test_an_unmatched_account_never_turns_around() -> None:
    run_in_transaction(
        lambda: services.post(
            book=PLATFORM_BOOK,
            kind="test",
            reference="1",
            postings=[(Account.UNMATCHED, 5), (Account.REFUNDS_DUE, -5)],
        )
    )
    assert "unmatched of book 0 stands on the wrong side: 0.05" in check()
