"""What the refund page of a seller and that of finance have in common."""

from __future__ import annotations

from dataclasses import dataclass

from marketplace.audit import Actor
from marketplace.errors import NotFoundError
from marketplace.orders.models import OrderLine
from marketplace.orders.records import Part
from marketplace.orders.rules import NothingPaidError
from marketplace.payments.forms import RefundForm
from marketplace.payments.refunding import request_refund


@dataclass(frozen=True)
class Scope:
    """What a refund is about: one line, or the whole part with its freight; amounts that are left, in fen."""

    part: Part
    line: OrderLine | None

    @property
    def goods_left(self) -> int:
        lines = [self.line] if self.line else self.part.lines
        return sum(line.amount - line.refunded_amount for line in lines)

    @property
    def freight_left(self) -> int:
        sale = self.part.seller_order
        return sale.freight_amount - sale.refunded_freight_amount


def scope_of(part: Part, line_id: int | None) -> Scope:
    """The part, or one of its lines; NotFoundError for any other line, NothingPaidError before its money has come."""
    if not part.has_money:
        raise NothingPaidError
    if line_id is None:
        return Scope(part, None)
    line = next((one for one in part.lines if one.id == line_id), None)
    if line is None:
        raise NotFoundError
    return Scope(part, line)


def show(form: RefundForm, scope: Scope) -> RefundForm:
    """The form for a page that shows the part as it is now."""
    form.seen.data = scope.part.seller_order.mark
    return form


def carry_out(actor: Actor, scope: Scope, form: RefundForm) -> bool:
    """Decide the refund; a refusal is put at its field."""
    sale, line = scope.part.seller_order, scope.line
    seller_id, sale_id, line_id = sale.seller_id, sale.id, line.id if line else None
    goods, freight = form.goods_amount.data or 0, form.freight_amount.data or 0
    reason, form_key, seen = form.reason.data or "", form.form_key.data or "", form.seen.data or None
    return form.carry_out(
        lambda: request_refund(
            actor,
            seller_id=seller_id,
            seller_order_id=sale_id,
            line_id=line_id,
            goods_amount=goods,
            freight_amount=freight,
            reason=reason,
            form_key=form_key,
            seen=seen,
        )
    )
