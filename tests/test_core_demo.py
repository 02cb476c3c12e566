"""The demo's data belong into a demo's database and nowhere else (D23)."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import delete

from marketplace import clock, demo, settings
from marketplace.database import db, run_in_transaction
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
