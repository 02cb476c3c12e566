"""What the provider's calls may do: come twice, in any order, late, never; and its own answers fail in eight ways."""

from __future__ import annotations

import http.client
import itertools
import json
import time
from collections import Counter
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import func, select

from config import DEMO_STRIPE_KEY, DEMO_WEBHOOK_SECRET
from marketplace.database import db, run_in_transaction
from marketplace.ledger import checks
from marketplace.notifications.models import OutboxMessage
from marketplace.orders.models import Order, PaymentState
from marketplace.payments.models import Payment, PaymentStatus, Refund, RefundStatus
from marketplace.payments.refunding import send_refunds
from marketplace.payments.services import sweep_unpaid
from sandbox.stripe.webhooks import signature
from tests.factories import Goods
from tests.live import SITE, UNGUARDED, WORKER, Live
from tests.sandbox.process import browse
from tests.soak.buyers import Buyer, at_once, is_order, session_of
from tests.soak.kill_rows import cancel, let_lapse, place, wait_until_paid
from tests.soak.rows import BOTH, POSTGRESQL, Ground, row
from tests.soak.stall import Stall, open_stall, wait_until

HOLDING, FREE = {"hold_deliveries": True}, {"hold_deliveries": False}


def post_event(live: Live, event: dict[str, Any]) -> int:
    """A signed event straight to the shop; the status, 0 without an answer."""
    body = json.dumps(event).encode()
    headers = {
        "Content-Type": "application/json",
        "Stripe-Signature": signature(body, DEMO_WEBHOOK_SECRET, int(time.time())),
    }
    connection = http.client.HTTPConnection(urlsplit(live.address).netloc, timeout=60)
    try:
        connection.request("POST", "/webhooks/stripe", body, headers)
        answer = connection.getresponse()
        answer.read()
        return answer.status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()


def session_at_provider(live: Live, session: str) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {DEMO_STRIPE_KEY}"}
    found: dict[str, Any] = json.loads(
        browse(f"{live.sandbox.base_url}/v1/checkout/sessions/{session}", headers=headers).text
    )
    return found


def event_about(thing: dict[str, Any], kind: str, number: int = 0) -> dict[str, Any]:
    return {
        "id": f"evt_{kind.replace('.', '_')}_{thing['id'][-20:]}_{number}",
        "object": "event",
        "type": kind,
        "created": int(time.time()),
        "livemode": False,
        "data": {"object": thing},
    }


def place_one(stall: Stall, goods: Goods) -> tuple[int, str]:
    """One order and its session at the provider."""
    before = set(stall.orders())
    (session,) = place(stall, goods, 1)
    (order,) = set(stall.orders()) - before
    return order, session


def count(stall: Stall, model: Any, *conditions: Any) -> int:
    return stall.number(select(func.count()).select_from(model).where(*conditions))


@row("F6", on=BOTH, mark="one effect, every duplicate 2xx")
def duplicates(ground: Ground) -> None:
    """The same payment told 20 times at once, 5 times in turn and under 5 other ids, for ten orders."""
    found, orders = ground.found, ground.count(10)
    with ground.shop(WEB_PROCESSES="2") as live:
        stall = Stall(live, ground.database, found)
        goods = stall.goods(500)
        live.sandbox.control("settings", **HOLDING)
        live.start(SITE)

        def told_often(number: int) -> list[int]:
            _order, session = place_one(stall, goods)
            live.sandbox.control(f"sessions/{session}/pay")
            thing = session_at_provider(live, session)
            event = event_about(thing, "checkout.session.completed")
            statuses = at_once([partial(post_event, live, event)] * 20)
            statuses += [post_event(live, event) for _ in range(5)]
            return statuses + [
                post_event(live, event_about(thing, "checkout.session.completed", other))
                for other in range(1, 6)
            ]

        statuses = Counter(status for number in range(orders) for status in told_often(number))
        paid, refunds = stall.count_orders(PaymentState.PAID), count(stall, Refund)
        found.say(
            f"{statuses.total()} deliveries of {orders} payments: {dict(statuses)}; {paid} paid, {refunds} refunds"
        )
        found.expect(set(statuses) == {200}, f"statuses {dict(statuses)}")
        found.expect((paid, refunds) == (orders, 0), f"{paid} of {orders} paid, {refunds} refunds")
        stall.check("afterwards")
        stall.check_charges("afterwards")
        live.end(SITE)
        live.environ["UNGUARDED"] = "repeats"
        live.start(UNGUARDED)
        told_often(0)
        refunds = count(stall, Refund)
        wrong = refunds + len(stall.look(checks.check))
        found.control(
            f"without the guards against repeats one payment is taken again: {refunds} refunds of money that was due",
            fails_without=wrong > 0,
        )


