"""The journal under seal: an entry or posting that is changed, taken away or slipped in is named with its book."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import delete, select, text

from marketplace import append_only, clock, sealing, worker
from marketplace.audit import AuditEntry
from marketplace.database import db, run_in_transaction
from marketplace.ledger.models import Account, JournalEntry, Posting
from marketplace.ledger.services import post
from tests.conftest import NOON

BOOKS, DAYS, EACH = (7, 8), 2, 3


@pytest.fixture(autouse=True)
def _journal_of_two_books(app_context: None) -> None:
    """Three entries a day in two books on two days, sealed. Somebody has taken the triggers away."""

    def make() -> None:
        for statement in append_only.drop_statements(db.session.get_bind().dialect.name):
            db.session.execute(text(statement))
        for model in (Posting, JournalEntry, AuditEntry):
            db.session.execute(delete(model))

    run_in_transaction(make)
    for day in range(DAYS):
        with clock.at(NOON + timedelta(days=day)):
            run_in_transaction(
                lambda day=day: [book(name, f"{day}-{n}") for n in range(EACH) for name in BOOKS]
            )  # type: ignore[misc]
        with clock.at(NOON + timedelta(days=day + 1)):
            worker.seal()


def book(name: int, reference: str) -> None:
    postings = [(Account.PROVIDER_CLEARING, 100), (Account.UNEARNED_GOODS, -100)]
    assert post(book=name, kind="payment", reference=reference, postings=postings)


def findings() -> list[str]:
    db.session.rollback()
    with clock.at(NOON + timedelta(days=DAYS)):
        return list(sealing.verify())


def damage(statement: str, **values: object) -> None:
    run_in_transaction(lambda: db.session.execute(text(statement), values))


def entry(number: int, name: int = 7) -> int:
    query = select(JournalEntry.id).where(
        JournalEntry.book == name, JournalEntry.day == "2026-11-20", JournalEntry.number == number
    )
    return db.session.execute(query).scalar_one()


def test_each_book_and_day_is_numbered_from_one_without_a_gap() -> None:
    assert findings() == []
    query = select(JournalEntry.book, JournalEntry.day, JournalEntry.number).order_by(*query_order())
    assert [tuple(row) for row in db.session.execute(query)] == [
        (name, f"2026-11-{20 + day}", n + 1) for name in BOOKS for day in range(DAYS) for n in range(EACH)
    ]


def query_order() -> tuple[object, ...]:
    return JournalEntry.book, JournalEntry.day, JournalEntry.number


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE journal_entries SET kind = 'collected' WHERE id = :id",
        "UPDATE journal_entries SET reference = 'x' WHERE id = :id",
        "UPDATE journal_entries SET seller_order_id = 5 WHERE id = :id",
        "UPDATE journal_entries SET transfer_id = 5 WHERE id = :id",
        "UPDATE journal_entries SET at = '2026-11-20 05:00:00' WHERE id = :id",
        "UPDATE postings SET amount = amount * 2 WHERE entry_id = :id",
        "UPDATE postings SET book = 8 WHERE entry_id = :id",
        "UPDATE postings SET account = 'refunds_due' WHERE entry_id = :id AND amount < 0",
        "DELETE FROM postings WHERE entry_id = :id",
    ],
)
def test_a_changed_entry_or_posting_is_named(change: str) -> None:
    changed = entry(2)
    damage(change, id=changed)
    (finding,) = findings()
    assert finding.startswith("journal, book 7 2026-11-20: entry 2 (")
    assert str(changed) in finding


def test_a_posting_slipped_in_is_named() -> None:
    run_in_transaction(
        lambda: db.session.add(Posting(entry_id=entry(3), book=7, account=Account.REFUNDS_DUE, amount=0))
    )
    assert [finding.partition(" (")[0] for finding in findings()] == ["journal, book 7 2026-11-20: entry 3"]


@pytest.mark.parametrize(("number", "words"), [(2, "is missing before 3"), (3, "is missing at the end")])
def test_an_entry_that_was_taken_away_is_named(number: int, words: str) -> None:
    gone = entry(number, 8)
    damage("DELETE FROM postings WHERE entry_id = :id", id=gone)
    damage("DELETE FROM journal_entries WHERE id = :id", id=gone)
    assert findings()[0] == f"journal, book 8 2026-11-20: entry {number} {words}"


def test_a_chain_made_anew_is_named() -> None:
    damage("UPDATE postings SET amount = amount * 2 WHERE entry_id = :id", id=entry(3))
    damage(
        "UPDATE journal_entries SET day = NULL, number = NULL, digest = NULL WHERE book = 7 AND day = '2026-11-20'"
    )
    with clock.at(NOON + timedelta(days=DAYS)):
        worker.seal()
    assert findings() == ["journal, book 7 2026-11-20: entry 3 is not the one that was sealed"]


def test_an_entry_that_is_not_sealed_in_time_is_named() -> None:
    run_in_transaction(lambda: book(9, "late"))
    with clock.at(NOON + timedelta(days=4)):
        found = [finding for finding in sealing.verify() if finding.startswith("journal")]
    assert len(found) == 1
    assert found[0].endswith("(payment) is not sealed")


def test_a_long_journal_is_sealed_in_bounded_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """More books and entries than a batch holds come out as one run would have made them."""
    monkeypatch.setattr(sealing, "BATCH", 4)
    with clock.at(NOON + timedelta(days=DAYS)):
        run_in_transaction(lambda: [book(100 + n % 5, f"long {n}") for n in range(15)])
    with clock.at(NOON + timedelta(days=DAYS + 1)):
        worker.seal()
        assert list(sealing.verify()) == []
    query = (
        select(JournalEntry.number)
        .where(JournalEntry.book >= 100)
        .order_by(JournalEntry.book, JournalEntry.number)
    )
    assert list(db.session.execute(query).scalars()) == [1, 2, 3] * 5
