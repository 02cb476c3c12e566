"""Entries: balanced, in one book, written once; transfers are two of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.database import new_id, run_in_transaction
from marketplace.ledger import checks, services
from marketplace.ledger.models import PLATFORM_BOOK, Account
from marketplace.ledger.queries import balances, list_entries, seller_summary, statement
from marketplace.ledger.rules import UnbalancedEntryError, balanced, commission_of
from marketplace.money import allocate
from tests.orders.sales import Box, Wish, make_pool, pay, place, refund, sell, set_commission, shop_of


def post(amount: int = 100, *, reference: str = "1", against: int | None = None) -> bool:
    return run_in_transaction(
        lambda: services.post(
            book=7,
            kind="payment",
            reference=reference,
            postings=[
                (Account.PROVIDER_CLEARING, amount),
                (Account.UNEARNED_GOODS, -amount if against is None else against),
            ],
        )
    )


@pytest.mark.usefixtures("app_context")
def test_an_entry_is_written_once() -> None:
    assert post()
    assert not post()
    assert post(reference="2")
    assert balances(7) == {Account.PROVIDER_CLEARING: 200, Account.UNEARNED_GOODS: -200}


@pytest.mark.usefixtures("app_context")
def test_an_entry_that_does_not_balance_is_refused() -> None:
    with pytest.raises(UnbalancedEntryError):
        post(against=-99)
    assert balances(7) == {}


@pytest.mark.usefixtures("app_context")
def test_an_entry_of_nothing_is_not_written() -> None:
    assert not post(0)
    assert list_entries() == ([], None)


def test_one_posting_alone_never_balances() -> None:
    with pytest.raises(UnbalancedEntryError):
        balanced([(Account.PROVIDER_FEE, 1)])


@pytest.mark.usefixtures("app_context")
def test_commission_goes_to_the_platforms_book_as_two_entries_with_one_transfer() -> None:
    coop = shop_of("coop_owner")
    set_commission(20_000)
    order_id = sell(coop, [Box(make_pool(coop), 4990, count=2)], freight=1000)
    assert balances(PLATFORM_BOOK) == {Account.BOOK_TRANSFER: 200, Account.COMMISSION_INCOME: -200}
    assert balances(coop)[Account.SELLER_PAYABLE] == -(10980 - 200)
    page, _more = list_entries()
    transfers = {entry.transfer_id for entry in page if entry.transfer_id}
    assert len(transfers) == 1
    assert {entry.book for entry in page if entry.transfer_id} == {coop, PLATFORM_BOOK}
    refund(order_id, coop, goods=9980)
    assert balances(PLATFORM_BOOK) == {Account.BOOK_TRANSFER: 0, Account.COMMISSION_INCOME: 0}
    assert checks.check() == []


@pytest.mark.usefixtures("app_context")
def test_provider_fee_is_the_platforms_expense_and_never_the_sellers() -> None:
    farm = shop_of("farmer")
    order_id = place([Wish(farm, [Box(make_pool(farm), 10_000)])])
    payment_id = pay(order_id)
    before = balances(farm)

    def tell_fee() -> None:
        from marketplace.database import db
        from marketplace.payments.models import Payment

        payment = db.session.get_one(Payment, payment_id)
        payment.fee_amount = 60
        db.session.flush()
        services.book_provider_fee(payment)
        services.book_provider_fee(payment)

    run_in_transaction(tell_fee)
    assert balances(PLATFORM_BOOK) == {Account.PROVIDER_FEE: 60, Account.PROVIDER_PAYABLE: -60}
    assert balances(farm) == before
    assert checks.check() == []


@pytest.mark.usefixtures("app_context")
def test_statement_tells_three_facts_of_each_sale_newest_first_page_by_page() -> None:
    farm = shop_of("farmer")
    pool = make_pool(farm)
    orders = [sell(farm, [Box(pool, 1000 + number)], freight=100) for number in range(3)]
    refund(orders[1], farm, goods=1, freight=100)
    waiting = place([Wish(farm, [Box(pool, 500)])])
    first, after = statement(farm, limit=2)
    assert after is not None
    rest, end = statement(farm, after, limit=2)
    assert end is None
    assert [(row.paid_amount, row.freight_amount, row.net_amount) for row in first + rest] == [
        (1102, 100, 1102),
        (1101, 100, 1000),
        (1100, 100, 1100),
    ]
    assert all(row.completed_at is not None for row in first + rest)
    pay(waiting)
    (newest,), _after = statement(farm, limit=1)
    assert (newest.net_amount, newest.completed_at) == (500, None)
    assert seller_summary(farm).unearned_amount == 500
    assert statement(shop_of("coop_owner")) == ([], None)


@given(st.integers(0, 10**13), st.lists(st.integers(0, 10**10), min_size=1, max_size=7))
def test_dividing_never_loses_a_fen(total: int, weights: list[int]) -> None:
    parts = allocate(total, weights)
    assert sum(parts) == total
    assert len(parts) == len(weights)
    assert all(part >= 0 for part in parts)


@given(st.integers(0, 10**13), st.integers(0, 1_000_000), st.integers(0, 10**13))
def test_commission_given_back_is_never_more_than_was_taken(goods: int, rate: int, refunded: int) -> None:
    taken = commission_of(goods, rate)
    assert 0 <= taken <= goods
    assert commission_of(goods - min(goods, refunded), rate) <= taken


def test_new_ids_are_unique() -> None:
    ids = [new_id() for _ in range(10_000)]
    assert len(set(ids)) == len(ids)
    assert ids == sorted(ids)
