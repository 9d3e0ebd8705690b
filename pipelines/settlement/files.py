"""Settlement files of a business date: written, counted, hashed, and traced to ledger entries.

Belongs here: what happens on disk and the three tables about it. The messages are in
`customer_transfers.py` and `settlement_transfers.py`.
"""

import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

import polars as pl

from pipelines.netting.evidence import pair_runs, participant_runs, version_runs
from pipelines.settlement import customer_transfers, settlement_transfers
from pipelines.settlement.day_messages import Batch, agent_columns
from pipelines.settlement.tables import (
    SETTLEMENT_EVIDENCE,
    SETTLEMENT_FILES,
    SETTLEMENT_TRANSACTIONS,
)

_NO_LEGS: Final = pl.DataFrame(
    schema={
        "window_date": pl.Date,
        "window_id": pl.String,
        "currency": pl.String,
        "amount_minor": pl.Int64,
        "net_ref": pl.String,
        "debtor_id": pl.String,
        "creditor_id": pl.String,
    }
)


class MessageIdRepeated(ValueError):
    """Two messages of a business date would have one id, and one file."""

    def __init__(self, message_id: str) -> None:
        self.message_id = message_id
        super().__init__(f"two messages have the id {message_id}")


class OtherBusinessDate(ValueError):
    """A frame holds rows of another business date than the one being settled."""

    def __init__(self, table: str, business_date: date, found: date) -> None:
        self.table = table
        self.business_date = business_date
        self.found = found
        super().__init__(f"settling {business_date}, but {table} has rows of {found}")


@dataclass(frozen=True, slots=True)
class SettlementResult:
    """What was written: SETTLEMENT_FILES, SETTLEMENT_TRANSACTIONS, SETTLEMENT_EVIDENCE.

    `left_out` are the obligations that stand in no customer batch, OBLIGATIONS with `reason` (a
    `customer_transfers.LeftOut`); they are settled all the same, by the net positions.
    """

    files: pl.DataFrame
    transactions: pl.DataFrame
    evidence: pl.DataFrame
    left_out: pl.DataFrame


@dataclass(frozen=True, slots=True)
class Again:
    """Legs of earlier dates that are sent once more."""

    legs: pl.DataFrame
    """As `instruction_answers.legs_to_send_again` finds them."""
    obligations: pl.DataFrame
    """OBLIGATIONS of the dates of their windows, on which they rest."""


def write_settlement_files(
    *,
    net_positions: pl.DataFrame,
    obligations: pl.DataFrame,
    payments: pl.DataFrame,
    participants: pl.DataFrame,
    business_date: date,
    exponents: Mapping[str, int],
    folder: Path,
    again: Again | None = None,
) -> SettlementResult:
    """Write the settlement files of a business date below `folder/<business_date>/`.

    `again` are legs of earlier dates that are sent once more, in messages of their own.

    Each file replaces its predecessor atomically, and those of an earlier run that are no longer due
    are removed after all new ones are in place. `exponents` has the decimals of every currency that
    occurs. The same frames give the same bytes.

    Raises `OtherBusinessDate`, `CycleUnbalanced`, `ExponentMissing`, `AmountTooLong`,
    `IdentifierTooLong`, `PaymentRepeated`, `MessageIdRepeated`.
    """
    for name, frame in (("net_positions", net_positions), ("obligations", obligations)):
        _refuse_other_dates(name, frame, business_date)
    agents = agent_columns(participants)
    repeated = Again(_NO_LEGS, obligations.clear()) if again is None else again
    legs = pl.concat(
        [
            settlement_transfers.settlement_transfers(net_positions, business_date=business_date),
            settlement_transfers.repeated_transfers(repeated.legs, business_date=business_date),
        ],
        how="diagonal",
    )
    customer, left_out = customer_transfers.customer_transfers(
        obligations, payments, business_date=business_date
    )
    batches = [
        writer.messages(
            transfers,
            business_date=business_date,
            agents=agents,
            exponents=exponents,
        )
        for writer, transfers in ((settlement_transfers, legs), (customer_transfers, customer))
    ]
    files = _write_all(batches, folder=folder, business_date=business_date)
    transactions = SETTLEMENT_TRANSACTIONS.conform(_transactions(legs, customer))
    return SettlementResult(
        files=files,
        transactions=transactions,
        evidence=_evidence(legs, customer, transactions, pl.concat([obligations, repeated.obligations])),
        left_out=left_out,
    )


