"""/readyz tells the truth under each fault; the worker's tasks say when they last did their work."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, text

from marketplace import clock, health, worker
from marketplace.database import db, quick_check, run_in_transaction
from marketplace.health import Heartbeat
from marketplace.security import create_keys
from marketplace.worker import Task, Worker
from tests.browsing import Visitor
from tests.conftest import NOON

SignIn = Callable[[str], Visitor]


@pytest.fixture
def ready(app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Flask:
    """The shop with folders and keys of its own, and a worker that speaks."""
    config = replace(app.config["SETTINGS"], data_dir=tmp_path / "data", key_file=tmp_path / "keys")
    for folder in (config.data_dir, config.data_dir / "media"):
        folder.mkdir()
    create_keys(config.key_file)
    monkeypatch.setitem(app.config, "SETTINGS", config)
    with app.app_context():
        run_in_transaction(lambda: health.beat("worker"))
        db.session.remove()
    return app


def asked(app: Flask) -> tuple[int, str, list[str]]:
    """Status, word, and the checks that are red."""
    answer = app.test_client().get("/readyz")
    found = answer.get_json()
    return answer.status_code, found["status"], [name for name, value in found.items() if value is False]


def test_all_is_well(ready: Flask) -> None:
    assert asked(ready) == (200, "ready", [])


def test_a_silent_worker_is_red(ready: Flask) -> None:
    for later in (timedelta(seconds=61), timedelta(seconds=-61)):  # the clock may be put back
        with clock.at(NOON + later):
            assert asked(ready) == (503, "not ready", ["worker"])


def test_an_overdue_task_is_named_and_the_shop_sells_on(ready: Flask) -> None:
    with ready.app_context():
        run_in_transaction(lambda: health.beat("jobs", at=NOON - timedelta(hours=1), within=timedelta(minutes=30)))
        db.session.remove()
    assert asked(ready) == (200, "degraded", ["tasks"])


def test_keys_that_are_gone_are_red(ready: Flask) -> None:
    ready.config["SETTINGS"].key_file.unlink()
    assert asked(ready) == (503, "not ready", ["keys"])


def test_keys_that_are_broken_are_red(ready: Flask) -> None:
    ready.config["SETTINGS"].key_file.write_text('{"current": "1", "keys": {"1": "AAAA"}}')
    assert asked(ready) == (503, "not ready", ["keys"])


@pytest.mark.parametrize("part", ["", "media"])
def test_a_folder_that_takes_no_file_is_named(ready: Flask, monkeypatch: pytest.MonkeyPatch, part: str) -> None:
    full = ready.config["SETTINGS"].data_dir / part
    if not part:  # unmounted, say
        monkeypatch.setitem(ready.config, "SETTINGS", replace(ready.config["SETTINGS"], data_dir=full / "gone"))
        full = full / "gone"
    whole = health.tempfile.TemporaryFile

    def refuse(*, dir: Path) -> Any:  # noqa: A002  the library's word
        if dir == full:
            raise OSError(28, os.strerror(28))
        return whole(dir=dir)

    monkeypatch.setattr(health.tempfile, "TemporaryFile", refuse)
    on_file = ready.config["SETTINGS"].database.startswith("sqlite")
    assert asked(ready) == ((503, "not ready", ["files"]) if on_file else (200, "degraded", ["files"]))


@pytest.mark.parametrize(("version", "red"), [("20200101_0001", ["schema"]), ("20990101_0001", [])])
def test_an_older_schema_is_red_and_a_newer_one_is_not(ready: Flask, version: str, red: list[str]) -> None:
    """While a new version is rolled out, the old one serves on the schema that was extended for it."""
    with ready.app_context():
        other = text("UPDATE alembic_version SET version_num = :version")
        run_in_transaction(lambda: db.session.execute(other, {"version": version}))
        db.session.remove()
    assert asked(ready)[2] == red


# --- the worker ---


def beats() -> dict[str, Heartbeat]:
    return {one.name: one for one in db.session.execute(select(Heartbeat)).scalars()}


@pytest.fixture
def tasks(monkeypatch: pytest.MonkeyPatch) -> dict[str, Callable[[], None]]:
    """Tasks of the test's own: add a function under a name and its lane is called the same."""
    found: dict[str, Callable[[], None]] = {}
    monkeypatch.setattr(Task, "load", lambda self: found[self.name])
    return found


