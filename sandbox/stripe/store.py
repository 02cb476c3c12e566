"""The sandbox's memory: one SQLite file, so that everything survives a kill and a restart."""

import json
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Json = dict[str, Any]

SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, created INTEGER NOT NULL,
    body TEXT NOT NULL, private TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS objects_kind ON objects (kind, seq);
CREATE INDEX IF NOT EXISTS objects_intent ON objects (kind, json_extract(body, '$.payment_intent'));
CREATE TABLE IF NOT EXISTS timers (due REAL NOT NULL, kind TEXT NOT NULL, subject TEXT NOT NULL,
    PRIMARY KEY (kind, subject));
CREATE INDEX IF NOT EXISTS timers_due ON timers (due);
CREATE TABLE IF NOT EXISTS deliveries (
    id INTEGER PRIMARY KEY AUTOINCREMENT, event TEXT NOT NULL, state TEXT NOT NULL, due REAL NOT NULL,
    since REAL NOT NULL, answers TEXT NOT NULL DEFAULT '[]');
CREATE INDEX IF NOT EXISTS deliveries_due ON deliveries (state, due);
CREATE INDEX IF NOT EXISTS deliveries_event ON deliveries (event);
CREATE TABLE IF NOT EXISTS idempotency (
    key TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, created INTEGER NOT NULL, status INTEGER, body TEXT);
CREATE TABLE IF NOT EXISTS faults (id INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""
TABLES = ("objects", "timers", "deliveries", "idempotency", "faults", "settings")

# What the control page and tests may change while the sandbox runs.
DEFAULT_SETTINGS: Json = {
    "hold_deliveries": False,
    "delivery_delay": 0,
    "duplicate_next": 0,
    "forget_next": 0,
    "refund_outcome": "succeed",
    "refund_seconds": 2,
    "clock_offset": 0,
}


class Store:
    """All state of one sandbox. Every read and write happens inside `transaction()`, one at a time."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._depth = 0
        self._db = sqlite3.connect(folder / "stripe.sqlite3", check_same_thread=False, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.executescript(SCHEMA)
        # A request that was being worked on when the process died left no effect: its key is free again.
        self._db.execute("DELETE FROM idempotency WHERE status IS NULL")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; a nested use joins the outer one."""
        with self._lock:
            if self._depth:
                yield
                return
            self._db.execute("BEGIN IMMEDIATE")
            self._depth = 1
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            else:
                self._db.execute("COMMIT")
            finally:
                self._depth = 0

    def rows(self, sql: str, *values: object) -> list[sqlite3.Row]:
        with self.transaction():
            return self._db.execute(sql, values).fetchall()

    def change(self, sql: str, *values: object) -> int:
        """Run one statement; returns how many rows it touched."""
        with self.transaction():
            return self._db.execute(sql, values).rowcount

    def close(self) -> None:
        with self._lock:
            self._db.close()

    def reset(self) -> None:
        """Forget everything, as in a fresh folder."""
        with self.transaction():
            for table in TABLES:
                self._db.execute(f"DELETE FROM {table}")  # noqa: S608 - names from the tuple above

    # Time

    def now(self) -> int:
        """The sandbox's own clock in seconds since 1970 (UTC): the real one plus what a test has added."""
        return int(time.time() + self.setting("clock_offset"))

    def setting(self, name: str) -> Any:
        found = self.rows("SELECT value FROM settings WHERE name = ?", name)
        return json.loads(found[0]["value"]) if found else DEFAULT_SETTINGS[name]

    def settings(self) -> Json:
        return {name: self.setting(name) for name in DEFAULT_SETTINGS}

    def set(self, name: str, value: Any) -> None:
        self.change("INSERT OR REPLACE INTO settings VALUES (?, ?)", name, json.dumps(value))

    def take_one(self, name: str) -> bool:
        """Count a setting such as `forget_next` down; True while there was one left."""
        with self.transaction():
            left = self.setting(name)
            if left > 0:
                self.set(name, left - 1)
            return bool(left > 0)

    # Objects

    def add(self, body: Json, private: Json | None = None) -> Json:
        self.change(
            "INSERT INTO objects (id, kind, created, body, private) VALUES (?, ?, ?, ?, ?)",
            body["id"], body["object"], body["created"], _text(body), _text(private or {}),
        )  # fmt: skip
        return body

    def save(self, body: Json) -> Json:
        self.change("UPDATE objects SET body = ? WHERE id = ?", _text(body), body["id"])
        return body

    def find(self, kind: str, object_id: str) -> Json | None:
        found = self.rows("SELECT body FROM objects WHERE id = ? AND kind = ?", object_id, kind)
        return json.loads(found[0]["body"]) if found else None

    def private(self, object_id: str) -> Json:
        """What belongs to an object but is not part of its public answer (a session's line items)."""
        found = self.rows("SELECT private FROM objects WHERE id = ?", object_id)
        return json.loads(found[0]["private"]) if found else {}

    def list_objects(
        self, kind: str, *, where: Json | None = None, limit: int | None = None, oldest_first: bool = False
    ) -> list[Json]:
        """Newest first; `where` compares top-level fields of the body."""
        sql, values = "SELECT body FROM objects WHERE kind = ?", [kind]
        for name, value in (where or {}).items():
            sql += f" AND json_extract(body, '$.{name}') = ?"
            values.append(value)
        sql += " ORDER BY seq " + ("ASC" if oldest_first else "DESC")
        if limit is not None:
            sql += f" LIMIT {limit:d}"
        return [json.loads(row["body"]) for row in self.rows(sql, *values)]

    # Timers

    def start_timer(self, kind: str, subject: str, due: float) -> None:
        self.change("INSERT OR REPLACE INTO timers VALUES (?, ?, ?)", due, kind, subject)

    def stop_timer(self, kind: str, subject: str) -> None:
        self.change("DELETE FROM timers WHERE kind = ? AND subject = ?", kind, subject)

    def timer_due(self, kind: str, subject: str) -> float | None:
        found = self.rows("SELECT due FROM timers WHERE kind = ? AND subject = ?", kind, subject)
        return found[0]["due"] if found else None

    def due_timers(self) -> list[tuple[str, str]]:
        found = self.rows("SELECT kind, subject FROM timers WHERE due <= ? ORDER BY due", self.now())
        return [(row["kind"], row["subject"]) for row in found]


def _text(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
