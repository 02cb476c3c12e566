"""Acts that start at the same moment, each in a thread with its own application context and connection."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from flask import Flask

from marketplace import clock
from marketplace.database import db


def at_once(app: Flask, acts: Sequence[Callable[[], Any]]) -> list[Any]:
    """What each act returned, or the exception it raised, in the order of the acts."""
    gate = threading.Barrier(len(acts))
    moment = clock.now()

    def carry_out(act: Callable[[], Any]) -> Any:
        with app.app_context(), clock.at(moment):
            gate.wait()
            try:
                return act()
            except Exception as error:  # the test looks at it
                return error
            finally:
                db.session.remove()

    with ThreadPoolExecutor(len(acts)) as pool:
        results = list(pool.map(carry_out, acts))
    db.session.rollback()  # the test itself looks at what is there now, not at its own older snapshot
    return results
