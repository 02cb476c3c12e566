"""F22: what was told to a buyer is on the disk (SQLite; PostgreSQL keeps its own promise by fsync)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from marketplace.database import SAFE_SQLITE, db, sqlite_driver
from tests import databases, factories
from tests.conftest import make_app, make_settings
from tests.factories import Goods
from tests.power import cut_power

pytestmark = pytest.mark.nodatabase  # on SQLite, whichever the suite's is


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Flask, Goods]]:
    with databases.fresh_database("sqlite") as address:
        app = make_app(make_settings(tmp_path_factory.mktemp("shop"), address))
        with app.app_context():
            factories.make_freight()
            goods = factories.make_goods(packs=[(5000, 4990)], stock=1_000_000_000)
            db.session.remove()
        yield app, goods
        with app.app_context():
            db.engine.dispose()


def test_every_told_order_is_in_the_files_at_any_moment(shop: tuple[Flask, Goods], tmp_path: Path) -> None:
    found = list(cut_power(*shop, tmp_path, 8))
    assert found == [("ok", 0)] * 8


@pytest.mark.skipif(
    sqlite_driver.sqlite_version_info < SAFE_SQLITE, reason="there is no write-ahead log here"
)
def test_control_without_its_log_a_copy_has_lost_orders(shop: tuple[Flask, Goods], tmp_path: Path) -> None:
    found = list(cut_power(*shop, tmp_path, 3, parts=("",)))
    assert any(verdict != "ok" or missing for verdict, missing in found)
