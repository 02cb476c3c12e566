"""A sealed stream opens whole or not at all."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask

from marketplace.backup import sealing
from marketplace.backup.sealing import BackupError, SealedReader, SealedWriter
from marketplace.security import KeyFileError, create_keys

CONTENT = bytes(range(256)) * 10
pytestmark = pytest.mark.nodatabase
PIECE = 100
SEALED = PIECE + sealing.TAG


@pytest.fixture(autouse=True)
def _small_pieces(shared_app: Flask, monkeypatch: pytest.MonkeyPatch) -> object:
    monkeypatch.setattr(sealing, "PIECE", PIECE)
    with shared_app.app_context():
        yield


def seal(content: bytes = CONTENT) -> bytes:
    file = io.BytesIO()
    writer = SealedWriter(file)
    for start in range(0, len(content), 77):
        writer.write(content[start : start + 77])
    writer.close()
    return file.getvalue()


def read(sealed: bytes) -> bytes:
    reader = SealedReader(io.BytesIO(sealed))
    found = b"".join(iter(lambda: reader.read(33), b""))
    reader.read_to_the_end()
    return found


@pytest.mark.parametrize("size", [0, 1, PIECE - 1, PIECE, PIECE + 1, 5 * PIECE, len(CONTENT)])
def test_what_is_sealed_comes_out_again(size: int) -> None:
    assert read(seal(CONTENT[:size])) == CONTENT[:size]


def test_nothing_of_the_content_can_be_read_without_the_key() -> None:
    assert CONTENT[:40] not in seal()


def test_every_changed_byte_is_noticed() -> None:
    sealed = seal(CONTENT[:250])
    for place in range(len(sealed)):
        changed = bytearray(sealed)
        changed[place] ^= 1
        with pytest.raises((BackupError, KeyFileError)):
            read(bytes(changed))


def test_every_end_that_comes_too_early_is_noticed() -> None:
    sealed = seal(CONTENT[:250])
    for length in range(len(sealed)):
        with pytest.raises(BackupError):
            read(sealed[:length])


def test_pieces_that_are_moved_doubled_missing_or_added_are_noticed() -> None:
    sealed = seal()
    start = sealed.index(b"\n") + 1
    head, pieces = sealed[:start], [sealed[at : at + SEALED] for at in range(start, len(sealed), SEALED)]
    other = seal()
    foreign = other[other.index(b"\n") + 1 :][:SEALED]
    for arranged in (
        [pieces[1], pieces[0], *pieces[2:]],
        [pieces[0], *pieces],
        pieces[1:],
        pieces[:-1],
        [foreign, *pieces[1:]],
        [*pieces, pieces[-1]],
        [*pieces, b"x"],
    ):
        with pytest.raises(BackupError, match="damaged"):
            read(head + b"".join(arranged))
    assert read(head + b"".join(pieces)) == CONTENT


def test_what_is_no_backup_is_told_so() -> None:
    for other in (b"", b"\n", b"PK\x03\x04", b"{}\n", b"[" * 2000, b"null\n", b"\xff" * 5000):
        with pytest.raises(BackupError, match="no backup of this shop"):
            read(other)
    with pytest.raises(BackupError, match="of a kind"):
        read(seal().replace(b'"format": 1', b'"format": 2', 1))


def test_another_key_and_a_missing_one_are_told_apart_from_damage(
    app_with: Callable[..., Flask], tmp_path: Path
) -> None:
    sealed = seal()
    create_keys(tmp_path / "others")
    with (
        app_with(key_file=tmp_path / "others").app_context(),
        pytest.raises(BackupError, match="another key"),
    ):
        read(sealed)
    with (
        app_with(key_file=tmp_path / "gone").app_context(),
        pytest.raises(KeyFileError, match="cannot be read"),
    ):
        read(sealed)
