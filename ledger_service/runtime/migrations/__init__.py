"""Schema migrations of the ledger database: Alembic revisions, each one SQL file."""

from pathlib import Path

import psycopg
from alembic import command, op
from alembic.config import Config

from ledger_service.runtime.database import Database, Role, Server

VERSIONS = Path(__file__).parent / "versions"


def migrate(server: Server) -> None:
    """Bring the ledger database to the newest revision. Idempotent."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    url = server.uri(Database.LEDGER, driver="postgresql+psycopg", role=Role.OWNER)
    config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
    command.upgrade(config, "head")


def run_sql_file(revision: str) -> None:
    """Run a revision's SQL file on the migration's own connection, as written."""
    connection = op.get_bind().connection.driver_connection
    if not isinstance(connection, psycopg.Connection):
        raise TypeError(f"migrations run on psycopg, not on {type(connection)}")
    connection.execute((VERSIONS / f"{revision}.sql").read_bytes())
