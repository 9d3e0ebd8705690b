"""Schema migrations of the ledger and of its sandbox: Alembic revisions, each one SQL file.

The sandbox has the same revisions, with its own role in place of the application's, and `sandbox.sql`
after them.
"""

from pathlib import Path

import psycopg
from alembic import command, op
from alembic.config import Config

from ledger_service.runtime.database import Database, Role, Server

VERSIONS = Path(__file__).parent / "versions"


SANDBOX = Path(__file__).parent / "sandbox.sql"


def migrate(server: Server) -> None:
    """Bring the ledger, or of a server's `sandbox` that, to the newest revision. Idempotent."""
    config = Config(attributes={"app_role": server.role(Role.APP)})
    config.set_main_option("script_location", str(Path(__file__).parent))
    url = server.uri(Database.LEDGER, driver="postgresql+psycopg", role=Role.OWNER)
    config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
    command.upgrade(config, "head")
    if server.is_sandbox:
        with server.connect(Database.LEDGER, Role.OWNER) as connection:
            connection.execute(SANDBOX.read_bytes())


def run_sql_file(revision: str) -> None:
    """Run a revision's SQL file on the migration's own connection, the application's role put in."""
    connection = op.get_bind().connection.driver_connection
    if not isinstance(connection, psycopg.Connection):
        raise TypeError(f"migrations run on psycopg, not on {type(connection)}")
    app_role = op.get_context().config.attributes["app_role"]  # type: ignore[union-attr]  # set by migrate
    text = (VERSIONS / f"{revision}.sql").read_text(encoding="utf-8")
    connection.execute(text.replace(Role.APP, app_role).encode())
