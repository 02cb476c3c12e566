"""The web server: waitress on a socket that is bound once and shared by all web processes (D9).

Waitress reads a whole body before it takes a thread, so that a photo that trickles in over a weak network blocks
nobody. Production stands behind nginx, which speaks TLS.
"""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import resource
import signal
import socket
import sys
import time
from typing import TYPE_CHECKING, Any

from waitress.server import create_server

from config import Config
from marketplace import MAX_REQUEST, create_app, metrics, overload, templating
from marketplace.database import SAFE_SQLITE, engine_options, held_open

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask import Flask
    from waitress.server import TcpWSGIServer

HOST = "127.0.0.1"
DRAIN_SECONDS = 8  # ./run waits longer than this before it kills
# Slow uploads and idle keep-alive connections of one process. More wait unaccepted, so there is room for a whole sale.
CONNECTIONS = 2500
SPARE_FILES = 200  # database, pictures, logs, bodies that are spooled
IDLE_SECONDS = 60  # without a byte, after which a connection makes room: a phone in the hills is given that long
RESPAWN_SECONDS = 1.0
FRESH_SECONDS = 1.0  # within which a connection that was just taken sends the first of its request
HANDED_OVER = 3  # the number at which a service manager passes a socket: sd_listen_fds(3)


def main() -> int:
    """Serve until SIGTERM or SIGINT; requests that have begun are answered first."""
    signal.signal(signal.SIGTERM, lambda *_about: sys.exit(0))  # until there is something to be ended in order
    settings = Config.from_environment(serving=True)
    metrics.forget_dead(settings)
    with bind(settings.port) as listener:
        count = process_count(settings)
        app = create_app(settings)
        if count == 1:
            serve(settings, app, listener)
            return 0
        templating.compile_all(app)  # once for all: the first buyers of a rush do not wait for it in each process
        gc.freeze()  # what is there now is shared by all of them
        supervisor = os.getpid()
        return supervise(count, lambda: serve(settings, app, listener, supervisor))


def bind(port: int) -> socket.socket:
    """The socket that a service manager holds and hands over, whose connections outlive us; else one of our own."""
    if os.environ.get("LISTEN_PID") == str(os.getpid()) and os.environ.get("LISTEN_FDS") == "1":
        return socket.socket(fileno=HANDED_OVER)
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((HOST, port))
    listener.listen(1024)
    return listener


def process_count(settings: Config) -> int:
    """As many as asked for; one where several could lose a write of SQLite's (fault before 3.51.3, D9)."""
    driver = engine_options(settings.database, settings.web_threads).get("module")
    if driver and driver.sqlite_version_info < SAFE_SQLITE:
        print(
            f"SQLite {driver.sqlite_version} is older than 3.51.3: one web process only. "
            "Use PostgreSQL, or a Python for which pysqlite3 has a wheel.",
            file=sys.stderr,
        )
        return 1
    return max(1, settings.web_processes)


def serve(settings: Config, app: Flask, listener: socket.socket, supervisor: int | None = None) -> None:
    """One web process: the application, which has no connections yet, and its server. It ends with its supervisor."""
    # A request that waits some milliseconds for a thread is no event.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    metrics.start(settings)
    server: TcpWSGIServer = create_server(
        overload.note_waiting(app),
        sockets=[listener],
        _dispatcher=overload.dispatcher(settings.web_threads),
        connection_limit=connection_limit(),
        channel_timeout=IDLE_SECONDS,
        cleanup_interval=IDLE_SECONDS // 6,
        # Twice the application's own limit: up to here it can still answer with a page of its own.
        max_request_body_size=2 * MAX_REQUEST,
        # Behind proxies the application itself counts the hops; in front of none their headers are lies.
        clear_untrusted_proxy_headers=not settings.proxy_hops,
        asyncore_use_poll=True,
        ident="",
    )
    stopping = False

    def stop(_number: int, _frame: Any) -> None:
        nonlocal stopping
        stopping = True
        server.pull_trigger()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    with held_open(settings.database):
        turn(server, until=lambda: stopping or (supervisor is not None and os.getppid() != supervisor))
        server.del_channel()  # accept nothing new; the socket itself may be another process's as well
        give_up = time.monotonic() + DRAIN_SECONDS
        turn(server, until=lambda: not is_busy(server) or time.monotonic() > give_up)
        server.task_dispatcher.shutdown(timeout=1)


def connection_limit() -> int:
    """As many as wanted, as far as the system gives files for them."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CONNECTIONS + SPARE_FILES
    files = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(files, _soft), hard))
    return files - SPARE_FILES


def turn(server: TcpWSGIServer, *, until: Callable[[], bool]) -> None:
    while not until():
        server.asyncore.loop(timeout=0.5, use_poll=True, map=server._map, count=1)


def is_busy(server: TcpWSGIServer) -> bool:
    """Whether a request is being read, answered or sent, or is about to come on a connection that was just taken."""
    fresh = time.time() - FRESH_SECONDS
    return any(
        channel.request
        or channel.requests
        or channel.total_outbufs_len
        or (channel.last_activity == channel.creation_time > fresh)
        for channel in server.active_channels.values()
    )


def supervise(count: int, work: Callable[[], None]) -> int:
    """Keep so many processes alive; one that dies is replaced, all of them end together."""
    alive: set[int] = set()
    stopping = False

    def stop(_number: int, _frame: Any) -> None:
        nonlocal stopping
        stopping = True
        for child in alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGTERM)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    while alive or not stopping:
        while len(alive) < count and not stopping:
            alive.add(fork(work))
        with contextlib.suppress(ChildProcessError):
            child, status = os.wait()
            alive.discard(child)
            if not stopping:
                print(
                    f"web process {child} ended with {os.waitstatus_to_exitcode(status)}: replaced",
                    file=sys.stderr,
                )
                time.sleep(RESPAWN_SECONDS)
    return 0


def fork(work: Callable[[], None]) -> int:
    """The number of a new process that does the work and ends."""
    # A signal between the fork and the child's own handlers must not run the parent's.
    signals = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    child = os.fork()
    if child:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, signals)
        return child
    status = 1
    try:
        for number in signals:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, signals)
        work()
        status = 0
    except Exception:
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    sys.exit(main())
