"""The schema can be spread over nodes by book: held to it by what PostgreSQL's own catalogue says.

Tables with a `book_id` belong to books and are distributed by it; those without are lists that every
node has whole. A distributed database cannot check a key that does not begin with the book, cannot
point from a list into books, routes only one function call by its first argument, and neither inlines
SQL functions nor knows MERGE, advisory locks or writes in a WITH.
"""

import re

import psycopg
import pytest

from ledger_service.runtime.database import Database, Role, Server

SCHEMAS = ("ledger", "payments")
LISTS = {"ledger.participant", "ledger.book"}
"""Those that every node has whole."""

TABLES = """
    SELECT c.oid::regclass::text, EXISTS (
        SELECT FROM pg_attribute a
        WHERE a.attrelid = c.oid AND a.attname = 'book_id' AND NOT a.attisdropped)
    FROM pg_class c WHERE c.relkind IN ('r', 'p') AND c.relnamespace::regnamespace::text = ANY (%s)"""
INDEXES = """
    SELECT i.indexrelid::regclass::text, i.indrelid::regclass::text,
        (SELECT array_agg(coalesce(a.attname::text, '(expression)') ORDER BY k.n)
        FROM unnest(i.indkey) WITH ORDINALITY AS k(attnum, n)
        LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum AND k.attnum > 0)
    FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
    WHERE i.indisunique AND c.relnamespace::regnamespace::text = ANY (%s)"""
FOREIGN_KEYS = """
    SELECT conname, conrelid::regclass::text, confrelid::regclass::text,
        (SELECT array_agg(attname::text ORDER BY k.n)
        FROM unnest(conkey) WITH ORDINALITY AS k(attnum, n)
        JOIN pg_attribute a ON a.attrelid = conrelid AND a.attnum = k.attnum),
        (SELECT array_agg(attname::text ORDER BY k.n)
        FROM unnest(confkey) WITH ORDINALITY AS k(attnum, n)
        JOIN pg_attribute a ON a.attrelid = confrelid AND a.attnum = k.attnum)
    FROM pg_constraint WHERE contype = 'f' AND connamespace::regnamespace::text = ANY (%s)"""
FUNCTIONS = """
    SELECT p.oid::regproc::text, l.lanname, p.pronargs, coalesce(p.proargnames[1], ''), p.prosrc,
        coalesce(p.proargnames && ARRAY['p_book_id'], false), p.prokind::text
    FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
    WHERE p.pronamespace::regnamespace::text = ANY (%s)"""


@pytest.fixture
def catalogue(ledger_database: Server) -> psycopg.Connection:
    return ledger_database.connect(Database.LEDGER, Role.OWNER, autocommit=True)


def rows(catalogue: psycopg.Connection, statement: str) -> list[tuple]:
    found = catalogue.execute(statement, [list(SCHEMAS)]).fetchall()
    assert found
    return found


def test_the_catalogue_keeps_the_rules_for_spreading_by_book(catalogue: psycopg.Connection) -> None:
    of_books = {table for table, has_book in rows(catalogue, TABLES) if has_book and table not in LISTS}
    assert {"ledger.transfer", "ledger.account", "ledger.resolution", "ledger.block"} <= of_books
    assert keys_without_book(catalogue, of_books) == []
    assert misplaced_foreign_keys(catalogue, of_books) == []
    assert sequences_with_global_order(catalogue) == []
    assert unroutable_functions(catalogue) == []
    assert unspreadable_statements(catalogue) == []


def keys_without_book(catalogue: psycopg.Connection, of_books: set[str]) -> list[str]:
    """Primary keys, unique constraints and unique indexes that do not begin with the book."""
    return [
        f"{index} on {columns}"
        for index, table, columns in rows(catalogue, INDEXES)
        if table in of_books and columns[0] != "book_id"
    ]


def misplaced_foreign_keys(catalogue: psycopg.Connection, of_books: set[str]) -> list[str]:
    """Within books the book stands first on both ends; from books to lists any; from lists to lists."""
    wrong = []
    for constraint, table, target, columns, target_columns in rows(catalogue, FOREIGN_KEYS):
        between_books = table in of_books and target in of_books
        if between_books and (columns[0], target_columns[0]) != ("book_id", "book_id"):
            wrong.append(f"{constraint}: {table} {columns} does not begin with the book")
        if table not in of_books and target in of_books:
            wrong.append(f"{constraint}: the list {table} points into books")
    return wrong


