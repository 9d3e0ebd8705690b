"""Evidence: the keys that lead from anything derived back to its ledger entries.

Every derived row carries a `ref`; the subject that derives it also writes evidence rows, each a run
of an account's entries. Because the entries of an account are numbered without gaps, a run of any
length is one row: the entries `(book_id, account_id, version_from .. version_to)`.
"""

import polars as pl

from pipelines.lake.table import Table

EVIDENCE_COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "business_date": pl.Date,
    "ref": pl.String,
    "book_id": pl.Int32,
    "account_id": pl.Int64,
    "version_from": pl.Int64,
    "version_to": pl.Int64,
}


def evidence_table(subject: str) -> Table:
    """The evidence table of one subject, named `<subject>_evidence`."""
    return Table(
        name=f"{subject}_evidence",
        description=f"Ledger entries behind each ref of {subject}.",
        schema=EVIDENCE_COLUMNS,
        key=("ref", "book_id", "account_id", "version_from"),
    )