@row("F7", on=BOTH, mark="the end is the same in every order, no money is lost")
def any_order(ground: Ground) -> None:
    """Paid, failed, expired and refunded are told in all 24 orders, a fresh order each."""
    found = ground.found
    kinds = (
        "checkout.session.completed",
        "checkout.session.async_payment_failed",
        "checkout.session.expired",
        "charge.refund.updated",
    )
    with ground.shop(WEB_PROCESSES="2") as live:
        stall = Stall(live, ground.database, found)
        goods = stall.goods(500)
        live.sandbox.control("settings", **HOLDING)
        live.start(SITE)
        sequences = list(itertools.permutations(kinds))[: 3 if ground.is_small else 24]

        def end_of(sequence: tuple[str, ...]) -> PaymentState:
            order, session = place_one(stall, goods)
            unpaid = session_at_provider(live, session)
            live.sandbox.control(f"sessions/{session}/pay")
            paid = session_at_provider(live, session)
            about = {
                kinds[0]: paid,
                kinds[1]: unpaid | {"status": "complete", "payment_status": "unpaid"},
                kinds[2]: unpaid | {"status": "expired"},
                kinds[3]: {
                    "id": f"re_{session[-20:]}",
                    "object": "refund",
                    "amount": paid["amount_total"],
                    "status": "succeeded",
                    "payment_intent": paid["payment_intent"],
                },
            }
            statuses = {post_event(live, event_about(about[kind], kind)) for kind in sequence}
            found.expect(statuses == {200}, f"{sequence}: {statuses}")
            return stall.state_of(order)

        ends = Counter(end_of(sequence).value for sequence in sequences)
        found.say(f"{len(sequences)} orders of four events ended in {dict(ends)}")
        found.expect(set(ends) == {PaymentState.PAID.value}, f"ends: {dict(ends)}")
        stall.check("afterwards")
        stall.check_charges("afterwards")
        live.end(SITE)
        live.environ["UNGUARDED"] = "ends"
        live.start(UNGUARDED)
        end = end_of((kinds[2], kinds[0], kinds[1], kinds[3]))
        found.control(
            f"when an expired session is never taken as paid, expired before paid ends in {end}",
            fails_without=end != PaymentState.PAID,
        )


@row("F8", on=BOTH, mark="taken three days later; found within 15 minutes when it never comes")
def late_or_never(ground: Ground) -> None:
    """The call comes three days late, or never: then a round of the worker asks."""
    found = ground.found
    with ground.shop(WEB_PROCESSES="2") as live:
        stall = Stall(live, ground.database, found)
        goods = stall.goods(100)
        live.sandbox.control("settings", **HOLDING)
        live.start(SITE)
        late, session = place_one(stall, goods)
        live.sandbox.control(f"sessions/{session}/pay")
        event = event_about(session_at_provider(live, session), "checkout.session.completed")
        three_days = 3 * 86_400
        event["created"] -= three_days
        make_older(stall, late, three_days)
        found.expect(post_event(live, event) == 200, "the late call was not taken")
        found.expect(stall.state_of(late) == PaymentState.PAID, f"late: {stall.state_of(late)}")
        found.say("three days late: taken, the order is paid")
        never, session = place_one(stall, goods)
        live.sandbox.control(f"sessions/{session}/pay")
        make_older(stall, never, 180)
        found.expect(stall.state_of(never) == PaymentState.UNPAID, "it was known before anybody asked")
        found.controls.append("until the worker asks, the order stays unpaid")
        live.start(WORKER)
        took = wait_until(lambda: stall.state_of(never) == PaymentState.PAID, 15 * 60)
        found.expect(took is not None, "never found")
        found.say(f"never: found {took or 0:.0f} s after the worker began (it asks every two minutes)")
        stall.check("afterwards")
        stall.check_charges("afterwards")


