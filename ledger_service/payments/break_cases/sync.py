"""Taking over the breaks of a close: what is new, changed, gone, and back."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

import polars as pl
import psycopg

from ledger_service.payments.break_cases.cases import (
    CLOSE,
    Case,
    CaseState,
    Event,
    add,
    cases,
    new_case,
)

BREAK_COLUMNS: Final[dict[str, pl.DataType | type[pl.DataType]]] = {
    "ref": pl.String,
    "break_class": pl.String,
    "participant_id": pl.String,
    "book_id": pl.Int32,
    "account_id": pl.Int64,
    "external_ref": pl.String,
    "currency": pl.String,
    "difference_minor": pl.Int64,
    "first_seen": pl.Date,
    "owner": pl.String,
}
"""What is taken of a break."""

_LOCK: Final = 0x62726B73
"""Key of the advisory lock under which one close at a time is taken over."""


@dataclass(frozen=True, slots=True)
class Synced:
    """What a close changed, by ref; all empty when it was taken over before."""

    opened: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    resolved: tuple[str, ...] = ()
    reopened: tuple[str, ...] = ()


def sync(
    connection: psycopg.Connection, breaks: pl.DataFrame, *, business_date: date, at: datetime
) -> Synced:
    """Add to the cases what the close of a date found (`BREAK_COLUMNS`, its open breaks); idempotent.

    A close before the last one that was taken over changes nothing. A break that was written off stays
    so while the close still shows it: the booking may stand in a later date.
    """
    rows = breaks.select(pl.col(name).cast(kind) for name, kind in BREAK_COLUMNS.items())
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        last = connection.execute("SELECT max(business_date) FROM payments.break_sync").fetchone()
        if last and last[0] and last[0] > business_date:
            return Synced()
        connection.execute(
            "INSERT INTO payments.break_sync VALUES (%s, %s) ON CONFLICT DO NOTHING", [business_date, at]
        )
        known = {one.break_ref: one for one in cases(connection)}
        seen = {row["ref"]: row for row in rows.iter_rows(named=True)}
        day = {"business_date": business_date}
        opened, changed, resolved, reopened = [], [], [], []
        for ref, row in seen.items():
            found = known.get(ref)
            if found is None:
                found = _new_case(connection, row)
                add(connection, found, Event.OPENED, actor=CLOSE, at=at, **_difference(row), **day)
                opened.append(ref)
                continue
            if found.state == CaseState.RESOLVED:
                words = "found again"
                add(connection, found, Event.REOPENED, actor=CLOSE, at=at, words=words, **day)
                reopened.append(ref)
                found = next(iter(cases(connection, break_ref=ref)))
            if found.difference_minor != row["difference_minor"]:
                add(connection, found, Event.CHANGED, actor=CLOSE, at=at, **_difference(row), **day)
                changed.append(ref)
        for ref, one in known.items():
            if ref not in seen and one.state != CaseState.RESOLVED:
                add(connection, one, Event.RESOLVED, actor=CLOSE, at=at, **day)
                resolved.append(ref)
    return Synced(*(tuple(sorted(refs)) for refs in (opened, changed, resolved, reopened)))


def _difference(row: Mapping[str, Any]) -> dict[str, int]:
    return {"difference_minor": row["difference_minor"]}


def _new_case(connection: psycopg.Connection, row: Mapping[str, Any]) -> Case:
    columns = ("break_class", "participant_id", "book_id", "account_id", "external_ref", "currency")
    facts = (row["ref"], *(row[name] for name in columns), row["first_seen"], row["owner"])
    connection.execute(
        """INSERT INTO payments.break_case (break_ref, break_class, participant_id, book_id, account_id,
            external_ref, currency, first_seen, owner) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)""",
        facts,
    )
    return new_case(facts)
