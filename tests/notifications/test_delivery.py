"""Messages go out once, later when they must, and never when their act did not happen."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from marketplace import clock
from marketplace.audit import SYSTEM
from marketplace.database import db, run_in_transaction
from marketplace.notifications import delivery, messages, services
from marketplace.notifications.models import MessageStatus, OutboxMessage
from marketplace.notifications.senders import Envelope, FolderSender, SendError

PHONE = "13900002222"

pytestmark = pytest.mark.usefixtures("app_context")


class Carrier:
    """A sender that notes what it took and fails when it is told to."""

    def __init__(self) -> None:
        self.taken: list[Envelope] = []
        self.fails = False

    def send(self, envelope: Envelope) -> None:
        if self.fails:
            raise SendError("no route")
        self.taken.append(envelope)


@pytest.fixture
def carrier(monkeypatch: pytest.MonkeyPatch) -> Carrier:
    found = Carrier()
    monkeypatch.setattr(delivery, "sender_for", lambda _channel, _config: found)
    return found


def tell(template: str = "order_placed", **parameters: Any) -> None:
    values = parameters or {"code": "7K2M9P4QX1C5"}
    run_in_transaction(lambda: services.notify(template, phone=PHONE, parameters=values))


def only() -> OutboxMessage:
    db.session.rollback()
    return db.session.execute(select(OutboxMessage).where(OutboxMessage.recipient == PHONE)).scalar_one()


def test_message_goes_out_once(carrier: Carrier) -> None:
    tell()
    assert delivery.deliver_due() == 1
    assert delivery.deliver_due() == 0
    assert [(one.to, one.template) for one in carrier.taken] == [(PHONE, "order_placed")]
    assert "7K2M9P4QX1C5" in carrier.taken[0].text
    assert only().status == MessageStatus.SENT


def test_message_of_an_act_that_failed_is_never_sent(carrier: Carrier) -> None:
    def act() -> None:
        services.notify("order_placed", phone=PHONE, parameters={"code": "X"})
        raise LookupError

    with pytest.raises(LookupError):
        run_in_transaction(act)
    assert delivery.deliver_due() == 0
    assert carrier.taken == []


def test_phone_and_mail_are_two_messages(carrier: Carrier) -> None:
    run_in_transaction(
        lambda: services.notify(
            "order_paid", phone=PHONE, mail="a@example.com", parameters={"code": "X", "amount": 1}
        )
    )
    assert delivery.deliver_due() == 2
    assert {(one.channel, one.to) for one in carrier.taken} == {("sms", PHONE), ("mail", "a@example.com")}
    [mail] = [one for one in carrier.taken if one.channel == "mail"]
    assert mail.subject
    assert "0.01" in mail.html


def test_pauses_grow_and_the_eighth_failure_parks(carrier: Carrier) -> None:
    tell()
    carrier.fails = True
    moment = clock.now()
    for pause in delivery.PAUSES:
        with clock.at(moment):
            assert delivery.deliver_due() == 0
            assert only().next_try_at == moment + pause
        with clock.at(moment + pause - timedelta(seconds=1)):
            tries = only().tries
            delivery.deliver_due()
            assert only().tries == tries
        moment += pause
    with clock.at(moment):
        delivery.deliver_due()
        found = only()
    assert (found.status, found.tries, found.last_error) == (MessageStatus.PARKED, 8, "no route")


def test_parked_message_is_sent_after_a_retry(carrier: Carrier) -> None:
    test_pauses_grow_and_the_eighth_failure_parks(carrier)
    carrier.fails = False
    message_id = only().id
    run_in_transaction(lambda: services.retry(SYSTEM, message_id))
    assert delivery.deliver_due() == 1
    with pytest.raises(services.MessageNotParkedError):
        run_in_transaction(lambda: services.retry(SYSTEM, message_id))


def test_claim_by_another_worker_is_respected(carrier: Carrier) -> None:
    tell()
    found = only()
    message_id, seen = found.id, found.next_try_at
    assert run_in_transaction(lambda: delivery._claim(message_id, seen))
    assert run_in_transaction(lambda: delivery._claim(message_id, seen)) is None
    assert delivery.deliver_due() == 0
    with clock.at(clock.now() + delivery.CLAIM):  # the other one died
        assert delivery.deliver_due() == 1


def test_code_is_forgotten_once_it_was_sent(carrier: Carrier) -> None:
    tell("code", code="123456", minutes=10)
    delivery.deliver_due()
    assert carrier.taken[0].parameters == {"code": "123456", "minutes": 10}
    assert only().parameters == {"code": messages.HIDDEN, "minutes": 10}


def test_code_that_is_too_late_is_not_sent_and_not_kept(carrier: Carrier) -> None:
    tell("code", code="123456", minutes=10)
    with clock.at(clock.now() + timedelta(minutes=10)):
        assert delivery.deliver_due() == 0
        found = only()
        assert (found.status, found.parameters["code"]) == (MessageStatus.PARKED, messages.HIDDEN)
        message_id = found.id
        with pytest.raises(services.MessageExpiredError):
            run_in_transaction(lambda: services.retry(SYSTEM, message_id))
    assert carrier.taken == []


def test_one_bad_message_does_not_stop_the_others(carrier: Carrier, tmp_path: Path) -> None:
    tell()
    carrier.fails = True
    delivery.deliver_due()
    carrier.fails = False
    run_in_transaction(
        lambda: services.notify("order_placed", phone="13900003333", parameters={"code": "7K2M9P4QX1C5"})
    )
    assert delivery.deliver_due() == 1


def test_demo_writes_each_message_as_one_json_file(app: Flask) -> None:
    tell("order_paid", code="7K2M9P4QX1C5", amount=16780)
    delivery.deliver_due()
    folder = Path(app.config["SETTINGS"].mail_url.removeprefix("file:"))
    [file] = [one for one in folder.glob("*.json") if str(only().id) in one.name]
    content = json.loads(file.read_text(encoding="utf-8"))
    assert content["to"] == PHONE
    assert content["channel"] == "sms"
    assert content["template"] == "order_paid"
    assert content["parameters"] == {"code": "7K2M9P4QX1C5", "amount": 16780}
    assert "167.80" in content["text"]
    assert not list(folder.glob("*.part"))


def test_unwritable_folder_is_a_failure_that_is_tried_again(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(SendError):
        FolderSender(file / "below").send(Envelope(1, "sms", PHONE, "code", {}, "zh", "2026-11-20", "x"))
