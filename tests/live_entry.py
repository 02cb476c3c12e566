"""The site, made to die as by kill -9 at one point: the one that KILL_FILE names, once, when it is reached.

The product has no hook for it: before the server starts, functions are wrapped here.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from marketplace import serving
from marketplace.checkout import services as checkout
from marketplace.payments import webhooks
from marketplace.payments.gateway import StripeGateway

# Before and after the provider is called; in place_order and in the webhook all is written and nothing committed;
# after the webhook all is committed and nothing answered.
POINTS: dict[str, tuple[Any, str, bool]] = {
    "before the provider call": (StripeGateway, "create_session", True),
    "after the provider call": (StripeGateway, "create_session", False),
    "in place_order": (checkout, "place_order", False),
    "in the webhook": (webhooks, "take", False),
    "after the webhook": (webhooks, "run_in_transaction", False),
}


def die_at(point: str) -> None:
    file = Path(os.environ["KILL_FILE"])
    if file.exists() and file.read_text(encoding="utf-8") == point:
        file.unlink()
        os.kill(os.getpid(), signal.SIGKILL)


def wrap(point: str, holder: Any, name: str, is_before: bool) -> None:
    whole: Callable[..., Any] = getattr(holder, name)

    def wrapped(*values: Any, **options: Any) -> Any:
        if is_before:
            die_at(point)
        found = whole(*values, **options)
        if not is_before:
            die_at(point)
        return found

    setattr(holder, name, wrapped)


if __name__ == "__main__":
    for point, (holder, name, is_before) in POINTS.items():
        wrap(point, holder, name, is_before)
    sys.exit(serving.main())
