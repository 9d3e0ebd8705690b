"""What `wgi day` shows at its end: one table a person can read, from the lake alone."""

from collections.abc import Mapping, Sequence
from datetime import date

import polars as pl
from rich.console import Console
from rich.table import Table as RichTable

from ledger_service.payments.settlement.instruction_log import InstructionState
from ml.tables import FEATURES, SCORES
from orchestration.asset_page import in_major_units
from orchestration.resources import Platform
from pipelines.aml.tables import ALERTS
from pipelines.lake.ledger_tables import (
    ACCOUNTS,
    ENTRIES,
    PARTICIPANTS,
    PAYMENTS,
    QUARANTINE,
    TRANSFERS,
)
from pipelines.lake.store import Lake
from pipelines.lake.table import Table
from pipelines.netting.tables import NET_POSITIONS, OBLIGATIONS
from pipelines.reconciliation.tables import BREAKS, MATCHES
from pipelines.regulatory.tables import RETURN_CELLS
from pipelines.settlement.banks.delivery import ALARMS, FINAL
from pipelines.settlement.tables import (
    BANK_ANSWERS,
    BANK_FILES,
    SETTLEMENT_FILES,
    SETTLEMENT_FINALITY,
    SETTLEMENT_TRANSACTIONS,
)

CURRENCIES_SHOWN = 14


def print_summary(
    console: Console,
    *,
    platform: Platform,
    business_dates: Sequence[date],
    seconds: Mapping[str, float],
    elapsed: float,
    changed_partitions: int,
    complete: bool,
) -> None:
    """Print counts, totals by currency, seconds per step, and where everything lies."""
    first, last = business_dates[0], business_dates[-1]
    span = f"{last}" if first == last else f"{first} to {last}"
    console.print()
    console.print(f"[bold]Business day {span}, source {platform.settings.source}[/]", highlight=False)
    console.print(_counts(platform.lake, business_dates))
    console.print(_by_currency(platform, business_dates))
    console.print(_breaks_and_alerts(platform.lake, last))
    console.print(_seconds(seconds, elapsed))
    console.print(_places(platform))
    if complete and not changed_partitions:
        console.print("[green]Nothing changed:[/] every partition held the same bytes before this run.")
    elif complete:
        console.print(f"[green]Closed.[/] {changed_partitions:,} partitions written.")
    else:
        console.print("[red]Not complete:[/] mend what is named above and run the same command again.")


def _counts(lake: Lake, dates: Sequence[date]) -> RichTable:
    def rows(table: Table) -> int:
        return int(lake.scan(table, dates).select(pl.len()).collect().item())

    last = dates[-1:]
    open_breaks = lake.scan(BREAKS, last).select(pl.len()).collect().item()
    figures = [
        ("participants", f"{lake.scan(PARTICIPANTS, last).select(pl.len()).collect().item():,}"),
        ("accounts", f"{lake.scan(ACCOUNTS, last).select(pl.len()).collect().item():,}"),
        ("payments booked", f"{rows(PAYMENTS):,}"),
        ("transfers / entries", f"{rows(TRANSFERS):,} / {rows(ENTRIES):,}"),
        ("input rows in quarantine", f"{rows(QUARANTINE):,}"),
        ("interbank obligations", f"{rows(OBLIGATIONS):,}"),
        ("net positions", f"{rows(NET_POSITIONS):,}"),
        ("settlement instructions / final", _instructions(lake, dates[-1])),
        (
            "settlement files / credit transfers",
            f"{rows(SETTLEMENT_FILES):,} / {rows(SETTLEMENT_TRANSACTIONS):,}",
        ),
        ("files at banks: delivered / answered", _files_at_banks(lake, dates)),
        ("transactions rejected / returned by banks", _back_from_banks(lake, dates)),
        ("reconciliation: matched / open breaks", f"{rows(MATCHES):,} / {open_breaks:,}"),
        ("AML alerts", f"{rows(ALERTS):,}"),
        ("return cells", f"{rows(RETURN_CELLS):,}"),
        ("features / scores", f"{rows(FEATURES):,} / {rows(SCORES):,}"),
    ]
    table = RichTable(title="What came out", title_justify="left", show_header=False)
    table.add_column("what")
    table.add_column("how many", justify="right")
    for name, figure in figures:
        table.add_row(name, figure)
    return table


def _instructions(lake: Lake, last: date) -> str:
    """Told to the settlement agents on the last date, which is the one that is settled; and final."""
    known = lake.scan(SETTLEMENT_FINALITY, [last]).filter(
        pl.col("state") != InstructionState.WITHDRAWN.value
    )
    told, final = (
        known.select(pl.len(), (pl.col("state") == InstructionState.CONFIRMED.value).sum())
        .collect()
        .row(0)
    )
    return f"{told:,} / {final:,}"


