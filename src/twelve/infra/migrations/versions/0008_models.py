"""The model of a release; aliases of models, with their history."""

from alembic import op

from twelve.infra.schema import model_aliases

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.execute("alter table releases add column if not exists model jsonb")
    model_aliases.create(op.get_bind(), checkfirst=True)


def downgrade() -> None:
    model_aliases.drop(op.get_bind())
    op.execute("alter table releases drop column model")
