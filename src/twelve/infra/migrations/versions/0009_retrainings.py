"""Retrainings, and schedules of them."""

from alembic import op

from twelve.infra.schema import retrainings

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.execute("alter table schedules add column if not exists retrain boolean not null default false")
    retrainings.create(op.get_bind(), checkfirst=True)


def downgrade() -> None:
    retrainings.drop(op.get_bind())
    op.execute("alter table schedules drop column retrain")
