"""Find packs of one size by their price

Revision: 20261127_0702
Before it: 20261127_0701
"""

from __future__ import annotations

from alembic import op

revision = "20261127_0702"
down_revision = "20261127_0701"
branch_labels = None
depends_on = None


def upgrade() -> None:
    columns = ["measure", "net_amount", "price_amount", "product_id"]
    op.create_index("ix_variants_pack", "variants", columns, unique=False)


def downgrade() -> None:
    op.drop_index("ix_variants_pack", table_name="variants")
