"""Log drains."""

from alembic import op

from twelve.infra.schema import drains

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    drains.create(op.get_bind(), checkfirst=True)  # a new database has it from 0001 already


def downgrade() -> None:
    drains.drop(op.get_bind(), checkfirst=True)