def _refuse_other_dates(name: str, frame: pl.DataFrame, business_date: date) -> None:
    for found in frame["business_date"].unique().sort():
        if found != business_date:
            raise OtherBusinessDate(name, business_date, found)


def _write_all(batches: Sequence[Batch], *, folder: Path, business_date: date) -> pl.DataFrame:
    """Write every message, then remove the files of the date that are none of them."""
    heads = pl.concat(
        batch.heads.with_columns(message_type=pl.lit(batch.message_type.value)) for batch in batches
    )
    repeated = heads.filter(pl.col("message_id").is_duplicated())["message_id"]
    if repeated.len():
        raise MessageIdRepeated(repeated[0])
    day = folder / str(business_date)
    day.mkdir(parents=True, exist_ok=True)
    digests = {
        message_id: _write(content, day / f"{message_id}.xml")
        for batch in batches
        for message_id, content in batch.documents()
    }
    for path in day.iterdir():
        if path.suffix in {".xml", ".tmp"} and path.stem not in digests:
            path.unlink()
    return SETTLEMENT_FILES.conform(
        heads.select(
            *(name for name in SETTLEMENT_FILES.schema if name in heads.columns),
            business_date=pl.lit(business_date),
            ref=pl.format("file:{}", "message_id"),
            path=pl.format("{}/{}.xml", pl.lit(str(business_date)), "message_id"),
            sha256=pl.col("message_id").replace_strict(digests, return_dtype=pl.String),
        )
    )


def _write(content: Iterable[bytes], path: Path) -> str:
    """Stream one message to its file by way of a temporary one; returns the SHA-256 of its bytes."""
    digest = hashlib.sha256()
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    with temporary.open("wb") as file:
        for piece in content:
            digest.update(piece)
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    return digest.hexdigest()


def _transactions(legs: pl.DataFrame, customer: pl.DataFrame) -> pl.DataFrame:
    shared = ["business_date", "message_id", "end_to_end_id", "uetr", "currency", "amount_minor"]
    none = pl.lit(None, pl.String)
    both = pl.concat(
        [
            legs.select(
                *shared,
                "net_ref",
                transaction_id="end_to_end_id",
                payment_id=none,
                debtor_agent="debtor_id",
                creditor_agent="creditor_id",
            ),
            customer.select(
                *shared,
                "transaction_id",
                "payment_id",
                net_ref=none,
                debtor_agent=pl.coalesce("debtor_agent", "debtor_id"),
                creditor_agent=pl.coalesce("creditor_agent", "creditor_id"),
            ),
        ],
        how="diagonal",
    )
    return both.with_columns(ref=_transaction_ref()).select(list(SETTLEMENT_TRANSACTIONS.schema))


def _transaction_ref() -> pl.Expr:
    repeated = pl.struct("message_id", "end_to_end_id").is_duplicated()
    named = pl.format("tx:{}:{}", "message_id", "end_to_end_id")
    return pl.when(repeated).then(pl.format("{}:{}", named, "transaction_id")).otherwise(named)


def _evidence(
    legs: pl.DataFrame, customer: pl.DataFrame, transactions: pl.DataFrame, obligations: pl.DataFrame
) -> pl.DataFrame:
    """A leg rests on all obligations in its debtor's net position; a customer payment on its own."""
    position = ["window_date", "window_id", "currency", "participant_id"]
    runs = participant_runs(pair_runs(obligations)).rename({"business_date": "window_date"})
    of_debtor = (
        legs.rename({"debtor_id": "participant_id"})
        .with_columns(pl.coalesce("window_date", "business_date"))
        .join(runs, on=position, how="inner")
    )
    refs = transactions.select("message_id", "transaction_id", "ref")
    single = customer.with_columns(version_from="version", version_to="version").join(
        refs, on=["message_id", "transaction_id"], how="inner"
    )
    of_batch = version_runs(customer, by=["business_date", "message_id"])
    file_ref = pl.format("file:{}", "message_id").alias("ref")
    leg_ref = pl.format("tx:{}:{}", "message_id", "end_to_end_id").alias("ref")
    columns = list(SETTLEMENT_EVIDENCE.schema)
    return SETTLEMENT_EVIDENCE.conform(
        pl.concat(
            [
                of_debtor.with_columns(file_ref).select(columns).unique(),
                of_debtor.with_columns(leg_ref).select(columns),
                of_batch.with_columns(file_ref).select(columns),
                single.select(columns),
            ]
        )
    )
