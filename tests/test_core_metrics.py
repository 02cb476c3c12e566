"""/metrics behind its token: few figures, added up over processes, and nothing secret."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask

from marketplace import health, metrics
from marketplace.database import db, run_in_transaction
from tests.house.source import ROOT

TOKEN = "a-token-of-the-tests"


@pytest.fixture
def watched(app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Flask:
    config = replace(app.config["SETTINGS"], metrics_token=TOKEN, data_dir=tmp_path)
    monkeypatch.setitem(app.config, "SETTINGS", config)
    return app


def read(app: Flask) -> str:
    answer = app.test_client().get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    return answer.get_data(as_text=True)


def test_without_the_option_there_is_no_such_page(app: Flask) -> None:
    assert app.test_client().get("/metrics", headers={"Authorization": "Bearer "}).status_code == 404


@pytest.mark.parametrize("given", ["", "Bearer", "Bearer wrong", f"Basic {TOKEN}", "Bearer 橙"])
def test_without_the_token_nothing_is_told(watched: Flask, given: str) -> None:
    answer = watched.test_client().get("/metrics", headers={"Authorization": given.encode().decode("latin-1")})
    assert answer.status_code == 403
    assert "ganchengji_" not in answer.get_data(as_text=True)


def test_what_the_database_knows_is_told(watched: Flask) -> None:
    with watched.app_context():
        run_in_transaction(lambda: health.beat("check", findings=3))
        db.session.remove()
    text = read(watched)
    assert 'ganchengji_check{check="database"} 1.0' in text
    assert 'ganchengji_check{check="worker"} 0.0' in text
    assert 'ganchengji_findings{name="check"} 3.0' in text
    assert 'ganchengji_silence_seconds{name="check"} 0.0' in text
    assert not re.search(r"whsec_|sk_test|1[3-9]\d{9}\b", text)


def test_without_a_database_it_says_so(app_with: Callable[..., Flask], tmp_path: Path) -> None:
    away = app_with(metrics_token=TOKEN, data_dir=tmp_path, database_url="sqlite:////nowhere/at/all.sqlite")
    assert 'ganchengji_check{check="database"} 0.0' in read(away)


COUNTING = """
import sys
from pathlib import Path
from config import Config
from marketplace import metrics
metrics.start(Config.from_environment({"METRICS_TOKEN": "x", "DATA_DIR": sys.argv[1]}))
metrics.request_answered("cart", 200, seconds=0.02, statements=3)
metrics.transaction_retried()
metrics.request_shed("read")
metrics.provider_called("refunds.create", "unsure")
"""


def test_processes_add_up_and_their_files_are_written_out(watched: Flask, tmp_path: Path) -> None:
    for _ in range(2):
        subprocess.run([sys.executable, "-c", COUNTING, str(tmp_path)], cwd=ROOT, check=True)
    text = read(watched)
    for line in (
        'ganchengji_requests_total{group="cart",status="200"} 2.0',
        'ganchengji_request_seconds_count{group="cart"} 2.0',
        "ganchengji_statements_total 6.0",
        "ganchengji_transactions_retried_total 2.0",
        'ganchengji_requests_shed_total{kind="read"} 2.0',
        'ganchengji_provider_calls_total{call="refunds.create",outcome="unsure"} 2.0',
    ):
        assert line in text
    files = list((tmp_path / "metrics").glob("*.db"))
    assert len(files) == 4
    for file in files:
        assert file.stat().st_blocks * 512 >= file.stat().st_size  # no holes, which could not be filled on a full disk


def test_a_site_that_starts_forgets_processes_that_are_gone(watched: Flask) -> None:
    config = watched.config["SETTINGS"]
    metrics.folder(config).mkdir()
    for number in (os.getpid(), 99_999_999):  # no system counts so far
        (metrics.folder(config) / f"counter_{number}.db").write_bytes(b"")
    metrics.forget_dead(config)
    assert [file.name for file in metrics.folder(config).glob("*.db")] == [f"counter_{os.getpid()}.db"]
