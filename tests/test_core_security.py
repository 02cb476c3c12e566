"""Encrypted fields, signed links, key files, and where a link may lead."""

from __future__ import annotations

import base64
import json
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag
from flask import Flask, current_app

from marketplace import security
from marketplace.security import KeyFileError, create_keys, decrypt, encrypt, safe_target, sign, unsign


@pytest.fixture
def keyed(shared_app: Flask, monkeypatch: pytest.MonkeyPatch) -> Flask:
    """The application with keys of its own, which a test may change."""
    monkeypatch.delitem(shared_app.extensions, "field_keys", raising=False)
    return shared_app


def use_keys(monkeypatch: pytest.MonkeyPatch, current: str, **keys: bytes) -> None:
    monkeypatch.setitem(current_app.extensions, "field_keys", (current, keys))


@pytest.mark.parametrize("text", ["", "JBSWY3DPEHPK3PXP", "四个字的", "x" * 200, "a:b:c", "\x00"])
def test_what_was_encrypted_is_read_again(keyed: Flask, text: str) -> None:
    with keyed.app_context():
        sealed = encrypt(text)
        assert decrypt(sealed) == text
        assert not text or text not in sealed
        assert encrypt(text) != sealed  # a fresh nonce each time


def test_ciphertext_names_algorithm_and_key(keyed: Flask) -> None:
    with keyed.app_context():
        assert encrypt("x").startswith("aes-gcm:1:")


def test_another_key_does_not_open_it(keyed: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    with keyed.app_context():
        sealed = encrypt("secret")
        use_keys(monkeypatch, "1", **{"1": b"k" * 32})
        with pytest.raises(InvalidTag):
            decrypt(sealed)


def test_an_older_key_still_opens_what_it_closed(keyed: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    with keyed.app_context():
        use_keys(monkeypatch, "1", **{"1": b"a" * 32})
        old = encrypt("secret")
        use_keys(monkeypatch, "2", **{"1": b"a" * 32, "2": b"b" * 32})
        assert decrypt(old) == "secret"
        assert encrypt("secret").startswith("aes-gcm:2:")
        use_keys(monkeypatch, "2", **{"2": b"b" * 32})
        with pytest.raises(KeyFileError, match="no key 1"):
            decrypt(old)


def test_a_changed_ciphertext_is_refused(keyed: Flask) -> None:
    with keyed.app_context():
        algorithm, key, payload = encrypt("secret").split(":", 2)
        raw = bytearray(base64.urlsafe_b64decode(payload))
        raw[-1] ^= 1
        with pytest.raises(InvalidTag):
            decrypt(f"{algorithm}:{key}:{base64.urlsafe_b64encode(bytes(raw)).decode()}")
        with pytest.raises(KeyFileError):
            decrypt(f"rot13:{key}:{payload}")


def test_key_file_is_its_owners_alone_and_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "below" / "keys"
    create_keys(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    before = path.read_bytes()
    with pytest.raises(FileExistsError):
        create_keys(path)
    assert path.read_bytes() == before
    content = json.loads(before)
    assert len(base64.b64decode(content["keys"][content["current"]])) == 32


@pytest.mark.parametrize("content", [None, "", "{}", "null", '{"current": "1", "keys": {"1": "é"}}'])
def test_an_unreadable_key_file_says_so(
    keyed: Flask, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str | None
) -> None:
    path = tmp_path / "keys"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    monkeypatch.setitem(keyed.config, "SETTINGS", replace(keyed.config["SETTINGS"], key_file=path))
    with keyed.app_context(), pytest.raises(KeyFileError, match="cannot be read"):
        encrypt("x")


def test_a_signed_link_holds_for_its_purpose_and_its_time(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    with app.app_context():
        text = sign("reset", {"user": 5})
        assert unsign("reset", text, 60) == {"user": 5}
        assert unsign("other", text, 60) is None
        head, signature = text.rsplit(".", 1)  # its first letter: of the last one some bits mean nothing
        forged = ("A" if signature[0] != "A" else "B") + signature[1:]
        assert unsign("reset", f"{head}.{forged}", 60) is None
        assert unsign("reset", "", 60) is None
        assert unsign("reset", text, -1) is None
        monkeypatch.setattr(app, "secret_key", "another secret key of some length")
        assert unsign("reset", text, 60) is None


@pytest.mark.parametrize("target", ["/", "/basket", "/en/orders/ABC?x=1", "/p/1#top", "/search?q=%E8%84%90"])
def test_a_path_of_this_site_may_be_gone_on_to(target: str) -> None:
    assert safe_target(target) == target


@pytest.mark.parametrize(
    "target",
    [
        None, "", "basket", "//evil.example", "///evil.example", "/\\evil.example", "\\/evil.example", "/\tx", "/a\nb",
        "https://evil.example", "javascript:alert(1)", "http:/evil", "/ /evil", "/a\\b", " /", "\x00/",
        "data:text/html,x",
    ],
)  # fmt: skip
def test_no_other_site_may_be_gone_on_to(target: str | None) -> None:
    assert safe_target(target) is None


@pytest.mark.parametrize(
    ("headers", "answer"),
    [
        ({}, None),
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Sec-Fetch-Site": "none"}, False),
        ({"Origin": "http://localhost"}, True),
        ({"Origin": "https://localhost"}, False),
        ({"Origin": "http://localhost:81"}, False),
        ({"Origin": "http://localhost.evil.example"}, False),
        ({"Origin": "null"}, False),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"}, False),
    ],
)
def test_where_a_request_comes_from(shared_app: Flask, headers: dict[str, str], answer: bool | None) -> None:
    with shared_app.test_request_context("/", headers=headers):
        assert security.is_same_origin() is answer
