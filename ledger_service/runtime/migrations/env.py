"""Alembic's entry: run the revisions in one transaction, as the owner role."""

from alembic import context
from sqlalchemy import create_engine, pool

url = context.config.get_main_option("sqlalchemy.url")
if url is None:
    raise RuntimeError("migrations are run through ledger_service.runtime.migrations.migrate")
with create_engine(url, poolclass=pool.NullPool).connect() as connection:
    context.configure(connection=connection, transactional_ddl=True)
    with context.begin_transaction():
        context.run_migrations()
