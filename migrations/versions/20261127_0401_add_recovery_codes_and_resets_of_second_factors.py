"""Add recovery codes, resets of lost second factors, and secrets that only the session sees that makes them

Revision: 20261127_0401
Before it: 20261127_0302
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261127_0401"
down_revision = "20261127_0302"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "recovery_codes",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("code_hash", sa.String(length=200), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("used_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_recovery_codes_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recovery_codes")),
    )
    op.create_index("ix_recovery_codes_user_id", "recovery_codes", ["user_id"], unique=False)
    op.add_column("users", sa.Column("totp_reset_at", sa.DateTime(), nullable=True))
    op.add_column("web_sessions", sa.Column("totp_secret", sa.String(length=400), nullable=True))


def downgrade() -> None:
    op.drop_column("web_sessions", "totp_secret")
    op.drop_column("users", "totp_reset_at")
    op.drop_index("ix_recovery_codes_user_id", table_name="recovery_codes")
    op.drop_table("recovery_codes")
