"""A backup holds what was told before it began, while the shop sells; it is restored whole or nothing is touched."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from threading import Thread

import pytest
from flask import Flask
from sqlalchemy import select, text
from sqlalchemy.engine import Connection

from marketplace import clock, create_app, health, sealing, worker
from marketplace.backup import services, tables
from marketplace.backup.sealing import BackupError
from marketplace.database import db, run_in_transaction
from marketplace.ledger import checks
from marketplace.media import storage
from marketplace.orders.models import Order
from marketplace.revenue import services as revenue
from marketplace.security import KeyFileError, decrypt, encrypt
from tests import databases, factories
from tests.conftest import NOON, make_app, make_settings
from tests.factories import Goods

NAME = "0123456789abcdef" * 2


@dataclass
class Shop:
    """An installation with goods, orders in several states, a picture and a paper."""

    app: Flask
    goods: Goods

    @property
    def keys(self) -> Path:
        return self.app.config["SETTINGS"].key_file

    @property
    def data(self) -> Path:
        return self.app.config["SETTINGS"].data_dir


@pytest.fixture(scope="module")
def stocked(tmp_path_factory: pytest.TempPathFactory, database_server: str) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("shop")
    with databases.fresh_database(database_server) as address:
        app = make_app(make_settings(folder, address))
        with app.app_context(), clock.at(NOON):
            factories.make_freight()
            goods = factories.make_goods(title="制表\t换行\n反斜线\\N", packs=[(5000, 4990)], stock=1_000_000)
            factories.place_order({goods.variants[0]: 1})
            factories.pay(factories.place_order({goods.variants[0]: 1}))
            factories.make_completed_order({goods.variants[0]: 2})
            picture = storage.public_folder(NAME) / f"{NAME}-360.webp"
            picture.parent.mkdir(parents=True)
            picture.write_bytes(b"a picture")
            storage.save_original(NAME, b"not encoded yet")
            with clock.at(NOON + timedelta(days=1)):
                worker.seal()
            db.session.remove()
        yield Shop(app, goods)
        with app.app_context():
            db.engine.dispose()


@pytest.fixture
def shop(stocked: Shop) -> Iterator[Shop]:
    with stocked.app.app_context(), clock.at(NOON + timedelta(days=1)):
        yield stocked
        db.session.remove()


@contextlib.contextmanager
def empty_installation(folder: Path, on: str, keys: Path | None) -> Iterator[Flask]:
    """Another machine: no database, no files; the key is brought along or not."""
    folder.mkdir()
    with databases.fresh_database(on) as address:
        config = make_settings(folder, address)
        config.key_file.unlink()
        if keys:
            shutil.copy(keys, config.key_file)
        app = create_app(config)
        with app.app_context():
            try:
                yield app
            finally:
                db.session.remove()
                db.engine.dispose()


def rows() -> dict[str, list[bytes]]:
    """Every row of every table."""
    with tables.snapshot() as connection:
        return {
            table: sorted(b"".join(tables.read(connection, table)).splitlines())
            for table in tables.columns(connection)
        }


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for kind in (storage.PUBLIC, storage.PRIVATE)
        for path in sorted((folder / kind).rglob("*"))
        if path.is_file() and not path.name.startswith(".")
    }


def assert_sound() -> None:
    assert checks.check() == []
    assert list(revenue.verify()) == []
    assert list(sealing.verify()) == []


@pytest.mark.parametrize("on", ["the same kind", "sqlite"])
def test_what_is_restored_is_what_was_there(
    shop: Shop, tmp_path: Path, database_server: str, on: str
) -> None:
    if on == database_server:
        pytest.skip("the same kind is SQLite")
    secret = encrypt("a paper's number")
    path, told = services.create(tmp_path)
    assert path.parent == tmp_path
    assert path.stat().st_mode & 0o777 == 0o600
    assert "2026-11-21 12:00:00" in str(told)
    assert services.verify(path) == told
    before, kept = rows(), files(shop.data)
    heartbeats = before.pop("heartbeats")
    before.pop("catalogue_versions")
    assert any(b"backup" in row for row in heartbeats)
    db.session.remove()
    server = database_server if on == "the same kind" else on
    with empty_installation(tmp_path / "other", server, shop.keys) as other:
        assert services.restore(path) == (told, False)
        after = rows()
        after.pop("heartbeats")  # its own comes when it is whole
        after.pop("catalogue_versions")  # filling the tables is a change of what pages show
        assert after == before
        assert files(other.config["SETTINGS"].data_dir) == kept
        assert len(kept) == 2
        assert storage.original(NAME).stat().st_mode & 0o777 == 0o600
        assert_sound()
        assert health.schema_is_current()
        assert decrypt(secret) == "a paper's number"
        if server == "sqlite":
            assert db.session.execute(text("PRAGMA integrity_check")).scalar_one() == "ok"
        factories.place_order({shop.goods.variants[0]: 1})  # and it sells
        with pytest.raises(BackupError, match="not empty"):
            services.restore(path)


def test_sales_during_a_backup_are_in_it_whole_or_not_at_all(
    shop: Shop, tmp_path: Path, database_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between two tables an order is placed and paid. What was told before is in; the books of the copy are clean."""
    told = order_ids()
    sell_between_tables(shop, monkeypatch)
    path, _told = services.create(tmp_path / "one.backup")
    assert len(order_ids()) == len(told) + 1
    db.session.remove()
    with empty_installation(tmp_path / "other", database_server, shop.keys):
        services.restore(path)
        assert order_ids() == told
        assert_sound()


