"""Deliveries of events: signed as documented, at least once, in no promised order, tried again until a 2xx."""

import hashlib
import hmac
import http.client
import json
import logging
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from urllib.parse import urlsplit

from sandbox.stripe.bank import Bank
from sandbox.stripe.clock import tick
from sandbox.stripe.errors import missing
from sandbox.stripe.shapes import answered, new_id
from sandbox.stripe.store import Json

# Seconds until the next try; the last one repeats for three days, as Stripe does in live mode (with longer pauses).
PAUSES = (1, 2, 5, 10, 30, 60)
GIVE_UP_AFTER = 3 * 86_400
ANSWER_WITHIN = 10
LOST = "answer lost on the way"

log = logging.getLogger("sandbox.stripe.webhooks")


def signature(payload: bytes, secret: str, timestamp: int) -> str:
    """The `Stripe-Signature` header: HMAC-SHA256 over `timestamp.payload`, scheme v1."""
    digest = hmac.new(secret.encode(), b"%d." % timestamp + payload, hashlib.sha256).hexdigest()
    return f"t={timestamp},v1={digest}"


class Courier:
    """Takes events to the shop's webhook address; without an address they stay recorded and undelivered."""

    def __init__(self, bank: Bank, url: str | None, secret: str, *, workers: int = 4) -> None:
        self.bank = bank
        self.store = bank.store
        self.url = url
        self.secret = secret
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="webhook")
        self._under_way: set[int] = set()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="clock", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join(timeout=5)
        self._pool.shutdown(wait=True, cancel_futures=True)

    def deliver_now(self, event_id: str, *, new_identity: bool = False, signed_at: int | None = None) -> Json:
        """Post one event at once, whatever became of it before; returns what the shop answered.

        `new_identity` sends a second Event object about the same fact; `signed_at` is the signature's time (seconds
        since 1970), by default now.
        """
        event = self.store.find("event", event_id)
        if event is None:
            raise missing("event", event_id)
        if new_identity:
            event["id"] = new_id("evt")
            self.store.add(event)
        status, problem = self._post(answered(self.store, event), signed_at)
        if 200 <= status < 300 and not new_identity:
            self.store.change(
                "UPDATE deliveries SET state = 'delivered' WHERE event = ? AND state IN ('held', 'pending')",
                event_id,
            )
        return {"event": event["id"], "type": event["type"], "status": status, "problem": problem}

    def release(self, *, reverse: bool = False) -> int:
        """Let held deliveries go, oldest or newest first; returns how many."""
        with self.store.transaction():
            held = [
                row["id"]
                for row in self.store.rows("SELECT id FROM deliveries WHERE state = 'held' ORDER BY id")
            ]
            now = time.time()
            for place, delivery in enumerate(reversed(held) if reverse else held):
                self.store.change(
                    "UPDATE deliveries SET state = 'pending', due = ? WHERE id = ?",
                    now + place / 10_000,
                    delivery,
                )
            return len(held)

    def is_quiet(self) -> bool:
        """Nothing is due or under way; a try that waits for its next turn counts as quiet."""
        due = self.store.rows(
            "SELECT 1 FROM deliveries WHERE state = 'pending' AND due <= ? LIMIT 1", time.time()
        )
        return not self._under_way and (not due or self.url is None)

    # Inside

    def _run(self) -> None:
        while not self._stopped.wait(0.1):
            try:
                tick(self.bank)
                self._send_due()
            except Exception:
                log.exception("the sandbox's clock stumbled and goes on")

    def _send_due(self) -> None:
        if self.url is None:
            return
        found = self.store.rows(
            "SELECT id FROM deliveries WHERE state = 'pending' AND due <= ? ORDER BY due, id LIMIT 50",
            time.time(),
        )
        for delivery in [row["id"] for row in found]:
            if delivery not in self._under_way:
                self._under_way.add(delivery)
                done = self._pool.submit(self._try, delivery)
                done.add_done_callback(partial(self._finished, delivery))

    def _finished(self, delivery: int, future: Future[None]) -> None:
        self._under_way.discard(delivery)
        if not future.cancelled() and future.exception() is not None:
            log.error("delivery %s broke off: %r", delivery, future.exception())

    def _try(self, delivery: int) -> None:
        row = self.store.rows("SELECT * FROM deliveries WHERE id = ?", delivery)
        if not row or row[0]["state"] != "pending":
            return
        event = self.store.find("event", row[0]["event"])
        if event is None:
            return
        status, problem = self._post(answered(self.store, event), None)
        if 200 <= status < 300 and self.store.take_one("forget_next"):
            status, problem = 0, LOST
        answers = [*json.loads(row[0]["answers"]), problem or status]
        now = time.time()
        if 200 <= status < 300:
            state, due = "delivered", now
        elif now - row[0]["since"] > GIVE_UP_AFTER:
            state, due = "failed", now
        else:
            state, due = "pending", now + PAUSES[min(len(answers), len(PAUSES)) - 1]
        self.store.change(
            "UPDATE deliveries SET state = ?, due = ?, answers = ? WHERE id = ?",
            state, due, json.dumps(answers[-50:]), delivery,
        )  # fmt: skip

    def _post(self, event: Json, signed_at: int | None) -> tuple[int, str | None]:
        """Returns the shop's status, or 0 and the reason why there was none. Redirects are not followed."""
        if self.url is None:
            return 0, "no webhook address"
        payload = json.dumps(event, ensure_ascii=False, indent=2).encode()
        parts = urlsplit(self.url)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        connection = kind(parts.hostname or "", parts.port, timeout=ANSWER_WITHIN)
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": signature(
                payload, self.secret, int(time.time()) if signed_at is None else signed_at
            ),
            "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks) sandbox",
        }
        try:
            connection.request("POST", target, payload, headers)
            answer = connection.getresponse()
            answer.read(10_000)
            return answer.status, None
        except (OSError, http.client.HTTPException) as problem:
            return 0, f"{type(problem).__name__}: {problem}"
        finally:
            connection.close()
