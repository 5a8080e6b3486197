"""Scheduled processes."""

from alembic import op

from twelve.infra.schema import schedule_runs, schedules

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    for table in (schedules, schedule_runs):
        table.create(op.get_bind(), checkfirst=True)


def downgrade() -> None:
    for table in (schedule_runs, schedules):
        table.drop(op.get_bind())
