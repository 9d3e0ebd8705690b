"""Rows of the journal as clients see them: found by id in the books that a caller reaches."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool

from api.amounts import units
from api.identity.caller import EVERY_PARTICIPANT, Caller
from api.times import instant

_TRANSFERS: Final = Path(__file__).with_name("transfer.sql").read_text()

TRANSFER: Final = _TRANSFERS.format(
    # A probe for each book.
    found="transfer_id = %(id)s::uuid OFFSET 0",
    direction="",
).encode()
"""By its id."""


def page_of_transfers(*, named: bool, descending: bool) -> bytes:
    """The statement for those of one book after `sequence`, in order; `named` for a `reference`."""
    direction, beyond = ("DESC", "<") if descending else ("ASC", ">")
    of_reference = """transfer_id = ANY (ARRAY(
        SELECT f.transfer_id FROM gateway.transfer_reference f
        WHERE f.book_id = b.book_id AND f.reference = %(reference)s)) AND """
    found = f"""{of_reference if named else ""}(%(after)s::bigint IS NULL OR sequence {beyond} %(after)s)
        ORDER BY sequence {direction} LIMIT %(limit)s"""
    return _TRANSFERS.format(found=found, direction=direction).encode()


def reach(caller: Caller) -> list[str] | None:
    """The participants whose books a caller reaches; None for all."""
    return None if EVERY_PARTICIPANT in caller.participants else sorted(caller.participants)


async def rows_by_id(
    pool: AsyncConnectionPool, statement: bytes, *, id: str, participants: list[str] | None
) -> list[dict[str, Any]]:
    """The rows that a statement with these two parameters finds."""
    async with pool.connection() as connection:
        cursor = connection.cursor(row_factory=dict_row)
        await cursor.execute(statement, {"id": id, "participants": participants})
        return await cursor.fetchall()


def row_within(
    connection: psycopg.Connection, statement: bytes, *, id: str, participant_id: str
) -> dict[str, Any]:
    """The same within a transaction, of what is known to be there."""
    cursor = connection.cursor(row_factory=dict_row)
    cursor.execute(statement, {"id": id, "participants": [participant_id]})
    found = cursor.fetchone()
    if found is None:
        raise LookupError(f"{id} is not in the book of {participant_id}")
    return found


def transfer_content(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of `transfer.sql` as its client sees it."""
    currency, on = row["currency"], row["business_date"]
    return {
        "id": row["id"],
        "participant_id": row["participant_id"],
        "debit_account": row["debit_account"],
        "credit_account": row["credit_account"],
        "amount": units(row["amount_minor"], currency, on=on),
        "currency": currency,
        "status": "posted",
        "reference": row["reference"],
        "payment_id": row["payment_id"],
        "reverses": row["reverses"],
        "reversed_amount": units(row["reversed_minor"], currency, on=on),
        "business_date": on.isoformat(),
        "created_at": instant(row["created_at"]),
    }