def _files_at_banks(lake: Lake, dates: Sequence[date]) -> str:
    final = pl.col("state").is_in([state.value for state in FINAL])
    row = (
        lake.scan(BANK_FILES, dates)
        .filter(pl.col("sent_on") == pl.col("business_date"))
        .select(pl.col("delivered_at").count(), final.sum())
        .collect()
        .row(0)
    )
    return " / ".join(f"{count:,}" for count in row)


def _back_from_banks(lake: Lake, dates: Sequence[date]) -> str:
    rejected, returned = pl.col("status") == "RJCT", pl.col("kind") == "return"
    counts = {"rejected": rejected.sum(), "returned": returned.sum()}
    row = lake.scan(BANK_ANSWERS, dates).select(**counts).collect().row(0)
    return " / ".join(f"{count:,}" for count in row)


def _by_currency(platform: Platform, dates: Sequence[date]) -> RichTable:
    """Totals by currency; a net position of several dates is the sum of what each date settled."""
    lake = platform.lake
    booked = (
        lake.scan(PAYMENTS, dates)
        .group_by("currency")
        .agg(payments=pl.len(), booked_minor=pl.col("amount_minor").cast(pl.Int128).sum())
    )
    owed = (
        lake.scan(NET_POSITIONS, dates)
        .group_by("currency")
        .agg(
            obligations_minor=pl.col("owes_minor").cast(pl.Int128).sum(),
            net_settled_minor=pl.col("net_minor").filter(pl.col("net_minor") > 0).cast(pl.Int128).sum(),
        )
    )
    joined = (
        booked.join(owed, on="currency", how="left")
        .with_columns(pl.col("obligations_minor", "net_settled_minor").fill_null(0))
        .sort("payments", descending=True)
        .collect()
    )
    shown = in_major_units(joined, platform.exponents(dates[-1]))
    title = "Totals by currency"
    if shown.height > CURRENCIES_SHOWN:
        title += f" (the {CURRENCIES_SHOWN} with most payments of {shown.height})"
    table = RichTable(title=title, title_justify="left")
    table.add_column("currency")
    for name in ("payments", "value booked", "interbank obligations", "settled net"):
        table.add_column(name, justify="right")
    for row in shown.head(CURRENCIES_SHOWN).iter_rows():
        table.add_row(row[0], f"{row[1]:,}", *row[2:])
    return table


def _breaks_and_alerts(lake: Lake, last: date) -> RichTable:
    table = RichTable(title=f"For review on {last}", title_justify="left")
    for name in ("kind", "class"):
        table.add_column(name)
    for name in ("open", "oldest, days"):
        table.add_column(name, justify="right")
    breaks = (
        lake.scan(BREAKS, [last])
        .group_by("break_class")
        .agg(count=pl.len(), oldest=pl.col("age_days").max())
        .sort("count", descending=True)
        .collect()
    )
    for name, count, oldest in breaks.iter_rows():
        table.add_row("break", name, f"{count:,}", f"{oldest:,}")
    alerts = lake.scan(ALERTS, [last]).group_by("rule_id").agg(count=pl.len()).sort("rule_id").collect()
    files = lake.scan(BANK_FILES, [last]).filter(pl.col("state").is_in([each.value for each in ALARMS]))
    for name, count in files.group_by("state").len().sort("state").collect().iter_rows():
        table.add_row("bank file", name, f"{count:,}", "")
    waiting = lake.scan(SETTLEMENT_FINALITY, [last]).filter(
        pl.col("state").is_in([InstructionState.REJECTED.value, InstructionState.INSTRUCTED.value])
    )
    for name, count in waiting.group_by("state").len().sort("state").collect().iter_rows():
        table.add_row("settlement instruction", name, f"{count:,}", "")
    for name, count in alerts.iter_rows():
        table.add_row("alert", name, f"{count:,}", "")
    if not table.row_count:
        table.add_row("nothing", "", "", "")
    return table


def _seconds(seconds: Mapping[str, float], elapsed: float) -> RichTable:
    table = RichTable(title="Seconds per step", title_justify="left", show_header=False)
    table.add_column("step")
    table.add_column("seconds", justify="right")
    for step, taken in seconds.items():
        table.add_row(step.replace("_", " "), f"{taken:,.1f}")
    table.add_section()
    table.add_row("all, with what lies between", f"{elapsed:,.1f}")
    return table


def _places(platform: Platform) -> RichTable:
    settings = platform.settings
    table = RichTable(title="Where everything lies", title_justify="left", show_header=False)
    table.add_column("what")
    table.add_column("where", overflow="fold")
    places = {
        "input": settings.input,
        "lake (Parquet by business date)": settings.lake,
        "settlement files (ISO 20022)": settings.files / "settlement",
        "what banks answered": settings.root / "inbox",
        "returns and reports": settings.reports,
        "databases": platform.server.conninfo,
    }
    for name, place in places.items():
        table.add_row(name, str(place))
    table.add_row("look closer", "wgi up    wgi trace REF    wgi ledger verify")
    return table
