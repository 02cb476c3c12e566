"""Every message has its words, its mail and its parameters, in both languages."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from marketplace.notifications import messages

SAMPLES: dict[str, Any] = {
    "code": "7K2M9P4QX1C5",
    "minutes": 10,
    "amount": 16780,
    "carrier": "<顺丰>",
    "waybill": "SF1234567890",
    "waybills": "SF1234567890 SF1234567891",
    "reason": "超时没付",
    "count": 3,
    "left": 9,
    "shop": "石坳脐橙合作社",
}

pytestmark = pytest.mark.usefixtures("app_context")


def parameters_of(name: str) -> dict[str, Any]:
    return {key: SAMPLES[key] for key in inspect.signature(messages.MESSAGES[name]).parameters}


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("name", sorted(messages.MESSAGES))
def test_message_is_written_as_sms_and_as_mail(name: str, language: str) -> None:
    parameters = parameters_of(name)
    sms = messages.render_sms(name, parameters, language)
    mail = messages.render_mail(name, parameters, language)
    assert sms.text
    assert "%(" not in sms.text + mail.text + mail.subject
    assert sms.text in mail.text
    assert mail.subject
    assert "\n" not in mail.subject
    assert "<!doctype html>" in mail.html
    assert "<顺丰>" not in mail.html
    if "amount" in parameters:
        assert "167.80" in sms.text


def test_parameters_that_do_not_fit_are_refused_at_once() -> None:
    with pytest.raises(TypeError):
        messages.check("code", {"code": "123456"})
    with pytest.raises(KeyError):
        messages.check("no_such_message", {})


def test_secret_is_hidden_and_the_rest_is_kept() -> None:
    assert messages.without_secret("code", {"code": "123456", "minutes": 10}) == {
        "code": messages.HIDDEN,
        "minutes": 10,
    }
    assert messages.without_secret("order_placed", {"code": "7K2M"}) == {"code": "7K2M"}
