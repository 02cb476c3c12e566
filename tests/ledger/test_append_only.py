"""Journal, revenue, movements and the operation log cannot be changed, not even with the database in hand."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from marketplace import append_only, clock, sealing, worker
from marketplace.audit import SYSTEM, record
from marketplace.database import db, run_in_transaction
from tests.orders.sales import Box, make_pool, sell, shop_of

pytestmark = pytest.mark.usefixtures("app_context")


@pytest.fixture(autouse=True)
def _triggers(app_context: None) -> None:
    """A sale of everything that is written once, under the triggers that the migration makes."""
    farm = shop_of("farmer")
    sell(farm, [Box(make_pool(farm), 1000)])

    def make() -> None:
        dialect = db.session.get_bind().dialect.name
        for statement in append_only.drop_statements(dialect) + append_only.statements(dialect):
            db.session.execute(text(statement))

    run_in_transaction(make)


def change(statement: str) -> None:
    run_in_transaction(lambda: db.session.execute(text(statement)))


@pytest.mark.parametrize(
    "table", ["journal_entries", "postings", "revenue_entries", "stock_movements", "audit_entries"]
)
@pytest.mark.parametrize("statement", ["UPDATE {} SET id = id + 1", "DELETE FROM {}"])
def test_rows_that_are_written_once_are_never_changed_or_deleted(table: str, statement: str) -> None:
    with pytest.raises(DBAPIError, match=f"{table} is append-only"):
        change(statement.format(table))


def test_the_seal_is_written_once_and_nothing_else_with_it() -> None:
    run_in_transaction(lambda: record(SYSTEM, "test.done", "test", 1))
    with clock.at(clock.now().replace(day=28)):
        worker.seal()
        assert list(sealing.verify()) == []
    for statement in (
        "UPDATE audit_entries SET digest = 'x'",
        "UPDATE audit_entries SET action = 'x'",
        "UPDATE journal_entries SET digest = 'x'",
        "UPDATE journal_entries SET kind = 'x'",
    ):
        with pytest.raises(DBAPIError, match="append-only"):
            change(statement)


def test_the_triggers_can_be_taken_away_by_the_way_back() -> None:
    dialect = db.session.get_bind().dialect.name
    for _repeat in range(2):
        run_in_transaction(
            lambda: [db.session.execute(text(each)) for each in append_only.drop_statements(dialect)]
        )
    change("DELETE FROM revenue_entries")
