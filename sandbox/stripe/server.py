"""The sandbox as a web application on waitress, with a way to cut a connection off without an answer."""

import contextlib
import socket
import struct
from pathlib import Path
from typing import Any

from flask import Flask, Response, request
from waitress.channel import HTTPChannel
from waitress.server import create_server
from waitress.task import WSGITask

from sandbox.stripe.api import RequestLog, make_api
from sandbox.stripe.bank import Bank, Terms
from sandbox.stripe.control import make_control
from sandbox.stripe.parameters import build_validators
from sandbox.stripe.pay import make_pay
from sandbox.stripe.store import Store
from sandbox.stripe.webhooks import Courier

BODY_AT_MOST = 1_000_000


def create_app(bank: Bank, courier: Courier) -> Flask:
    """API, hosted pay page and controls of one sandbox."""
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = BODY_AT_MOST
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    requests = RequestLog()
    app.register_blueprint(make_api(bank, requests))
    app.register_blueprint(make_pay(bank))
    app.register_blueprint(make_control(bank, courier, requests))

    @app.get("/healthz")
    def healthz() -> Response:
        bank.store.now()
        return Response("ok\n", content_type="text/plain")

    @app.after_request
    def protect(answer: Response) -> Response:
        answer.headers.setdefault(
            "Content-Security-Policy",
            "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
            "frame-ancestors 'none'",
        )
        answer.headers["X-Content-Type-Options"] = "nosniff"
        answer.headers["Referrer-Policy"] = "no-referrer"
        if not request.path.startswith("/static/"):
            answer.headers["Cache-Control"] = "no-store"
        return answer

    return app


class Sandbox:
    """A running sandbox: listens from the constructor on, `run` serves until `stop` or an interrupt."""

    def __init__(
        self,
        folder: Path,
        *,
        host: str,
        port: int,
        public_url: str | None,
        webhook_url: str | None,
        webhook_secret: str,
        terms: Terms,
    ) -> None:
        build_validators()
        store = Store(folder)
        bank = Bank(store, terms, public_url or f"http://{host}:{port}")
        self.courier = Courier(bank, webhook_url, webhook_secret)
        # `server` has no state yet besides its socket; the free port that the system gave is known only now.
        self.server: Any = create_server(
            create_app(bank, self.courier),
            host=host,
            port=port,
            threads=16,
            ident=None,
            clear_untrusted_proxy_headers=True,
        )
        self.server.channel_class = _Channel
        self.port: int = int(self.server.effective_port)
        if public_url is None:
            bank.public_url = f"http://{host}:{self.port}"
        self.public_url = bank.public_url

    def run(self) -> None:
        self.courier.start()
        try:
            self.server.run()
        finally:
            self.courier.stop()
            self.courier.store.close()


class _Task(WSGITask):
    def get_environment(self) -> dict[str, Any]:
        environment: dict[str, Any] = super().get_environment()
        environment["sandbox.drop"] = self._drop
        return environment

    def _drop(self) -> None:
        """Reset the connection at once, as a broken network would: the client sees no byte of an answer."""
        connection: socket.socket = self.channel.socket
        with contextlib.suppress(OSError):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.shutdown(socket.SHUT_RDWR)
        self.close_on_finish = True


class _Channel(HTTPChannel):
    task_class = _Task
