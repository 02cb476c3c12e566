"""A pool that lends a connection for one transaction at a time stands between shop and PostgreSQL: pgbouncer.

The pool is smaller than the crowd, and each of its connections is used once, so that whatever is left behind on one
is missed by the next. Where pgbouncer is not installed these are skipped, and say so.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy.exc import ProgrammingError

from marketplace import clock, connections, create_app
from marketplace.database import db, run_in_transaction
from marketplace.inventory.queries import available
from marketplace.inventory.rules import OutOfStockError
from marketplace.ledger import checks
from marketplace.limits import Limit, TooManyTriesError, take
from tests import databases, factories
from tests.conftest import NOON, make_app, make_settings
from tests.orders import sales
from tests.pooling import PROGRAM, pooled
from tests.racing import at_once

pytestmark = [
    pytest.mark.nodatabase,  # PostgreSQL, whichever the suite's is
    pytest.mark.skipif(
        PROGRAM is None, reason="pgbouncer is not installed: nothing is shown of a pool between"
    ),
]
BOXES, BUYERS, CONNECTIONS = 5, 20, 3


@pytest.fixture(scope="module")
def prepared_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str, str]]:
    """A shop's folder, the direct address of its database, and the one through the pool."""
    folder = tmp_path_factory.mktemp("shop")
    with databases.postgresql() as server, databases.fresh_database(server) as direct:
        app = make_app(make_settings(folder, direct))
        with app.app_context():
            db.engine.dispose()
        with pooled(direct, size=CONNECTIONS, seconds=0) as address:
            yield folder, direct, address


@pytest.fixture
def shop(prepared_shop: tuple[Path, str, str]) -> Iterator[Flask]:
    app = create_app(make_settings(prepared_shop[0], prepared_shop[2]))
    with app.app_context(), clock.at(NOON):
        yield app
        db.session.remove()
        db.engine.dispose()


def read_often(app: Flask) -> list[int]:
    """What a page answers: with more than the five times after which a statement would be prepared."""
    client = app.test_client()
    return [client.get(f"/products?x={number}").status_code for number in range(12)]


def test_pages_are_read_through_the_pool(shop: Flask) -> None:
    factories.make_freight()
    factories.make_goods()
    assert read_often(shop) == [200] * 12


def test_control_with_statements_prepared_on_a_connection_pages_fail(
    shop: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "is_lent", lambda _connection: False)
    with pytest.raises(ProgrammingError, match="prepared statement"):
        read_often(shop)


def test_the_last_boxes_are_sold_once(shop: Flask) -> None:
    farm = sales.shop_of("farmer")
    pool = sales.make_pool(farm, BOXES * 5_000)
    wanted = [sales.Wish(farm, [sales.Box(pool, 1000)])]
    found = at_once(shop, [partial(sales.place, wanted)] * BUYERS)
    told = [order_id for order_id in found if isinstance(order_id, int)]
    assert len(told) == BOXES
    assert sum(isinstance(refusal, OutOfStockError) for refusal in found) == BUYERS - BOXES, found
    paid = at_once(shop, [partial(sales.pay, order_id) for order_id in told])
    assert all(isinstance(payment_id, int) for payment_id in paid), paid
    assert available([pool])[pool] == 0
    assert checks.check() == []


def test_tries_at_once_are_counted_one_by_one(shop: Flask) -> None:
    """Their lock is one of the transaction, so it lies where the transaction does, and goes with it."""
    limit = Limit("pooled", most=5, within=NOON - NOON.replace(hour=0))
    found = at_once(shop, [partial(run_in_transaction, partial(take, limit, "somebody"))] * BUYERS)
    assert found.count(None) == 5
    assert sum(isinstance(refusal, TooManyTriesError) for refusal in found) == BUYERS - 5


def test_a_pool_is_noticed_and_none_is_not(prepared_shop: tuple[Path, str, str]) -> None:
    folder, direct, through = prepared_shop
    for address, threshold in ((direct, 5), (through, None)):
        app = create_app(make_settings(folder, address))
        with app.app_context():
            connection = db.session.connection().connection.dbapi_connection
            assert connection is not None
            assert connection.prepare_threshold == threshold
            db.session.remove()
            db.engine.dispose()
