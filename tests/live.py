"""The real thing as ./run starts it: site, payment sandbox and worker, each a process, on a database of their own.

Any of them can be killed outright and started again; beside them `app` reads and arranges in the test's own process.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pyotp
from flask import Flask
from flask_migrate import upgrade
from werkzeug.test import Client
from werkzeug.wrappers import Request

from config import DEMO_STRIPE_KEY, DEMO_WEBHOOK_SECRET, Config
from marketplace import create_app, demo, seeding, serving, settings
from marketplace.accounts.second_factor import TOTP_STEP
from marketplace.database import db, run_in_transaction
from marketplace.security import create_keys
from tests.browsing import Visitor
from tests.databases import end_with_parent, fresh_database
from tests.people import Person
from tests.sandbox.process import ROOT, SandboxProcess

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

READY_SECONDS = 120
ANSWER_SECONDS = 30
SITE, SITE_THAT_DIES, UNGUARDED = "site", "site that dies", "site without a guard"
WORKER, SECOND_WORKER = "worker", "second worker"
PROGRAMS = {
    SITE: ("-m", "marketplace.serving"),
    SITE_THAT_DIES: ("-m", "tests.live_entry"),
    UNGUARDED: ("-m", "tests.soak.unguarded"),
    WORKER: ("-m", "flask", "jobs", "run"),
    SECOND_WORKER: ("-m", "flask", "jobs", "run"),
}


# A process that finds a socket at number 3 and is told so, and then becomes the program: what systemd does.
HAND_OVER = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ |= {"LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid())}
os.execv(sys.argv[2], sys.argv[2:])
"""


def handing_over(held: socket.socket, command: list[str]) -> list[str]:
    """The command, started with a listening socket that somebody holds; pass_fds=(held.fileno(),) belongs to it."""
    return [sys.executable, "-c", HAND_OVER, str(held.fileno()), *command]


