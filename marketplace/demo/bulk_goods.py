"""Sellers, batches, stock and products of a large market, each kind by one statement."""

from __future__ import annotations

from marketplace.demo.bulk_dialect import Dialect
from marketplace.demo.bulk_size import COMPANY, PACKS, SHOP, Size

STOCK = 500  # times the first pack
EVERY_SOLD_OUT = 20  # one product of so many


def statements(d: Dialect, size: Size) -> list[str]:
    """In the order of their keys; load_offers and load_terms are there, load_goods is left for the sales."""
    return [*_sellers(d, size), *_goods(d, size)]


def _sellers(d: Dialect, size: Size) -> list[str]:
    since = d.instant(str(size.start))
    is_person = "s.n % 10 < 6"
    kind = "CASE WHEN s.n % 10 < 4 THEN 'person' WHEN s.n % 10 < 6 THEN 'family_farm' WHEN s.n % 10 < 8"
    kind += " THEN 'cooperative' WHEN s.n % 10 = 8 THEN 'company' ELSE 'sole_trader' END"
    number = d.padded("s.n", 6)
    credit = f"'93' || {number} || '{size.salt % 10**10:010d}'"
    return [
        f"""
        INSERT INTO sellers (id, code, kind, name, legal_name, credit_code, own_produce_declared_on, county_code,
            area_code, phone, story, status, approved_at, is_demo, created_at)
        SELECT {size.base} + s.n, {d.code(f"({d.scattered('s.n', size.salt)})")}, {kind}, '{SHOP} ' || {number},
            '{COMPANY} ' || {number}, CASE WHEN {is_person} THEN NULL ELSE {credit} END,
            CASE WHEN {is_person} THEN {d.day(str(size.start))} END, town.county_code, town.area_code, '0797-0000000',
            '', 'approved', {since}, TRUE, {since}
        FROM {d.series(0, size.sellers - 1)}
        JOIN load_offers AS town ON town.kind = 0 AND town.town = s.n % {size.towns}""",
        f"""
        INSERT INTO freight_templates (id, seller_id, free_from_amount, updated_at)
        SELECT {size.base} + s.n, {size.base} + s.n, 9900, {since} FROM {d.series(0, size.sellers - 1)}""",
        f"""
        INSERT INTO freight_rules (id, seller_id, template_id, group_position, province_code, first_amount, next_amount)
        SELECT {size.base} + s.n * 64 + province.place, {size.base} + s.n, {size.base} + s.n, 0, province.code, 800, 100
        FROM {d.series(0, size.sellers - 1)}
        CROSS JOIN (SELECT code, row_number() OVER (ORDER BY code) AS place FROM areas WHERE parent_code IS NULL)
            AS province""",
    ]


