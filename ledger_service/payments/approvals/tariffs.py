"""Tariffs: the fees and rates that two people have set, as they are on a date."""

from datetime import date

import psycopg

from ledger_service.payments.approvals.contents import Fee, Rate, content_of


def tariffs_on(connection: psycopg.Connection, *, book_id: int, on: date) -> list[Fee | Rate]:
    """Of each fee and rate of a book the terms that are in force on a date, by kind and name."""
    rows = connection.execute(
        """SELECT DISTINCT ON (kind, name) kind, terms FROM payments.tariff
        WHERE book_id = %s AND valid_from <= %s ORDER BY kind, name, valid_from DESC""",
        [book_id, on],
    ).fetchall()
    found = [content_of(kind, terms) for kind, terms in rows]
    return [one for one in found if isinstance(one, Fee | Rate)]
