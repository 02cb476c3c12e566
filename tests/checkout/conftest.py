"""A market beside a visitor's requests, and a provider within the test's own process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask

from tests.market import Market
from tests.payments.provider import Provider


@pytest.fixture
def market(app: Flask) -> Market:
    return Market(app)


@pytest.fixture
def provider(app: Flask) -> Iterator[Provider]:
    """The shop's payment provider while the test runs."""
    app.extensions["payment_gateway"] = found = Provider()
    yield found
    app.extensions.pop("payment_gateway")
