"""Disputes: the bank takes the money and the fee, then decides; every step is told and can be read again."""

from collections.abc import Callable

import pytest
import stripe

from tests.sandbox.process import HookReceiver, SandboxProcess, browse

pytestmark = pytest.mark.nodatabase


@pytest.fixture
def charge(
    open_session: Callable[..., stripe.checkout.Session],
    sandbox: SandboxProcess,
    provider: stripe.StripeClient,
) -> str:
    """A charge of 167.80."""
    session = open_session()
    sandbox.control(f"sessions/{session.id}/pay", method="card")
    [found] = sandbox.look("charges")["charges"]
    return str(found["charge"])


def balance(provider: stripe.StripeClient) -> int:
    return sum(each.net for each in provider.v1.balance_transactions.list().data)


def test_the_bank_takes_the_money_and_the_fee(
    provider: stripe.StripeClient, charge: str, shop: HookReceiver, sandbox: SandboxProcess
) -> None:
    before = balance(provider)
    sandbox.control(f"charges/{charge}/dispute", reason="product_not_received")
    [created] = shop.wait_for("charge.dispute.created")
    shop.wait_for("charge.dispute.funds_withdrawn")
    told = created["data"]["object"]
    assert (told["amount"], told["charge"], told["status"]) == (16780, charge, "needs_response")
    dispute = provider.v1.disputes.retrieve(told["id"])
    assert dispute.reason == "product_not_received"
    assert dispute.evidence_details.due_by > dispute.created
    [movement] = dispute.balance_transactions
    assert (movement.amount, movement.fee, movement.net) == (-16780, 1500, -18280)
    assert (movement.type, movement.reporting_category) == ("adjustment", "dispute")
    assert balance(provider) == before - 18280
    assert provider.v1.charges.retrieve(charge).disputed is True
    assert [each.id for each in provider.v1.disputes.list({"charge": charge}).data] == [dispute.id]
    assert provider.v1.disputes.list({"charge": "ch_other"}).data == []


def test_a_won_dispute_brings_the_money_back_and_not_the_fee(
    provider: stripe.StripeClient, charge: str, shop: HookReceiver, sandbox: SandboxProcess
) -> None:
    before = balance(provider)
    dispute = sandbox.control(f"charges/{charge}/dispute", amount=5800)["id"]
    sandbox.control(f"disputes/{dispute}/answer")
    assert provider.v1.disputes.retrieve(dispute).status == "under_review"
    sandbox.control(f"disputes/{dispute}/win")
    [closed] = shop.wait_for("charge.dispute.closed")
    assert closed["data"]["object"]["status"] == "won"
    shop.wait_for("charge.dispute.funds_reinstated")
    found = provider.v1.disputes.retrieve(dispute, {"expand": ["charge"]})
    assert [each.amount for each in found.balance_transactions] == [-5800, 5800]
    assert balance(provider) == before - 1500
    assert isinstance(found.charge, stripe.Charge)
    assert provider.v1.refunds.create({"charge": charge}).amount == 16780


def test_a_lost_dispute_leaves_the_money_with_the_buyer_and_nothing_to_refund(
    provider: stripe.StripeClient, charge: str, shop: HookReceiver, sandbox: SandboxProcess
) -> None:
    dispute = sandbox.control(f"charges/{charge}/dispute")["id"]
    for _state in ("open", "lost"):
        with pytest.raises(stripe.InvalidRequestError) as refusal:
            provider.v1.refunds.create({"charge": charge})
        assert refusal.value.code == "charge_disputed"
        if _state == "open":
            sandbox.control(f"disputes/{dispute}/lose")
    [closed] = shop.wait_for("charge.dispute.closed")
    assert closed["data"]["object"]["status"] == "lost"
    assert "charge.dispute.funds_reinstated" not in shop.types()


@pytest.mark.parametrize(
    "given", [{"amount": 0}, {"amount": -1}, {"amount": 10981}, {"reason": "because"}, {"amount": "all"}]
)
def test_nothing_else_is_disputed(
    provider: stripe.StripeClient, charge: str, sandbox: SandboxProcess, given: dict[str, object]
) -> None:
    provider.v1.refunds.create({"charge": charge, "amount": 5800})
    with pytest.raises(ValueError, match=r"nothing of that amount|reason is one of|whole number"):
        sandbox.control(f"charges/{charge}/dispute", **given)
    assert provider.v1.disputes.list().data == []


def test_a_dispute_is_opened_and_closed_once(charge: str, sandbox: SandboxProcess) -> None:
    dispute = sandbox.control(f"charges/{charge}/dispute")["id"]
    with pytest.raises(ValueError, match="nothing of that amount"):
        sandbox.control(f"charges/{charge}/dispute")
    sandbox.control(f"disputes/{dispute}/win")
    for act in ("win", "lose", "answer"):
        with pytest.raises(ValueError, match="is won"):
            sandbox.control(f"disputes/{dispute}/{act}")
    with pytest.raises(ValueError, match="There is no"):
        sandbox.control(f"disputes/{dispute}/forget")
    with pytest.raises(ValueError, match="No such dispute"):
        sandbox.control("disputes/dp_none/win")


def test_the_console_opens_and_closes_them_in_both_languages(charge: str, sandbox: SandboxProcess) -> None:
    form = "back=1&locale=en"
    assert browse(f"{sandbox.base_url}/_control/charges/{charge}/dispute", form).status == 303
    for locale, word in (("zh", "拒付争议"), ("en", "The shop wins")):
        assert word in browse(f"{sandbox.base_url}/?locale={locale}").text
