"""What happens by itself when its time has come."""

from sandbox.stripe.bank import Bank
from sandbox.stripe.refunds import finish


def tick(bank: Bank) -> None:
    """Do what has become due: expiries, late payments, the end of pending refunds."""
    for kind, subject in bank.store.due_timers():
        with bank.store.transaction():
            if bank.store.timer_due(kind, subject) is None:
                continue
            bank.store.stop_timer(kind, subject)
            if kind == "expire":
                bank.get("checkout.session", subject)
            elif kind == "refund":
                finish(bank, subject)
            else:
                session = bank.get("checkout.session", subject)
                if session["status"] == "open":
                    bank.pay(subject, kind.removeprefix("pay:"))
