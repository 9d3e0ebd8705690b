"""Labelled loans of a digital lender, as known when each was applied for.

Three files, `trainperf` (loans with their outcome), `trainprevloans` (the same customers' earlier
loans) and `traindemographics`, as CSV, gzipped; times are local, amounts decimal. Features of a loan
may use only what was known at its `creationdate`. Earlier loans that were repaid or closed after it
(the next one is often asked for within the hour) are known, but neither as repaid nor as closed.
Demographics are not used: age and the like are no grounds on which to lend.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

import polars as pl

from ml.features.definition import Definition, Source
from ml.features.expressions import APPLICATIONS, SUBJECT, Window, columns_of, evaluate, windows_of
from ml.features.loans import LOAN_DATES, loans
from ml.training.dataset import Dataset

PERFORMANCE, EARLIER = "trainperf", "trainprevloans"
OUTCOMES = {"Good": 0, "Bad": 1}

_LOAN_COLUMNS: dict[str, type[pl.DataType]] = {
    "customerid": pl.String,
    "systemloanid": pl.Int64,
    "creationdate": pl.String,
    "loanamount": pl.String,
    "totaldue": pl.String,
    "termdays": pl.Int32,
}
_COLUMNS: Mapping[str, dict[str, type[pl.DataType]]] = {
    PERFORMANCE: {**_LOAN_COLUMNS, "good_bad_flag": pl.String},
    EARLIER: {
        **_LOAN_COLUMNS,
        "closeddate": pl.String,
        "firstduedate": pl.String,
        "firstrepaiddate": pl.String,
    },
}
_TIMES = ("creationdate", "closeddate", "firstduedate", "firstrepaiddate")


class LoanBookRefused(ValueError):
    """A file of the loan book is absent, or lacks a column, or holds what cannot be read."""

    def __init__(self, *, file: Path, reason: str) -> None:
        self.file = file
        self.reason = reason
        super().__init__(f"{file.name}: {reason}")


def load_superlender(folder: Path, *, definitions: Iterable[Definition]) -> Dataset:
    """The labelled loans of `<folder>/*.csv.gz` with the definitions that loans can have.

    One row a loan, ordered by creation and id; definitions over movements and balances are left out,
    for the lender's files have none. Raises `LoanBookRefused`.
    """
    applied = labelled_loans(folder)
    wanted = [d for d in definitions if d.source in {Source.LOANS, Source.APPLICATIONS}]
    dated = earlier_loans(folder, applied)
    sources: dict[Window, pl.DataFrame] = {
        (Source.LOANS, None): loans(dated),
        (Source.APPLICATIONS, None): _applications(applied, dated),
    }
    needed = {window: sources[window] for window in windows_of(wanted)}
    return Dataset(
        definitions=tuple(wanted),
        features=evaluate(wanted, sources=needed, subjects=applied[SUBJECT]).drop(SUBJECT),
        defaulted=applied["defaulted"],
        observed_on=applied["created"].dt.date(),
    )


def labelled_loans(folder: Path) -> pl.DataFrame:
    """Loans with their outcome: subject (row number), customerid, created, amounts, defaulted."""
    rows = _read(folder, PERFORMANCE)
    unknown = rows.filter(~pl.col("good_bad_flag").is_in(list(OUTCOMES)).fill_null(value=False))
    if not unknown.is_empty():
        found = ", ".join(map(repr, unknown["good_bad_flag"].unique().sort()))
        file = _file(folder, PERFORMANCE)
        raise LoanBookRefused(file=file, reason=f"good_bad_flag is {found}, not Good or Bad")
    return (
        rows.sort("creationdate", "systemloanid")
        .with_row_index(SUBJECT)
        .select(
            pl.col(SUBJECT).cast(pl.Int64),
            "customerid",
            "systemloanid",
            created="creationdate",
            principal_minor="loanamount",
            total_due_minor="totaldue",
            term_days="termdays",
            defaulted=pl.col("good_bad_flag").replace_strict(OUTCOMES, return_dtype=pl.Int8),
        )
    )


def earlier_loans(folder: Path, applied: pl.DataFrame, *, masked: bool = True) -> pl.DataFrame:
    """Each labelled loan's earlier loans as known when it was applied for (schema `LOAN_DATES`).

    `masked=False` keeps what happened later, to show what a leak would look like; never to train on.
    """
    known = (
        applied.select(SUBJECT, "customerid", "created")
        .join(_read(folder, EARLIER), on="customerid", maintain_order="left")
        .filter(pl.col("creationdate") < pl.col("created"))
    )

    def happened(time: str) -> pl.Expr:
        then = pl.col(time).dt.date()
        return pl.when(pl.col(time) <= pl.col("created")).then(then) if masked else then

    return known.select(
        SUBJECT,
        observed_on=pl.col("created").dt.date(),
        disbursed_order=pl.col("creationdate").dt.epoch("us"),
        disbursed_on=pl.col("creationdate").dt.date(),
        principal_minor="loanamount",
        term_days="termdays",
        due_on=pl.col("firstduedate").dt.date(),
        first_repaid_on=happened("firstrepaiddate"),
        closed_on=happened("closeddate"),
    ).select(columns_of(LOAN_DATES))


def _applications(applied: pl.DataFrame, dated: pl.DataFrame) -> pl.DataFrame:
    before = (
        dated.sort(SUBJECT, "disbursed_order")
        .group_by(SUBJECT, maintain_order=True)
        .agg(
            last_principal_minor=pl.col("principal_minor").last(),
            largest_principal_minor=pl.col("principal_minor").max(),
        )
    )
    joined = applied.join(before, on=SUBJECT, how="left", maintain_order="left")
    return joined.select(columns_of(APPLICATIONS))


def _file(folder: Path, name: str) -> Path:
    return folder / f"{name}.csv.gz"


def _read(folder: Path, name: str) -> pl.DataFrame:
    """A file's columns as they are used: times as timestamps, amounts in minor units."""
    file, columns = _file(folder, name), _COLUMNS[name]
    if not file.is_file():
        raise LoanBookRefused(file=file, reason=f"is not in {folder.name}")
    try:
        rows = pl.read_csv(file, infer_schema=False)
        return rows.select(_typed(column, kind) for column, kind in columns.items())
    except pl.exceptions.PolarsError as error:
        reason = " ".join(str(error).split())
        raise LoanBookRefused(file=file, reason=reason) from error


def _typed(column: str, kind: type[pl.DataType]) -> pl.Expr:
    if column in _TIMES:
        return pl.col(column).str.to_datetime("%Y-%m-%d %H:%M:%S%.f", time_unit="us")
    if column in {"loanamount", "totaldue"}:
        return (pl.col(column).cast(pl.Decimal(18, 4)) * 100).cast(pl.Int64)
    return pl.col(column).cast(kind)
