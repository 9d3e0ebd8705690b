"""Fixtures that every test may use: where the real inputs lie, and real PostgreSQL.

Each worker process starts one embedded server in a temporary folder; each test that asks for a
database gets fresh ones on it, under its own prefix.
"""

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from ledger_service.runtime.database import Database, Server, create_login_role, prepare
from ledger_service.runtime.migrations import migrate
from ledger_service.runtime.postgres_server import LOGIN_ROLE, EmbeddedPostgres

ROOT = Path(__file__).resolve().parents[1]

_prefixes = (f"test{number}" for number in itertools.count(1))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real inputs; the test skips where it is absent."""
    folder = Path(os.environ.get("WGI_SHARED_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"the real inputs are not at {folder} (setting WGI_SHARED_DATA)")
    return folder


@pytest.fixture(scope="session")
def embedded_postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The superuser's connection string of this worker's own server."""
    embedded = EmbeddedPostgres(tmp_path_factory.mktemp("postgres"))
    superuser = embedded.start()
    create_login_role(superuser)
    yield superuser
    embedded.stop()


@pytest.fixture
def database_server(embedded_postgres: str) -> Iterator[Server]:
    """Fresh, empty databases under a prefix of their own; dropped after the test."""
    login = make_conninfo(embedded_postgres, user=LOGIN_ROLE, dbname="postgres")
    server = Server(login, prefix=next(_prefixes))
    prepare(server)
    yield server
    _drop_databases(embedded_postgres, server)


@pytest.fixture
def ledger_database(database_server: Server) -> Server:
    """A fresh ledger with every migration applied."""
    migrate(database_server)
    return database_server


@pytest.fixture(scope="session")
def warehouse_database(embedded_postgres: str) -> Iterator[Server]:
    """Fresh databases that live as long as the worker: for tests that share one warehouse build."""
    login = make_conninfo(embedded_postgres, user=LOGIN_ROLE, dbname="postgres")
    server = Server(login, prefix="shared")
    prepare(server)
    yield server
    _drop_databases(embedded_postgres, server)


def _drop_databases(superuser: str, server: Server) -> None:
    with psycopg.connect(superuser, autocommit=True) as connection:
        for database in Database:
            statement = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
            connection.execute(statement.format(sql.Identifier(server.name(database))))
