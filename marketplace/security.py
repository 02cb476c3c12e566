"""Response headers, encrypted fields and signed links."""

from __future__ import annotations

import base64
import json
import os
import secrets
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from flask import Flask, Response, current_app, request, session
from itsdangerous import BadSignature, URLSafeTimedSerializer
from sqlalchemy import String
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

ALGORITHM = "aes-gcm"


class KeyFileError(RuntimeError):
    """The key file is missing or unreadable: encrypted fields stay closed."""


def create_keys(path: Path) -> None:
    """Write a new key file that only its owner may read; refuses to overwrite one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {"current": "1", "keys": {"1": base64.b64encode(secrets.token_bytes(32)).decode()}}
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(content, file)


def _keys() -> tuple[str, dict[str, bytes]]:
    found = current_app.extensions.get("field_keys")
    if found is None:
        found = current_app.extensions["field_keys"] = _read_keys(current_app.config["SETTINGS"].key_file)
    return found


def _read_keys(path: Path) -> tuple[str, dict[str, bytes]]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        keys = {name: base64.b64decode(key) for name, key in content["keys"].items()}
        AESGCM(keys[content["current"]])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise KeyFileError(f"KEY_FILE {path} cannot be read; restore it or start with the right one") from error
    return content["current"], keys


def keys_are_readable(path: Path) -> bool:
    """Whether the key file is there and sound now: a process that read it before works on, the next would not start."""
    try:
        _read_keys(path)
    except KeyFileError:
        return False
    return True


def current_key_id() -> str:
    """The id of the key that new secrets are made with; KeyFileError without a key file."""
    return _keys()[0]


def derive_key(purpose: str, salt: bytes, key_id: str) -> bytes:
    """32 bytes for one purpose and salt, from a key of KEY_FILE; KeyFileError when it has none of that id."""
    keys = _keys()[1]
    if key_id not in keys:
        raise KeyFileError(f"KEY_FILE has no key {key_id}: put back the key file that it was made with")
    return HKDF(SHA256(), length=32, salt=salt, info=purpose.encode()).derive(keys[key_id])


def encrypt(text: str) -> str:
    """algorithm:key id:nonce and ciphertext, so that keys and algorithms can change later."""
    current, keys = _keys()
    nonce = secrets.token_bytes(12)
    sealed = AESGCM(keys[current]).encrypt(nonce, text.encode(), None)
    return f"{ALGORITHM}:{current}:{base64.urlsafe_b64encode(nonce + sealed).decode()}"


def decrypt(value: str) -> str:
    """The text of an encrypted value; KeyFileError without its key."""
    algorithm, key_id, payload = value.split(":", 2)
    keys = _keys()[1]
    if algorithm != ALGORITHM or key_id not in keys:
        raise KeyFileError(f"no key {key_id} for {algorithm} in KEY_FILE")
    raw = base64.urlsafe_b64decode(payload)
    return AESGCM(keys[key_id]).decrypt(raw[:12], raw[12:], None).decode()


class EncryptedText(TypeDecorator[str]):
    """A text column that is ciphertext in the database."""

    impl = String(400)
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else encrypt(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else decrypt(value)


def sign(purpose: str, value: Any) -> str:
    """A signed link part for one purpose."""
    return URLSafeTimedSerializer(current_app.secret_key or "", salt=purpose).dumps(value)


def unsign(purpose: str, text: str, max_age: int) -> Any | None:
    """The signed value, or None when it was changed or is too old (seconds)."""
    try:
        return URLSafeTimedSerializer(current_app.secret_key or "", salt=purpose).loads(text, max_age=max_age)
    except BadSignature:
        return None


def safe_target(target: str | None) -> str | None:
    """A path of this site to go on to, or None: never another host."""
    if not target or not target.startswith("/") or target.startswith(("//", "/\\")):
        return None
    if any(ord(c) < 33 or c == "\\" for c in target):
        return None
    parts = urlsplit(target)
    return None if parts.scheme or parts.netloc else target


def is_same_origin() -> bool | None:
    """Whether the browser says that a request comes from this site; None when it says nothing (D3)."""
    fetch_site = request.headers.get("Sec-Fetch-Site")
    if fetch_site:
        return fetch_site == "same-origin"
    origin = request.headers.get("Origin")
    return None if origin is None else origin == request.host_url.rstrip("/")


def _is_private(response: Response) -> bool:
    """Whether an answer is one person's: a refusal, a cookie that came or is about to be set, a link with a token."""
    has_token = "token" in (request.view_args or {})
    return response.status_code >= 400 or bool(request.cookies) or session.modified or has_token


def init_app(app: Flask) -> None:
    """Strict headers on every answer (D22): nothing inline, nothing foreign but the provider's pay page."""
    settings = app.config["SETTINGS"]
    provider = settings.provider_url or "https://checkout.stripe.com"
    policy = "; ".join(
        (
            "default-src 'none'",
            "img-src 'self' data: blob:",
            "style-src 'self'",
            "script-src 'self'",
            "connect-src 'self'",
            "manifest-src 'self'",
            f"form-action 'self' {provider}",
            "frame-ancestors 'none'",
            "base-uri 'none'",
        )
    )

    @app.after_request
    def _headers(response: Response) -> Response:
        headers = response.headers
        headers.setdefault("Content-Security-Policy", policy)
        headers["X-Content-Type-Options"] = "nosniff"
        headers["Referrer-Policy"] = "same-origin"
        headers["X-Frame-Options"] = "DENY"
        headers["Permissions-Policy"] = "geolocation=(), microphone=(), camera=(self), payment=()"
        headers["Cross-Origin-Opener-Policy"] = "same-origin"
        if settings.secure:
            headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"
        if "Cache-Control" not in headers:
            # Pages with anybody's state are nobody else's; anonymous pages may be asked for again.
            headers["Cache-Control"] = "no-store" if _is_private(response) else "no-cache"
        headers.add("Vary", "Cookie")
        return response
