"""What the units of a rollout met: exposures, outcomes, requests; what a read-out fixed before its first look."""

from alembic import op

from twelve.infra.schema import outcome_seen, rollout_frozen, rollout_traffic, unit_exposure, unit_outcome

revision = "0007"
down_revision = "0006"
TABLES = (unit_exposure, unit_outcome, outcome_seen, rollout_traffic, rollout_frozen)


def upgrade() -> None:
    for table in TABLES:
        table.create(op.get_bind(), checkfirst=True)


def downgrade() -> None:
    for table in TABLES:
        table.drop(op.get_bind())
