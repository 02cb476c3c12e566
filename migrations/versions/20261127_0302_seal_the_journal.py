"""Seal the journal: day, number and digest of its entries, and the rows still to be sealed by index

Revision: 20261127_0302
Before it: 20261127_0301
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from marketplace import append_only

revision = "20261127_0302"
down_revision = "20261127_0301"
branch_labels = None
depends_on = None

UNSEALED = {"sqlite_where": sa.text("digest IS NULL"), "postgresql_where": sa.text("digest IS NULL")}


def _guard(sealed: list[str]) -> None:
    dialect = op.get_bind().dialect.name
    for statement in append_only.drop_statements(dialect) + append_only.statements(dialect, sealed=sealed):
        op.execute(statement)


def upgrade() -> None:
    op.add_column("journal_entries", sa.Column("day", sa.String(length=10), nullable=True))
    op.add_column("journal_entries", sa.Column("number", sa.BigInteger(), nullable=True))
    op.add_column("journal_entries", sa.Column("digest", sa.String(length=64), nullable=True))
    op.create_index("ix_journal_entries_book_day_number", "journal_entries", ["book", "day", "number"], unique=True)
    op.create_index("ix_journal_entries_unsealed", "journal_entries", ["book", "at"], unique=False, **UNSEALED)
    op.create_index("ix_audit_entries_unsealed", "audit_entries", ["at"], unique=False, **UNSEALED)
    _guard(["audit_entries", "journal_entries"])


def downgrade() -> None:
    _guard(["audit_entries"])
    op.drop_index("ix_audit_entries_unsealed", table_name="audit_entries")
    op.drop_index("ix_journal_entries_unsealed", table_name="journal_entries")
    op.drop_index("ix_journal_entries_book_day_number", table_name="journal_entries")
    for name in ("digest", "number", "day"):
        op.drop_column("journal_entries", name)
