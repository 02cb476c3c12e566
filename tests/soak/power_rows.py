"""F22 in full: the power goes fifty times while orders are told; SQLite's files as they lie there at each moment."""

from __future__ import annotations

from marketplace.database import SAFE_SQLITE, db, sqlite_driver
from tests import databases, factories
from tests.conftest import make_app, make_settings
from tests.power import cut_power
from tests.soak.rows import SQLITE, Ground, row


@row("F22", on=(SQLITE,), mark="every copy sound, every told order in it", minutes=2)
def power_is_cut(ground: Ground) -> None:
    """Fifty cuts: a process sells as fast as it can and is stopped; its files are copied and opened."""
    found, cuts = ground.found, ground.count(50)
    with databases.fresh_database(SQLITE) as address:
        app = make_app(make_settings(ground.folder, address))
        with app.app_context():
            factories.make_freight()
            goods = factories.make_goods(packs=[(5000, 4990)], stock=1_000_000_000)
            db.session.remove()
        told = list(cut_power(app, goods, ground.folder, cuts))
        without_log = list(cut_power(app, goods, ground.folder, max(3, cuts // 10), parts=("",)))
        with app.app_context():
            db.engine.dispose()
    unsound = [verdict for verdict, _missing in told if verdict != "ok"]
    missing = sum(count for _verdict, count in told)
    found.say(f"{len(told)} cuts: {len(unsound)} unsound copies, {missing} told orders missing")
    found.expect(not unsound, f"unsound: {unsound[:3]}")
    found.expect(not missing, f"{missing} told orders were missing")
    if sqlite_driver.sqlite_version_info < SAFE_SQLITE:
        found.controls.append("none: this SQLite is too old for a write-ahead log here")
        return
    lost = sum(verdict != "ok" or missing > 0 for verdict, missing in without_log)
    found.control(
        f"copied without their log, {lost} of {len(without_log)} had lost orders", fails_without=lost > 0
    )
