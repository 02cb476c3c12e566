"""Remember forms that were carried out

Revision: 20261127_0301
Before it: 20261124_0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261127_0301"
down_revision = "20261124_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "used_forms",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("values", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_used_forms")),
    )
    op.create_index("ix_used_forms_at", "used_forms", ["at"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_used_forms_at", table_name="used_forms")
    op.drop_table("used_forms")
