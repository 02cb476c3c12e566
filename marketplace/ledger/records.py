"""The other side of each comparison, named as text: the books stand below orders, payments and stock in the import
order and must not know their code, only what they stored."""

from __future__ import annotations

from sqlalchemy import TableClause, column, table


def _columns(name: str, *names: str) -> TableClause:
    return table(name, *(column(each) for each in names))


orders = _columns("orders", "id", "code", "payment_state", "payment_method", "goods_amount", "freight_amount")
seller_orders = _columns(
    "seller_orders",
    "id",
    "seller_id",
    "order_id",
    "code",
    "status",
    "goods_amount",
    "freight_amount",
    "commission_amount",
    "refunded_goods_amount",
    "refunded_freight_amount",
)
order_lines = _columns(
    "order_lines",
    "id",
    "seller_id",
    "seller_order_id",
    "amount",
    "vat_amount",
    "refunded_amount",
    "agri_class",
    "pool_id",
    "pool_amount",
)
payments = _columns("payments", "id", "order_id", "amount", "status", "fee_amount")
payment_parts = _columns("payment_parts", "payment_id", "seller_id", "seller_order_id", "amount")
refunds = _columns(
    "refunds", "id", "seller_id", "seller_order_id", "payment_id", "goods_amount", "freight_amount", "status"
)
disputes = _columns(
    "disputes",
    "id",
    "payment_id",
    "amount",
    "fee_amount",
    "fee_returned_amount",
    "status",
    "withdrawn_at",
    "reinstated_at",
)
dispute_parts = _columns("dispute_parts", "id", "dispute_id", "seller_id", "seller_order_id", "amount")
stock_pools = _columns("stock_pools", "id", "seller_id", "on_hand", "held")
stock_movements = _columns("stock_movements", "pool_id", "amount")
holds = _columns("holds", "order_id", "seller_id", "pool_id", "amount", "state")
