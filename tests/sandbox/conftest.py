"""One sandbox process for all these tests, emptied before each; none of them needs the shop or its database."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import stripe

from tests.sandbox.process import HookReceiver, SandboxProcess

Make = Callable[..., stripe.checkout.Session]


@pytest.fixture(scope="session")
def receiver() -> Iterator[HookReceiver]:
    found = HookReceiver()
    yield found
    found.stop()


@pytest.fixture(scope="session")
def process(receiver: HookReceiver) -> Iterator[SandboxProcess]:
    with SandboxProcess() as found:
        found.start(receiver.url)
        yield found


@pytest.fixture
def sandbox(process: SandboxProcess) -> SandboxProcess:
    process.control("reset")
    process.control("settings", refund_seconds=0)
    return process


@pytest.fixture
def shop(sandbox: SandboxProcess, receiver: HookReceiver) -> HookReceiver:
    sandbox.wait_until_quiet()
    receiver.clear()
    return receiver


@pytest.fixture
def provider(sandbox: SandboxProcess) -> Iterator[stripe.StripeClient]:
    with_client = stripe.RequestsClient(timeout=20)
    yield client_of(sandbox, with_client)
    with_client.close()


def client_of(
    sandbox: SandboxProcess, http_client: stripe.RequestsClient, key: str | None = None
) -> stripe.StripeClient:
    return stripe.StripeClient(
        key or sandbox.key,
        base_addresses={"api": sandbox.base_url},
        max_network_retries=0,
        http_client=http_client,
    )


def wishes(**changes: Any) -> dict[str, Any]:
    """The two-seller basket: 2 × 49.90 with 10.00 freight, and 58.00; 167.80 in all."""

    def line(name: str, amount: int, quantity: int = 1) -> dict[str, Any]:
        price = {"currency": "cny", "unit_amount": amount, "product_data": {"name": name}}
        return {"quantity": quantity, "price_data": price}

    basket = {
        "mode": "payment",
        "success_url": "http://127.0.0.1:9/done?session={CHECKOUT_SESSION_ID}",
        "cancel_url": "http://127.0.0.1:9/cancel",
        "client_reference_id": "G-7K2M-4410",
        "metadata": {"order_id": "4410"},
        "expires_at": int(time.time()) + 31 * 60,
        "allowed_payment_method_types": ["card", "alipay", "wechat_pay"],
        "payment_intent_data": {"transfer_group": "order-4410", "metadata": {"order_id": "4410"}},
        "line_items": [line("纽荷尔脐橙 10 斤", 4990, 2), line("运费", 1000), line("石城白莲 500 g", 5800)],
    }
    return {name: value for name, value in (basket | changes).items() if value is not None}


@pytest.fixture
def open_session(provider: stripe.StripeClient) -> Make:
    def make(key: str | None = None, **changes: Any) -> stripe.checkout.Session:
        options: Any = {"idempotency_key": key} if key else {}
        given: Any = wishes(**changes)
        return provider.v1.checkout.sessions.create(given, options)

    return make
