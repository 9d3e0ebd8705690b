"""`wgi settlement set-off`: a file of who owes whom, and the most of it that vanishes without money."""

from datetime import date
from pathlib import Path
from typing import Final

import polars as pl
from rich import box
from rich.console import Console
from rich.table import Table

from orchestration.cli.ledger_books import Units, refuse
from orchestration.cli.settlement_csv import minor_column, read_rows, write_in_units
from orchestration.resources import exponents_on
from pipelines.netting.clearing import ClearingTooLarge, cleared
from pipelines.netting.optimality_verification import optimum_violations
from pipelines.netting.set_off import set_off_notices
from pipelines.netting.tables import OBLIGATIONS
from pipelines.netting.verification import clearing_violations, notice_violations

_COLUMNS: Final = ("reference", "debtor", "creditor", "currency", "amount")


class ClearingUnproven(RuntimeError):
    """The result does not follow from the debts: nothing was written. A fault of ours, with its rows."""

    def __init__(self, violations: pl.DataFrame) -> None:
        self.violations = violations
        super().__init__(f"the clearing is not proven: {violations.row(0, named=True)}")


def clear_file(path: Path, *, out: Path) -> None:
    """Clear the debts of a CSV, prove it, write `cleared.csv` and `notices.csv`, and print totals."""
    units = Units(exponents_on(date.today()))  # noqa: DTZ011 (the local date of who runs it)
    debts = _debts(path, units)
    try:
        done = cleared(debts)
    except ClearingTooLarge as error:
        refuse(str(error))
    notices = set_off_notices(done.obligations)
    proof = pl.concat(
        [
            clearing_violations(debts, done.obligations),
            notice_violations(done.obligations, notices),
            optimum_violations(done.obligations),
        ]
    )
    if proof.height:
        raise ClearingUnproven(proof)
    out.mkdir(parents=True, exist_ok=True)
    amounts = ("amount_minor", "cleared_minor", "remaining_minor")
    left = done.obligations.sort("version").select(
        "debtor_id", "creditor_id", "currency", *amounts, reference="payment_id"
    )
    write_in_units(out / "cleared.csv", left.select("reference", pl.exclude("reference")), units)
    rings = notices.select("currency", "notice", "step", "debtor_id", "creditor_id", "amount_minor")
    write_in_units(out / "notices.csv", rings, units)
    console = Console(emoji=False)
    console.print(_totals_table(done.totals, notices, units))
    console.print(f"{out / 'cleared.csv'}: what is left of each debt", soft_wrap=True)
    console.print(f"{out / 'notices.csv'}: the rings of debts that vanish together", soft_wrap=True)


def _debts(path: Path, units: Units) -> pl.DataFrame:
    """The file's rows as OBLIGATIONS, keyed by row; a row that cannot be is refused with its place."""
    rows = read_rows(path, _COLUMNS)
    same = (rows["debtor"] == rows["creditor"]).arg_true()
    if len(same):
        refuse(f"{path.name}, row {same[0] + 2}: debtor and creditor are the same")
    return OBLIGATIONS.conform(
        rows.select(
            minor_column(path, rows, "amount", units),
            business_date=pl.lit(date.min),
            window_id=pl.lit(path.name),
            currency="currency",
            debtor_id="debtor",
            creditor_id="creditor",
            payment_id="reference",
            book_id=pl.lit(0, pl.Int32),
            account_id=pl.lit(0, pl.Int64),
            version=pl.int_range(1, pl.len() + 1, dtype=pl.Int64),
        ).select(list(OBLIGATIONS.schema))
    )


def _totals_table(totals: pl.DataFrame, notices: pl.DataFrame, units: Units) -> Table:
    table = Table(title="Set off, proven", title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("currency")
    for name in ("debts", "parties", "owed", "set off", "left", "set off, %", "rings"):
        table.add_column(name, justify="right", no_wrap=True)
    rings = dict(notices.group_by("currency").agg(pl.col("notice").n_unique()).iter_rows())
    for row in totals.sort("currency").iter_rows(named=True):
        currency, gross = row["currency"], row["gross_minor"]
        amounts = (gross, row["cleared_minor"], row["remaining_minor"])
        percent = f"{100 * row['cleared_minor'] / gross:.1f}" if gross else ""
        table.add_row(
            currency,
            f"{row['obligations']:,}",
            f"{row['parties']:,}",
            *(units.shown(int(amount), currency) for amount in amounts),
            percent,
            f"{rings.get(currency, 0):,}",
        )
    return table