class Live:
    """start(SITE, WORKER), then `.address`; `kill(SITE)`, `start(SITE)`; `command("ledger", "check")`."""

    webhook_secret = DEMO_WEBHOOK_SECRET

    def __init__(self, folder: Path, database: str, **environ: str) -> None:
        self.folder = folder
        self.port = free_port()
        self.sandbox = Provider(folder / "sandbox", self.port, self.webhook_secret)
        self.environ = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(folder),
            "PYTHONPATH": str(ROOT),
            "PYTHONUTF8": "1",
            "FLASK_APP": "marketplace",
            "PORT": str(self.port),
            "DATA_DIR": str(folder / "data"),
            "KEY_FILE": str(folder / "keys"),
            "DATABASE_URL": database,
            "STRIPE_API_BASE": self.sandbox.base_url,
            "KILL_FILE": str(folder / "kill"),  # read by tests/live_entry.py alone
            **environ,
        }
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._held: socket.socket | None = None
        self._last_steps: dict[str, int] = {}
        self._cookies: dict[str, dict[str, str]] = {}
        self.app = self._prepare()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def _prepare(self) -> Flask:
        """The newest schema, reference data and the cast."""
        config = Config.from_environment(self.environ)
        create_keys(config.key_file)
        app = create_app(config)
        with app.app_context():
            upgrade()
            run_in_transaction(lambda: settings.claim_installation("demo"))
            run_in_transaction(seeding.load_reference)
            run_in_transaction(lambda: demo.load_people(extras=False))
            db.session.remove()
        return app

    def start(self, *names: str) -> None:
        """Start programs and return when they answer: with a worker /readyz, else /healthz."""
        for name in names:
            command, held = [sys.executable, "-P", *PROGRAMS[name]], self._held if name != WORKER else None
            with self.log_of(name).open("ab") as log:
                self._processes[name] = subprocess.Popen(
                    handing_over(held, command) if held else command,
                    pass_fds=(held.fileno(),) if held else (),
                    env=self.environ,
                    cwd=self.folder,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,  # with the web processes that it forks
                    preexec_fn=end_with_parent,
                )
        self._wait_for("/readyz" if WORKER in self._processes else "/healthz")

    def _wait_for(self, path: str) -> None:
        give_up = time.monotonic() + READY_SECONDS
        while time.monotonic() < give_up:
            for name, process in self._processes.items():
                assert process.poll() is None, f"the {name} ended: {self.read_log(name)}"
            try:
                with urllib.request.urlopen(self.address + path, timeout=5):  # noqa: S310  our own address
                    return
            except OSError:
                time.sleep(0.05)
        raise AssertionError(f"{path} stayed red: {[self.read_log(name) for name in self._processes]}")

    def hold_socket(self) -> None:
        """Before the site starts: its socket is held here, so that connections wait while it restarts."""
        self._held = serving.bind(self.port)

    def restart(self, name: str = SITE) -> None:
        """As a deploy does: told to stop, it answers what has begun and ends; then it is started again."""
        process = self._processes.pop(name)
        process.terminate()
        assert process.wait(serving.DRAIN_SECONDS + 10) == 0, self.read_log(name)
        self.start(name)

    def pause(self, name: str) -> None:
        """It stands still until resume()."""
        self._processes[name].send_signal(signal.SIGSTOP)

    def resume(self, name: str) -> None:
        self._processes[name].send_signal(signal.SIGCONT)

    def kill(self, name: str) -> None:
        """kill -9, together with what it forked."""
        process = self._processes.pop(name)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def end(self, name: str) -> None:
        """In good order, as a restart does."""
        process = self._processes.pop(name)
        process.terminate()
        process.wait(30)

    def process_id(self, name: str) -> int:
        return self._processes[name].pid

    def wait_until_killed(self, name: str, seconds: float = 20) -> None:
        """Until it has ended by SIGKILL, its own or another's."""
        status = self._processes[name].wait(seconds)
        del self._processes[name]
        assert status == -signal.SIGKILL, f"the {name} ended with {status}: {self.read_log(name)}"

    def kill_at(self, point: str) -> None:
        """The next time that the site that dies comes to this point of tests/live_entry.py, it is gone."""
        Path(self.environ["KILL_FILE"]).write_text(point, encoding="utf-8")

    def command(self, *words: str, status: int = 0) -> str:
        """What a flask command prints."""
        done = subprocess.run(
            [sys.executable, "-P", "-m", "flask", *words],
            env=self.environ,
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == status, f"flask {' '.join(words)}: {done.stdout}{done.stderr}"
        return done.stdout

    def visitor(self) -> DistantVisitor:
        """Somebody with a browser that runs no scripts, over HTTP; an answer that never came is 502."""
        return DistantVisitor(self)

    def cookies_of(self, person: Person) -> dict[str, str]:
        """The cookies of one of the cast who signed in; once for each."""
        if person.key not in self._cookies:
            visitor = self.visitor()
            visitor.sign_in(person)
            self._cookies[person.key] = {
                cookie.key: cookie.value for cookie in visitor.client._cookies.values()
            }
        return self._cookies[person.key]

    def code_of(self, person: Person) -> str:
        """The number that the person's authenticator shows now; each is good once, so it may wait for the next."""
        assert person.totp
        step = max(int(time.time()) // TOTP_STEP, self._last_steps.get(person.key, 0) + 1)
        self._last_steps[person.key] = step
        time.sleep(max(0.0, (step - 1) * TOTP_STEP - time.time()))  # one step early is accepted
        return pyotp.TOTP(person.totp).at(step * TOTP_STEP)

    def log_of(self, name: str) -> Path:
        return self.folder / f"{name.replace(' ', '-')}.log"

    def read_log(self, name: str) -> str:
        return self.log_of(name).read_text(encoding="utf-8", errors="replace")[-3000:]

    def stop(self) -> None:
        for process in self._processes.values():
            process.terminate()
        for process in self._processes.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(15)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self._processes.clear()
        if self._held:
            self._held.close()
        self.sandbox.stop()
        with self.app.app_context():
            db.session.remove()
            db.engine.dispose()


class Provider(SandboxProcess):
    """The sandbox with the demo's key, delivering to one shop, at the same port after each start."""

    key = DEMO_STRIPE_KEY

    def __init__(self, folder: Path, shop_port: int, secret: str = DEMO_WEBHOOK_SECRET) -> None:
        super().__init__(folder)
        self._hook, self._secret = f"http://127.0.0.1:{shop_port}/webhooks/stripe", secret
        self._port = 0
        self.again()

    def again(self) -> None:
        self.start(self._hook, self._secret, port=self._port)
        self._port = int(self.base_url.rsplit(":", 1)[1])


class DistantVisitor(Visitor):
    """A Visitor whose requests travel."""

    def __init__(self, live: Live) -> None:
        super().__init__(live.app)
        self.live = live
        self.client = Client(partial(forward, live.address, {}))  # type: ignore[assignment]

    def sign_in(self, person: Person) -> Visitor:
        answer = self.submit("/sign-in", {"phone": person.phone, "password": person.password})
        if person.totp:
            self.submit(answer.location, {"code": self.live.code_of(person)})
        self.person = person
        return self


def forward(
    address: str, added: dict[str, str], environ: WSGIEnvironment, start_response: StartResponse
) -> list[bytes]:
    """Carry a request of the test client to a server; 502 when the connection breaks before there is an answer."""
    request = Request(environ)
    headers = {name: value for name, value in request.headers if name != "Host"} | added
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=ANSWER_SECONDS)
    try:
        connection.request(request.method, request.full_path.rstrip("?"), request.get_data(), headers)
        answer = connection.getresponse()
        body = answer.read()
    except (OSError, http.client.HTTPException) as error:
        start_response("502 Bad Gateway", [("Content-Type", "text/plain; charset=utf-8")])
        return [repr(error).encode()]
    finally:
        connection.close()
    start_response(f"{answer.status} {answer.reason}", answer.getheaders())
    return [body]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def live_shop(folder: Path, server: str, **environ: str) -> Iterator[Live]:
    """A Live on a fresh database of a server of tests/databases.py; nothing but the sandbox runs yet."""
    with fresh_database(server) as address:
        shop = Live(folder, address, **environ)
        try:
            yield shop
        finally:
            shop.stop()