def test_control_without_its_snapshot_a_backup_holds_half_a_sale(
    shop: Shop, tmp_path: Path, database_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sell_between_tables(shop, monkeypatch, keeps_snapshot=False)
    path, _told = services.create(tmp_path / "one.backup")
    db.session.remove()
    with (
        empty_installation(tmp_path / "other", database_server, shop.keys),
        pytest.raises(Exception, match=r"not there|violates foreign key"),
    ):
        services.restore(path)


def order_ids() -> list[int]:
    db.session.rollback()
    return list(db.session.execute(select(Order.id).order_by(Order.id)).scalars())


def sell_between_tables(shop: Shop, monkeypatch: pytest.MonkeyPatch, *, keeps_snapshot: bool = True) -> None:
    """As another buyer's request, in another thread, before orders are read and after their lines were."""
    read = tables.read

    def sell() -> None:
        with shop.app.app_context(), clock.at(NOON + timedelta(days=1)):
            factories.pay(factories.place_order({shop.goods.variants[0]: 1}))

    def reading(connection: Connection, table: str) -> Iterator[bytes]:
        if table == "orders":
            selling = Thread(target=sell)
            selling.start()
            selling.join()
            if not keeps_snapshot:
                connection.commit()
        return read(connection, table)

    monkeypatch.setattr(tables, "read", reading)


def test_a_damaged_backup_is_refused_and_nothing_is_touched(
    shop: Shop, tmp_path: Path, database_server: str
) -> None:
    path, _told = services.create(tmp_path / "one.backup")
    whole = path.read_bytes()
    db.session.remove()
    with empty_installation(tmp_path / "other", database_server, shop.keys) as other:
        data = other.config["SETTINGS"].data_dir
        for damaged in (
            whole[:-1],
            whole[: len(whole) // 2],
            whole[:100],
            b"",
            whole[:-1] + b"\0",
            b"x" + whole,
        ):
            path.write_bytes(damaged)
            with pytest.raises(BackupError):
                services.restore(path)
        with pytest.raises(BackupError, match="No such file"):
            services.restore(tmp_path / "gone.backup")
        assert list(data.iterdir()) == []
        if database_server != "sqlite":
            assert db.inspect(db.engine).get_table_names() == []
        path.write_bytes(whole)  # the control: as it was, it is taken
        services.restore(path)


def test_without_its_key_a_backup_is_refused_with_one_sentence(
    shop: Shop, tmp_path: Path, database_server: str
) -> None:
    path, _told = services.create(tmp_path / "one.backup")
    db.session.remove()
    with empty_installation(tmp_path / "other", database_server, None) as other:
        done = other.test_cli_runner().invoke(args=["backup", "restore", str(path)])
        assert done.exit_code == 1
        assert done.output.count("\n") == 1
        assert "KEY_FILE" in done.output
        with pytest.raises(KeyFileError):
            services.verify(path)
        assert list(other.config["SETTINGS"].data_dir.iterdir()) == []


def test_a_backup_that_cannot_be_finished_leaves_nothing_behind(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()

    def full(*_values: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(services, "_add", full)
        with pytest.raises(BackupError, match="No space left"):
            services.create(folder)
    assert list(folder.iterdir()) == []
    left = folder / ".killed.backup.part"  # of one that was killed
    left.write_bytes(b"half")
    path, _told = services.create(folder)
    assert list(folder.iterdir()) == [path]
    with pytest.raises(BackupError, match="exists already"):
        services.create(path)


def test_files_of_a_full_installation_are_not_mixed_with_others(shop: Shop, tmp_path: Path) -> None:
    path, _told = services.create(tmp_path / "one.backup")
    before = rows()
    with pytest.raises(BackupError, match="not empty"):
        services.restore(path)
    assert rows() == before


def test_the_newer_schema_of_another_version_is_named(
    shop: Shop, tmp_path: Path, database_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_in_transaction(
        lambda: db.session.execute(text("UPDATE alembic_version SET version_num = '20991231_0001'"))
    )
    path, _told = services.create(tmp_path / "one.backup")
    db.session.remove()
    with (
        empty_installation(tmp_path / "other", database_server, shop.keys),
        pytest.raises(BackupError, match="newer version of the shop"),
    ):
        services.restore(path)
