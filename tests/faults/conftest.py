"""A server of a test's own, to be killed."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from psycopg.conninfo import make_conninfo

from ledger_service.runtime.database import Server, create_login_role, prepare
from ledger_service.runtime.migrations import migrate
from ledger_service.runtime.postgres_server import LOGIN_ROLE, EmbeddedPostgres
from tests.faults.load import open_books


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    embedded = EmbeddedPostgres(tmp_path / "postgres")
    create_login_role(embedded.start())
    yield embedded
    embedded.stop()


@pytest.fixture
def server(embedded: EmbeddedPostgres) -> Server:
    """Two books with accounts."""
    superuser = embedded.start()
    embedded.stop()
    server = Server(make_conninfo(superuser, user=LOGIN_ROLE, dbname="postgres"))
    prepare(server)
    migrate(server)
    open_books(server)
    return server