def sequences_with_global_order(catalogue: psycopg.Connection) -> list[str]:
    """Sequences, but for identity columns of bigint."""
    statement = """
        SELECT s.seqrelid::regclass::text FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid
        WHERE c.relnamespace::regnamespace::text = ANY (%s)
            AND NOT (s.seqtypid = 'bigint'::regtype AND EXISTS (
                SELECT FROM pg_depend d
                JOIN pg_attribute a ON (a.attrelid, a.attnum) = (d.refobjid, d.refobjsubid)
                WHERE d.objid = s.seqrelid AND d.deptype = 'i' AND a.attidentity <> ''))"""
    return [name for (name,) in catalogue.execute(statement, [list(SCHEMAS)]).fetchall()]


def unroutable_functions(catalogue: psycopg.Connection) -> list[str]:
    """Functions over a book take it first; none with parameters is in SQL."""
    wrong = []
    for name, language, parameters, first, source, takes_book, kind in rows(catalogue, FUNCTIONS):
        if language == "sql" and parameters and kind == "f":
            wrong.append(f"{name} is in SQL")
        if (takes_book or "book_state" in source) and first not in FIRST:
            wrong.append(f"{name} takes {first} first")
    return wrong


FIRST = {"p_book_id", "p_participant_id"}
"""What a function over a book takes first; opening a book takes its participant."""


def unspreadable_statements(catalogue: psycopg.Connection) -> list[str]:
    """Advisory locks, MERGE, and writes in a WITH."""
    wrong = re.compile(
        r"advisory|\bMERGE\b|\bAS (NOT )?(MATERIALIZED )?\(\s*(INSERT|UPDATE|DELETE)\b", re.I
    )
    return [
        f"{name}: {found[0]}"
        for name, *_, source, _takes_book, _kind in rows(catalogue, FUNCTIONS)
        if (found := wrong.search(re.sub(r"--.*", "", source)))
    ]


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        ("CREATE UNIQUE INDEX x ON ledger.account (account_id, book_id)", keys_without_book),
        ("ALTER TABLE ledger.business_day ADD UNIQUE (business_date)", keys_without_book),
        (
            """ALTER TABLE ledger.participant ADD COLUMN book integer, ADD COLUMN account bigint,
            ADD FOREIGN KEY (book, account) REFERENCES ledger.account""",
            misplaced_foreign_keys,
        ),
    ],
)
def test_a_key_that_breaks_the_rules_is_found(
    catalogue: psycopg.Connection, statement: str, fault: object
) -> None:
    of_books = {table for table, has_book in rows(catalogue, TABLES) if has_book and table not in LISTS}
    with catalogue.transaction(force_rollback=True):
        catalogue.execute(statement)
        assert callable(fault)
        assert fault(catalogue, of_books) != []


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        ("CREATE SEQUENCE ledger.x", sequences_with_global_order),
        (
            """CREATE FUNCTION ledger.x(p_at date, p_book_id integer) RETURNS void LANGUAGE plpgsql
            AS 'BEGIN END'""",
            unroutable_functions,
        ),
        (
            "CREATE FUNCTION ledger.x(integer) RETURNS integer LANGUAGE sql AS 'SELECT $1'",
            unroutable_functions,
        ),
        (
            """CREATE FUNCTION ledger.x(p_book_id integer) RETURNS void LANGUAGE plpgsql AS
            'BEGIN PERFORM pg_advisory_lock(1); END'""",
            unspreadable_statements,
        ),
        (
            """CREATE FUNCTION ledger.x(p_book_id integer) RETURNS void LANGUAGE plpgsql AS
            'BEGIN WITH a AS (INSERT INTO ledger.book VALUES (1) RETURNING 1) SELECT 1; END'""",
            unspreadable_statements,
        ),
    ],
)
def test_a_function_that_breaks_the_rules_is_found(
    catalogue: psycopg.Connection, statement: str, fault: object
) -> None:
    with catalogue.transaction(force_rollback=True):
        catalogue.execute(statement)
        assert callable(fault)
        assert fault(catalogue) != []
