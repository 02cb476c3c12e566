"""The ways out, spoken to over loopback: which is chosen, what it gets, what counts as failed."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from config import Config
from marketplace.notifications.models import Channel
from marketplace.notifications.senders import (
    Envelope,
    FolderSender,
    HttpsSmsSender,
    NoSender,
    SendError,
    SmtpSender,
    folder_of,
    sender_for,
)

LETTER = Envelope(
    7,
    "mail",
    "a@example.com",
    "order_paid",
    {"code": "X"},
    "zh",
    "2026-11-20T04:00:00+00:00",
    "您好",
    "标题",
    "<p>您好",
)


def config(**values: str) -> Config:
    return Config.from_environment({"DATA_DIR": "/data", **values})


@pytest.mark.parametrize(
    ("values", "mail", "sms"),
    [
        ({}, FolderSender(Path("/data/messages")), FolderSender(Path("/data/messages"))),
        ({"MAIL_URL": "file:/out"}, FolderSender(Path("/out")), FolderSender(Path("/out"))),
        (
            {"MAIL_URL": "smtp://h", "SMS_URL": "file:///out"},
            SmtpSender("smtp://h", "noreply@localhost"),
            FolderSender(Path("/out")),
        ),
        (
            {"MAIL_URL": "smtps://u:p@h:465", "SMS_URL": "https://sms.example/send", "DEMO": "0"},
            SmtpSender("smtps://u:p@h:465", "noreply@localhost"),
            HttpsSmsSender("https://sms.example/send"),
        ),
        ({"DEMO": "0"}, NoSender("MAIL_URL"), NoSender("SMS_URL")),
        ({"DEMO": "0", "SMS_URL": "https://s"}, NoSender("MAIL_URL"), HttpsSmsSender("https://s")),
    ],
)
def test_way_out_is_chosen_by_configuration(values: dict[str, str], mail: object, sms: object) -> None:
    assert sender_for(Channel.MAIL, config(**values)) == mail
    assert sender_for(Channel.SMS, config(**values)) == sms


def test_folder_may_be_relative_or_absolute() -> None:
    assert folder_of("file:out") == Path("out")
    assert folder_of("file:/out") == Path("/out")
    assert folder_of("file:///out") == Path("/out")


def test_missing_way_out_says_which_setting_is_missing() -> None:
    with pytest.raises(SendError, match="SMS_URL is not set"):
        NoSender("SMS_URL").send(LETTER)


class Post:
    """A small SMTP server that keeps what it gets."""

    def __init__(self, refuse: bool = False) -> None:
        self.refuse, self.lines = refuse, list[str]()
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self) -> None:
        connection, _ = self.socket.accept()
        with connection, connection.makefile("rwb") as stream:

            def say(text: str) -> None:
                stream.write(f"{text}\r\n".encode())
                stream.flush()

            say("220 test")
            in_data = False
            for raw in stream:
                line = raw.decode().rstrip("\r\n")
                self.lines.append(line)
                if in_data:
                    in_data = line != "."
                    if not in_data:
                        say("250 ok")
                elif line.upper() == "DATA":
                    in_data = True
                    say("354 go on")
                elif line.upper().startswith("RCPT") and self.refuse:
                    say("550 no such box")
                elif line.upper() == "QUIT":
                    say("221 bye")
                    return
                else:
                    say("250 ok")


@pytest.fixture
def post() -> Iterator[Post]:
    server = Post()
    yield server
    server.socket.close()


def test_mail_goes_out_as_text_and_html_with_a_number_of_its_own(post: Post) -> None:
    SmtpSender(f"smtp://127.0.0.1:{post.port}", "shop@example.com").send(LETTER)
    post.thread.join(5)
    text = "\n".join(post.lines)
    assert "rcpt to:<a@example.com>" in text.lower()
    assert "Message-ID: <7@example.com>" in text
    assert "text/plain" in text
    assert "text/html" in text


def test_refused_mail_is_a_failure_that_names_no_address() -> None:
    server = Post(refuse=True)
    with pytest.raises(SendError) as caught:
        SmtpSender(f"smtp://127.0.0.1:{server.port}", "shop@example.com").send(LETTER)
    server.socket.close()
    assert "a@example.com" not in str(caught.value)


def test_server_that_is_away_is_a_failure() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(SendError):
        SmtpSender(f"smtp://127.0.0.1:{port}", "shop@example.com").send(LETTER)
    with pytest.raises(SendError):
        HttpsSmsSender(f"https://127.0.0.1:{port}/send").send(LETTER)


def test_sms_port_gets_template_and_parameters_but_no_words(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []

    class Answer:
        def __enter__(self) -> Answer:
            return self

        def __exit__(self, *_rest: object) -> None: ...

        def read(self, _most: int) -> bytes:
            return b"{}"

    def urlopen(request: Any, timeout: int) -> Answer:
        seen.append((request, timeout))
        return Answer()

    monkeypatch.setattr("urllib.request.urlopen", urlopen)
    HttpsSmsSender("https://user:p%40ss@sms.example/send?v=1").send(LETTER)
    [(request, timeout)] = seen
    assert request.full_url == "https://sms.example/send?v=1"
    assert timeout == 10
    assert request.get_header("Authorization") == "Basic dXNlcjpwQHNz"
    assert json.loads(request.data) == {
        "id": "7",
        "phone": "a@example.com",
        "template": "order_paid",
        "parameters": {"code": "X"},
        "language": "zh",
    }
