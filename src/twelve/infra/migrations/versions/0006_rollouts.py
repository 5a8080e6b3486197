"""Rollouts and their phases; candidate releases."""

from alembic import op

from twelve.infra.schema import rollout_phases, rollouts

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.execute("alter table releases add column if not exists candidate boolean not null default false")
    for table in (rollouts, rollout_phases):
        table.create(op.get_bind(), checkfirst=True)


def downgrade() -> None:
    for table in (rollout_phases, rollouts):
        table.drop(op.get_bind())
    op.execute("alter table releases drop column candidate")
