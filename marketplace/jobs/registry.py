"""Which function does which kind of job; filled when the handler modules of blueprints.py are imported."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Handler = Callable[[dict[str, Any]], None]

_handlers: dict[str, Handler] = {}


class UnknownKindError(LookupError):
    """No handler is registered for this kind of job: a mistake of the programmer."""


def handler(kind: str) -> Callable[[Handler], Handler]:
    """Register a function for a kind, such as media.encode. It is called outside any transaction, and perhaps again
    after a crash: it may be repeated without harm."""

    def register(function: Handler) -> Handler:
        if _handlers.get(kind, function).__qualname__ != function.__qualname__:
            raise ValueError(f"two handlers for {kind}")
        _handlers[kind] = function
        return function

    return register


def find(kind: str) -> Handler:
    """The function of a kind, or UnknownKindError."""
    try:
        return _handlers[kind]
    except KeyError:
        raise UnknownKindError(kind) from None
