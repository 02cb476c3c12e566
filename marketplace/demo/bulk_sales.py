"""Orders of a large market with all that belongs to them, so many at a time: each kind of row by one statement."""

from __future__ import annotations

from typing import Any

from marketplace import places
from marketplace.demo.bulk_dialect import Dialect
from marketplace.demo.bulk_goods import receive
from marketplace.demo.bulk_size import BUYER, DOOR, RECIPIENT, STREET, Size
from marketplace.orders.rules import MODE_RULE

TOGETHER = 250_000
OF_THE_LARGEST = 50  # one order of so many goes to the first seller
DAY = 86_400
PAID, SHIPPED, DELIVERED, COMPLETED = 180, DAY, 3 * DAY, 5 * DAY  # seconds after the order
CITIES = ("310115", "440305", "440106", "110105", "330106", "320102", "350102", "420106", "430104", "510104")


def cities() -> list[dict[str, Any]]:
    return [{"n": n, "code": code, "name": places.full_name(code)} for n, code in enumerate(CITIES)]


def load(d: Dialect, size: Size) -> None:
    """All orders, what came in for them, and the sums of their revenue."""
    for first in range(0, size.orders, TOGETHER):
        d.keep("load_orders", _orders(d, size, first, min(size.orders, first + TOGETHER) - 1))
        for statement in (*_records(d, size), *_money(d), *_stock(d)):
            d.run(statement)
        d.run("DROP TABLE load_orders")
    d.run(receive(d, size))
    for table, period in (("daily_revenue", "day"), ("year_revenue", "year")):
        d.run(f"""
            INSERT INTO {table} (seller_id, {period}, mode, agri_class, amount)
            SELECT seller_id, {period}, mode, agri_class, CAST(sum(amount) AS BIGINT) FROM revenue_entries
            WHERE seller_id >= {size.base} AND seller_id < {size.base + size.sellers}
            GROUP BY seller_id, {period}, mode, agri_class""")


