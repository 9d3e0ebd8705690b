"""Partitions of the journal: one a month of the time in the ids, made before they are needed."""

from datetime import date, timedelta

import psycopg

AHEAD = timedelta(days=100)
"""How far ahead of today there are partitions."""


def keep_partitions_ahead(connection: psycopg.Connection, *, today: date) -> int:
    """Make the partitions of the coming months that are missing; returns how many. The caller commits.

    A month in which transfers lie already (their ids were ahead of time) stays in the partition of all
    others.
    """
    statement = "SELECT ledger.add_partitions(%s, %s)"
    row = connection.execute(statement, [today, today + AHEAD]).fetchone()
    return int(row[0]) if row else 0
