"""What operators may set: each value is read once from the environment, typed, and checked at start."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

DEMO_SECRET = "demo-secret-key-not-for-production"  # noqa: S105  refused by problems() outside the demo
DEMO_STRIPE_KEY = "sk_test_sandbox_demo"
DEMO_WEBHOOK_SECRET = "whsec_demo_not_for_production"  # noqa: S105  refused by problems() outside the demo


class ConfigError(ValueError):
    """A value in the environment cannot be used; the message says which and what to write instead."""


def _flag(text: str) -> bool:
    if text not in {"0", "1"}:
        raise ValueError("write 0 or 1")
    return text == "1"


def _names(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _mail_url(text: str) -> str:
    if text and urlsplit(text).scheme not in {"smtp", "smtps", "file"}:
        raise ValueError("write smtp://user:password@host:port, smtps://… or file:FOLDER")
    return text


def _sms_url(text: str) -> str:
    if text and urlsplit(text).scheme not in {"file", "https"}:
        raise ValueError("write https://… of the message provider, or file:FOLDER")
    return text


def _database_url(text: str) -> str:
    """The bare postgresql:// scheme would choose a driver that is not installed."""
    for bare in ("postgres://", "postgresql://"):
        if text.startswith(bare):
            return "postgresql+psycopg://" + text.removeprefix(bare)
    if text and not text.startswith(("postgresql+psycopg://", "sqlite:///")):
        raise ValueError("write postgresql://… or sqlite:///FILE")
    return text


def option(name: str, default: str, parse: Callable[[str], Any], meaning: str) -> Any:
    """One environment variable: its name, default text, reader and meaning (the README repeats it)."""
    return field(metadata={"name": name, "default": default, "parse": parse, "meaning": meaning})


@dataclass(frozen=True)
class Config:
    """The operators' contract."""

    port: int = option("PORT", "8000", int, "port of the site; the payment sandbox takes the next one")
    data_dir: Path = option(
        "DATA_DIR", "instance", Path, "pictures, papers, the SQLite file, the sandbox's state"
    )
    key_file: Path = option("KEY_FILE", "instance.keys", Path, "field encryption keys, kept outside DATA_DIR")
    database_url: str = option(
        "DATABASE_URL", "", _database_url, "postgresql://… in production; empty: SQLite in DATA_DIR"
    )
    secret_key: str = option("SECRET_KEY", DEMO_SECRET, str, "signs cookies and links; 32 characters or more")
    stripe_api_key: str = option("STRIPE_API_KEY", DEMO_STRIPE_KEY, str, "key of the payment provider")
    stripe_api_base: str = option(
        "STRIPE_API_BASE", "", str, "address of the provider; empty: Stripe, in the demo the sandbox"
    )
    stripe_webhook_secret: str = option(
        "STRIPE_WEBHOOK_SECRET", DEMO_WEBHOOK_SECRET, str, "verifies the provider's calls"
    )
    mail_url: str = option("MAIL_URL", "", _mail_url, "smtp://… or file:FOLDER (each mail one JSON file)")
    mail_from: str = option("MAIL_FROM", "noreply@localhost", str, "sender address of mails")
    sms_url: str = option(
        "SMS_URL", "", _sms_url, "SMS port: gets template id and parameters; https://… or file:FOLDER"
    )
    public_url: str = option(
        "PUBLIC_URL", "", str, "https address of the site, used in links; empty: http://127.0.0.1:PORT"
    )
    trusted_hosts: tuple[str, ...] = option(
        "TRUSTED_HOSTS", "localhost,127.0.0.1", _names, "host names that are answered, separated by commas"
    )
    proxy_hops: int = option("PROXY_HOPS", "0", int, "proxies in front that set X-Forwarded-For and -Proto")
    demo: bool = option("DEMO", "1", _flag, "1: demo data and simulated payment; 0: production")
    web_processes: int = option("WEB_PROCESSES", "1", int, "web processes on one shared socket")
    web_threads: int = option("WEB_THREADS", "6", int, "threads of each web process")
    page_cache_mb: int = option(
        "PAGE_CACHE_MB", "16", int, "megabytes of public pages that each web process keeps ready; 0: none"
    )
    slow_statement_ms: int = option(
        "SLOW_STATEMENT_MS", "500", int, "a statement that takes so many milliseconds is logged; 0: none is"
    )
    metrics_token: str = option(
        "METRICS_TOKEN", "", str, "who sends it as Bearer gets /metrics; empty: there is no such page"
    )
    testing: bool = False
    serving: bool = False  # a web process, whose statements have limits

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None, **overrides: Any) -> Config:
        """Read every option once; ConfigError names the first one that cannot be read."""
        source = os.environ if environ is None else environ
        values: dict[str, Any] = {}
        for item in fields(cls):
            if not item.metadata:
                continue
            text = source.get(item.metadata["name"], item.metadata["default"]).strip()
            try:
                values[item.name] = item.metadata["parse"](text)
            except ValueError as error:
                raise ConfigError(f"{item.metadata['name']}={text!r}: {error}") from error
        return cls(**(values | overrides))

    @property
    def database(self) -> str:
        """The database's address for SQLAlchemy."""
        return self.database_url or f"sqlite:///{self.data_dir.resolve() / 'ganchengji.sqlite'}"

    @property
    def site_url(self) -> str:
        return (self.public_url or f"http://127.0.0.1:{self.port}").rstrip("/")

    @property
    def secure(self) -> bool:
        """Whether the site is reached by TLS, so that cookies may be Secure and __Host-."""
        return self.site_url.startswith("https://")

    @property
    def provider_url(self) -> str:
        """Address of the payment provider's API; empty means Stripe's own."""
        if self.stripe_api_base:
            return self.stripe_api_base.rstrip("/")
        return f"http://127.0.0.1:{self.port + 1}" if self.demo else ""

    @property
    def message_folder(self) -> str:
        """The demo keeps messages as files when no sender is set."""
        return f"file:{self.data_dir / 'messages'}" if self.demo else ""

    def problems(self) -> list[str]:
        """Sentences that say what forbids production; empty in the demo."""
        if self.demo:
            return []
        found = []
        if self.secret_key == DEMO_SECRET or len(self.secret_key) < 32:
            found.append("SECRET_KEY is the demo's or too short: set 32 or more random characters.")
        if self.stripe_webhook_secret in {"", DEMO_WEBHOOK_SECRET}:
            found.append(
                "STRIPE_WEBHOOK_SECRET is the demo's or empty: set your webhook endpoint's signing secret."
            )
        if self.stripe_api_key in {"", DEMO_STRIPE_KEY}:
            found.append("STRIPE_API_KEY is the demo's or empty: set the key of your payment account.")
        if not self.secure:
            found.append(
                "PUBLIC_URL is not https://…: cookies would travel without TLS; set the site's https address."
            )
        elif (host := urlsplit(self.site_url).hostname or "") not in self.trusted_hosts:
            found.append(
                f"TRUSTED_HOSTS does not name {host}: add the host of PUBLIC_URL, or nobody is answered."
            )
        if not self.key_file.is_file():
            found.append(f"KEY_FILE {self.key_file} is missing: create it with `./run flask keys create`.")
        elif self.key_file.resolve().is_relative_to(self.data_dir.resolve()):
            found.append("KEY_FILE lies inside DATA_DIR: move it, or a copied backup opens itself.")
        if not self.mail_url and not self.sms_url:
            found.append("MAIL_URL and SMS_URL are empty: nobody would get a code; set at least one.")
        return found
