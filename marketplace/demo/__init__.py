"""The demo market: people, shops, goods and three years of orders, made through the services; all of it invented."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from typing import Any

from flask import current_app
from flask_migrate import downgrade, upgrade

from marketplace import clock, health, settings
from marketplace.accounts.queries import find_by_phone
from marketplace.database import db, run_in_transaction
from marketplace.errors import DomainError
from marketplace.seeding import SEED, load_reference

DEMO = SEED / "demo"
LOADED = "demo loaded"  # written when everything is there


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
    from marketplace.demo.shops import load  # the services are heavy to import for a list of names

    load(people(extras=extras), _read("sellers"), password())


def _is_loaded() -> bool:
    return db.session.get(health.Heartbeat, LOADED) is not None


def load_market(day: date) -> str:
    """Everything, once: people, shops, goods, orders; a load that was cut off is begun anew on empty tables."""
    from marketplace.demo import evidence, market  # loaded by their command alone: they know every package

    if not current_app.config["SETTINGS"].demo:
        raise DomainError("demo data belongs into a demo only: DEMO is 0 here")
    run_in_transaction(lambda: settings.claim_installation("demo"))
    if _is_loaded():
        return "the demo is loaded already"
    if find_by_phone(people()[0]["phone"]):
        _start_over()
    with clock.at(opening(market.list_seasons(day)[0].first)):
        run_in_transaction(load_people)
    count = market.load(day, people(), _read("sellers"), _read("products"))
    evidence.load(day, people(), _read("sellers"))
    run_in_transaction(lambda: health.beat(LOADED))
    return f"{count} orders loaded"


def opening(first_goods: date) -> datetime:
    """When the demo's people came and its shops opened: well before the first goods and orders."""
    return clock.start_of_day(first_goods - timedelta(days=40)) + timedelta(hours=2)


def _start_over() -> None:
    """Empty a demo database; the installation row makes sure that it is no other."""
    run_in_transaction(lambda: settings.claim_installation("demo"))
    db.session.remove()
    downgrade(revision="base")
    upgrade()
    run_in_transaction(lambda: settings.claim_installation("demo"))
    run_in_transaction(load_reference)


def accounts() -> list[dict[str, Any]]:
    """What a visitor needs to be any of the demo's people."""
    return [
        {
            "phone": person["phone"],
            "password": password(),
            "name": person["name"],
            "role": person["role"],
            "place": person["place"],
            "totp_secret": person.get("totp"),
        }
        for person in people(extras=False)
    ]
