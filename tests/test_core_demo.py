"""The demo's data belong into a demo's database and nowhere else (D23)."""

from __future__ import annotations

from datetime import date

import pytest
from flask import Flask
from sqlalchemy import delete

from marketplace import clock, demo, settings
from marketplace.database import db, run_in_transaction
from marketplace.demo import evidence, market
from marketplace.errors import DomainError
from marketplace.settings import Installation


def test_production_database_takes_no_demo_data(app: Flask) -> None:
    with app.app_context():
        run_in_transaction(lambda: db.session.execute(delete(Installation)))
        run_in_transaction(lambda: settings.claim_installation("production"))
        with pytest.raises(DomainError, match="production database"):
            demo.load_market(clock.today())


def test_a_demo_that_begins_to_load_owns_its_database(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "_is_loaded", lambda: True)
    with app.app_context():
        run_in_transaction(lambda: db.session.execute(delete(Installation)))
        demo.load_market(clock.today())
        assert settings.installation_mode() == "demo"


def test_people_and_shops_are_older_than_their_first_order(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """They come and open before the first season, not on the day on which the demo is loaded."""
    came: list[date] = []
    monkeypatch.setattr(demo, "find_by_phone", lambda _phone: None)
    monkeypatch.setattr(demo, "load_people", lambda: came.append(clock.today()))
    monkeypatch.setattr(market, "load", lambda *_values: 0)
    monkeypatch.setattr(evidence, "load", lambda *_values: None)
    with app.app_context():
        demo.load_market(clock.today())
    (opened,) = came
    assert opened < market.list_seasons(clock.today())[0].first
