"""Where picture files lie: derivatives in public, originals in private until they are encoded."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

from flask import current_app

from marketplace.media.rules import EXTENSIONS, WIDTHS

try:
    import fcntl
except ImportError:  # not on Windows, where one worker is all there is
    fcntl = None  # type: ignore[assignment, unused-ignore]

PUBLIC, PRIVATE = "media", "private"
NAME = re.compile(r"[0-9a-f]{32}", re.ASCII)


def data_folder() -> Path:
    folder: Path = current_app.config["SETTINGS"].data_dir
    return folder.resolve()


def public_folder(name: str) -> Path:
    """The folder of a picture's derivatives."""
    return data_folder() / PUBLIC / name[:2]


def originals_folder() -> Path:
    return data_folder() / PRIVATE / "originals"


def original(name: str) -> Path:
    return originals_folder() / name


def derivative(name: str, width: int, extension: str) -> Path | None:
    """The file of a derivative; None for a name, width or extension that is never made."""
    if not NAME.fullmatch(name) or width not in WIDTHS or extension not in EXTENSIONS:
        return None
    return public_folder(name) / f"{name}-{width}.{extension}"


def save_original(name: str, content: bytes) -> None:
    """Keep an accepted file for its encoding, readable for this user alone; it is on the disk before this returns."""
    originals_folder().mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(original(name), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def drop_original(name: str) -> None:
    original(name).unlink(missing_ok=True)


def copy_derivatives(source: str, target: str) -> None:
    """Give a second picture the derivatives of the first."""
    folder = public_folder(target)
    folder.mkdir(parents=True, exist_ok=True)
    for file in public_folder(source).glob(f"{source}-*"):
        copy = folder / file.name.replace(source, target)
        try:
            os.link(file, copy)
        except OSError:  # no links on this file system
            copy.write_bytes(file.read_bytes())


@contextlib.contextmanager
def encoding_turn() -> Iterator[None]:
    """One encoding at a time on this machine, however many workers run."""
    originals_folder().mkdir(parents=True, exist_ok=True, mode=0o700)
    with (originals_folder() / ".turn").open("w") as file:
        if fcntl is not None:
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
