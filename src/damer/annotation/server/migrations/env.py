"""Run by Alembic, on the connection that `damer.annotation.server.database` hands over."""

from alembic import context

from damer.annotation.server.models import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
