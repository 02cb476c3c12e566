"""Count every change of what public pages show, so that pages can be kept and none is ever stale

Revision: 20261127_0601
Before it: 20261127_0501
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from marketplace import changes

revision = "20261127_0601"
down_revision = "20261127_0501"
branch_labels = None
depends_on = None


def upgrade() -> None:
    versions = op.create_table(
        "catalogue_versions",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_catalogue_versions")),
    )
    op.bulk_insert(versions, [{"id": 0, "version": 1}])
    op.create_index("ix_variants_pool", "variants", ["seller_id", "pool_id"], unique=False)
    for statement in changes.statements(op.get_bind().dialect.name):
        op.execute(statement)


def downgrade() -> None:
    for statement in changes.drop_statements(op.get_bind().dialect.name):
        op.execute(statement)
    op.drop_index("ix_variants_pool", table_name="variants")
    op.drop_table("catalogue_versions")
