"""The schema explains itself: an analyst finds what every table and column means in the database."""

import psycopg


def test_every_table_and_column_of_the_ledger_has_a_comment(connection: psycopg.Connection) -> None:
    rows = connection.execute(
        """SELECT c.relname, a.attname FROM pg_class c
        LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        WHERE c.relnamespace = 'ledger'::regnamespace AND c.relkind IN ('r', 'p', 'v')
            AND NOT c.relispartition
            AND (obj_description(c.oid, 'pg_class') IS NULL
                OR col_description(c.oid, a.attnum) IS NULL)
        ORDER BY 1, 2"""
    ).fetchall()
    assert rows == []


def test_every_function_that_a_role_may_call_has_a_comment(connection: psycopg.Connection) -> None:
    rows = connection.execute(
        """SELECT proname FROM pg_proc
        WHERE pronamespace = 'ledger'::regnamespace AND obj_description(oid, 'pg_proc') IS NULL
            AND (has_function_privilege('wgi_app', oid, 'EXECUTE')
                OR has_function_privilege('wgi_close', oid, 'EXECUTE'))"""
    ).fetchall()
    assert rows == []
