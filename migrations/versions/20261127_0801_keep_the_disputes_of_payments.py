"""Keep the disputes of payments: what the buyer's bank takes back, and of which seller orders

Revision: 20261127_0801
Before it: 20261127_0702
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261127_0801"
down_revision = "20261127_0702"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "disputes",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("payment_id", sa.BigInteger(), nullable=False),
        sa.Column("provider_ref", sa.String(length=120), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("fee_amount", sa.BigInteger(), nullable=False),
        sa.Column("fee_returned_amount", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(length=60), nullable=False),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.Column("due_at", sa.DateTime(), nullable=True),
        sa.Column("opened_at", sa.DateTime(), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(), nullable=True),
        sa.Column("reinstated_at", sa.DateTime(), nullable=True),
        sa.Column("closed_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.id"], name=op.f("fk_disputes_payment_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_disputes")),
        sa.UniqueConstraint("provider_ref", name=op.f("uq_disputes_provider_ref")),
    )
    op.create_index("ix_disputes_payment", "disputes", ["payment_id", "id"], unique=False)
    op.create_index("ix_disputes_status", "disputes", ["status", "id"], unique=False)
    op.create_table(
        "dispute_parts",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("seller_id", sa.BigInteger(), nullable=False),
        sa.Column("dispute_id", sa.BigInteger(), nullable=False),
        sa.Column("seller_order_id", sa.BigInteger(), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["dispute_id"], ["disputes.id"], name=op.f("fk_dispute_parts_dispute_id")),
        sa.ForeignKeyConstraint(
            ["seller_id", "seller_order_id"],
            ["seller_orders.seller_id", "seller_orders.id"],
            name=op.f("fk_dispute_parts_seller_id_seller_order_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dispute_parts")),
        sa.UniqueConstraint("seller_id", "dispute_id", name=op.f("uq_dispute_parts_seller_id_dispute_id")),
    )
    op.create_index("ix_dispute_parts_dispute", "dispute_parts", ["dispute_id"], unique=False)
    op.create_index(
        "ix_dispute_parts_seller_order", "dispute_parts", ["seller_id", "seller_order_id"], unique=False
    )


def downgrade() -> None:
    op.drop_table("dispute_parts")
    op.drop_table("disputes")