def _goods(d: Dialect, size: Size) -> list[str]:
    since = d.instant(str(size.start))
    prices = ", ".join(
        f"(offer.price{pack} * (90 + s.n / {size.sellers} * 7 % 21 + s.n % 3)) / 100 AS price{pack}"
        for pack in range(PACKS)
    )
    packs = ", ".join(
        f"offer.net{pack} AS net{pack}, offer.gross{pack} AS gross{pack}, offer.pack{pack} AS pack{pack}"
        for pack in range(PACKS)
    )
    certificate = f"'LD' || {d.padded('goods.n', 8)}"
    return [
        f"CREATE TEMP TABLE load_goods AS SELECT s.n AS n, {size.base} + s.n AS id,"
        f" {size.base} + s.n % {size.sellers} AS seller_id, offer.town AS town, offer.kind AS kind,"
        f" offer.agri_class AS agri_class, offer.title AS title, offer.snapshot AS snapshot, {packs}, {prices}"
        f" FROM {d.series(0, size.products - 1)} JOIN load_offers AS offer"
        f" ON offer.town = s.n % {size.sellers} % {size.towns}"
        f" AND offer.kind = (s.n / {size.sellers} + s.n % {size.sellers} * 7) % {size.kinds}",
        "CREATE INDEX load_goods_n ON load_goods (n)",
        *([] if d.is_sqlite else ["ANALYZE load_goods"]),
        f"""
        INSERT INTO batches (id, seller_id, code, category_code, variety_code, area_code, picked_on, orchard,
            created_at)
        SELECT goods.id, goods.seller_id, {certificate}, offer.category_code, offer.variety_code, offer.area_code,
            {d.day(f"{size.end} - 86400 * (goods.n % 12)")}, '', {since}
        FROM load_goods AS goods JOIN load_offers AS offer ON offer.town = goods.town AND offer.kind = goods.kind""",
        f"""
        INSERT INTO certificates (id, seller_id, batch_id, kind, number, product, quantity_grams, origin, issued_on,
            promised_by, contact)
        SELECT goods.id, goods.seller_id, goods.id, 'conformity', {certificate}, goods.title, 1000000, offer.origin,
            {d.day(str(size.end - 86400))}, sellers.legal_name, sellers.phone
        FROM load_goods AS goods JOIN load_offers AS offer ON offer.town = goods.town AND offer.kind = goods.kind
        JOIN sellers ON sellers.id = goods.seller_id WHERE sellers.kind IN ('cooperative', 'company')""",
        f"""
        INSERT INTO stock_pools (id, seller_id, batch_id, grade_code, size_code, unit, on_hand, held)
        SELECT goods.id, goods.seller_id, goods.id, offer.grade_code, offer.size_code, offer.unit, {_stock()}, 0
        FROM load_goods AS goods JOIN load_offers AS offer ON offer.town = goods.town AND offer.kind = goods.kind""",
        f"""
        INSERT INTO products (id, seller_id, code, category_code, variety_code, grade_code, size_code, batch_id, title,
            description, county_code, area_code, status, published_at, listed_rank, shelf_price_amount, shelf_unit_rank,
            sc_number, created_at, updated_at)
        SELECT goods.id, goods.seller_id, {d.code(f"({d.scattered('goods.n', size.salt)})")}, offer.category_code,
            offer.variety_code, offer.grade_code, offer.size_code, goods.id, goods.title, offer.description,
            offer.county_code, offer.area_code, 'published', {since}, {size.listed} + goods.n, goods.price0,
            offer.measure_rank + goods.price0 * 1000 / goods.net0, offer.sc_number, {since}, {since}
        FROM load_goods AS goods JOIN load_offers AS offer ON offer.town = goods.town AND offer.kind = goods.kind""",
        *(
            f"""
        INSERT INTO variants (id, seller_id, product_id, pool_id, pool_amount, measure, net_amount, gross_grams,
            price_amount, is_offered, position)
        SELECT {size.variant("goods.n", pack)}, goods.seller_id, goods.id, goods.id, goods.net{pack}, offer.measure,
            goods.net{pack}, goods.gross{pack}, goods.price{pack}, TRUE, {pack}
        FROM load_goods AS goods JOIN load_offers AS offer ON offer.town = goods.town AND offer.kind = goods.kind"""
            for pack in range(PACKS)
        ),
        f"""
        INSERT INTO price_changes (id, seller_id, variant_id, price_amount, at, valid_from)
        SELECT variants.id, variants.seller_id, variants.id, variants.price_amount, {since}, {d.day(str(size.start))}
        FROM load_goods AS goods
        JOIN variants ON variants.seller_id = goods.seller_id AND variants.product_id = goods.id""",
        """
        INSERT INTO search_terms (term, product_id, weight)
        SELECT found.term, goods.id, found.weight FROM load_goods AS goods
        JOIN load_terms AS found ON found.town = goods.town AND found.kind = goods.kind
        ORDER BY found.term, goods.id""",
        f"""
        INSERT INTO search_terms (term, product_id, weight)
        SELECT {d.padded(f"goods.seller_id - {size.base}", 6)}, goods.id, {size.seller_weight}
        FROM load_goods AS goods""",
    ]


def _stock() -> str:
    return f"CASE WHEN goods.n % {EVERY_SOLD_OUT} = {EVERY_SOLD_OUT - 1} THEN 0 ELSE goods.net0 * {STOCK} END"


def receive(d: Dialect, size: Size) -> str:
    """What came in: what is there and what was sold; after the sales."""
    return f"""
        INSERT INTO stock_movements (id, seller_id, pool_id, kind, amount, note, at)
        SELECT pool.id, pool.seller_id, pool.id, 'received', pool.on_hand + COALESCE(sold.amount, 0), '',
            {d.instant(str(size.start))}
        FROM load_goods AS goods JOIN stock_pools AS pool ON pool.id = goods.id
        LEFT JOIN (SELECT pool_id, CAST(-sum(amount) AS BIGINT) AS amount FROM stock_movements GROUP BY pool_id) AS sold
            ON sold.pool_id = pool.id
        WHERE pool.on_hand + COALESCE(sold.amount, 0) > 0"""
