"""The databases and roles: where they are, how to connect, and how they come to be.

Four databases on one server: `wgi_ledger` (the books), `wgi_sandbox` (the same with play money),
`wgi_warehouse` (dbt) and `wgi_dagster` (Dagster's storage). Five roles without login, none a superuser;
a connection takes one on:

=============  ================================================================================
wgi_owner      owns every object; only migrations run as it
wgi_app        reads the ledger, writes through its functions alone
wgi_sandbox    in the sandbox what wgi_app is in the ledger; in the ledger it may nothing
wgi_close      reads the ledger for the close and closes business dates
wgi_analyst    reads the marts of the warehouse, no clear personal data
=============  ================================================================================
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from urllib.parse import quote, urlencode

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from ledger_service.runtime.postgres_server import LOGIN_ROLE, EmbeddedPostgres
from ledger_service.runtime.settings import Settings


class Role(StrEnum):
    """What a connection may do."""

    OWNER = "wgi_owner"
    """Owns every object; only migrations run as it."""
    APP = "wgi_app"
    """Reads the ledger, writes through its functions alone."""
    SANDBOX = "wgi_sandbox"
    """In the sandbox what `APP` is in the ledger; in the ledger it may nothing."""
    CLOSE = "wgi_close"
    """Reads the ledger for the close and closes business dates."""
    ANALYST = "wgi_analyst"
    """Reads the marts of the warehouse."""


class Database(StrEnum):
    """The databases on the server; each is named `<prefix>_<value>`."""

    LEDGER = "ledger"
    """The books."""
    SANDBOX = "sandbox"
    """Books like those of the ledger, with play money."""
    WAREHOUSE = "warehouse"
    """Raw tables, staging and marts."""
    DAGSTER = "dagster"
    """Dagster's run, event and schedule storage."""


class DatabaseUnreachable(ConnectionError):
    """The configured server does not answer, or refuses the login."""

    def __init__(self, conninfo: str, reason: str) -> None:
        parameters = conninfo_to_dict(conninfo)
        self.server = f"{parameters.get('host', 'local')}:{parameters.get('port', 5432)}"
        super().__init__(
            f"PostgreSQL at {self.server} cannot be used: {reason.strip()} "
            "(check WGI_DATABASE_URL, or unset it to use the embedded server)"
        )


@dataclass(frozen=True, slots=True)
class Server:
    """A PostgreSQL server that holds WGI's databases, by its login role's connection string.

    Several installations share a server when their database names have different prefixes.
    """

    conninfo: str
    prefix: str = "wgi"
    is_sandbox: bool = False
    """Whether what asks for the ledger gets the sandbox, and as `APP` its role there."""

    @property
    def sandbox(self) -> "Server":
        """The same server for code that must reach play money alone."""
        return replace(self, is_sandbox=True)

    def name(self, database: Database) -> str:
        """The name of one of the databases on the server."""
        meant = Database.SANDBOX if self.is_sandbox and database is Database.LEDGER else database
        return f"{self.prefix}_{meant}"

    def role(self, role: Role) -> Role:
        """Whom a connection is that asks to be `role`."""
        return Role.SANDBOX if self.is_sandbox and role is Role.APP else role

    def url(self, database: Database, role: Role | None = None) -> str:
        """libpq connection string to one database, taking on `role`."""
        options = f"-c role={self.role(role)}" if role else None
        return make_conninfo(self.conninfo, dbname=self.name(database), options=options)

    def uri(self, database: Database, *, driver: str = "postgresql", role: Role | None = None) -> str:
        """The same as a URI, for libraries that take nothing else."""
        parameters = conninfo_to_dict(self.url(database, role))
        password = (
            f":{quote(str(parameters['password']), safe='')}" if parameters.get("password") else ""
        )
        login = f"{quote(str(parameters.get('user', '')), safe='')}{password}"
        others = {
            key: str(value)
            for key, value in parameters.items()
            if key not in {"user", "password", "dbname"} and value is not None
        }
        return f"{driver}://{login}@/{self.name(database)}?{urlencode(others, quote_via=quote)}"

    def connect(self, database: Database, role: Role, *, autocommit: bool = False) -> psycopg.Connection:
        """A connection that has taken on `role`; the caller closes it."""
        try:
            return psycopg.connect(self.url(database, role), autocommit=autocommit)
        except psycopg.OperationalError as error:
            raise DatabaseUnreachable(self.conninfo, str(error)) from error


@contextmanager
def running_server(settings: Settings) -> Iterator[Server]:
    """The configured server, started if it is the embedded one, with roles and databases in place."""
    if settings.database_url:
        server = Server(settings.database_url, settings.databases)
        prepare(server)
        yield server
        return
    embedded = EmbeddedPostgres(settings.root / "postgres")
    superuser = embedded.start()
    try:
        create_login_role(superuser)
        server = Server(make_conninfo(superuser, user=LOGIN_ROLE, dbname="postgres"), settings.databases)
        prepare(server)
        yield server
    finally:
        embedded.stop()


def create_login_role(superuser: str) -> None:
    """On the embedded server: the application's login, which may make databases and roles."""
    with psycopg.connect(superuser, autocommit=True) as connection:
        if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [LOGIN_ROLE]).fetchone():
            return
        statement = "CREATE ROLE {} LOGIN CREATEDB CREATEROLE"
        connection.execute(sql.SQL(statement).format(sql.Identifier(LOGIN_ROLE)))


def prepare(server: Server) -> None:
    """Create WGI's roles and databases where they are missing. Idempotent."""
    try:
        connection = psycopg.connect(server.conninfo, autocommit=True)
    except psycopg.OperationalError as error:
        raise DatabaseUnreachable(server.conninfo, str(error)) from error
    with connection:
        present = {row[0] for row in connection.execute("SELECT rolname FROM pg_roles")}
        for role in Role:
            if role not in present:
                connection.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(role)))
                connection.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(sql.Identifier(role)))
        present = {row[0] for row in connection.execute("SELECT datname FROM pg_database")}
        for name in map(server.name, Database):
            if name not in present:
                statement = "CREATE DATABASE {} OWNER {}"
                connection.execute(
                    sql.SQL(statement).format(sql.Identifier(name), sql.Identifier(Role.OWNER))
                )
