"""The ways out: files, an SMTP server, an SMS provider by HTTPS; chosen by MAIL_URL and SMS_URL."""

from __future__ import annotations

import base64
import json
import smtplib
import ssl
import urllib.request
from dataclasses import asdict, dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit, urlunsplit

from config import Config
from marketplace.notifications.models import Channel

TIMEOUT = 10  # seconds


@dataclass(frozen=True)
class Envelope:
    """One message as it goes out."""

    id: int
    channel: str
    to: str
    template: str
    parameters: dict[str, Any]
    language: str
    created_at: str  # ISO 8601, UTC
    text: str
    subject: str = ""
    html: str = ""


class SendError(Exception):
    """The message did not go out; it may be tried again."""


class Sender(Protocol):
    """Takes one message to its carrier, or raises SendError; a repeat of one id may go out twice."""

    def send(self, envelope: Envelope) -> None: ...


@dataclass(frozen=True)
class FolderSender:
    """Each message one JSON file, named so that names sort by time; a repeat writes the same file."""

    folder: Path

    def send(self, envelope: Envelope) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            file = self.folder / f"{envelope.id:019d}-{envelope.channel}-{envelope.template}.json"
            unfinished = file.with_suffix(".part")
            unfinished.write_text(
                json.dumps(asdict(envelope), ensure_ascii=False, indent=1), encoding="utf-8"
            )
            unfinished.replace(file)
        except OSError as error:
            raise SendError(f"{type(error).__name__}: {error.strerror}") from error


@dataclass(frozen=True)
class SmtpSender:
    """Mail by an SMTP server: smtps:// is TLS from the start, smtp:// changes to TLS where the server offers it."""

    url: str
    sender: str

    def send(self, envelope: Envelope) -> None:
        parts = urlsplit(self.url)
        host = parts.hostname or "localhost"
        secure = ssl.create_default_context()
        try:
            if parts.scheme == "smtps":
                server: smtplib.SMTP = smtplib.SMTP_SSL(
                    host, parts.port or 465, timeout=TIMEOUT, context=secure
                )
            else:
                server = smtplib.SMTP(host, parts.port or 587, timeout=TIMEOUT)
            with server:
                if parts.scheme == "smtp" and server.has_extn("starttls"):
                    server.starttls(context=secure)
                if parts.username:
                    server.login(unquote(parts.username), unquote(parts.password or ""))
                server.send_message(self._mail(envelope))
        except (OSError, smtplib.SMTPException) as error:
            raise SendError(type(error).__name__) from error

    def _mail(self, envelope: Envelope) -> EmailMessage:
        mail = EmailMessage()
        mail["From"] = self.sender
        mail["To"] = envelope.to
        mail["Subject"] = envelope.subject
        mail["Message-ID"] = f"<{envelope.id}@{self.sender.rpartition('@')[2]}>"  # the same for a repeat
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(envelope.text)
        mail.add_alternative(envelope.html, subtype="html")
        return mail


@dataclass(frozen=True)
class HttpsSmsSender:
    """SMS by a provider's HTTPS port: a JSON body of template id, parameters and phone; user:password@ as Basic."""

    url: str

    def send(self, envelope: Envelope) -> None:
        parts = urlsplit(self.url)
        body = {
            "id": str(envelope.id),
            "phone": envelope.to,
            "template": envelope.template,
            "parameters": envelope.parameters,
            "language": envelope.language,
        }
        host = parts.netloc.rpartition("@")[2]
        request = urllib.request.Request(  # noqa: S310  config.py allows https alone
            urlunsplit((parts.scheme, host, parts.path, parts.query, "")),
            data=json.dumps(body, ensure_ascii=False).encode(),
            headers={"Content-Type": "application/json"},
            method="POST",
        )
        if parts.username:
            login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            request.add_header("Authorization", f"Basic {base64.b64encode(login.encode()).decode()}")
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:  # noqa: S310  as above
                answer.read(4096)
        except OSError as error:  # HTTPError and URLError are OSErrors
            raise SendError(f"{type(error).__name__} {getattr(error, 'code', '')}".strip()) from error


@dataclass(frozen=True)
class NoSender:
    """Nothing is configured for this channel: every try says what is missing, and staff see it."""

    option: str

    def send(self, envelope: Envelope) -> None:
        raise SendError(f"{self.option} is not set")


def sender_for(channel: Channel, config: Config) -> Sender:
    """The way out of a channel; a file folder in MAIL_URL takes SMS too, the demo has a folder of its own."""
    folder = config.mail_url if config.mail_url.startswith("file:") else config.message_folder
    url = (config.mail_url or folder) if channel == Channel.MAIL else (config.sms_url or folder)
    if url.startswith("file:"):
        return FolderSender(folder_of(url))
    if channel == Channel.MAIL:
        return SmtpSender(url, config.mail_from) if url else NoSender("MAIL_URL")
    return HttpsSmsSender(url) if url else NoSender("SMS_URL")


def folder_of(url: str) -> Path:
    """The folder of file:FOLDER or file:///FOLDER."""
    path = url.removeprefix("file:")
    return Path(path.removeprefix("//") if path.startswith("///") else path)
