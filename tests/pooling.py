"""A pool between shop and PostgreSQL that lends a connection for one transaction at a time: pgbouncer, if installed."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy.engine import make_url

from tests.databases import OTHER_USER, end_with_parent, surroundings, wait_for

PROGRAM = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")
SETTINGS = """
[databases]
* = host={host} user=postgres
[pgbouncer]
unix_socket_dir = {folder}
listen_addr =
listen_port = 6432
auth_type = any
pool_mode = transaction
default_pool_size = {size}
max_client_conn = 500
ignore_startup_parameters = options,extra_float_digits
server_lifetime = {seconds}
logfile = {folder}/log
"""


@contextlib.contextmanager
def pooled(address: str, *, size: int = 4, seconds: int = 3600) -> Iterator[str]:
    """The address of the same server through a pool of so many connections, each used for so many seconds (0: once)."""
    assert PROGRAM, "pgbouncer is not installed"
    account = OTHER_USER if os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory(prefix="gcj-pool-", dir="/tmp") as name:  # a socket's path is short
        folder = Path(name)
        settings = folder / "pgbouncer.ini"
        host = make_url(address).query["host"]
        settings.write_text(
            SETTINGS.format(host=host, folder=folder, size=size, seconds=seconds), encoding="utf-8"
        )
        log = folder / "log"
        log.touch()
        if account:
            for path in (folder, log):
                os.chown(path, pwd.getpwnam(account).pw_uid, -1)
            settings.chmod(0o644)
        process = subprocess.Popen(
            [PROGRAM, "-q", str(settings)],
            stdin=subprocess.DEVNULL,
            user=account,
            cwd=folder,
            env=surroundings(),
            preexec_fn=end_with_parent,
        )
        try:
            found = make_url(address).update_query_dict({"host": str(folder), "port": "6432"})
            url = found.render_as_string(hide_password=False)
            wait_for(url, process, log)
            yield url
        finally:
            process.terminate()
            process.wait()
