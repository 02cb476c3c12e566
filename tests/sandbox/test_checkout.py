"""Checkout Sessions: what is refused, how they end, and what the buyer's page does."""

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
import stripe

from tests.sandbox.conftest import client_of, wishes
from tests.sandbox.process import HookReceiver, SandboxProcess, browse

pytestmark = pytest.mark.nodatabase

Make = Callable[..., stripe.checkout.Session]


def line(**price: Any) -> dict[str, Any]:
    return {"quantity": 1, "price_data": {"currency": "cny", "product_data": {"name": "橙"}} | price}


@pytest.mark.parametrize(
    ("changes", "code", "param"),
    [
        ({"payment_method_types": ["card"]}, "parameter_unknown", "payment_method_types"),
        (
            {"line_items": [line(unit_amonut=900)]},
            "parameter_unknown",
            "line_items[0][price_data][unit_amonut]",
        ),
        ({"expires_at": "soon"}, "parameter_invalid_integer", "expires_at"),
        ({"expires_in": 60}, None, "expires_at"),
        ({"expires_in": 3 * 86_400}, None, "expires_at"),
        ({"success_url": "/done"}, "url_invalid", "success_url"),
        ({"success_url": ""}, "parameter_invalid_empty", "success_url"),
        ({"success_url": None}, "parameter_missing", "success_url"),
        ({"line_items": None}, "parameter_missing", "line_items"),
        ({"line_items": [{"quantity": 1}]}, "parameter_missing", "line_items[0]"),
        ({"line_items": [line(unit_amount=399)]}, "amount_too_small", None),
        ({"line_items": [line(unit_amount=100_000_000)]}, None, "line_items[0][price_data][unit_amount]"),
        ({"line_items": [line(unit_amount=50_000_000)] * 2}, "amount_too_large", None),
        ({"line_items": [line(unit_amount=-1)]}, None, "line_items[0][price_data][unit_amount]"),
        ({"line_items": [line(unit_amount="4.99")]}, "parameter_invalid_integer", None),
        ({"line_items": [line(unit_amount=900, currency="usd")]}, "invalid_currency", None),
        ({"line_items": [line(unit_amount=900) | {"quantity": 0}]}, None, "line_items[0][quantity]"),
        ({"metadata": {"k" * 41: "v"}}, None, "metadata"),
        ({"metadata": {"k": "v" * 501}}, None, "metadata"),
        ({"metadata": {f"k{n}": "v" for n in range(51)}}, None, "metadata"),
        ({"allowed_payment_method_types": ["ideal"]}, None, "allowed_payment_method_types"),
        ({"mode": "subscription"}, None, "mode"),
        ({"phone_number_collection": {"enabled": True}}, "sandbox_unsupported", "phone_number_collection"),
        ({"customer_email": "nobody"}, "email_invalid", "customer_email"),
        ({"client_reference_id": "x" * 201}, None, "client_reference_id"),
    ],
    ids=str,
)
def test_a_session_that_stripe_would_refuse_is_refused(
    open_session: Make, sandbox: SandboxProcess, changes: dict[str, Any], code: str | None, param: str | None
) -> None:
    if "expires_in" in changes:
        changes = {"expires_at": int(time.time()) + changes["expires_in"]}
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        open_session(**changes)
    assert refusal.value.http_status == 400
    assert refusal.value.code == code
    if param:
        assert refusal.value.param == param
    assert sandbox.look("sessions")["sessions"] == []


@pytest.mark.parametrize(
    "body",
    [
        "api_key=x",
        "mode=payment&mode=payment",
        "metadata=a&metadata[b]=c",
        "a[b=c",
        "line_items[0][price_data][product_data]=x",
        "&".join(f"metadata[k{n}]=v" for n in range(2_100)),
    ],
    ids=lambda body: body[:30],
)
def test_a_malformed_body_is_refused_in_stripes_shape(sandbox: SandboxProcess, body: str) -> None:
    answer = browse(
        f"{sandbox.base_url}/v1/checkout/sessions", body, {"Authorization": f"Bearer {sandbox.key}"}
    )
    assert answer.status == 400
    assert '"type": "invalid_request_error"' in answer.text


def test_only_sandbox_keys_open_the_door(sandbox: SandboxProcess) -> None:
    http_client = stripe.RequestsClient(timeout=20)
    for key, words in (("sk_test_4242424242424242", "Invalid API Key"), ("sk_live_x", "looks live")):
        with pytest.raises(stripe.AuthenticationError, match=words) as refusal:
            client_of(sandbox, http_client, key).v1.charges.list()
        assert "42424242424242" not in str(refusal.value)
    http_client.close()


