"""./run itself, as a person or a script calls it: its words, its exit status, what it leaves behind."""

from __future__ import annotations

import contextlib
import os
import re
import runpy
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RUN = ROOT / "run"
PINNED = re.compile(r"^([a-z0-9-]+)==(\S+)", re.MULTILINE)
pytestmark = [
    pytest.mark.nodatabase,
    pytest.mark.skipif(
        not (ROOT / ".venv" / "installed.json").exists(), reason="this environment was not made by ./run"
    ),
]


def call(*words: str, given: str = "", **environ: str) -> subprocess.CompletedProcess[str]:
    surroundings = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "PYTHONDONTWRITEBYTECODE": "1", **environ}
    return subprocess.run(
        [sys.executable, RUN, *words], input=given, env=surroundings, capture_output=True, text=True, timeout=60
    )


def pins(name: str) -> dict[str, str]:
    return dict(PINNED.findall((ROOT / name).read_text(encoding="utf-8")))


def wanted(name: str) -> set[str]:
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    return {re.split(r"[\[><= ;]", line)[0] for line in lines if line and line[0].isalpha()}


def test_help_names_every_verb() -> None:
    done = call("help")
    assert done.returncode == 0
    for verb in ("serve", "test", "flask", "help"):
        assert f"./run {verb}" in done.stdout


def test_an_unknown_verb_is_refused_with_a_sentence() -> None:
    done = call("sevre")
    assert done.returncode == 2
    assert done.stderr == "There is no ./run sevre: ./run help lists what there is.\n"


def test_flask_passes_input_output_and_exit_status_and_adds_nothing(tmp_path: Path) -> None:
    told = call("flask", "--help", DATA_DIR=str(tmp_path))
    assert (told.returncode, told.stderr) == (0, "")
    assert told.stdout.startswith("Usage: ")
    script = "import sys; sys.stdout.write(sys.stdin.read().upper()); sys.exit(7)"
    through = call("flask", "shell", given=f"exec({script!r})\n", DATA_DIR=str(tmp_path))
    assert through.returncode == 7
    assert call("flask", "no-such-command", DATA_DIR=str(tmp_path)).returncode == 2


