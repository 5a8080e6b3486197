"""Which server started a process: of several on one database, each adopts its own. Older rows are anybody's."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.execute("alter table processes add column if not exists server text not null default ''")


def downgrade() -> None:
    op.execute("alter table processes drop column server")
