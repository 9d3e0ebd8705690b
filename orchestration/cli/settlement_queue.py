"""`wgi settlement queue`: which waiting payments scarce liquidity settles, in order or by value."""

from datetime import date
from pathlib import Path

import polars as pl
from rich import box
from rich.console import Console
from rich.table import Table

from orchestration.cli.ledger_books import Units, refuse
from orchestration.cli.settlement_csv import minor_column, read_rows, write_in_units
from orchestration.resources import exponents_on
from pipelines.netting.gridlock import resolve_gridlock
from pipelines.netting.liquidity import OptimalSettlement, settle_most_value
from pipelines.netting.payment_queue import Queue, QueueInvalid, QueueTooLarge, Settlement, read_queue
from pipelines.netting.queue_verification import (
    overtaking_violations,
    settlement_violations,
    statement_violations,
)


class ChoiceUnproven(RuntimeError):
    """What was chosen breaks a rule: nothing was written. A fault of ours, with its rows."""

    def __init__(self, violations: pl.DataFrame) -> None:
        self.violations = violations
        super().__init__(f"the choice is not proven: {violations.row(0, named=True)}")


def settle_queue(payments: Path, *, liquidity: Path, currency: str, by_value: bool, out: Path) -> None:
    """Choose, prove, write `settled.csv` and `liquidity.csv`, and print what they come to."""
    units = Units(exponents_on(date.today()))  # noqa: DTZ011 (the local date of who runs it)
    waiting, there = _payments(payments, currency, units), _liquidity(liquidity, currency, units)
    try:
        queue = read_queue(waiting, there)
        chosen = settle_most_value(queue) if by_value else resolve_gridlock(queue)
    except (QueueInvalid, QueueTooLarge) as error:
        refuse(str(error))
    _prove(waiting, there, chosen, by_value=by_value)
    out.mkdir(parents=True, exist_ok=True)
    for name, frame in (("settled", chosen.settled), ("liquidity", chosen.liquidity)):
        write_in_units(out / f"{name}.csv", frame.with_columns(currency=pl.lit(currency)), units)
    console = Console(emoji=False)
    console.print(_result_table(queue, chosen, currency, units))
    console.print(f"{out / 'settled.csv'}: the payments that settle together", soft_wrap=True)
    console.print(f"{out / 'liquidity.csv'}: what it leaves each participant", soft_wrap=True)


def _payments(path: Path, currency: str, units: Units) -> pl.DataFrame:
    """`QUEUE_SCHEMA` of a CSV; the order of its rows is that in which payments entered."""
    needed = ("payment_id", "debtor_id", "creditor_id", "amount")
    rows = read_rows(path, needed, optional=("priority",)).with_columns(currency=pl.lit(currency))
    priority = rows["priority"].cast(pl.Int64, strict=False)
    wrong = (priority.is_null() & rows["priority"].is_not_null()).arg_true()
    if len(wrong):
        refuse(f"{path.name}, row {wrong[0] + 2}: priority is no whole number")
    return rows.select(
        "payment_id",
        "debtor_id",
        "creditor_id",
        minor_column(path, rows, "amount", units),
        pl.int_range(pl.len(), dtype=pl.Int64).alias("position"),
        priority.fill_null(0).alias("priority"),
    )


def _liquidity(path: Path, currency: str, units: Units) -> pl.DataFrame:
    """`LIQUIDITY_SCHEMA` of a CSV."""
    rows = read_rows(path, ("participant_id", "liquidity"), optional=("net_debit_cap",))
    dated = rows.with_columns(currency=pl.lit(currency))
    amounts = [minor_column(path, dated, name, units) for name in ("liquidity", "net_debit_cap")]
    return rows.select("participant_id", *amounts)


def _prove(
    waiting: pl.DataFrame,
    there: pl.DataFrame,
    chosen: Settlement | OptimalSettlement,
    *,
    by_value: bool,
) -> None:
    found = [
        settlement_violations(waiting, chosen.settled, there),
        statement_violations(waiting, chosen.settled, chosen.liquidity),
    ]
    if not by_value:
        found.append(overtaking_violations(waiting, chosen.settled))
    violations = pl.concat(found)
    if violations.height:
        raise ChoiceUnproven(violations)


def _result_table(
    queue: Queue, chosen: Settlement | OptimalSettlement, currency: str, units: Units
) -> Table:
    table = Table(
        title=f"Queue in {currency}, proven", title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False
    )
    for name in ("", "payments", "value", "% of value"):
        table.add_column(name, justify="right" if name else "left", no_wrap=True)
    total = queue.total_minor

    def row(name: str, count: int | None, value: int) -> None:
        share = f"{100 * value / total:.2f}" if total else ""
        shown = "" if count is None else f"{count:,}"
        table.add_row(name, shown, units.shown(value, currency), share)

    row("waiting", queue.payments.height, total)
    row("settle now", chosen.settled.height, chosen.settled_minor)
    if isinstance(chosen, OptimalSettlement):
        row("no choice settles more than", None, chosen.bound.bound_minor)
    return table