def test_a_value_that_cannot_be_read_is_named() -> None:
    done = call("flask", "routes", PORT="eighty")
    assert done.returncode == 2
    assert "PORT" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_taken_port_is_told_with_the_way_out(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = call(PORT=str(port), DATA_DIR=str(tmp_path))
    assert done.returncode == 2
    assert f"Port {port} is taken" in done.stderr
    assert "PORT=8100 ./run" in done.stderr


def test_demo_and_production_are_not_started_by_each_others_word(tmp_path: Path) -> None:
    assert "./run serve" in call(DEMO="0", DATA_DIR=str(tmp_path)).stderr
    assert "start the demo with ./run" in call("serve", DEMO="1", DATA_DIR=str(tmp_path)).stderr


@pytest.fixture
def production(tmp_path: Path) -> dict[str, str]:
    """Settings with which production starts, once its database is there."""
    return {
        "DATA_DIR": str(tmp_path / "data"),
        "KEY_FILE": str(tmp_path / "keys"),
        "SECRET_KEY": "k" * 40,
        "STRIPE_API_KEY": "sk_live_none",
        "STRIPE_WEBHOOK_SECRET": "whsec_none",
        "MAIL_URL": f"file:{tmp_path / 'mails'}",
        "PUBLIC_URL": "https://shop.example",
        "TRUSTED_HOSTS": "shop.example",
        "PROXY_HOPS": "1",
    }


def test_production_names_everything_that_would_be_unsafe(tmp_path: Path) -> None:
    done = call("serve", DATA_DIR=str(tmp_path / "data"), KEY_FILE=str(tmp_path / "keys"))
    assert done.returncode == 1
    for name in ("SECRET_KEY", "STRIPE_WEBHOOK_SECRET", "STRIPE_API_KEY", "PUBLIC_URL", "KEY_FILE", "MAIL_URL"):
        assert re.search(rf"^{name} .+: .+\.$", done.stderr, re.MULTILINE), name
    assert "Traceback" not in done.stderr


def test_each_mode_refuses_the_others_database(production: dict[str, str]) -> None:
    assert call("flask", "keys", "create", DEMO="0", **production).returncode == 0
    empty = call("serve", **production)
    assert (empty.returncode, "./run flask db upgrade" in empty.stderr) == (1, True)
    assert call("flask", "db", "upgrade", DEMO="0", **production).returncode == 0
    bare = call("serve", **production)
    assert (bare.returncode, "./run flask seed reference" in bare.stderr) == (1, True)
    assert call("flask", "seed", "reference", DEMO="0", **production).returncode == 0
    assert call("flask", "preflight", DEMO="0", **production).returncode == 0
    demo = call(**production | {"PORT": str(free_port())})
    assert (demo.returncode, "this database is a production database" in demo.stderr) == (1, True)
    file = Path(production["DATA_DIR"]) / "ganchengji.sqlite"
    with contextlib.closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE installation SET mode = 'demo'")
    served = call("serve", **production)
    assert (served.returncode, "this database is a demo database" in served.stderr) == (1, True)


def free_port() -> int:
    """Free, and so is the next one, in all likelihood."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def test_run_time_set_stays_small_and_every_file_of_it_is_hashed() -> None:
    assert len(pins("requirements.txt")) <= 45
    for name in ("requirements.txt", "requirements-dev.txt", "requirements-uv.txt"):
        text = (ROOT / name).read_text(encoding="utf-8")
        assert "://" not in text, f"{name} names a registry"
        entries = re.split(r"^(?=[a-z0-9-]+==)", text, flags=re.MULTILINE)[1:]
        assert entries
        assert all("--hash=sha256:" in entry for entry in entries)


def test_locks_hold_what_was_asked_for_and_agree() -> None:
    run_time, with_checks = pins("requirements.txt"), pins("requirements-dev.txt")
    assert wanted("requirements.in") <= run_time.keys()
    assert wanted("requirements-dev.in") <= with_checks.keys()
    assert run_time.items() <= with_checks.items()


HOUSEHOLD = """
import os, runpy, sys
from pathlib import Path
run = runpy.run_path(sys.argv[1])
run["heed_orders_to_stop"]()
sleeper = [sys.executable, "-c", "import os, time; os.fork(); time.sleep(60)"]
try:
    with run["Household"](dict(os.environ), logs=Path(sys.argv[2])) as household:
        household.start({"site": sleeper, "worker": sleeper})
        print(*(process.pid for process in household.processes.values()), flush=True)
        household.watch()
except run["Stopped"]:
    pass
"""


@pytest.fixture
def household(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], list[int]]]:
    """Two processes, each with a child, under ./run's own supervision."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOUSEHOLD, str(RUN), str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        yield process, [int(word) for word in process.stdout.readline().split()]
        process.kill()


def is_gone(group: int) -> bool:
    for _ in range(100):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


def test_when_one_process_dies_the_others_end_and_it_is_named(
    household: tuple[subprocess.Popen[str], list[int]],
) -> None:
    process, groups = household
    os.kill(groups[1], signal.SIGKILL)
    _, told = process.communicate(timeout=30)
    assert "The worker was ended by signal 9" in told
    assert process.returncode == 1
    assert all(is_gone(group) for group in groups)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_order_to_stop_ends_everything_it_started(
    household: tuple[subprocess.Popen[str], list[int]], number: signal.Signals
) -> None:
    process, groups = household
    process.send_signal(number)
    process.communicate(timeout=30)
    assert process.returncode == 0
    assert all(is_gone(group) for group in groups)


def test_sums_count_errors_as_failures_and_a_crash_as_one(tmp_path: Path) -> None:
    step_of = runpy.run_path(str(RUN))["Step"]
    report = tmp_path / "report.xml"
    report.write_text('<testsuites><testsuite tests="9" failures="1" errors="2" skipped="3"/></testsuites>')
    told = step_of("tests", [sys.executable, "-c", "raise SystemExit(1)"], report=report)
    told.carry_out(dict(os.environ))
    assert (told.passed, told.failed, told.skipped) == (3, 3, 3)
    silent = step_of("tests", [sys.executable, "-c", "raise SystemExit(3)"], report=tmp_path / "none.xml")
    silent.carry_out(dict(os.environ))
    assert (silent.passed, silent.failed, silent.skipped) == (0, 1, 0)


def test_what_cannot_run_is_loud_and_fails_in_continuous_integration(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    step_of = runpy.run_path(str(RUN))["Step"]
    monkeypatch.delenv("CI", raising=False)
    at_home = step_of("journeys", impossible="there is no Chromium")
    at_home.carry_out({})
    assert (at_home.failed, at_home.skipped) == (0, 1)
    assert "journeys COULD NOT RUN: there is no Chromium" in capsys.readouterr().out
    monkeypatch.setenv("CI", "true")
    in_ci = step_of("journeys", impossible="there is no Chromium")
    in_ci.carry_out({})
    assert (in_ci.failed, in_ci.skipped) == (1, 0)
