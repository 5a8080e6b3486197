"""The range an app may be scaled in by itself. A fresh database has the column since the first schema."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.execute("alter table formation add column if not exists autoscale jsonb")


def downgrade() -> None:
    op.execute("alter table formation drop column autoscale")
