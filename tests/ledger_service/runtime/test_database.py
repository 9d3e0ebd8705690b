"""The embedded server and its roles."""

import psycopg
import pytest

from ledger_service.runtime.database import Database, DatabaseUnreachable, Role, Server, prepare
from ledger_service.runtime.migrations import migrate


def test_durability_is_on(ledger_database: Server) -> None:
    with ledger_database.connect(Database.LEDGER, Role.APP) as connection:
        for name in ("fsync", "synchronous_commit", "full_page_writes"):
            row = connection.execute("SELECT current_setting(%s)", [name]).fetchone()
            assert row == ("on",), name


def test_no_role_of_the_application_is_a_superuser(ledger_database: Server) -> None:
    statement = "SELECT rolname FROM pg_roles WHERE rolsuper AND rolname LIKE 'wgi%'"
    with ledger_database.connect(Database.LEDGER, Role.APP) as connection:
        assert connection.execute(statement).fetchall() == []
        assert connection.execute("SELECT current_user").fetchone() == (str(Role.APP),)


def test_preparing_and_migrating_again_changes_nothing(ledger_database: Server) -> None:
    prepare(ledger_database)
    migrate(ledger_database)
    with ledger_database.connect(Database.LEDGER, Role.OWNER) as connection:
        assert connection.execute("SELECT count(*) FROM alembic_version").fetchone() == (1,)


def test_the_uri_form_reaches_the_same_database_and_role(ledger_database: Server) -> None:
    uri = ledger_database.uri(Database.LEDGER, role=Role.CLOSE)
    with psycopg.connect(uri) as connection:
        found = connection.execute("SELECT current_database(), current_user").fetchone()
    assert found == (ledger_database.name(Database.LEDGER), str(Role.CLOSE))


def test_an_unreachable_server_is_named_with_what_to_do() -> None:
    server = Server("host=127.0.0.1 port=1 user=wgi dbname=postgres connect_timeout=2")
    with pytest.raises(DatabaseUnreachable, match=r"(?s)127\.0\.0\.1:1.*WGI_DATABASE_URL"):
        prepare(server)