def test_what_stripe_has_and_the_sandbox_has_not_is_said(provider: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="Unrecognized request URL"):
        provider.v1.customers.create()
    with pytest.raises(stripe.InvalidRequestError, match=r"No such checkout\.session: 'cs_test_no'"):
        provider.v1.checkout.sessions.retrieve("cs_test_no")


def test_a_session_holds_what_it_was_given(open_session: Make) -> None:
    session = open_session()
    assert (session.amount_total, session.currency, session.status, session.payment_status) == (
        16780,
        "cny",
        "open",
        "unpaid",
    )
    assert session.metadata is not None
    assert session.metadata.to_dict() == {"order_id": "4410"}
    assert session.payment_intent is None
    assert session.url is not None
    assert session.url.endswith(f"/pay/{session.id}")


def test_paying_completes_the_session_once(
    open_session: Make, sandbox: SandboxProcess, shop: HookReceiver, provider: stripe.StripeClient
) -> None:
    session = open_session()
    for _ in range(3):
        sandbox.control(f"sessions/{session.id}/pay", method="alipay")
    sandbox.wait_until_quiet()
    assert sorted(shop.types()) == [
        "charge.succeeded",
        "checkout.session.completed",
        "payment_intent.created",
        "payment_intent.succeeded",
    ]
    paid = provider.v1.checkout.sessions.retrieve(session.id, {"expand": ["payment_intent"]})
    assert (paid.status, paid.payment_status, paid.url) == ("complete", "paid", None)
    assert isinstance(paid.payment_intent, stripe.PaymentIntent)
    assert paid.payment_intent.transfer_group == "order-4410"
    assert [each["amount"] for each in sandbox.look("charges")["charges"]] == [16780]


def test_a_decline_leaves_the_session_open(
    open_session: Make, sandbox: SandboxProcess, shop: HookReceiver, provider: stripe.StripeClient
) -> None:
    session = open_session()
    sandbox.control(f"sessions/{session.id}/decline", method="card")
    sandbox.wait_until_quiet()
    assert set(shop.types()) == {"payment_intent.created", "charge.failed", "payment_intent.payment_failed"}
    assert provider.v1.checkout.sessions.retrieve(session.id).status == "open"
    sandbox.control(f"sessions/{session.id}/pay", method="card")
    states = {each["status"] for each in sandbox.look("charges")["charges"]}
    assert states == {"failed", "succeeded"}


def test_an_expired_session_cannot_be_paid_or_expired_again(
    open_session: Make, sandbox: SandboxProcess, shop: HookReceiver, provider: stripe.StripeClient
) -> None:
    session = open_session()
    assert provider.v1.checkout.sessions.expire(session.id).status == "expired"
    with pytest.raises(ValueError, match="expired"):
        sandbox.control(f"sessions/{session.id}/pay")
    with pytest.raises(stripe.InvalidRequestError, match="status of expired"):
        provider.v1.checkout.sessions.expire(session.id)
    [event] = shop.wait_for("checkout.session.expired")
    assert event["request"]["id"].startswith("req_")


def test_a_paid_session_cannot_be_expired(
    open_session: Make, sandbox: SandboxProcess, provider: stripe.StripeClient
) -> None:
    session = open_session()
    sandbox.control(f"sessions/{session.id}/pay")
    with pytest.raises(stripe.InvalidRequestError, match="status of complete"):
        provider.v1.checkout.sessions.expire(session.id)


def test_a_session_expires_by_itself(
    open_session: Make, sandbox: SandboxProcess, shop: HookReceiver, provider: stripe.StripeClient
) -> None:
    session = open_session()
    sandbox.control("clock", advance=32 * 60)
    assert provider.v1.checkout.sessions.retrieve(session.id).status == "expired"
    shop.wait_for("checkout.session.expired")


def test_money_can_arrive_after_expiry_when_told_to(
    open_session: Make, sandbox: SandboxProcess, shop: HookReceiver
) -> None:
    session = open_session()
    sandbox.control(f"sessions/{session.id}/decline")
    sandbox.control(f"sessions/{session.id}/expire")
    paid = sandbox.control(f"sessions/{session.id}/pay", even_if_expired=True)
    assert (paid["status"], paid["payment_status"]) == ("complete", "paid")
    shop.wait_for("checkout.session.completed")


def test_a_late_payment_arrives_by_itself_unless_the_session_expires_first(
    open_session: Make, sandbox: SandboxProcess, shop: HookReceiver, provider: stripe.StripeClient
) -> None:
    late, too_late = open_session(), open_session()
    for session in (late, too_late):
        sandbox.control(f"sessions/{session.id}/pay-later", seconds=60, method="alipay")
    provider.v1.checkout.sessions.expire(too_late.id)
    sandbox.control("clock", advance=61)
    [event] = shop.wait_for("checkout.session.completed")
    assert event["data"]["object"]["id"] == late.id
    assert provider.v1.checkout.sessions.retrieve(too_late.id).payment_status == "unpaid"


