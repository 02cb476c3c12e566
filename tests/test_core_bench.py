"""./run bench: its figures come from the kernel, its table stands between two marks. No figure is tested."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bench import __main__ as bench
from bench import measure
from bench.ground import Figure
from tests.sandbox.process import ROOT

pytestmark = pytest.mark.nodatabase
BUSY = "import time\nwhile time.process_time() < 0.2: pass\nprint('.', flush=True)\nimport sys; sys.stdin.read()"


def test_cpu_of_a_process_and_of_what_it_started_is_counted() -> None:
    before = measure.cpu_ms([os.getpid()])
    child = subprocess.Popen([sys.executable, "-c", BUSY], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdout
    assert child.stdin
    child.stdout.read(1)
    assert child.pid in measure.tree_of(os.getpid())
    assert measure.cpu_ms([child.pid]) >= 150
    assert measure.cpu_ms([os.getpid()]) - before >= 150
    child.stdin.close()
    child.wait()
    child.stdout.close()
    assert measure.cpu_ms([os.getpid()]) - before >= 150, "what ended is counted by its parent"
    assert measure.cpu_ms([child.pid]) == 0
    assert measure.pss_mib(os.getpid()) > 1


def test_the_table_is_written_between_its_marks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    document = tmp_path / "performance.md"
    document.write_text(f"before\n{bench.BEGIN}\nold\n{bench.END}\nafter\n", encoding="utf-8")
    monkeypatch.setattr(bench, "DOCUMENT", document)
    monkeypatch.setattr(bench, "ROOT", tmp_path)
    day = time.strftime("%Y-%m-%d")
    bench.write(
        {
            "picture/sqlite": Figure("picture", "sqlite", "≤ 600 ms CPU", "700 ms | CPU", False, day),
            "list/sqlite": Figure("list", "sqlite", "≤ 3 × ceiling", "2.5 ×", True, day),
        }
    )
    lines = document.read_text(encoding="utf-8").splitlines()
    assert (lines[0], lines[-1]) == ("before", "after")
    rows = [line for line in lines if line.startswith("|")]
    assert rows[2:] == [
        f"| list | sqlite | ≤ 3 × ceiling | 2.5 × ({day}) | yes |",
        f"| picture | sqlite | ≤ 600 ms CPU | 700 ms / CPU ({day}) | **no** |",
    ]


def test_rows_are_named_and_others_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert bench.main(["--list"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == list(bench.ROWS)
    assert bench.main(["nothing"]) == 2
    assert "its rows are" in capsys.readouterr().err
    assert (ROOT / "docs" / "performance.md").read_text(encoding="utf-8").count(bench.BEGIN) == 1
