"""Deliveries: at least once, tried again, held, doubled, reordered and signed at another time when told to."""

import time
from collections.abc import Callable
from typing import Any

import pytest
import stripe

from tests.sandbox.process import SECRET, HookReceiver, SandboxProcess

pytestmark = pytest.mark.nodatabase

Make = Callable[..., stripe.checkout.Session]


def event_of(sandbox: SandboxProcess, event_type: str) -> dict[str, Any]:
    return next(event for event in sandbox.look("events")["events"] if event["type"] == event_type)


def test_a_delivery_is_tried_again_until_it_is_taken(
    open_session: Make, sandbox: SandboxProcess, shop: HookReceiver
) -> None:
    session = open_session()
    shop.statuses = [500]
    sandbox.control(f"sessions/{session.id}/expire")
    first, second = shop.wait_for("checkout.session.expired", count=2)
    assert first["id"] == second["id"]
    sandbox.wait_until_quiet()
    [delivery] = event_of(sandbox, "checkout.session.expired")["deliveries"]
    assert (delivery["state"], delivery["answers"]) == ("delivered", "[500, 200]")


def test_a_redirect_is_no_acceptance(open_session: Make, sandbox: SandboxProcess, shop: HookReceiver) -> None:
    session = open_session()
    shop.statuses = [302]
    sandbox.control(f"sessions/{session.id}/expire")
    shop.wait_for("checkout.session.expired", count=2)


def test_an_acceptance_can_be_lost_on_the_way(
    open_session: Make, sandbox: SandboxProcess, shop: HookReceiver
) -> None:
    session = open_session()
    sandbox.control("settings", forget_next=1)
    sandbox.control(f"sessions/{session.id}/expire")
    shop.wait_for("checkout.session.expired", count=2)


def test_an_event_can_come_twice_by_itself(
    open_session: Make, sandbox: SandboxProcess, shop: HookReceiver
) -> None:
    session = open_session()
    sandbox.control("settings", duplicate_next=1)
    sandbox.control(f"sessions/{session.id}/expire")
    first, second = shop.wait_for("checkout.session.expired", count=2)
    assert first["id"] == second["id"]


def test_held_events_are_delivered_in_the_order_asked_for(
    open_session: Make, sandbox: SandboxProcess, shop: HookReceiver, provider: stripe.StripeClient
) -> None:
    sandbox.control("settings", hold_deliveries=True)
    session = open_session()
    sandbox.control(f"sessions/{session.id}/decline")
    sandbox.control(f"sessions/{session.id}/pay")
    time.sleep(0.3)
    assert shop.received == []
    wanted = ["checkout.session.completed", "payment_intent.payment_failed", "payment_intent.created"]
    ids = [event_of(sandbox, each)["id"] for each in wanted]
    answers = sandbox.control("deliver", events=ids)["answers"]
    assert [each["status"] for each in answers] == [200, 200, 200]
    assert shop.types() == wanted
    assert sandbox.control("release", order="reverse")["released"] == 3
    shop.wait_for("charge.succeeded")
    sandbox.wait_until_quiet()
    assert len(shop.received) == 6
    assert {event.pending_webhooks for event in provider.v1.events.list().data} == {0}


def test_an_event_can_be_delivered_again_by_hand_also_under_a_new_id(
    open_session: Make, sandbox: SandboxProcess, shop: HookReceiver
) -> None:
    session = open_session()
    sandbox.control(f"sessions/{session.id}/expire")
    [event] = shop.wait_for("checkout.session.expired")
    sandbox.control(f"events/{event['id']}/deliver", times=2)
    [answer] = sandbox.control(f"events/{event['id']}/deliver", new_identity=True)["answers"]
    ids = [each["id"] for each in shop.events()]
    assert ids.count(event["id"]) == 3
    assert ids.count(answer["event"]) == 1
    assert answer["event"] != event["id"]


def test_a_delivery_can_carry_an_old_signature(
    open_session: Make, sandbox: SandboxProcess, shop: HookReceiver
) -> None:
    session = open_session()
    sandbox.control(f"sessions/{session.id}/expire")
    [event] = shop.wait_for("checkout.session.expired")
    shop.clear()
    sandbox.control(f"events/{event['id']}/deliver", signed_at=int(time.time()) - 3_600)
    [(headers, body)] = shop.received
    with pytest.raises(stripe.SignatureVerificationError, match="outside the tolerance zone"):
        stripe.Webhook.construct_event(body, headers["Stripe-Signature"], SECRET)


def test_deliveries_can_be_delayed(open_session: Make, sandbox: SandboxProcess, shop: HookReceiver) -> None:
    sandbox.control("settings", delivery_delay=3_600)
    session = open_session()
    sandbox.control(f"sessions/{session.id}/expire")
    time.sleep(0.3)
    assert shop.received == []
