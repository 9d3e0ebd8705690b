"""Transfers of settlement: rows for the ledger, where what is unsaid is ordinary, in batches."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

import polars as pl
import psycopg

from ledger_service.ledger.results import TransferResult
from ledger_service.ledger.transfers import (
    BATCH_LIMIT,
    OPTIONAL_COLUMNS,
    TRANSFER_COLUMNS,
    create_transfers,
)

OBLIGATION: Final = "settlement_obligation"
"""Kind of a transfer that is an accepted obligation."""
EXPOSURE: Final = "settlement_exposure"
"""Kind of the memorandum entry that counts an obligation against a bilateral limit."""
EXPOSURE_RELEASED: Final = "settlement_exposure_released"
"""Kind of the entry that takes a settled window out of a pair's exposure."""
RETURN: Final = "settlement_return"
"""Kind of the reversal of an obligation that a recast gave back."""
FUNDING: Final = "settlement_funding"
"""Kind of prefunding and its withdrawal."""
RESERVATION: Final = "settlement_reservation"
"""Kind of liquidity set aside."""
INSTRUCTION: Final = "settlement_instruction"
"""Kind of what the settlement agent moves."""

DONE: Final = frozenset({TransferResult.CREATED.value, TransferResult.EXISTS.value})

_SCHEMA: Final = TRANSFER_COLUMNS | OPTIONAL_COLUMNS
_ORDINARY: Final[dict[str, object]] = {"phase": "single", "linked": False}


class TransferRefused(RuntimeError):
    """The ledger refused a transfer of settlement; carries its id and the code. Nothing was booked."""

    def __init__(self, transfer_id: str, code: str) -> None:
        self.transfer_id = transfer_id
        self.code = code
        super().__init__(f"transfer {transfer_id} was refused: {code}")


def as_transfers(columns: pl.DataFrame) -> pl.DataFrame:
    """Rows with all columns of a batch: what they do not say is ordinary or absent."""
    missing = [
        pl.lit(_ORDINARY.get(name), kind).alias(name)
        for name, kind in _SCHEMA.items()
        if name not in columns.columns
    ]
    return columns.with_columns(*missing).select(
        pl.col(name).cast(kind) for name, kind in _SCHEMA.items()
    )


def post(
    connection: psycopg.Connection, *, book_id: int, business_date: date, transfers: pl.DataFrame
) -> pl.Series:
    """Answers to unlinked transfers of any number, within the caller's transaction."""
    answers = [
        create_transfers(connection, book_id=book_id, business_date=business_date, transfers=part)
        for part in as_transfers(transfers).iter_slices(BATCH_LIMIT)
    ]
    return pl.concat([pl.Series("result", [], dtype=pl.String), *answers])


def post_all(
    connection: psycopg.Connection,
    *,
    book_id: int,
    business_date: date,
    rows: Sequence[Mapping[str, Any]],
) -> None:
    """Post some transfers, now or before; raises `TransferRefused` at the first that is refused."""
    if not rows:
        return
    transfers = pl.DataFrame(rows, infer_schema_length=None)
    results = post(connection, book_id=book_id, business_date=business_date, transfers=transfers)
    for row, code in zip(rows, results, strict=True):
        if code not in DONE:
            raise TransferRefused(str(row["transfer_id"]), code)
