"""A stream that is encrypted and authenticated piece by piece, in flat memory.

The construction is STREAM (Hoang, Reyhanitabar, Rogaway, Vizár 2015), as age uses it: each piece is sealed under a
nonce that counts and says whether it is the last, and binds the head. So a changed byte, a piece that is missing,
doubled or moved, and a file that ends early are all noticed, before anything of the piece is believed.
"""

from __future__ import annotations

import json
import secrets
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from marketplace.errors import DomainError
from marketplace.security import current_key_id, derive_key

MAGIC = "ganchengji-backup"
FORMAT = 1
ALGORITHM = "aes-256-gcm-stream"
PIECE = 1 << 20
TAG = 16
LONGEST_HEAD = 1000


class BackupError(DomainError):
    """A backup cannot be made, or is not one that can be used; nothing was touched."""


class SealedWriter:
    """write() as to a file; close() makes it whole: without it the reader refuses what is there."""

    def __init__(self, file: BinaryIO) -> None:
        key_id, salt = current_key_id(), secrets.token_bytes(16)
        head = {
            "what": MAGIC,
            "format": FORMAT,
            "algorithm": ALGORITHM,
            "key": key_id,
            "key_check": _check(salt, key_id),
            "salt": salt.hex(),
        }
        self._head = json.dumps(head).encode() + b"\n"
        self._cipher = AESGCM(derive_key("backup", salt, key_id))
        self._file, self._waiting, self._count = file, bytearray(), 0
        file.write(self._head)

    def write(self, data: bytes) -> int:
        self._waiting += data
        while len(self._waiting) > PIECE:  # not ≥: the last piece is never empty, unless it is the only one
            self._seal(bytes(self._waiting[:PIECE]), is_last=False)
            del self._waiting[:PIECE]
        return len(data)

    def close(self) -> None:
        self._seal(bytes(self._waiting), is_last=True)
        self._waiting.clear()

    def _seal(self, piece: bytes, *, is_last: bool) -> None:
        self._file.write(self._cipher.encrypt(_nonce(self._count, is_last), piece, self._head))
        self._count += 1


class SealedReader:
    """read() as from a file; BackupError for a foreign head or key, or a piece that is not as it was sealed."""

    def __init__(self, file: BinaryIO) -> None:
        self._head = file.readline(LONGEST_HEAD)
        key_id, salt = _read_head(self._head)
        self._cipher = AESGCM(derive_key("backup", salt, key_id))
        self._file, self._opened, self._count = file, bytearray(), 0
        self._next = file.read(PIECE + TAG)
        if not self._next:
            raise BackupError("The backup is damaged: it was cut off after its beginning.")

    def read(self, size: int) -> bytes:
        while len(self._opened) < size and self._next:
            self._open()
        found = bytes(self._opened[:size])
        del self._opened[:size]
        return found

    def read_to_the_end(self) -> None:
        """Nothing that follows is left unchecked."""
        while self.read(PIECE):
            pass

    def _open(self) -> None:
        sealed, self._next = self._next, self._file.read(PIECE + TAG)
        is_last = not self._next
        try:
            self._opened += self._cipher.decrypt(_nonce(self._count, is_last), sealed, self._head)
        except (InvalidTag, ValueError) as error:
            raise BackupError(
                f"The backup is damaged: it was changed or cut off at or before byte {self._file.tell()}."
            ) from error
        self._count += 1


def _nonce(count: int, is_last: bool) -> bytes:
    return count.to_bytes(11, "big") + bytes([is_last])


def _check(salt: bytes, key_id: str) -> str:
    """Tells one key from another, and nothing of either."""
    return derive_key("backup key check", salt, key_id)[:8].hex()


def _read_head(line: bytes) -> tuple[str, bytes]:
    """Key id and salt; BackupError when it is no head of ours, or another key's."""
    try:
        head = json.loads(line)
        kind = (head["what"], head["format"], head["algorithm"])
        key_id, salt, check = str(head["key"]), bytes.fromhex(head["salt"]), head["key_check"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise BackupError("This is no backup of this shop, or its beginning is damaged.") from error
    if kind != (MAGIC, FORMAT, ALGORITHM):
        raise BackupError(f"This backup is of a kind that this version does not read: {kind}.")
    if _check(salt, key_id) != check:
        raise BackupError(
            "This backup was made with another key: put back the KEY_FILE that it was made with."
        )
    return key_id, salt
