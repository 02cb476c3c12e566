"""Remember on whose request a job was enqueued, and of background work when it is due and what it found

Revision: 20261127_0501
Before it: 20261127_0401
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261127_0501"
down_revision = "20261127_0401"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("jobs", sa.Column("request_id", sa.String(length=64), nullable=True))
    op.add_column("heartbeats", sa.Column("due_at", sa.DateTime(), nullable=True))
    op.add_column("heartbeats", sa.Column("findings", sa.Integer(), nullable=True))


def downgrade() -> None:
    op.drop_column("heartbeats", "findings")
    op.drop_column("heartbeats", "due_at")
    op.drop_column("jobs", "request_id")
