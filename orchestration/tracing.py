"""Tracing: a ref is found in its table, its evidence read, and the entries fetched from the ledger."""

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import polars as pl
import psycopg

from ml.tables import FEATURES, FEATURES_EVIDENCE, SCORES, SCORES_EVIDENCE
from pipelines.aml.tables import ALERTS, AML_EVIDENCE
from pipelines.lake.store import Lake
from pipelines.lake.table import Table
from pipelines.netting.tables import BILATERAL_POSITIONS, NET_POSITIONS, NETTING_EVIDENCE
from pipelines.reconciliation.tables import BREAKS, MATCHES, RECONCILIATION_EVIDENCE
from pipelines.regulatory.tables import REGULATORY_EVIDENCE, RETURN_CELLS
from pipelines.settlement.tables import (
    SETTLEMENT_EVIDENCE,
    SETTLEMENT_FILES,
    SETTLEMENT_TRANSACTIONS,
)

KINDS: dict[str, tuple[Table, Table]] = {
    "net": (NET_POSITIONS, NETTING_EVIDENCE),
    "bilateral": (BILATERAL_POSITIONS, NETTING_EVIDENCE),
    "file": (SETTLEMENT_FILES, SETTLEMENT_EVIDENCE),
    "tx": (SETTLEMENT_TRANSACTIONS, SETTLEMENT_EVIDENCE),
    "match": (MATCHES, RECONCILIATION_EVIDENCE),
    "break": (BREAKS, RECONCILIATION_EVIDENCE),
    "alert": (ALERTS, AML_EVIDENCE),
    "cell": (RETURN_CELLS, REGULATORY_EVIDENCE),
    "feature": (FEATURES, FEATURES_EVIDENCE),
    "score": (SCORES, SCORES_EVIDENCE),
}
"""What can be traced: the first word of a ref, the table that holds it, its evidence."""

_ENTRIES = Path(__file__).with_name("tracing_entries.sql").read_bytes()


class UnknownRef(ValueError):
    """The first word of a ref names nothing that is derived."""

    def __init__(self, ref: str) -> None:
        self.ref = ref
        kinds = ", ".join(f"{kind}:" for kind in KINDS)
        super().__init__(f"{ref!r} is not a ref: refs begin with one of {kinds}")


@dataclass(frozen=True, slots=True)
class Traced:
    """A derived row with the runs of ledger entries behind it (schema of an evidence table)."""

    ref: str
    table: str
    row: dict[str, object]
    evidence: pl.DataFrame

    @property
    def entries(self) -> int:
        """How many ledger entries the runs cover."""
        return int((self.evidence["version_to"] - self.evidence["version_from"] + 1).sum())


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One immutable entry as the ledger holds it; amount in minor units."""

    book_id: int
    account_id: int
    external_ref: str
    version: int
    side: str
    amount_minor: int
    currency: str
    kind: str
    booked_at: datetime
    transfer_id: str
    payment_id: str | None


def trace(lake: Lake, ref: str) -> Traced | None:
    """The newest derived row of that ref and its evidence; None when there is none.

    Raises `UnknownRef` for a ref of no known kind.
    """
    table, evidence = _tables(ref)
    found = _scan(lake, table).filter(pl.col("ref") == ref).sort("business_date").tail(1).collect()
    if found.is_empty():
        return None
    row = found.row(0, named=True)
    runs = lake.scan(evidence, [row["business_date"]]).filter(pl.col("ref") == ref).collect()
    return Traced(ref=ref, table=table.name, row=row, evidence=runs)


def candidates(lake: Lake, ref: str, *, limit: int = 10) -> list[str]:
    """Refs of the same kind that begin with what was given, for a person who knows half of it."""
    table, _ = _tables(ref)
    refs = _scan(lake, table).filter(pl.col("ref").str.starts_with(ref)).select(pl.col("ref").unique())
    return refs.sort("ref").head(limit).collect()["ref"].to_list()


def ledger_entries(
    connection: psycopg.Connection, evidence: pl.DataFrame, *, limit: int
) -> list[LedgerEntry]:
    """The entries of evidence runs, read from the ledger itself, at most `limit`."""
    columns = ("book_id", "account_id", "version_from", "version_to")
    runs = [evidence[name].to_list() for name in columns]
    rows = connection.execute(_ENTRIES, [*runs, limit], binary=True)
    return [LedgerEntry(*row) for row in rows]


def _tables(ref: str) -> tuple[Table, Table]:
    kind = ref.partition(":")[0]
    if kind not in KINDS:
        raise UnknownRef(ref)
    return KINDS[kind]


def _scan(lake: Lake, table: Table) -> pl.LazyFrame:
    dates: list[date] = lake.dates(table)
    return lake.scan(table, dates)
