"""Make, check and restore a backup: database, pictures and private papers in one encrypted file, while selling.

Inside the encryption it is a compressed tar: what it is (about.json), the rows of each table in parts, the files, and
last how many of each there must be (end.json).
"""

from __future__ import annotations

import contextlib
import fcntl
import gzip
import io
import json
import os
import shutil
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any, BinaryIO

from flask import current_app
from sqlalchemy import inspect

from marketplace import clock, health
from marketplace.backup import tables
from marketplace.backup.sealing import BackupError, SealedReader, SealedWriter
from marketplace.database import db, run_in_transaction
from marketplace.media import storage

SUFFIX = ".backup"
UNFINISHED = ".part"  # also the picture encoder's mark of a file that is not whole yet
COPIED = 1 << 20


@dataclass(frozen=True)
class Told:
    """What a backup holds."""

    made_at: datetime
    revision: str
    row_count: int
    file_count: int

    def __str__(self) -> str:
        made = self.made_at.astimezone(clock.SHANGHAI)
        return f"made {made:%Y-%m-%d %H:%M:%S} (Shanghai), {self.row_count} rows, {self.file_count} files"


def create(target: Path) -> tuple[Path, Told]:
    """Write a backup into a folder under a name of its time, or to a new file; returns which file, and what it holds.

    All that was told before it began is in it. The file appears under its name when it is whole and on the disk.
    BackupError when the place cannot be written or taken; KeyFileError without a key.
    """
    moment = clock.now()
    path = target / f"ganchengji-{moment:%Y%m%dT%H%M%SZ}{SUFFIX}" if target.is_dir() else target
    if path.exists():
        raise BackupError(f"{path} exists already and is kept: name another file, or a folder.")
    try:
        with _whole_or_not_at_all(path) as file:
            sealed = SealedWriter(file)
            with (
                gzip.GzipFile(fileobj=sealed, mode="wb", compresslevel=1) as packed,  # type: ignore[call-overload]
                tarfile.open(fileobj=packed, mode="w|") as archive,
            ):
                told = _fill(archive, moment)
            sealed.close()
    except OSError as error:
        raise BackupError(f"The backup cannot be written to {path}: {error.strerror or error}.") from error
    run_in_transaction(lambda: health.beat("backup"))
    return path, told


