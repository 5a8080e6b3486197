"""Run inside Database.migrate's transaction; never from a command line."""

from alembic import context

from twelve.infra.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
