"""The demo market: people, shops, goods and three years of orders, made through the services; all of it invented."""

from __future__ import annotations

import json
from typing import Any

from marketplace.seeding import SEED

DEMO = SEED / "demo"


def _read(name: str) -> Any:
    return json.loads((DEMO / f"{name}.json").read_text(encoding="utf-8"))


def password() -> str:
    """The same for everybody in the demo."""
    return str(_read("people")["password"])


def people(*, extras: bool = True) -> list[dict[str, Any]]:
    """The demo's people; without extras only those that a visitor is told of."""
    return [person for person in _read("people")["people"] if extras or not person.get("extra")]


def load_people(*, extras: bool = True) -> None:
    """People, roles, shops and their members, in the caller's transaction; does nothing when they are there."""
    from marketplace.demo_people import load  # the services are heavy to import for a list of names

    load(people(extras=extras), _read("sellers"), password())
