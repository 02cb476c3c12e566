"""/metrics for Prometheus: counts of all processes, and a few figures that the database knows cheaply."""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Iterator
from typing import Any

from flask import Blueprint, Response, current_app, request
from flask.typing import ResponseReturnValue
from sqlalchemy import Select, func, select
from sqlalchemy.exc import SQLAlchemyError

from marketplace import clock, health, metrics
from marketplace.database import db
from marketplace.errors import ForbiddenError, NotFoundError
from marketplace.jobs.models import Job, JobStatus
from marketplace.notifications.models import MessageStatus, OutboxMessage
from marketplace.orders.models import Order, PaymentState, SellerOrder, SellerOrderStatus
from marketplace.permissions import public

bp = Blueprint("metrics", __name__)
# States in which few rows are and on which an index stands; finished ones are millions.
OPEN_ORDERS = (SellerOrderStatus.TO_SHIP, SellerOrderStatus.SHIPPED, SellerOrderStatus.DELIVERED)


@bp.get("/metrics")
@public
def show() -> ResponseReturnValue:
    """Only for who knows METRICS_TOKEN; without that option there is no such page."""
    config = current_app.config["SETTINGS"]
    if not config.metrics_token:
        raise NotFoundError
    given = request.headers.get("Authorization", "").encode()
    if not hmac.compare_digest(given, f"Bearer {config.metrics_token}".encode()):
        raise ForbiddenError
    text = metrics.exposition(config, Gauges())
    headers = {"Content-Type": "text/plain; version=0.0.4; charset=utf-8", "Cache-Control": "no-store"}
    return Response(text, headers=headers)


class Gauges:
    """What stands in the database now; without a database only that it is away."""

    def collect(self) -> Iterator[Any]:
        # Loaded by the first who asks.
        from prometheus_client.core import GaugeMetricFamily

        def family(name: str, meaning: str, label: str, values: Iterable[tuple[str, float]]) -> Any:
            found = GaugeMetricFamily(f"ganchengji_{name}", meaning, labels=[label])
            for value, number in values:
                found.add_metric([value], number)
            return found

        ready = health.readiness()
        yield family("check", "1 while it is there, as /readyz says", "check", ready.checks.items())
        if not ready.checks["database"]:
            return
        try:
            yield family("jobs", "Jobs that are not done", "state", _counts(
                select(Job.status, func.count()).where(Job.status != JobStatus.DONE).group_by(Job.status)))  # fmt: skip
            yield family("messages", "Messages that are not sent", "state", _counts(
                select(OutboxMessage.status, func.count()).where(OutboxMessage.status != MessageStatus.SENT)
                .group_by(OutboxMessage.status)))  # fmt: skip
            yield family("orders", "Orders that are under way", "state", [
                *_counts(select(Order.payment_state, func.count())
                         .where(Order.payment_state == PaymentState.UNPAID).group_by(Order.payment_state)),
                *_counts(select(SellerOrder.status, func.count())
                         .where(SellerOrder.status.in_(OPEN_ORDERS)).group_by(SellerOrder.status))])  # fmt: skip
            beats = list(db.session.execute(select(health.Heartbeat)).scalars())
            moment = clock.now()
            yield family("silence_seconds", "Since it last did its work", "name", (
                (one.name, (moment - one.at).total_seconds()) for one in beats))  # fmt: skip
            yield family("findings", "What the last check found", "name", (
                (one.name, one.findings) for one in beats if one.findings is not None))  # fmt: skip
        except SQLAlchemyError:
            db.session.rollback()


def _counts(query: Select[Any]) -> list[tuple[str, float]]:
    return [(str(state), number) for state, number in db.session.execute(query).tuples()]
