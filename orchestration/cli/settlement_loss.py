"""`wgi settlement share-loss`: who bears what a defaulter does not pay in a window."""

from pathlib import Path

import polars as pl
from rich import box
from rich.console import Console
from rich.table import Table

from ledger_service.runtime.settings import SourceName
from orchestration.cli.ledger_books import Units, refuse
from orchestration.cli.settlement_books import open_settlement, without_defaulter
from orchestration.cli.settlement_csv import minor, minor_column, read_rows
from orchestration.cli.settlement_shown import window_of
from pipelines.netting.loss_layers import read_default_fund
from pipelines.netting.recast import unpaid
from pipelines.netting.waterfall import (
    OperatorFunds,
    OtherCurrency,
    ResourceInvalid,
    share_losses,
)


def share_loss(
    *,
    source: SourceName | None,
    scheme_id: str,
    number: int,
    defaulter_id: str,
    currency: str,
    resources: Path,
    own_funds: str,
) -> None:
    """Print the layers of the scheme's default fund with what each participant bears."""
    with open_settlement(source) as settlement:
        books = settlement.book(scheme_id)
        found = window_of(settlement, books, number)
        analysis = without_defaulter(settlement, books, found, defaulter_id)
        in_units = settlement.units
    losses = [loss for loss in unpaid(analysis) if loss.currency == currency]
    console = Console(emoji=False)
    if not losses:
        console.print(f"{defaulter_id} owes nothing in {currency} in window {number} of {scheme_id}")
        return
    operator = OperatorFunds(
        books.scheme.operator.participant_id, currency, minor(in_units, own_funds, currency)
    )
    try:
        shared = share_losses(
            losses,
            read_default_fund(books.scheme.default_fund),
            resources=_resources(resources, in_units),
            operator=operator,
        )
    except (OtherCurrency, ResourceInvalid) as error:
        refuse(f"{resources.name}: {error}")
    title = f"{defaulter_id} does not pay {in_units.shown(losses[0].amount_minor, currency)} {currency}"
    console.print(_loss_table(title, shared, in_units))


def _resources(path: Path, units: Units) -> pl.DataFrame:
    """`RESOURCES_SCHEMA` of a CSV in units."""
    amounts = ("collateral", "contribution")
    rows = read_rows(path, ("participant_id", "currency"), blank=amounts)
    read = [minor_column(path, rows, name, units) for name in amounts]
    return rows.select("participant_id", "currency", *read)


def _loss_table(title: str, shared: pl.DataFrame, units: Units) -> Table:
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("layer")
    table.add_column("borne by")
    for name in ("available", "used"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in shared.iter_rows(named=True):
        there = row["available_minor"]
        table.add_row(
            f"{row['layer']} {row['kind'].replace('_', ' ')}",
            row["participant_id"] or "nobody",
            "" if there is None else units.shown(there, row["currency"]),
            units.shown(row["used_minor"], row["currency"]),
        )
    total = units.shown(int(shared["used_minor"].sum()), shared["currency"][0])
    table.add_row("all", "", "", total, style="bold")
    return table