def make_older(stall: Stall, order_id: int, seconds: int) -> None:
    """As if an order had been placed so much earlier."""
    ago = {"order": order_id, "modify": f"-{seconds} seconds", "seconds": seconds}
    sqlite = stall.database == "sqlite"
    shifted = "datetime({0}, :modify)" if sqlite else "{0} - make_interval(secs => :seconds)"
    for table, key, columns in (
        ("orders", "id", ("placed_at", "hold_until")),
        ("payments", "order_id", ("created_at", "expires_at")),
        ("holds", "order_id", ("expires_at",)),
    ):
        values = ", ".join(f"{column} = {shifted.format(column)}" for column in columns)
        used = {name: value for name, value in ago.items() if name == "order" or f":{name}" in values}
        stall.change(f"UPDATE {table} SET {values} WHERE {key} = :order", **used)  # noqa: S608  our own words


@row("F9", on=BOTH, mark="honoured while the stock is there, else given back and told")
def paid_after_the_hold(ground: Ground) -> None:
    """Paid although the hold had lapsed and the session was closed: honoured from the pool, else refunded."""
    found, each = ground.found, ground.count(10)
    with ground.shop(WEB_PROCESSES="2") as live:
        stall = Stall(live, ground.database, found)
        live.start(SITE)

        def lapse(boxes: int) -> tuple[Goods, set[int], list[str]]:
            goods, before = stall.goods(boxes), set(stall.orders())
            sessions = place(stall, goods, boxes)
            orders = set(stall.orders()) - before
            let_lapse(stall, orders)
            stall.look(sweep_unpaid)
            states = {stall.state_of(order) for order in orders}
            found.expect(states == {PaymentState.CANCELLED}, f"lapsed: {states}")
            return goods, orders, sessions

        _goods, honoured, sessions = lapse(each)
        pay_late(live, sessions)
        wait_until_paid(stall, honoured, "with stock")
        goods, refused, sessions = lapse(each)
        place(stall, goods, each)  # others buy all of it
        pay_late(live, sessions)
        live.sandbox.wait_until_quiet(30)
        live.start(WORKER)
        done = wait_until(lambda: count(stall, Refund, Refund.status == RefundStatus.SUCCEEDED) == each, 60)
        states = {stall.state_of(order) for order in refused}
        told = count(stall, OutboxMessage, OutboxMessage.template == "late_payment_refunded")
        found.say(f"{each} honoured; {each} given back whole, {told} buyers told")
        found.expect(done is not None, "not every late payment was given back in 60 s")
        found.expect(states == {PaymentState.CANCELLED} and told == each, f"{states}, {told} told")
        found.expect(stall.left(goods) == 0, f"{stall.left(goods)} boxes are left")
        stall.check("afterwards")
        stall.check_charges("afterwards")
        live.end(SITE)
        live.environ["UNGUARDED"] = "stock"
        stall.forget_constraint()
        live.start(UNGUARDED)
        goods, _orders, sessions = lapse(1)
        place(stall, goods, 1)
        pay_late(live, sessions)
        live.sandbox.wait_until_quiet(30)
        over = stall.left(goods)
        found.control(f"without the guard the same box is sold again: {over} left", fails_without=over < 0)