@contextlib.contextmanager
def _whole_or_not_at_all(path: Path) -> Iterator[BinaryIO]:
    """A new file, readable for this user alone, that has its name once it is on the disk."""
    _sweep(path.parent)
    unfinished = path.with_name(f".{path.name}{UNFINISHED}")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield file
            file.flush()
            os.fsync(file.fileno())
            unfinished.rename(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _sweep(folder: Path) -> None:
    """Take away what backups that were killed left behind; one that is being written holds its lock."""
    for left in folder.glob(f".*{SUFFIX}{UNFINISHED}"):
        with contextlib.suppress(OSError), left.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            left.unlink()


def _fill(archive: tarfile.TarFile, moment: datetime) -> Told:
    stored: set[str] = set()
    rows: dict[str, int] = {}
    with contextlib.ExitStack() as reading:
        with storage.encoding_turn():
            # No original goes while its picture is being waited for: those of before the snapshot, then the newest.
            _add_files(archive, storage.PRIVATE, stored)
            connection = reading.enter_context(tables.snapshot())
            _add_files(archive, storage.PRIVATE, stored)
        revision = tables.revision(connection)
        if revision is None:
            raise BackupError("There is no schema in the database: nothing to back up.")
        columns = tables.columns(connection)
        about = {"made_at": moment.isoformat(), "revision": revision, "columns": columns}
        _add(archive, "about.json", json.dumps(about).encode())
        for table in columns:
            rows[table] = 0
            for number, part in enumerate(tables.read(connection, table)):
                rows[table] += part.count(b"\n")
                _add(archive, f"tables/{table}/{number:06}", part)
    _add_files(archive, storage.PUBLIC, stored)
    _add(archive, "end.json", json.dumps({"rows": rows, "files": len(stored)}).encode())
    return Told(moment, revision, sum(rows.values()), len(stored))


def _add_files(archive: tarfile.TarFile, kind: str, stored: set[str]) -> None:
    top = storage.data_folder()
    for folder, _folders, names in os.walk(top / kind):
        for name in names:
            path = Path(folder, name)
            inside = f"files/{path.relative_to(top).as_posix()}"
            if name.startswith(".") or name.endswith(UNFINISHED) or inside in stored:
                continue
            with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
                member = tarfile.TarInfo(inside)
                member.size = os.fstat(file.fileno()).st_size
                archive.addfile(member, file)
                _forget_members(archive)
                stored.add(inside)


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    archive.addfile(member, io.BytesIO(content))
    _forget_members(archive)


def _forget_members(archive: tarfile.TarFile) -> None:
    """Else it would remember each one, and memory would grow with the pictures."""
    archive.members.clear()  # type: ignore[attr-defined]


def verify(path: Path) -> Told:
    """Read a backup whole and change nothing; BackupError says what is wrong with it, KeyFileError which key lacks."""
    return _walk(path, lambda _about: None, lambda _table, part: part.count(b"\n"), _read_through)


def restore(path: Path) -> tuple[Told, bool]:
    """Put a backup into an empty installation; returns what it held, and whether this version has newer migrations.

    Everything is checked before anything is written. BackupError: damaged, foreign, of a newer version, or the
    installation is not empty. Should it be interrupted, the installation is not empty: empty it and begin again.
    """
    _refuse_unless_empty()
    told = verify(path)
    heads = _known_revisions(told.revision)
    from flask_migrate import upgrade  # commands alone migrate: it is slow to load

    upgrade(revision=told.revision)
    columns: tables.Columns = {}
    with tables.filling() as connection:

        def begin(about: dict[str, Any]) -> None:
            columns.update(about["columns"])
            for table in columns:
                tables.clear(connection, table)

        _walk(
            path,
            begin,
            lambda table, part: tables.write(connection, table, columns[table], part),
            _put_file,
        )
        os.sync()  # pictures are on the disk before the rows that name them
    return told, told.revision not in heads


def _known_revisions(revision: str) -> set[str]:
    """This version's newest migrations; BackupError when a backup's is not among those that it knows."""
    from alembic.script import ScriptDirectory  # commands alone migrate: it is slow to load
    from alembic.util import CommandError  # the same

    script = ScriptDirectory.from_config(current_app.extensions["migrate"].migrate.get_config())
    try:
        script.get_revision(revision)
    except CommandError as error:
        raise BackupError(
            f"The backup is of a newer version of the shop (schema {revision}): install that version first."
        ) from error
    return set(script.get_heads())


def _refuse_unless_empty() -> None:
    for kind in (storage.PUBLIC, storage.PRIVATE):
        folder = storage.data_folder() / kind
        if folder.exists() and any(path.is_file() for path in folder.rglob("*")):
            raise BackupError(f"{folder} is not empty: a backup is restored into an empty installation only.")
    database = db.engine.url
    if database.get_backend_name() == "sqlite" and not Path(database.database or "").exists():
        return  # to look into it would make it
    with db.engine.connect() as connection:
        if inspect(connection).get_table_names():
            raise BackupError(
                f"The database {database.render_as_string()} is not empty: a backup is restored into an empty one only."
            )


def _walk(
    path: Path,
    begin: Callable[[dict[str, Any]], None],
    take_rows: Callable[[str, bytes], int],
    take_file: Callable[[str, IO[bytes]], None],
) -> Told:
    """Go through a backup member by member; what it promises at its end must have come."""
    about: dict[str, Any] = {}
    rows: dict[str, int] = {}
    files = 0
    end: dict[str, Any] = {}
    try:
        with path.open("rb") as file:
            source = SealedReader(file)
            with gzip.GzipFile(fileobj=source) as packed, tarfile.open(fileobj=packed, mode="r|") as archive:  # type: ignore[call-overload]
                for member in archive:
                    _forget_members(archive)
                    content = archive.extractfile(member)
                    assert content is not None
                    kind, _, name = member.name.partition("/")
                    if kind == "tables":
                        table = name.partition("/")[0]
                        rows[table] = rows.get(table, 0) + take_rows(table, content.read())
                    elif kind == "files":
                        take_file(name, content)
                        files += 1
                    elif kind == "about.json":
                        about = json.load(content)
                        rows = dict.fromkeys(about["columns"], 0)
                        begin(about)
                    elif kind == "end.json":
                        end = json.load(content)
            source.read_to_the_end()
    except tarfile.TarError as error:
        raise BackupError(f"The backup is damaged: {error}.") from error
    except OSError as error:
        raise BackupError(f"{error.filename or path}: {error.strerror or error}.") from error
    if end != {"rows": rows, "files": files}:
        raise BackupError("The backup is not whole: it holds less than it says.")
    return Told(datetime.fromisoformat(about["made_at"]), about["revision"], sum(rows.values()), files)


def _read_through(_name: str, content: IO[bytes]) -> None:
    while content.read(COPIED):
        pass


def _put_file(name: str, content: IO[bytes]) -> None:
    """Private papers are readable for this user alone; a name that leads elsewhere is refused."""
    top = storage.data_folder()
    path = (top / name).resolve()
    kind = path.relative_to(top).parts[0]
    if kind not in {storage.PUBLIC, storage.PRIVATE}:
        raise BackupError(f"The backup holds a file that is none of the shop's: {name}.")
    is_private = kind == storage.PRIVATE
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700 if is_private else 0o755)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 if is_private else 0o644)
    with os.fdopen(descriptor, "wb") as file:
        shutil.copyfileobj(content, file, COPIED)
