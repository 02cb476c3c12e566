"""The web server as it is started in earnest: slow phones block nobody, a deploy cuts nobody off."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live import handing_over

ROOT = Path(__file__).resolve().parents[2]
SLOW_PHONES = 40
pytestmark = pytest.mark.nodatabase
START_SECONDS = 30


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def web_server(
    folder: Path, program: str = "marketplace.serving", held: socket.socket | None = None, **environ: str
) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """The server's port and process; unless the test stopped it, it is told to stop and must then end by itself."""
    port = int(environ["PORT"]) if "PORT" in environ else free_port()
    surroundings = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": f"{ROOT}:{folder}",
        "DATA_DIR": str(folder / "data"),
    }
    surroundings |= {"KEY_FILE": str(folder / "keys"), "PORT": str(port), "WEB_THREADS": "4", **environ}
    command = [sys.executable, "-P", "-m", program]
    if held:
        command = handing_over(held, command)
    process = subprocess.Popen(command, env=surroundings, pass_fds=(held.fileno(),) if held else ())
    try:
        give_up = time.monotonic() + START_SECONDS
        while status_of(port, "/healthz") != 200:
            assert process.poll() is None, "the server did not start"
            assert time.monotonic() < give_up
            time.sleep(0.1)
        yield port, process
        if process.returncode is None:
            process.terminate()
            assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait()


def status_of(port: int, path: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
    except OSError:
        return 0
    finally:
        connection.close()
    return answer.status


def test_pages_are_served_while_slow_phones_upload(tmp_path: Path) -> None:
    with web_server(tmp_path) as (port, _), contextlib.ExitStack() as phones:
        uploads = []
        for _ in range(SLOW_PHONES):
            phone = phones.enter_context(socket.create_connection(("127.0.0.1", port)))
            phone.sendall(b"POST /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100000\r\n\r\n")
            uploads.append(phone)
        for _ in range(5):
            for phone in uploads:
                phone.sendall(b"x" * 100)
            begun = time.monotonic()
            assert status_of(port, "/healthz") == 200
            # It takes milliseconds; four threads held by four phones would wait for ever.
            assert time.monotonic() - begun < 5


def test_a_body_beyond_the_limit_is_refused(tmp_path: Path) -> None:
    with (
        web_server(tmp_path) as (port, _),
        socket.create_connection(("127.0.0.1", port), timeout=10) as phone,
    ):
        phone.sendall(
            b"POST /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9000000000\r\n\r\n" + b"x" * 1000
        )
        assert phone.recv(100).startswith(b"HTTP/1.1 413 ")


SLOW_SHOP = """
import sys, time
import marketplace
from marketplace import serving

def create_app(settings):
    def application(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        if environ["PATH_INFO"] == "/slow":
            time.sleep(1.5)
            return [b"x" * 2_000_000]
        return [b"ok"]
    return application

serving.create_app = create_app
serving.templating.compile_all = lambda _application: None
sys.exit(serving.main())
"""


@pytest.mark.parametrize("processes", ["1", "2"])
def test_a_request_that_has_begun_is_answered_after_the_order_to_stop(tmp_path: Path, processes: str) -> None:
    (tmp_path / "slow_shop.py").write_text(SLOW_SHOP, encoding="utf-8")
    lengths: list[int] = []

    def ask(port: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        connection.request("GET", "/slow")
        lengths.append(len(connection.getresponse().read()))
        connection.close()

    with web_server(tmp_path, "slow_shop", WEB_PROCESSES=processes) as (port, process):
        asking = threading.Thread(target=ask, args=(port,))
        asking.start()
        time.sleep(0.7)
        process.terminate()
        asking.join()
        assert process.wait(20) == 0
    assert lengths == [2_000_000]


def test_web_processes_end_with_their_supervisor(tmp_path: Path) -> None:
    """Killed outright it cannot tell them; the next start finds the port free."""
    with web_server(tmp_path, WEB_PROCESSES="2") as (port, master):
        master.kill()
        master.wait()
        give_up = time.monotonic() + START_SECONDS
        while status_of(port, "/healthz") == 200:
            assert time.monotonic() < give_up, "they go on"
            time.sleep(0.1)
        socket.create_server(("127.0.0.1", port)).close()


def test_a_web_process_that_dies_is_replaced(tmp_path: Path) -> None:
    with web_server(tmp_path, WEB_PROCESSES="2") as (port, master):
        tasks = Path(f"/proc/{master.pid}/task/{master.pid}/children")
        if not tasks.exists():
            pytest.skip("this system does not tell a process's children")
        before = set(tasks.read_text().split())
        os.kill(int(min(before)), signal.SIGKILL)
        give_up = time.monotonic() + START_SECONDS
        while len(set(tasks.read_text().split()) - before) == 0:
            assert time.monotonic() < give_up
            time.sleep(0.1)
        assert status_of(port, "/healthz") == 200


class Callers:
    """People who send one form after another, each on a connection of its own, until they are told to stop."""

    def __init__(self, port: int, count: int = 4) -> None:
        self.port = port
        self.answered = 0
        self.unanswered: list[str] = []
        self._stop = threading.Event()
        self._people = [threading.Thread(target=self._send) for _ in range(count)]

    def start(self) -> None:
        for person in self._people:
            person.start()

    def stop(self) -> None:
        self._stop.set()
        for person in self._people:
            person.join()

    def _send(self) -> None:
        while not self._stop.is_set():
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
            try:
                connection.request("POST", "/form", b"a=b" * 100)
                answer = connection.getresponse()
                answer.read()
                assert answer.status == 200
                self.answered += 1
            except (OSError, http.client.HTTPException) as error:
                self.unanswered.append(repr(error))
                time.sleep(0.02)
            finally:
                connection.close()


@pytest.mark.parametrize("is_held", [True, False], ids=["held socket", "control: a socket of its own"])
def test_restarts_under_load_leave_nobody_unanswered(tmp_path: Path, is_held: bool) -> None:
    """Connections wait in the socket that somebody else holds; without it they are refused for a moment."""
    (tmp_path / "slow_shop.py").write_text(SLOW_SHOP, encoding="utf-8")
    with contextlib.ExitStack() as stack:
        held = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=100)) if is_held else None
        port = held.getsockname()[1] if held else free_port()
        callers = Callers(port)
        for round_ in range(2):
            with web_server(tmp_path, "slow_shop", held, PORT=str(port)):
                if round_ == 0:
                    callers.start()
                    stack.callback(callers.stop)
                before = callers.answered
                while callers.answered < before + 20:
                    time.sleep(0.01)
                if round_ == 1:
                    callers.stop()
    assert callers.answered >= 40
    assert bool(callers.unanswered) is not is_held, callers.unanswered[:5]
