"""Lost answers, time-outs, errors and kills: the same key gives one effect, whatever the shop has heard of it."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import stripe

from tests.sandbox.conftest import client_of, wishes
from tests.sandbox.process import SandboxProcess

pytestmark = pytest.mark.nodatabase

Make = Callable[..., stripe.checkout.Session]


def count(sandbox: SandboxProcess) -> int:
    return len(sandbox.look("sessions")["sessions"])


def test_a_key_replays_its_first_answer(open_session: Make, sandbox: SandboxProcess) -> None:
    moment = int(time.time()) + 2_000
    first = open_session("order-1", expires_at=moment)
    again = open_session("order-1", expires_at=moment)
    assert first.to_dict() == again.to_dict()
    assert again.last_response is not None
    assert again.last_response.headers["Idempotent-Replayed"] == "true"
    assert count(sandbox) == 1


def test_a_key_with_other_parameters_is_refused(open_session: Make, sandbox: SandboxProcess) -> None:
    open_session("order-1")
    with pytest.raises(stripe.IdempotencyError) as refusal:
        open_session("order-1", client_reference_id="another")
    assert refusal.value.http_status == 400
    assert count(sandbox) == 1


def test_a_key_still_under_way_is_a_conflict(open_session: Make, sandbox: SandboxProcess) -> None:
    moment = int(time.time()) + 2_000
    sandbox.control("faults", kind="delay", when="before", seconds=1.5)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(open_session, "order-1", expires_at=moment)
        time.sleep(0.5)
        with pytest.raises(stripe.APIError) as refusal:
            open_session("order-1", expires_at=moment)
        assert refusal.value.http_status == 409
        assert first.result().status == "open"
    assert count(sandbox) == 1


def test_a_key_is_not_spent_on_a_request_that_failed_validation(open_session: Make) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        open_session("order-1", payment_method_types=["card"])
    assert open_session("order-1").status == "open"


def test_a_refused_refund_is_replayed_too(
    open_session: Make, sandbox: SandboxProcess, provider: stripe.StripeClient
) -> None:
    session = open_session()
    sandbox.control(f"sessions/{session.id}/pay")
    intent = str(provider.v1.checkout.sessions.retrieve(session.id).payment_intent)
    for _ in range(2):
        with pytest.raises(stripe.InvalidRequestError) as refusal:
            provider.v1.refunds.create({"payment_intent": intent, "amount": 99999}, {"idempotency_key": "r"})
    assert refusal.value.headers is not None
    assert refusal.value.headers["Idempotent-Replayed"] == "true"


def test_a_key_is_forgotten_after_a_day(open_session: Make, sandbox: SandboxProcess) -> None:
    first = open_session("order-1", expires_at=None)
    sandbox.control("clock", advance=90_000)
    assert open_session("order-1", expires_at=None).id != first.id


@pytest.mark.parametrize(
    ("fault", "error", "effects"),
    [
        ({"kind": "drop", "when": "before"}, stripe.APIConnectionError, 0),
        ({"kind": "drop", "when": "after"}, stripe.APIConnectionError, 1),
        ({"kind": "error", "when": "before", "status": 500}, stripe.APIError, 0),
        ({"kind": "error", "when": "before", "status": 429}, stripe.RateLimitError, 0),
        ({"kind": "error", "when": "after", "status": 429}, stripe.RateLimitError, 1),
        ({"kind": "error", "when": "after", "status": 503, "remembered": False}, stripe.APIError, 1),
    ],
    ids=str,
)
def test_asking_again_with_the_same_key_gives_one_effect(
    open_session: Make,
    sandbox: SandboxProcess,
    fault: dict[str, object],
    error: type[Exception],
    effects: int,
) -> None:
    moment = int(time.time()) + 2_000
    sandbox.control("faults", **fault)
    with pytest.raises(error):
        open_session("order-1", expires_at=moment)
    assert count(sandbox) == effects
    assert open_session("order-1", expires_at=moment).status == "open"
    assert count(sandbox) == 1
    assert sandbox.look("faults")["faults"] == []


def test_a_500_after_the_effect_is_what_the_key_replays(
    open_session: Make, sandbox: SandboxProcess, provider: stripe.StripeClient
) -> None:
    moment = int(time.time()) + 2_000
    sandbox.control("faults", kind="error", when="after")
    for _ in range(2):
        with pytest.raises(stripe.APIError):
            open_session("order-1", expires_at=moment)
    [found] = provider.v1.checkout.sessions.list().data
    assert found.client_reference_id == "G-7K2M-4410"


def test_a_slow_answer_is_a_timeout_with_an_effect(open_session: Make, sandbox: SandboxProcess) -> None:
    sandbox.control("faults", kind="delay", when="after", seconds=2)
    impatient = stripe.RequestsClient(timeout=0.5)
    given: object = wishes()
    with pytest.raises(stripe.APIConnectionError):
        client_of(sandbox, impatient).v1.checkout.sessions.create(given)  # type: ignore[arg-type]
    impatient.close()
    assert count(sandbox) == 1


def test_faults_can_be_limited_to_one_path_and_last_until_cleared(
    open_session: Make, sandbox: SandboxProcess, provider: stripe.StripeClient
) -> None:
    sandbox.control("faults", kind="drop", when="before", path="/v1/refunds*", times=0)
    open_session()
    for _ in range(2):
        with pytest.raises(stripe.APIConnectionError):
            provider.v1.refunds.list()
    sandbox.control("faults/clear")
    assert provider.v1.refunds.list().data == []
    with pytest.raises(ValueError, match="kind is one of"):
        sandbox.control("faults", kind="earthquake")


def test_requests_are_counted(open_session: Make, sandbox: SandboxProcess) -> None:
    open_session("order-1")
    [entry] = [each for each in sandbox.look("requests")["requests"] if each["idempotency_key"] == "order-1"]
    assert (entry["method"], entry["path"], entry["outcome"]) == ("POST", "/v1/checkout/sessions", "200")


def test_everything_survives_a_kill(tmp_path: Path) -> None:
    process = SandboxProcess(tmp_path).start()
    http_client = stripe.RequestsClient(timeout=20)
    given: object = wishes()
    try:
        provider = client_of(process, http_client)
        session = provider.v1.checkout.sessions.create(given, {"idempotency_key": "order-1"})  # type: ignore[arg-type]
        process.control(f"sessions/{session.id}/pay")
        process.kill()
        process.start()
        provider = client_of(process, http_client)
        assert provider.v1.checkout.sessions.retrieve(session.id).payment_status == "paid"
        again = provider.v1.checkout.sessions.create(given, {"idempotency_key": "order-1"})  # type: ignore[arg-type]
        assert again.id == session.id
        assert [event.type for event in provider.v1.events.list().data].count(
            "checkout.session.completed"
        ) == 1
    finally:
        http_client.close()
        process.stop()