def test_tasks_say_when_they_last_did_their_work(app: Flask, tasks: dict[str, Callable[[], None]]) -> None:
    def fail() -> None:
        raise ValueError

    tasks |= {"good": lambda: None, "bad": fail}
    one = Worker(app)
    for name in tasks:
        one.carry_out(Task(name, 60, ""))
    one.beat()
    with app.app_context():
        found = beats()
        assert set(found) == {"worker", "good"}
        assert found["good"].at == NOON
        assert found["good"].due_at == NOON + timedelta(minutes=3) + worker.SLACK
        db.session.remove()


def test_a_task_that_hangs_or_dies_holds_up_no_other_lane(
    app: Flask, tasks: dict[str, Callable[[], None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control is the same two tasks in one lane: the second never comes."""
    release, came = threading.Event(), threading.Event()
    tasks |= {"hangs": lambda: release.wait(30) and None, "comes": came.set}
    for lane, comes in (("apart", True), ("together", False)):
        came.clear()
        lanes = {"hangs": "together", "comes": lane}
        monkeypatch.setattr(worker, "TASKS", tuple(Task(name, 60, "", lanes[name]) for name in tasks))
        one = Worker(app)
        monkeypatch.setattr(one, "beat", lambda: None)
        thread = threading.Thread(target=one.work)
        thread.start()
        assert came.wait(20 if comes else 2) == comes
        one.stop.set()
        release.set()
        thread.join(20)
        release.clear()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_lane_that_ended_is_begun_again(
    app: Flask, tasks: dict[str, Callable[[], None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    again, tries = threading.Event(), []

    def end_first() -> None:
        tries.append(1)
        if len(tries) == 1:
            raise SystemExit  # no Exception: it ends the thread
        again.set()

    tasks["ends"] = end_first
    monkeypatch.setattr(worker, "TASKS", (Task("ends", 0, ""),))
    monkeypatch.setattr(worker, "BEAT_SECONDS", 0.1)
    one = Worker(app)
    monkeypatch.setattr(one, "beat", lambda: None)
    thread = threading.Thread(target=one.work)
    thread.start()
    assert again.wait(20)
    one.stop.set()
    thread.join(20)


@pytest.mark.usefixtures("app_context")
class TestDailyCheck:
    @pytest.fixture
    def checks(self, monkeypatch: pytest.MonkeyPatch) -> list[int]:
        done: list[int] = []
        monkeypatch.setattr(worker, "_load", lambda _service: lambda: done.append(1) or ["it differs"])
        return done

    def test_it_is_done_once_a_day_and_its_findings_are_kept(self, checks: list[int]) -> None:
        night = clock.start_of_day(clock.today()) + worker.CHECK_HOUR
        for moment, times in (
            (night - timedelta(minutes=5), 1),  # never done before
            (night - timedelta(minutes=1), 1),
            (night + timedelta(minutes=1), 2),
            (night + timedelta(hours=20), 2),
            (night + timedelta(hours=25), 3),
            (night - timedelta(days=3), 4),  # the clock was put back: what was checked then is not yet
        ):
            with clock.at(moment):
                worker.check_daily()
            assert len(checks) == 3 * times, moment
        assert beats()["check"].findings == 3

    def test_the_file_itself_is_looked_at(self) -> None:
        assert quick_check() == []

    def test_the_real_ones_find_nothing(self) -> None:
        assert worker.check() == 0


# --- the page ---


def test_operations_see_what_each_task_did(ready: Flask, sign_in: SignIn) -> None:
    with ready.app_context():
        run_in_transaction(lambda: health.beat("check", within=timedelta(days=1), findings=2))
        run_in_transaction(lambda: health.beat("backup", at=NOON - timedelta(days=3), within=timedelta(days=1)))
        db.session.remove()
    admin = sign_in("admin")
    page = admin.get("/staff/operations/")
    assert "可以买卖，但下面标红的要人看" in page.text
    assert "查出 2 处不对" in page.text
    assert "过点没做" in page.text
    assert "还没有过" in page.text
    english = admin.get("/en/staff/operations/")
    assert "Findings: 2" in english.text
    assert "Overdue" in english.text


@pytest.mark.parametrize("key", ["buyer", "finance", "bureau"])
def test_others_do_not_see_it(sign_in: SignIn, key: str) -> None:
    sign_in(key).get("/staff/operations/", 403)
