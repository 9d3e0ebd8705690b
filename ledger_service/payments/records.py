"""The records of payments in schema `payments`: what is known already, and what booking writes.

Belongs here: every statement on that schema. Deciding what is written belongs to `booking`.
"""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Final

import polars as pl
import psycopg
from psycopg import sql

from ledger_service.payments.bulk import copy_frame, fetch_frame
from ledger_service.payments.identifiers import uetrs
from ledger_service.payments.instructions import INSTRUCTION_SCHEMA
from ledger_service.payments.quarantine import QUARANTINE_SCHEMA
from ledger_service.payments.sources.source import ReceivedFile

_FOLDER: Final = Path(__file__).parent
_KNOWN_PAYMENTS: Final = (_FOLDER / "known_payments.sql").read_bytes()
_WRITE_QUARANTINE: Final = (_FOLDER / "write_quarantine.sql").read_bytes()
_RECEIVED_FILE: Final = (_FOLDER / "received_file.sql").read_bytes()
_WRITE_RECEIVED_FILE: Final = (_FOLDER / "write_received_file.sql").read_bytes()

_NOT_OF_CONTENT: Final = ("stated_balance_minor", "content")
KNOWN_SCHEMA: Final = {
    name: kind for name, kind in INSTRUCTION_SCHEMA.items() if name not in _NOT_OF_CONTENT
}
"""An instruction as `payments.payment` keeps it."""

_PAYMENT_COLUMNS: Final = (
    "book_id",
    "payment_id",
    "business_date",
    "status",
    "code",
    "uetr",
    *(name for name in KNOWN_SCHEMA if name != "instruction_id"),
)


def known_payments(connection: psycopg.Connection, ids: pl.Series) -> pl.DataFrame:
    """The payments (`KNOWN_SCHEMA`) that have one of the ids, in any book."""
    return fetch_frame(connection, _KNOWN_PAYMENTS, [ids.to_list()], schema=KNOWN_SCHEMA)


def write_payments(connection: psycopg.Connection, outcomes: pl.DataFrame) -> None:
    """Instructions with book_id, business_date, booked and code become payments."""
    between_banks = pl.col("debtor_agent") != pl.col("creditor_agent")
    status = pl.when("booked").then(pl.lit("booked")).otherwise(pl.lit("refused"))
    rows = outcomes.with_columns(uetr=uetrs(outcomes["instruction_id"]), status=status).with_columns(
        uetr=pl.when(between_banks).then("uetr")
    )
    payments = rows.rename({"instruction_id": "payment_id"}).select(_PAYMENT_COLUMNS)
    copy_frame(connection, payments, table="payment")


def write_stated_balances(
    connection: psycopg.Connection,
    outcomes: pl.DataFrame,
    *,
    directory: pl.DataFrame,
    booking_dates: Mapping[int, date],
) -> None:
    """The balances that the source states after booked payments.

    `outcomes` as for `write_payments`, with debtor_book_id and creditor_book_id. The balance is of
    the debtor's account where its agent has a book, else of the creditor's.
    """
    of_debtor = pl.col("debtor_book_id").is_not_null() & pl.col("debtor_account").is_not_null()
    stated = outcomes.filter("booked", pl.col("stated_balance_minor").is_not_null()).select(
        "stated_balance_minor",
        "source_file",
        "source_row",
        payment_id="instruction_id",
        book_id=pl.when(of_debtor).then("debtor_book_id").otherwise("creditor_book_id"),
        external_ref=pl.when(of_debtor).then("debtor_account").otherwise("creditor_account"),
    )
    rows = stated.join(directory, on=["book_id", "external_ref"], maintain_order="left").with_columns(
        business_date=pl.col("book_id").replace_strict(booking_dates, return_dtype=pl.Date)
    )
    copy_frame(
        connection,
        rows.select(
            "book_id",
            "account_id",
            "payment_id",
            "business_date",
            "currency",
            "stated_balance_minor",
            "source_file",
            "source_row",
        ),
        table="stated_balance",
    )


def write_quarantine(
    connection: psycopg.Connection, quarantine: pl.DataFrame, *, business_date: date
) -> int:
    """Write refused rows (`QUARANTINE_SCHEMA`) that are not written yet; returns how many were new."""
    if quarantine.is_empty():
        return 0
    columns = [quarantine[name].to_list() for name in QUARANTINE_SCHEMA]
    return connection.execute(_WRITE_QUARANTINE, [business_date, *columns]).rowcount


def received_before(
    connection: psycopg.Connection, file: ReceivedFile, *, business_date: date
) -> tuple[int, int, int] | None:
    """Rows, accepted and rejected of a file of this content that was booked whole; None otherwise."""
    parameters = [business_date, file.source_file, file.sha256]
    row = connection.execute(_RECEIVED_FILE, parameters).fetchone()
    return None if row is None else (row[0], row[1], row[2])


def write_received_file(
    connection: psycopg.Connection,
    file: ReceivedFile,
    *,
    business_date: date,
    accepted: int,
    rejected: int,
) -> None:
    """Note that a file is booked whole."""
    connection.execute(
        _WRITE_RECEIVED_FILE,
        [business_date, file.source_file, file.sha256, file.rows, accepted, rejected],
    )


def write_reference_data(
    connection: psycopg.Connection, frames: Mapping[str, pl.DataFrame], *, books: dict[str, int]
) -> None:
    """Load a bank's own data where its table has none of the book yet."""
    wanted = {
        (table, participant_id): frame
        for table, frame in frames.items()
        for participant_id in frame["participant_id"].unique().sort()
    }
    if not wanted:
        return
    questions = [
        sql.SQL("EXISTS (SELECT FROM payments.{} WHERE book_id = {})").format(
            sql.Identifier(table), books[participant_id]
        )
        for table, participant_id in wanted
    ]
    found = connection.execute(sql.SQL("SELECT {}").format(sql.SQL(", ").join(questions))).fetchone()
    for ((table, participant_id), frame), is_there in zip(wanted.items(), found or (), strict=True):
        if not is_there:
            own = frame.filter(pl.col("participant_id") == participant_id).drop("participant_id")
            copy_frame(connection, own.with_columns(book_id=pl.lit(books[participant_id])), table=table)
