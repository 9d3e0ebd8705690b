"""`wgi reset`."""

import shutil

import psycopg
import typer
from psycopg import sql
from rich.console import Console

from ledger_service.runtime.database import Database, Server
from ledger_service.runtime.settings import SourceName
from orchestration.cli.installation import choose


def run(*, source: SourceName | None, yes: bool) -> None:
    """Delete the installation's folder, and on a real server its databases."""
    settings = choose(source)
    console = Console(emoji=False)
    what = f"everything of source {settings.source} below {settings.root}"
    if settings.database_url:
        what += f", and the databases {settings.databases}_*"
    if not yes and not typer.confirm(f"Delete {what}?", default=False):
        console.print("Nothing was deleted.")
        raise typer.Exit(1)
    if settings.database_url:
        _drop_databases(Server(settings.database_url, settings.databases))
    shutil.rmtree(settings.root, ignore_errors=True)
    console.print(f"Deleted {what}.")


def _drop_databases(server: Server) -> None:
    with psycopg.connect(server.conninfo, autocommit=True) as connection:
        for database in Database:
            name = sql.Identifier(server.name(database))
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(name))
