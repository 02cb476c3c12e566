"""./run soak [row …] [--sqlite|--postgresql] [--again] [--small] [--write] [--list]: reliability in full figures.

Each row is carried out in a process of its own, with a time after which it is given up; all of them end within the
hour. What a row showed is kept in test-results/soak.json: the next run goes on where this one ended, and carries out
again only what stands on changed code, or everything with --again. --small tries rows out with a tenth of their
counts and keeps nothing.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

from tests.databases import DURABLE, end_with_parent, postgresql
from tests.sandbox.process import ROOT
from tests.soak import results
from tests.soak.results import Result
from tests.soak.rows import POSTGRESQL, SQLITE, Ground, Row, load_rows

MOST_SECONDS = 60 * 60
GRACE_SECONDS = 30
OPTIONS = {"--sqlite", "--postgresql", "--again", "--small", "--write", "--list"}
KEEPING = threading.Lock()
ONE = "--one"  # inside: one row on one server, its result as JSON on the last line


def main(words: list[str]) -> int:
    if words[:1] == [ONE]:
        return carry_out_one(*words[1:])
    known = load_rows()
    options = {word for word in words if word.startswith("--")}
    wanted = [word for word in words if not word.startswith("--")]
    unknown = [*(options - OPTIONS), *set(wanted) - set(known)]
    if unknown:
        print(f"./run soak knows no {', '.join(unknown)}; its rows are {', '.join(known)}.", file=sys.stderr)
        return 2
    if "--list" in options:
        for row in known.values():
            print(f"{row.name:4} {', '.join(row.databases):20} {row.promise}")
        return 0
    databases = [name for name in (POSTGRESQL, SQLITE) if f"--{name}" in options] or [POSTGRESQL, SQLITE]
    rows = {name: row for name, row in known.items() if name in wanted or not wanted}
    if "--small" in options:
        results.FILE = results.FILE.with_name("soak-small.json")
    every_one = carry_out(rows, databases, options)
    kept = results.load()
    print(f"\n{'─' * 60}\n{results.table(rows, kept)}\n")
    if "--write" in options:
        results.write(known, kept)
        print(f"Written into {results.DOCUMENT.relative_to(ROOT)}.")
    mine = [kept[key] for row in rows.values() for key in keys_of(row, databases) if key in kept]
    failed = [result for result in mine if result.failures]
    skipped = sum(bool(result.skipped) for result in mine)
    print(f"{len(mine) - len(failed) - skipped} held, {len(failed)} did not, {skipped} skipped")
    if not every_one:
        print("The hour is over before all rows were carried out: ./run soak goes on with the others.")
    return 0 if every_one and not failed else 1


def keys_of(row: Row, databases: list[str]) -> list[str]:
    return [f"{row.name}/{database}" for database in databases if database in row.databases]


@dataclass(frozen=True)
class Task:
    """One row on one database."""

    row: Row
    database: str
    state: str

    @property
    def key(self) -> str:
        return f"{self.row.name}/{self.database}"


def carry_out(rows: dict[str, Row], databases: list[str], options: set[str]) -> bool:
    """Each row that is not done yet: two at a time, then timed ones alone; False when time is over."""
    anew, kept, tasks = bool(options & {"--again", "--small"}), results.load(), []
    for row in rows.values():
        for database in databases:
            task = Task(row, database, results.state_of(row))
            before = kept.get(task.key)
            is_done = before is not None and before.state == task.state and not before.failures and not anew
            if database in row.databases and not is_done:
                tasks.append(task)
    give_up = time.monotonic() + MOST_SECONDS
    with contextlib.ExitStack() as stack:
        servers = {SQLITE: SQLITE}
        if any(task.database == POSTGRESQL for task in tasks):
            servers[POSTGRESQL] = stack.enter_context(postgresql(DURABLE))

        def do(task: Task) -> bool:
            left = give_up - time.monotonic()
            if left < MOST_SECONDS / 60:
                return False
            tell(f"{task.row.name} on {task.database}: {task.row.promise}")
            words = [task.row.name, task.database, servers[task.database], *({"--small"} & options)]
            result = replace(in_a_process(task.row, words, left), database=task.database, state=task.state)
            lines = [f"     {result.verdict}, {result.seconds:.0f} s: {'; '.join(result.figures)}"]
            lines += [f"     FAILED: {sentence}" for sentence in result.failures]
            with KEEPING:
                results.keep(results.load() | {task.key: result})
                tell(f"{task.row.name} on {task.database}\n" + "\n".join(lines))
            return True

        with ThreadPoolExecutor(2) as lanes:
            done = list(lanes.map(do, [task for task in tasks if not task.row.is_timed]))
        return all(done + [do(task) for task in tasks if task.row.is_timed])


def tell(words: str) -> None:
    print(words, flush=True)


def in_a_process(row: Row, words: list[str], left: float) -> Result:
    started = time.monotonic()
    command = [sys.executable, "-P", "-m", "tests.soak", ONE, *words]
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=errors, text=True, preexec_fn=end_with_parent
        )
        try:
            output, _ = process.communicate(timeout=min(60 * row.minutes, left))
            lost = ""
        except subprocess.TimeoutExpired:
            process.terminate()
            try:
                output, _ = process.communicate(timeout=GRACE_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                output, _ = process.communicate()
            lost = f"not finished after {time.monotonic() - started:.0f} s: given up"
        errors.seek(0)
        last = errors.read().strip()[-1500:]
    found: dict[str, Any] = {"failures": []}
    with contextlib.suppress(ValueError, IndexError):
        found = json.loads(output.strip().splitlines()[-1])
        last = ""
    if lost:
        found["failures"].append(lost)
    elif last:
        found["failures"].append(f"it ended with {process.returncode}: {last}")
    day = datetime.now(UTC).date().isoformat()
    return Result(row.name, "", "", round(time.monotonic() - started, 1), day, **found)


def carry_out_one(name: str, database: str, server: str, *options: str) -> int:
    def stop(_number: int, _frame: Any) -> NoReturn:
        raise SystemExit(143)

    signal.signal(signal.SIGTERM, stop)  # so that what the row started is ended
    row = load_rows()[name]
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        ground = Ground(database, server, Path(folder), is_small="--small" in options)
        try:
            row.carry_out(ground)
        except Exception as error:  # a row that stumbles is a row that fails; the others go on
            traceback.print_exc()
            where = traceback.extract_tb(error.__traceback__)
            lines = [
                f"{Path(frame.filename).name}:{frame.lineno}"
                for frame in where
                if "/tests/" in frame.filename
            ]
            ground.found.failures.append(
                f"{type(error).__name__} at {' '.join(lines[-3:])}: {str(error)[:1200]}"
            )
        finally:
            print(json.dumps(asdict(ground.found), ensure_ascii=False))
    return 0


if __name__ == "__main__":
    os.environ.setdefault("PYTHONUTF8", "1")
    sys.exit(main(sys.argv[1:]))