@pytest.mark.parametrize(("outcome", "status"), [("succeed", "paid"), ("fail", "unpaid")])
def test_a_delayed_method_tells_its_end_later(
    open_session: Make, sandbox: SandboxProcess, shop: HookReceiver, outcome: str, status: str
) -> None:
    session = open_session()
    sandbox.control(f"sessions/{session.id}/pay-slowly")
    [completed] = shop.wait_for("checkout.session.completed")
    assert completed["data"]["object"]["payment_status"] == "unpaid"
    sandbox.control(f"sessions/{session.id}/settle", outcome=outcome)
    [event] = shop.wait_for(f"checkout.session.async_payment_{outcome}ed")
    assert event["data"]["object"]["payment_status"] == status


def press(url: str, **fields: str) -> tuple[int, str]:
    """What a browser gets for a pressed button: status and Location."""
    answer = browse(url, urlencode(fields))
    return answer.status, answer.headers.get("Location", "")


def read(url: str) -> str:
    answer = browse(url)
    assert answer.status == 200
    return answer.text


def test_the_pay_page_is_labelled_as_simulated_in_both_languages(open_session: Make) -> None:
    session = open_session()
    assert session.url is not None
    answer = browse(session.url)
    page, policy = answer.text, answer.headers["Content-Security-Policy"]
    assert "模拟支付" in page
    assert "支付宝" in page
    assert "Simulated payment" in read(session.url + "?locale=en")
    assert "Simulated payment" in read(open_session(locale="en").url or "")
    for forbidden in ("<script", "style="):
        assert forbidden not in page
    assert "form-action 'self' http://127.0.0.1:9" in policy
    assert "unsafe" not in policy


def test_buttons_of_the_pay_page_do_what_they_say(
    open_session: Make, sandbox: SandboxProcess, provider: stripe.StripeClient
) -> None:
    session = open_session()
    url = session.url or ""
    assert press(url, outcome="cancel", method="card") == (303, "http://127.0.0.1:9/cancel")
    assert press(url, outcome="decline", method="alipay")[0] == 303
    assert "没有付成" in read(url)
    success = f"http://127.0.0.1:9/done?session={session.id}"
    assert press(url, outcome="pay", method="alipay") == (303, success)
    assert press(url, outcome="pay", method="alipay") == (303, success)
    assert "已经付好了" in read(url)
    assert provider.v1.checkout.sessions.retrieve(session.id).payment_status == "paid"
    assert len([each for each in sandbox.look("charges")["charges"] if each["status"] == "succeeded"]) == 1


def test_the_pay_page_can_be_left_to_pay_later(
    open_session: Make, sandbox: SandboxProcess, shop: HookReceiver
) -> None:
    session = open_session()
    url = session.url or ""
    assert press(url, outcome="later", method="wechat_pay", seconds="60")[0] == 303
    assert "钱在路上" in read(url)
    sandbox.control("clock", advance=61)
    shop.wait_for("checkout.session.completed")
    assert sandbox.look("charges")["charges"][0]["method"] == "wechat_pay"


def test_an_expired_or_unknown_pay_page_says_so(open_session: Make, sandbox: SandboxProcess) -> None:
    session = open_session()
    sandbox.control(f"sessions/{session.id}/expire")
    assert press(session.url or "", outcome="pay", method="card") == (200, "")
    assert "已过期" in read(session.url or "")
    assert browse(f"{sandbox.base_url}/pay/cs_test_no").status == 404


def test_the_console_shows_everything_and_refuses_other_sites(
    open_session: Make, sandbox: SandboxProcess, provider: stripe.StripeClient
) -> None:
    session = open_session()
    open_session()
    sandbox.control(f"sessions/{session.id}/pay")
    paid = provider.v1.checkout.sessions.retrieve(session.id)
    provider.v1.refunds.create({"payment_intent": str(paid.payment_intent), "amount": 100})
    sandbox.control("faults", kind="delay", seconds=1)
    for locale in ("zh", "en"):
        page = read(f"{sandbox.base_url}/?locale={locale}")
        assert session.id in page
        assert "<script" not in page
    hostile = {"Sec-Fetch-Site": "cross-site"}
    assert browse(f"{sandbox.base_url}/_control/reset", "", hostile).status == 403
    assert sandbox.look("sessions")["sessions"]


def test_wishes_are_the_documented_basket() -> None:
    amounts = [each["quantity"] * each["price_data"]["unit_amount"] for each in wishes()["line_items"]]
    assert sum(amounts) == 16780
