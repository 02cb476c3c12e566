"""Every answer has the keys of Stripe's published examples and parses in the SDK that the shop uses."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import stripe

from tests.sandbox.process import HookReceiver, SandboxProcess

pytestmark = pytest.mark.nodatabase

RESOURCES = json.loads(
    (Path(__file__).parents[2] / "sandbox/stripe/fixtures3.json").read_text(encoding="utf-8")
)["resources"]
KINDS: dict[str, type[stripe.StripeObject]] = {
    "balance_transaction": stripe.BalanceTransaction,
    "charge": stripe.Charge,
    "checkout.session": stripe.checkout.Session,
    "dispute": stripe.Dispute,
    "event": stripe.Event,
    "payment_intent": stripe.PaymentIntent,
    "refund": stripe.Refund,
}
# Keys whose contents are free or whose variants the example shows only one of.
FREE = {
    "data",
    "last_payment_error",
    "metadata",
    "payment_method_details",
    "payment_method_options",
    "request",
}
FREE |= {"destination_details"}


def assert_shaped(answer: stripe.StripeObject) -> None:
    kind = answer["object"]
    body = answer.to_dict()
    example = RESOURCES[kind]
    assert not example.keys() - body.keys()
    for name, value in body.items():
        if name not in FREE and isinstance(value, dict) and isinstance(example.get(name), dict):
            assert not example[name].keys() - value.keys(), name
    typed = KINDS[kind]
    assert isinstance(answer, typed)
    known = set(typed.__annotations__) | set(example)
    assert not body.keys() - known, "the sandbox answers with keys that Stripe does not have"
    required = {
        name
        for name, of in typed.__annotations__.items()
        if "Optional" not in str(of) and "None" not in str(of)
    }
    assert not {name for name in required & body.keys() if body[name] is None}


def test_every_object_of_a_paid_and_refunded_order_is_shaped_as_stripes(
    provider: stripe.StripeClient,
    open_session: Callable[..., stripe.checkout.Session],
    sandbox: SandboxProcess,
) -> None:
    session = open_session()
    assert_shaped(session)
    for method in ("card", "alipay", "wechat_pay"):
        session = open_session()
        sandbox.control(f"sessions/{session.id}/decline", method=method)
        sandbox.control(f"sessions/{session.id}/pay", method=method)
        session = provider.v1.checkout.sessions.retrieve(session.id)
        assert_shaped(session)
        assert isinstance(session.payment_intent, str)
        intent = provider.v1.payment_intents.retrieve(session.payment_intent)
        assert_shaped(intent)
        assert isinstance(intent.latest_charge, str)
        charge = provider.v1.charges.retrieve(intent.latest_charge)
        assert_shaped(charge)
        assert charge.payment_method_details is not None
        assert charge.payment_method_details.type == method
        assert isinstance(charge.balance_transaction, str)
        assert_shaped(provider.v1.balance_transactions.retrieve(charge.balance_transaction))
        refund = provider.v1.refunds.create({"payment_intent": intent.id})
        assert_shaped(refund)
        sandbox.control(f"refunds/{refund.id}/fail")
        assert_shaped(provider.v1.refunds.retrieve(refund.id))
        dispute = sandbox.control(f"charges/{charge.id}/dispute")["id"]
        assert_shaped(provider.v1.disputes.retrieve(dispute))
        sandbox.control(f"disputes/{dispute}/win")
    for service in (
        provider.v1.checkout.sessions,
        provider.v1.payment_intents,
        provider.v1.charges,
        provider.v1.balance_transactions,
        provider.v1.refunds,
        provider.v1.disputes,
        provider.v1.events,
    ):
        found: Any = service
        items = list(found.list({"limit": 5}).auto_paging_iter())
        assert items
        for item in items:
            assert_shaped(item)


def test_line_items_are_shaped_as_stripes(
    provider: stripe.StripeClient, open_session: Callable[..., stripe.checkout.Session]
) -> None:
    session = open_session()
    lines = provider.v1.checkout.sessions.line_items.list(session.id).data
    assert [line.amount_total for line in lines] == [9980, 1000, 5800]
    for line in lines:
        assert not RESOURCES["item"].keys() - line.to_dict().keys()
        assert not RESOURCES["item"]["price"].keys() - line.to_dict()["price"].keys()
        assert "price" in stripe.LineItem.__annotations__


def test_ids_are_expanded_on_request(
    provider: stripe.StripeClient,
    open_session: Callable[..., stripe.checkout.Session],
    sandbox: SandboxProcess,
) -> None:
    session = open_session()
    sandbox.control(f"sessions/{session.id}/pay")
    deep = provider.v1.checkout.sessions.retrieve(
        session.id, {"expand": ["line_items", "payment_intent.latest_charge.balance_transaction"]}
    )
    assert isinstance(deep.payment_intent, stripe.PaymentIntent)
    assert isinstance(deep.payment_intent.latest_charge, stripe.Charge)
    movement = deep.payment_intent.latest_charge.balance_transaction
    assert isinstance(movement, stripe.BalanceTransaction)
    assert (movement.amount, movement.fee, movement.net) == (16780, 487, 16293)
    assert deep.line_items is not None
    assert len(deep.line_items.data) == 3
    with pytest.raises(stripe.InvalidRequestError, match="cannot be expanded"):
        provider.v1.checkout.sessions.retrieve(session.id, {"expand": ["metadata"]})


def test_lists_page_filter_and_refuse_wrong_cursors(
    provider: stripe.StripeClient,
    open_session: Callable[..., stripe.checkout.Session],
    sandbox: SandboxProcess,
) -> None:
    made = [open_session().id for _ in range(5)]
    sandbox.control(f"sessions/{made[0]}/expire")
    sessions = provider.v1.checkout.sessions
    assert [each.id for each in sessions.list({"limit": 2}).auto_paging_iter()] == made[::-1]
    assert [each.id for each in sessions.list({"status": "expired"}).data] == made[:1]
    assert [each.id for each in sessions.list({"ending_before": made[2], "limit": 1}).data] == [made[3]]
    assert sessions.list({"created": {"gt": 9_999_999_999}}).data == []
    events = provider.v1.events.list({"types": ["checkout.session.expired", "charge.refunded"]}).data
    assert [event.data.object["id"] for event in events] == made[:1]
    with pytest.raises(stripe.InvalidRequestError, match="No such"):
        sessions.list({"starting_after": "cs_test_none"})
    with pytest.raises(stripe.InvalidRequestError, match="Limit"):
        sessions.list({"limit": 101})


def test_the_sdk_verifies_every_delivery(
    open_session: Callable[..., stripe.checkout.Session], sandbox: SandboxProcess, shop: HookReceiver
) -> None:
    from tests.sandbox.process import SECRET

    session = open_session()
    sandbox.control(f"sessions/{session.id}/pay")
    shop.wait_for("checkout.session.completed")
    sandbox.wait_until_quiet()
    for headers, body in shop.received:
        event = stripe.Webhook.construct_event(body, headers["Stripe-Signature"], SECRET)
        assert_shaped(event)
        assert event.api_version == str(stripe.api_version)
