"""Attempts to prove who one is: counted in a row, and locked out for longer each time.

Passwords and second factors count together, and only a whole login sets the count back: who knows the
password cannot guess at the second factor without end. The price: whoever knows an address can keep its
owner out for an hour at a time. A session that is open stays open.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import psycopg

FREE_FAILURES: Final = 5
"""The last of these locks for the first time."""
FIRST_LOCK: Final = timedelta(minutes=1)
LONGEST_LOCK: Final = timedelta(hours=1)

_FOLDER: Final = Path(__file__).parent
_AT_DOOR, _FAILED, _CLEAR, _WRITE_NOTHING = (
    (_FOLDER / f"{name}.sql").read_bytes()
    for name in ("person_at_door", "count_failure", "clear_failures", "write_nothing")
)


def attempt(
    connection: psycopg.Connection, subject: str, proven: Callable[[], bool], *, at: datetime
) -> bool:
    """Whether `proven` holds for a person who is active and not locked out; counted where it fails.

    Commit also where it fails. While a person is locked out nothing is tried and nothing counted.
    """
    row = connection.execute(_AT_DOOR, {"subject": subject, "at": at}).fetchone()
    if row is None or not row[0]:
        attempt_of_nobody(connection)
        return False
    if proven():
        return True
    named = {"subject": subject, "at": at, "free": FREE_FAILURES}
    connection.execute(_FAILED, {**named, "first": FIRST_LOCK, "longest": LONGEST_LOCK})
    return False


def attempt_of_nobody(connection: psycopg.Connection) -> None:
    """Write what is of no effect, so that the commit takes as long as that of a counted failure."""
    connection.execute(_WRITE_NOTHING)


def clear_failures(connection: psycopg.Connection, subject: str) -> None:
    """After a whole login, count from zero."""
    connection.execute(_CLEAR, {"subject": subject})
