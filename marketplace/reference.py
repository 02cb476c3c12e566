"""Reference rows as plain values, kept by a process once they were read.

Places and the words of the trade change with a release alone (seeding.load_reference), and a release starts every
process anew; so pages and acts join none of these tables and ask for none of their rows twice.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TypeVar

from flask import current_app

T = TypeVar("T")


def kept(key: Hashable, load: Callable[[], T], *, holds: Hashable = None) -> T:
    """What load() gives, asked once, and again when it does not hold what is looked for.

    Nothing found is not kept, so that invented keys take no memory.
    """
    known: dict[Hashable, T] = current_app.extensions.setdefault("reference", {})
    found = known.get(key)
    if found is None or (holds is not None and holds not in found):  # type: ignore[operator]  # a mapping then
        found = load()
        if found:
            known[key] = found
    return found


def forget() -> None:
    """After reference rows were written by this process."""
    current_app.extensions.pop("reference", None)