def _orders(d: Dialect, size: Size, first: int, last: int) -> str:
    """What the rows of an order are made of: whose goods, how many, when, and how far it has come."""
    of_a_shop = max(1, size.products // size.sellers)
    at = f"{size.start} + s.n * {size.end - size.start} / {max(1, size.orders)}"
    product = (
        f"CASE WHEN s.n % {OF_THE_LARGEST} = 0 THEN s.n / {OF_THE_LARGEST} % {of_a_shop} * {size.sellers}"
        f" ELSE s.n * 7919 % {size.products} END"
    )
    return f"""
        SELECT picked.n AS n, picked.at AS at, {d.identifier("picked.at", "picked.n", size.salt)} AS id,
            {d.identifier(f"picked.at + {COMPLETED}", "picked.n", size.salt)} + 1 AS end_id,
            {d.scattered("picked.n * 2", size.salt)} AS order_number,
            {d.scattered("picked.n * 2 + 1", size.salt)} AS sale_number,
            picked.count0 AS count0, picked.count1 AS count1, goods.n AS product, goods.id AS pool_id,
            goods.seller_id AS seller_id, goods.agri_class AS agri_class, sellers.kind AS seller_kind,
            CASE WHEN sellers.kind IN ('person', 'family_farm') THEN 'c2c' ELSE 'b2c' END AS mode,
            picked.count0 * goods.price0 AS amount0, picked.count1 * goods.price1 AS amount1,
            picked.count0 * goods.price0 + picked.count1 * goods.price1 AS amount,
            picked.count0 * goods.net0 + picked.count1 * goods.net1 AS drawn,
            picked.at + {SHIPPED} < {size.end} AS is_shipped, picked.at + {DELIVERED} < {size.end} AS is_delivered,
            picked.at + {COMPLETED} < {size.end} AS is_completed
        FROM (SELECT s.n AS n, {at} AS at, {product} AS product, 1 + s.n % 3 AS count0, 1 + s.n % 2 AS count1
              FROM {d.series(first, last)}) AS picked
        JOIN load_goods AS goods ON goods.n = picked.product
        JOIN sellers ON sellers.id = goods.seller_id"""


def _records(d: Dialect, size: Size) -> list[str]:
    at, paid = d.instant("sale.at"), d.instant(f"sale.at + {PAID}")
    shipped, delivered = d.instant(f"sale.at + {SHIPPED}"), d.instant(f"sale.at + {DELIVERED}")
    completed, ship_by = d.instant(f"sale.at + {COMPLETED}"), d.instant(f"sale.at + {PAID + 2 * DAY}")
    by_delivery = d.instant(f"sale.at + {DELIVERED + 7 * DAY}")
    by_dispatch = d.instant(f"sale.at + {SHIPPED + 15 * DAY}")
    phone = f"'1390000' || {d.padded('sale.n % 10000', 4)}"
    lines = [
        f"""
        INSERT INTO order_lines (id, seller_id, seller_order_id, product_id, variant_id, pool_id, pool_amount, count,
            price_amount, amount, vat_amount, refunded_amount, agri_class, needs_confirmation, title, pack, snapshot)
        SELECT sale.id + {pack}, sale.seller_id, sale.id, goods.id, {size.variant("goods.n", pack)}, goods.id,
            sale.count{pack} * goods.net{pack}, sale.count{pack}, goods.price{pack}, sale.amount{pack}, 0, 0,
            goods.agri_class, FALSE, goods.title, {d.json(f"goods.pack{pack}")}, {d.json("goods.snapshot")}
        FROM load_orders AS sale JOIN load_goods AS goods ON goods.n = sale.product"""
        for pack in (0, 1)
    ]
    return [
        f"""
        INSERT INTO orders (id, code, form_key, access_token, contact_phone, buyer_kind, invoice_title, mode_rule,
            payment_method, payment_state, goods_amount, freight_amount, recipient_name, recipient_phone, county_code,
            area_name, address_detail, note, language, placed_at, hold_until, paid_at)
        SELECT sale.id, {d.code("sale.order_number")}, 'load-' || CAST(sale.id AS TEXT), {d.token()}, {phone},
            'consumer', '', '{MODE_RULE}', 'online', 'paid', sale.amount, 0, '{RECIPIENT}', {phone}, city.code,
            city.name, '{STREET}' || CAST(1 + sale.n % 200 AS TEXT) || '{DOOR}', '', 'zh', {at},
            {d.instant("sale.at + 1800")}, {paid}
        FROM load_orders AS sale JOIN load_cities AS city ON city.n = sale.n % {len(CITIES)}""",
        f"""
        INSERT INTO seller_orders (id, seller_id, order_id, code, status, seller_kind, mode, goods_amount,
            freight_amount, freight_reason, commission_ppm, commission_amount, refunded_goods_amount,
            refunded_freight_amount, ship_by, shipped_at, delivered_at, confirm_at, completed_at)
        SELECT sale.id, sale.seller_id, sale.id, {d.code("sale.sale_number")},
            CASE WHEN sale.is_completed THEN 'completed' WHEN sale.is_delivered THEN 'delivered'
            WHEN sale.is_shipped THEN 'shipped' ELSE 'to_ship' END,
            sale.seller_kind, sale.mode, sale.amount, 0, {d.json("'{}'")}, 0, 0, 0, 0, {ship_by},
            CASE WHEN sale.is_shipped THEN {shipped} END, CASE WHEN sale.is_delivered THEN {delivered} END,
            CASE WHEN sale.is_completed THEN NULL WHEN sale.is_delivered THEN {by_delivery}
            WHEN sale.is_shipped THEN {by_dispatch} END, CASE WHEN sale.is_completed THEN {completed} END
        FROM load_orders AS sale""",
        *lines,
        f"""
        INSERT INTO shipments (id, seller_id, seller_order_id, carrier_code, waybill, shipped_at, delivered_at)
        SELECT sale.id, sale.seller_id, sale.id, 'ZTO', '75' || {d.padded("sale.n", 12)}, {shipped},
            CASE WHEN sale.is_delivered THEN {delivered} END
        FROM load_orders AS sale WHERE sale.is_shipped""",
        f"""
        INSERT INTO order_events (id, order_id, kind, at, actor_label, data)
        SELECT sale.id, sale.id, 'placed', {at}, '{BUYER}', {d.json("'{}'")} FROM load_orders AS sale""",
        f"""
        INSERT INTO order_events (id, order_id, seller_id, kind, at, actor_label, data)
        SELECT sale.end_id, sale.id, sale.seller_id, 'completed', {completed}, '{BUYER}', {d.json("'{}'")}
        FROM load_orders AS sale WHERE sale.is_completed""",
    ]


def _money(d: Dialect) -> list[str]:
    """Payment, books and revenue; loaded sales bear no commission and no freight."""
    at, paid, completed = d.instant("sale.at"), d.instant(f"sale.at + {PAID}"), d.instant(f"sale.at + {COMPLETED}")
    day, year = d.day(f"sale.at + {COMPLETED}"), d.year(f"sale.at + {COMPLETED}")
    return [
        f"""
        INSERT INTO payments (id, order_id, provider, idempotency_key, amount, currency, status, intent_ref, channel,
            created_at, expires_at, succeeded_at)
        SELECT sale.id, sale.id, 'stripe', 'load-' || CAST(sale.id AS TEXT), sale.amount, 'cny', 'succeeded',
            'pi_load_' || CAST(sale.id AS TEXT), 'alipay', {at}, {d.instant("sale.at + 1860")}, {paid}
        FROM load_orders AS sale""",
        """
        INSERT INTO payment_parts (id, seller_id, payment_id, seller_order_id, amount)
        SELECT sale.id, sale.seller_id, sale.id, sale.id, sale.amount FROM load_orders AS sale""",
        *_entry("payment", "sale.id", paid, "provider_clearing", "unearned_goods", ""),
        *_entry(
            "completion", "sale.end_id", completed, "unearned_goods", "seller_payable", "WHERE sale.is_completed"
        ),
        f"""
        INSERT INTO revenue_entries (id, seller_id, seller_order_id, kind, reference, mode, agri_class, amount, at, day,
            year, is_adjustment)
        SELECT sale.end_id, sale.seller_id, sale.id, 'completed', 'completed', sale.mode, sale.agri_class, sale.amount,
            {completed}, {day}, {year}, FALSE
        FROM load_orders AS sale WHERE sale.is_completed""",
    ]


def _entry(kind: str, entry_id: str, at: str, debit: str, credit: str, where: str) -> list[str]:
    """One entry of a seller's book with its two postings."""
    return [
        f"""
        INSERT INTO journal_entries (id, book, kind, reference, seller_order_id, at)
        SELECT {entry_id}, sale.seller_id, '{kind}', CAST(sale.id AS TEXT), sale.id, {at}
        FROM load_orders AS sale {where}""",
        *(
            f"""
        INSERT INTO postings (id, entry_id, book, account, amount)
        SELECT {entry_id} + {2 * number}, {entry_id}, sale.seller_id, '{account}', {sign}sale.amount
        FROM load_orders AS sale {where}"""
            for number, (account, sign) in enumerate(((debit, ""), (credit, "-")))
        ),
    ]


def _stock(d: Dialect) -> list[str]:
    return [
        f"""
        INSERT INTO holds (id, seller_id, order_id, pool_id, amount, state, expires_at)
        SELECT sale.id, sale.seller_id, sale.id, sale.pool_id, sale.drawn, 'confirmed', {d.instant("sale.at + 1800")}
        FROM load_orders AS sale""",
        f"""
        INSERT INTO stock_movements (id, seller_id, pool_id, kind, amount, order_id, note, at)
        SELECT sale.id, sale.seller_id, sale.pool_id, 'sold', -sale.drawn, sale.id, '', {d.instant(f"sale.at + {PAID}")}
        FROM load_orders AS sale""",
    ]
