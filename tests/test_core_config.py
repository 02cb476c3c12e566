"""What operators set: typed, refused with a sentence, and never a demo in production's clothes."""

from __future__ import annotations

from pathlib import Path

import pytest

from config import DEMO_SECRET, Config, ConfigError
from marketplace.security import create_keys


@pytest.fixture
def production(tmp_path: Path) -> dict[str, str]:
    """An environment with which production starts."""
    keys = tmp_path / "keys"
    create_keys(keys)
    return {
        "DEMO": "0",
        "DATA_DIR": str(tmp_path / "data"),
        "KEY_FILE": str(keys),
        "DATABASE_URL": "postgresql://shop@db/shop",
        "SECRET_KEY": "x" * 40,
        "STRIPE_API_KEY": "sk_live_x",
        "STRIPE_WEBHOOK_SECRET": "whsec_x",
        "PUBLIC_URL": "https://shop.example/",
        "MAIL_URL": "smtp://mail.example",
        "TRUSTED_HOSTS": "shop.example",
    }


def test_production_with_everything_set_has_no_problems(production: dict[str, str]) -> None:
    config = Config.from_environment(production)
    assert config.problems() == []
    assert config.secure
    assert config.site_url == "https://shop.example"
    assert config.provider_url == ""
    assert config.database == "postgresql+psycopg://shop@db/shop"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SECRET_KEY", DEMO_SECRET),
        ("SECRET_KEY", "short"),
        ("STRIPE_API_KEY", "sk_test_sandbox_demo"),
        ("STRIPE_WEBHOOK_SECRET", "whsec_demo_not_for_production"),
        ("STRIPE_API_KEY", ""),
        ("STRIPE_WEBHOOK_SECRET", ""),
        ("TRUSTED_HOSTS", "other.example"),
        ("TRUSTED_HOSTS", ""),
        ("PUBLIC_URL", "http://shop.example"),
        ("PUBLIC_URL", ""),
        ("KEY_FILE", "nowhere"),
        ("MAIL_URL", ""),
    ],
)
def test_each_thing_that_forbids_production_is_named(production: dict[str, str], name: str, value: str) -> None:
    (sentence,) = Config.from_environment(production | {name: value}).problems()
    assert name in sentence
    assert ":" in sentence


def test_keys_do_not_lie_beside_what_they_close(production: dict[str, str], tmp_path: Path) -> None:
    inside = tmp_path / "data" / "keys"
    create_keys(inside)
    (sentence,) = Config.from_environment(production | {"KEY_FILE": str(inside)}).problems()
    assert "inside DATA_DIR" in sentence


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "http"),
        ("PORT", ""),
        ("PROXY_HOPS", "one"),
        ("DEMO", "yes"),
        ("DEMO", ""),
        ("DATABASE_URL", "mysql://x"),
        ("MAIL_URL", "http://x"),
        ("SMS_URL", "smtp://x"),
        ("WEB_THREADS", "1.5"),
    ],
)
def test_what_cannot_be_read_is_named_with_what_to_write(name: str, value: str) -> None:
    with pytest.raises(ConfigError, match=name):
        Config.from_environment({name: value})


def test_the_demo_needs_nothing(tmp_path: Path) -> None:
    config = Config.from_environment({})
    assert config.demo
    assert config.problems() == []
    assert config.database.startswith("sqlite:///")
    assert config.provider_url == "http://127.0.0.1:8001"
    assert config.message_folder.startswith("file:")
    assert config.trusted_hosts == ("localhost", "127.0.0.1")


def test_values_are_read_once_and_cannot_be_changed() -> None:
    config = Config.from_environment({"TRUSTED_HOSTS": " shop.example , www.shop.example,"})
    assert config.trusted_hosts == ("shop.example", "www.shop.example")
    with pytest.raises(AttributeError):
        config.port = 1  # type: ignore[misc]
