"""A provider that does not answer is left alone for a while; pages stay fast, nothing is said to have failed."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from marketplace.payments import breaker
from marketplace.payments.breaker import MOST_FAILURES, REST_SECONDS, Breaker
from marketplace.payments.gateway import (
    ProviderRefusedError,
    ProviderRestingError,
    ProviderUnsureError,
    StripeGateway,
)

pytestmark = pytest.mark.nodatabase


class Provider:
    """Answers, refuses or keeps silent; counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.error: Exception | None = None
        self.now = 0.0
        self.gateway = StripeGateway("sk_test_none", "http://127.0.0.1:1")
        self.gateway._breaker = Breaker(lambda _event: None, lambda: self.now)

    def ask(self) -> Any:
        return self.gateway._ask("refunds.retrieve", self._call, lambda answer: answer)

    def _call(self) -> str:
        self.asked += 1
        if self.error:
            raise self.error
        return "answer"


@pytest.fixture
def provider() -> Provider:
    return Provider()


def fail(provider: Provider, times: int) -> None:
    provider.error = stripe.APIConnectionError("no answer")
    for _ in range(times):
        with pytest.raises(ProviderUnsureError):
            provider.ask()


def test_after_some_silence_it_is_not_asked_for_a_while(provider: Provider) -> None:
    fail(provider, MOST_FAILURES + 5)
    assert provider.asked == MOST_FAILURES
    with pytest.raises(ProviderRestingError):
        provider.ask()


def test_control_without_the_rest_everybody_waits(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(breaker, "MOST_FAILURES", 10**9)
    fail(provider, MOST_FAILURES + 5)
    assert provider.asked == MOST_FAILURES + 5


def test_after_the_rest_one_asks_for_all(provider: Provider) -> None:
    fail(provider, MOST_FAILURES)
    provider.now = REST_SECONDS
    fail(provider, 3)  # the first asks in vain, and a new rest begins
    assert provider.asked == MOST_FAILURES + 1
    provider.now = 2 * REST_SECONDS
    provider.error = None
    assert [provider.ask() for _ in range(3)] == ["answer"] * 3


def test_while_one_asks_the_others_are_not_let_through() -> None:
    one = Breaker(lambda _event: None, lambda: 0.0)
    for _ in range(MOST_FAILURES):
        one.note(answered=False)
    late = Breaker(lambda _event: None, lambda: REST_SECONDS)
    late._failures = MOST_FAILURES
    assert [late.may_call() for _ in range(3)] == [True, False, False]
    assert not one.may_call()


def test_a_refusal_is_an_answer(provider: Provider) -> None:
    for _ in range(MOST_FAILURES):
        fail(provider, MOST_FAILURES - 1)
        provider.error = stripe.InvalidRequestError("no", None)
        with pytest.raises(ProviderRefusedError):
            provider.ask()
    assert provider.asked == MOST_FAILURES * MOST_FAILURES


@pytest.mark.parametrize("error", [ValueError("not a checkout session"), TypeError(), stripe.APIError("502")])
def test_an_answer_that_cannot_be_read_is_none(provider: Provider, error: Exception) -> None:
    provider.error = error
    with pytest.raises(ProviderUnsureError):
        provider.ask()


def test_changes_are_told_once() -> None:
    told: list[str] = []
    one = Breaker(told.append)
    for answered in (False, False, False, False, True, True):
        one.note(answered=answered)
    assert told == ["provider.rested", "provider.back"]
