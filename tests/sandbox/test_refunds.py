"""Refunds: never more than was paid, whole or in part, with a state that can turn bad later."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import stripe

from tests.sandbox.process import HookReceiver, SandboxProcess

pytestmark = pytest.mark.nodatabase


@pytest.fixture
def intent(
    open_session: Callable[..., stripe.checkout.Session],
    sandbox: SandboxProcess,
    provider: stripe.StripeClient,
) -> str:
    """A paid PaymentIntent of 167.80."""
    session = open_session()
    sandbox.control(f"sessions/{session.id}/pay", method="card")
    return str(provider.v1.checkout.sessions.retrieve(session.id).payment_intent)


def test_partial_refunds_add_up_to_the_charge_and_no_further(
    provider: stripe.StripeClient, intent: str, shop: HookReceiver, sandbox: SandboxProcess
) -> None:
    first = provider.v1.refunds.create({"payment_intent": intent, "amount": 5800, "metadata": {"line": "2"}})
    assert (first.amount, first.status, first.currency) == (5800, "succeeded", "cny")
    with pytest.raises(
        stripe.InvalidRequestError, match=r"greater than unrefunded amount on charge \(¥109.80\)"
    ):
        provider.v1.refunds.create({"payment_intent": intent, "amount": 10981})
    rest = provider.v1.refunds.create({"payment_intent": intent, "reason": "requested_by_customer"})
    assert rest.amount == 10980
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        provider.v1.refunds.create({"payment_intent": intent})
    assert refusal.value.code == "charge_already_refunded"
    found = provider.v1.refunds.list({"payment_intent": intent}).data
    assert [each.id for each in found] == [rest.id, first.id]
    sandbox.wait_until_quiet()
    assert shop.types().count("charge.refunded") == 2
    assert shop.types().count("refund.created") == 2
    assert shop.types().count("refund.updated") == 2


def test_twenty_refunds_of_a_third_at_once_never_exceed_the_charge(
    provider: stripe.StripeClient, intent: str, sandbox: SandboxProcess
) -> None:
    def refund(_: int) -> bool:
        try:
            provider.v1.refunds.create({"payment_intent": intent, "amount": 5593})
        except stripe.InvalidRequestError:
            return False
        return True

    with ThreadPoolExecutor(10) as pool:
        assert sum(pool.map(refund, range(20))) == 3
    [charge] = sandbox.look("charges")["charges"]
    assert charge["amount_refunded"] == 3 * 5593


@pytest.mark.parametrize("amount", [0, -1])
def test_a_refund_must_be_positive(provider: stripe.StripeClient, intent: str, amount: int) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="positive"):
        provider.v1.refunds.create({"payment_intent": intent, "amount": amount})


def test_a_refund_waits_until_the_bank_has_sent_it(
    provider: stripe.StripeClient, intent: str, shop: HookReceiver, sandbox: SandboxProcess
) -> None:
    sandbox.control("settings", refund_seconds=60)
    refund = provider.v1.refunds.create({"payment_intent": intent})
    assert refund.status == "pending"
    sandbox.control("clock", advance=61)
    [event] = shop.wait_for("refund.updated")
    assert event["data"]["object"]["status"] == "succeeded"
    assert event["data"]["previous_attributes"] == {"status": "pending"}


def test_a_refund_that_fails_can_be_made_again(
    provider: stripe.StripeClient, intent: str, shop: HookReceiver, sandbox: SandboxProcess
) -> None:
    refund = provider.v1.refunds.create({"payment_intent": intent})
    sandbox.control(f"refunds/{refund.id}/fail")
    shop.wait_for("refund.failed")
    failed = provider.v1.refunds.retrieve(refund.id, {"expand": ["failure_balance_transaction"]})
    assert failed.status == "failed"
    assert isinstance(failed.failure_balance_transaction, stripe.BalanceTransaction)
    assert failed.failure_balance_transaction.amount == 16780
    sandbox.control("settings", refund_outcome="stay")
    again = provider.v1.refunds.create({"payment_intent": intent})
    assert again.status == "pending"
    sandbox.control(f"refunds/{again.id}/succeed")
    assert provider.v1.refunds.retrieve(again.id).status == "succeeded"
    assert sum(each.net for each in provider.v1.balance_transactions.list().data) == -487


def test_refunds_can_be_made_to_fail_beforehand(
    provider: stripe.StripeClient, intent: str, sandbox: SandboxProcess
) -> None:
    sandbox.control("settings", refund_outcome="fail")
    assert provider.v1.refunds.create({"payment_intent": intent}).status == "failed"


def test_an_unpaid_payment_cannot_be_refunded(
    open_session: Callable[..., stripe.checkout.Session],
    provider: stripe.StripeClient,
    sandbox: SandboxProcess,
) -> None:
    session = open_session()
    sandbox.control(f"sessions/{session.id}/decline")
    unpaid = str(provider.v1.checkout.sessions.retrieve(session.id).payment_intent)
    with pytest.raises(stripe.InvalidRequestError, match="does not have a successful charge"):
        provider.v1.refunds.create({"payment_intent": unpaid})
    with pytest.raises(stripe.InvalidRequestError, match="No such payment_intent"):
        provider.v1.refunds.create({"payment_intent": "pi_none"})
    with pytest.raises(stripe.InvalidRequestError, match="payment_intent or charge"):
        provider.v1.refunds.create({"amount": 100})


def test_a_payment_of_demo_data_can_be_given_back_and_no_more_than_it_was(provider: stripe.StripeClient) -> None:
    intent = "pi_demo_383464114301533620_5560"
    assert provider.v1.refunds.create({"payment_intent": intent, "amount": 560}).amount == 560
    with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded amount"):
        provider.v1.refunds.create({"payment_intent": intent, "amount": 5560})
    with pytest.raises(stripe.InvalidRequestError, match="No such payment_intent"):
        provider.v1.refunds.create({"payment_intent": "pi_demo_of_nobody"})