def pay_late(live: Live, sessions: list[str]) -> None:
    for session in sessions:
        live.sandbox.control(f"sessions/{session}/pay", even_if_expired=True)


WAYS: dict[str, dict[str, Any]] = {
    "time-out": {"kind": "delay", "seconds": 11.0},
    "500": {"kind": "error", "status": 500, "remembered": False},
    "429": {"kind": "error", "status": 429},
    "reset": {"kind": "drop"},
}
MOST_SECONDS = 10.0


@row("F10", on=(POSTGRESQL,), mark="one effect per operation, every answer ≤ 10 s", minutes=10)
def provider_fails(ground: Ground) -> None:
    """Time-out, 500, 429 and reset, before and after the effect, on session, look-up, expiry and refund."""
    found = ground.found
    with open_stall(ground, 1_000, SITE, WEB_PROCESSES="2") as (live, stall, goods):
        slowest, told = 0.0, Counter[str]()
        for (way, fault), when in itertools.product(WAYS.items(), ("before", "after")):
            what = f"{way} {when}"
            rest(stall, goods)
            slowest = max(slowest, session_fails(stall, goods, fault | {"when": when}, what, told))
            rest(stall, goods)
            slowest = max(slowest, look_up_fails(stall, goods, fault | {"when": when}, what))
            rest(stall, goods)
            expiry_fails(stall, goods, fault | {"when": when}, what)
            rest(stall, goods)
            refund_fails(stall, goods, fault | {"when": when}, what)
            stall.check(what)
        stall.check_charges("afterwards")
        per_order = open_sessions(live)
        found.expect(max(per_order.values()) == 1, f"{max(per_order.values())} open sessions of one order")
        found.say(
            f"8 ways on 4 paths: slowest answer {slowest:.1f} s; the checkout answered {dict(told)}; "
            f"{len(per_order)} orders, one session each"
        )
        found.expect(slowest <= MOST_SECONDS, f"an answer took {slowest:.1f} s")
        live.end(SITE)
        live.environ["UNGUARDED"] = "provider keys"
        live.start(UNGUARDED)
        session_fails(stall, goods, WAYS["reset"] | {"when": "after"}, "control", told)
        most = max(open_sessions(live).values())
        found.control(f"with a new key for each call an order has {most} sessions", fails_without=most > 1)


def open_sessions(live: Live) -> Counter[str]:
    """How many sessions that may bring money the provider has, by order."""
    sessions = live.sandbox.look("sessions")["sessions"]
    return Counter(session["metadata"]["order_id"] for session in sessions if session["status"] != "expired")


def rest(stall: Stall, goods: Goods) -> None:
    """Until a provider that had failed is asked again at once."""
    live = stall.live
    live.sandbox.control("faults/clear")

    def goes() -> bool:
        buyer = Buyer(live.address)
        return buyer.come_for(goods) and bool(session_of(buyer.press()))

    stall.found.expect(wait_until(goes, 60) is not None, "no order goes through a minute after the fault")


def met(stall: Stall, what: str) -> None:
    left = stall.live.sandbox.look("faults")["faults"]
    stall.found.expect(not left, f"{what}: the fault was never met")


def session_fails(stall: Stall, goods: Goods, fault: dict[str, Any], what: str, told: Counter[str]) -> float:
    """The session's answer is lost: the order is told of and waits; pressing again leads to the one session."""
    live, before = stall.live, set(stall.orders())
    buyer = Buyer(live.address)
    stall.found.expect(buyer.come_for(goods), f"{what}: no way to the checkout page")
    live.sandbox.control("faults", **fault, method="POST", path="/v1/checkout/sessions")
    first = buyer.press()
    met(stall, f"session, {what}")
    told[
        "to the pay page" if session_of(first) else "to the order" if is_order(first) else f"{first.status}"
    ] += 1
    stall.found.expect(is_order(first), f"session, {what}: {first.status} {first.location}")
    (order,) = set(stall.orders()) - before

    def lead_on() -> bool:
        token = stall.look(lambda: db.session.get_one(Order, order).access_token)
        page = buyer.ask("order page", f"/o/{token}")
        fields = {name: value for name, value in buyer.read(page).items() if name == "csrf_token"}
        answer = buyer.ask("pay", f"/o/{token}/pay", fields)
        return "/pay/" in answer.location

    stall.found.expect(wait_until(lead_on, 60) is not None, f"session, {what}: paying again leads nowhere")
    return first.seconds


