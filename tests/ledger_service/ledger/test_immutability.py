"""The journal cannot be changed: not by any role of the application, and by nobody in passing."""

import psycopg
import pytest

from ledger_service.runtime.database import Database, Role, Server
from tests.ledger_service.ledger.bookkeeping import Book, transfer

JOURNAL = (
    "transfer",
    "transfer_2025_03",
    "transfer_other",
    "resolution",
    "reversal",
    "account_revision",
    "block",
    "business_day",
)
CHANGES = (
    "UPDATE ledger.{} SET book_id = book_id",
    "DELETE FROM ledger.{}",
    "TRUNCATE ledger.{} CASCADE",
)
TABLES = (*JOURNAL, "account", "book_state", "book")


@pytest.mark.parametrize("role", [Role.APP, Role.CLOSE, Role.ANALYST])
def test_no_role_of_the_application_writes_to_the_tables(ledger: Server, role: Role) -> None:
    statements = [change.format(table) for change in CHANGES for table in TABLES]
    statements += [f"INSERT INTO ledger.{table} DEFAULT VALUES" for table in TABLES]
    with ledger.connect(Database.LEDGER, role, autocommit=True) as connection:
        for statement in statements:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)


@pytest.mark.parametrize("role", [Role.OWNER, None])
def test_even_the_owner_and_a_superuser_are_stopped_by_a_trigger(
    ledger: Server, superuser: psycopg.Connection, book: Book, role: Role | None
) -> None:
    book.post(transfer(1, 1, 2, 1))
    connection = ledger.connect(Database.LEDGER, role, autocommit=True) if role else superuser
    statements = [change.format(table) for change in CHANGES for table in JOURNAL]
    statements += ["DELETE FROM ledger.account", "TRUNCATE ledger.account CASCADE"]
    for statement in statements:
        with pytest.raises(psycopg.errors.RestrictViolation, match="book a correcting transfer"):
            connection.execute(statement)
    if role:
        connection.close()


def test_the_functions_are_divided_between_the_roles(ledger: Server) -> None:
    statement = """
        SELECT proname, has_function_privilege(%s, oid, 'EXECUTE') FROM pg_proc
        WHERE pronamespace = 'ledger'::regnamespace"""
    allowed = {
        Role.APP: {"create_transfers", "create_accounts", "change_account"}
        | {"register_participant", "open_book", "lock_book", "clock"},
        Role.CLOSE: {"clock", "close_business_date", "seal", "add_partitions"},
        Role.ANALYST: set[str](),
    }
    with ledger.connect(Database.LEDGER, Role.OWNER) as connection:
        for role, functions in allowed.items():
            rows = connection.execute(statement, [str(role)]).fetchall()
            assert {name for name, executable in rows if executable} == functions, role


def test_functions_that_run_as_their_owner_look_names_up_in_the_catalogue_first(ledger: Server) -> None:
    """And in temporary tables last: nobody can put an object of his own in a function's way."""
    statement = """
        SELECT proname, proconfig FROM pg_proc
        WHERE pronamespace = 'ledger'::regnamespace AND prosecdef"""
    with ledger.connect(Database.LEDGER, Role.OWNER) as connection:
        rows = connection.execute(statement).fetchall()
    assert {"create_transfers", "create_accounts", "change_account", "seal"} <= {row[0] for row in rows}
    assert all("search_path=pg_catalog, pg_temp" in settings for _, settings in rows)
