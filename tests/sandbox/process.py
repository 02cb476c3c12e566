"""The payment sandbox as a process of its own, and a webhook address of a shop, for any test that needs them."""

import http.client
import json
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parents[2]
KEY = "sk_test_sandbox_tests"
SECRET = "whsec_sandbox_tests"
START_WITHIN = 60


class SandboxProcess:
    """`start()`, then `.base_url` and `.key` for a StripeClient, `control()` to make things happen, `stop()`.

    The state folder outlives `kill()` and `stop()`, so a second `start()` goes on where the first one ended.
    """

    key = KEY

    def __init__(self, folder: Path | None = None) -> None:
        self._own = None if folder else tempfile.TemporaryDirectory(prefix="sandbox-")
        self.folder = folder or Path(self._own.name if self._own else "")
        self.base_url = ""
        self._process: subprocess.Popen[str] | None = None

    def start(
        self,
        webhook_url: str | None = None,
        secret: str = SECRET,
        *,
        port: int = 0,
        options: tuple[str, ...] = (),
    ) -> Self:
        """Start on a free port (or the given one) and return when it listens."""
        words = [
            sys.executable,
            "-P",
            "-m",
            "sandbox.stripe",
            "--port",
            str(port),
            "--state",
            str(self.folder),
        ]
        if webhook_url:
            words += ["--webhook-url", webhook_url, "--webhook-secret", secret]
        log = self.folder / "sandbox.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("a", encoding="utf-8") as errors:
            self._process = subprocess.Popen(
                [*words, *options],
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env={"PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"},
            )
        assert self._process.stdout is not None
        watchdog = threading.Timer(START_WITHIN, self._process.kill)
        watchdog.start()
        try:
            line = self._process.stdout.readline()
        finally:
            watchdog.cancel()
        if not line.startswith("Payment sandbox ready on "):
            self.stop()
            raise RuntimeError(f"The sandbox did not start: {log.read_text(encoding='utf-8')}")
        self.base_url = line.split()[-1]
        return self

    def control(self, path: str, /, **given: Any) -> dict[str, Any]:
        """POST to /_control/<path>; raises ValueError with the sandbox's sentence when it refuses."""
        return _call(f"{self.base_url}/_control/{path}", given)

    def look(self, path: str = "") -> dict[str, Any]:
        """GET /_control/<path>."""
        return _call(f"{self.base_url}/_control/{path}", None)

    def wait_until_quiet(self, seconds: float = 10) -> None:
        """Return when no delivery is due or under way."""
        assert self.look(f"quiet?seconds={seconds}")["quiet"], "deliveries are still under way"

    def kill(self) -> None:
        """End it as a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._end()

    def stop(self) -> None:
        """End it in good order; forgets the folder only if it was its own."""
        if self._process is not None:
            self._process.terminate()
            self._end()
        if self._own is not None:
            self._own.cleanup()

    def _end(self) -> None:
        assert self._process is not None
        self._process.wait(timeout=20)
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._process = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.stop()


class HookReceiver:
    """A shop's webhook address: keeps what arrives and answers `statuses` in turn, then 200."""

    def __init__(self) -> None:
        self.received: list[tuple[dict[str, str], bytes]] = []
        self.statuses: list[int] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.received.append((dict(self.headers), body))
                self.send_response(receiver.statuses.pop(0) if receiver.statuses else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name of the base class
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/webhooks/stripe"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _headers, body in self.received]

    def types(self) -> list[str]:
        return [event["type"] for event in self.events()]

    def wait_for(self, event_type: str, *, count: int = 1, seconds: float = 15) -> list[dict[str, Any]]:
        """The events of a type, once there are `count` of them."""
        patience = time.monotonic() + seconds
        while time.monotonic() < patience:
            found = [event for event in self.events() if event["type"] == event_type]
            if len(found) >= count:
                return found
            time.sleep(0.02)
        raise AssertionError(f"waited for {count} × {event_type}, got {self.types()}")

    def clear(self) -> None:
        self.received.clear()
        self.statuses.clear()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=5)


@dataclass(frozen=True)
class Answer:
    """What came back for one request; redirects are not followed."""

    status: int
    text: str
    headers: Message


def browse(url: str, body: str | None = None, headers: dict[str, str] | None = None) -> Answer:
    """GET, or POST when there is a body (form fields, unless the headers say otherwise)."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=90)
    kind = {} if body is None else {"Content-Type": "application/x-www-form-urlencoded"}
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request("GET" if body is None else "POST", path, body, kind | (headers or {}))
        answer = connection.getresponse()
        return Answer(answer.status, answer.read().decode(), answer.headers)
    finally:
        connection.close()


def _call(url: str, given: dict[str, Any] | None) -> dict[str, Any]:
    body = None if given is None else json.dumps(given)
    answer = browse(url, body, {"Content-Type": "application/json"})
    if answer.status != 200:
        raise ValueError(answer.text)
    found: dict[str, Any] = json.loads(answer.text)
    return found
