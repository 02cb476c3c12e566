"""Read lists and searches in their own order: by keys of the product itself, each with its index

Revision: 20261127_0701
Before it: 20261127_0601
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261127_0701"
down_revision = "20261127_0601"
branch_labels = None
depends_on = None

BEFORE = {
    "ix_products_newest": ["status", "listed_rank"],
    "ix_products_listed": ["status", "category_code", "listed_rank"],
}
AFTER = {
    "ix_products_newest": ["status", "listed_rank", "id"],
    "ix_products_price": ["status", "shelf_price_amount", "id"],
    "ix_products_unit": ["status", "shelf_unit_rank", "id"],
    "ix_products_listed": ["status", "category_code", "listed_rank", "id"],
    "ix_products_listed_price": ["status", "category_code", "shelf_price_amount", "id"],
    "ix_products_listed_unit": ["status", "category_code", "shelf_unit_rank", "id"],
    "ix_products_county": ["status", "county_code", "listed_rank", "id"],
}
# As rules.unit_rank() had it: fen per 1,000 of the measure, measures after each other.
RANK = """
UPDATE products SET shelf_unit_rank = (
  SELECT CASE measure WHEN 'mass' THEN 0 WHEN 'volume' THEN 3000000000000000000 ELSE 6000000000000000000 END
         + price_amount * 1000 / net_amount
  FROM variants
  WHERE variants.seller_id = products.seller_id AND variants.product_id = products.id AND variants.position = 0
)
"""


def upgrade() -> None:
    op.add_column("products", sa.Column("shelf_unit_rank", sa.BigInteger(), nullable=True))
    op.execute(RANK)
    for name in BEFORE:
        op.drop_index(name, table_name="products")
    for name, columns in AFTER.items():
        op.create_index(name, "products", columns, unique=False)
    op.create_index("ix_search_terms_best", "search_terms", ["term", "weight", "product_id"], unique=False)
    op.create_index("ix_seller_orders_status", "seller_orders", ["status", "id"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_seller_orders_status", table_name="seller_orders")
    op.drop_index("ix_search_terms_best", table_name="search_terms")
    for name in AFTER:
        op.drop_index(name, table_name="products")
    for name, columns in BEFORE.items():
        op.create_index(name, "products", columns, unique=False)
    op.drop_column("products", "shelf_unit_rank")