def look_up_fails(stall: Stall, goods: Goods, fault: dict[str, Any], what: str) -> float:
    """Back from the provider, which does not say how it stands: never “failed”; the call settles it."""
    live = stall.live
    live.sandbox.control("settings", **HOLDING)
    order, session = place_one(stall, goods)
    token = stall.look(lambda: db.session.get_one(Order, order).access_token)
    live.sandbox.control(f"sessions/{session}/pay")
    live.sandbox.control("faults", **fault, method="GET", path=f"/v1/checkout/sessions/{session}")
    answer = Buyer(live.address).ask("return", f"/pay/{token}/return")
    met(stall, f"look-up, {what}")
    stall.found.expect(answer.status == 200, f"look-up, {what}: {answer.status}")
    live.sandbox.control("release")
    wait_until_paid(stall, {order}, f"look-up, {what}")
    return answer.seconds


def expiry_fails(stall: Stall, goods: Goods, fault: dict[str, Any], what: str) -> None:
    """The sweep gets no clear answer: the stock stays held until it does."""
    live = stall.live
    order, session = place_one(stall, goods)
    let_lapse(stall, {order})
    live.sandbox.control("faults", **fault, method="POST", path=f"/v1/checkout/sessions/{session}/expire")

    def is_met() -> bool:
        """The sweep is carried out here, and leaves a provider alone that failed a moment ago."""
        stall.look(sweep_unpaid)
        return not live.sandbox.look("faults")["faults"]

    wait_until(is_met, 60)
    met(stall, f"expiry, {what}")
    live.sandbox.control("faults/clear")

    def is_released() -> bool:
        stall.look(sweep_unpaid)
        return stall.state_of(order) == PaymentState.CANCELLED

    stall.found.expect(wait_until(is_released, 60) is not None, f"expiry, {what}: never released")
    status = session_at_provider(live, session)["status"]
    stall.found.expect(status == "expired", f"expiry, {what}: released while the session was {status}")


def refund_fails(stall: Stall, goods: Goods, fault: dict[str, Any], what: str) -> None:
    """The refund's answer is lost: it is sent again with its key, and money goes back once."""
    live = stall.live
    order, session = place_one(stall, goods)
    live.sandbox.control(f"sessions/{session}/pay")
    wait_until_paid(stall, {order}, f"refund, {what}")
    stall.look(lambda: run_in_transaction(partial(cancel, order)))
    live.sandbox.control("faults", **fault, method="POST", path="/v1/refunds")

    def is_sent() -> bool:
        stall.look(send_refunds)
        return count(stall, Refund, Refund.status == RefundStatus.REQUESTED) == 0

    stall.found.expect(wait_until(is_sent, 60) is not None, f"refund, {what}: never sent")
    met(stall, f"refund, {what}")
    live.sandbox.wait_until_quiet(10)
    intent = select(Payment.intent_ref).where(
        Payment.order_id == order, Payment.status == PaymentStatus.SUCCEEDED
    )
    ref = stall.look(lambda: db.session.scalar(intent))
    (charge,) = (charge for charge in stall.charges() if charge["payment_intent"] == ref)
    back, whole = charge["amount_refunded"], charge["amount"]
    stall.found.expect(back == whole, f"refund, {what}: {back} of {whole}")
    done = wait_until(lambda: count(stall, Refund, Refund.status != RefundStatus.SUCCEEDED) == 0, 30)
    stall.found.expect(done is not None, f"refund, {what}: its success was never recorded")
