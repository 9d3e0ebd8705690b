"""One account of the ledger against files about it, whatever the account is and whoever wrote them.

Belongs here: the reconciliation that a person asks for. Wallets against a provider's report, card
settlement against the network's file, a line of the general ledger against its export: the items, the
passes and the classes of breaks are those of the close.
"""

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Final

import polars as pl

from pipelines.lake.ledger_tables import PAYMENTS
from pipelines.reconciliation.breaks import complete_breaks
from pipelines.reconciliation.camt053 import StatementFrames
from pipelines.reconciliation.items import collect_items
from pipelines.reconciliation.rules import Rules
from pipelines.reconciliation.statement_balances import balance_breaks
from pipelines.reconciliation.statements import compare_nostro
from pipelines.reconciliation.tables import BREAKS, MATCHES

AROUND: Final = timedelta(days=7)
"""Entries of the ledger before and after the files' period that may belong to theirs."""


class NothingStated(ValueError):
    """The files state nothing about the account."""

    def __init__(self, account: str, refused: pl.DataFrame) -> None:
        self.refused = refused
        super().__init__(f"the files state nothing about {account}")


@dataclass(frozen=True, slots=True)
class AccountReconciled:
    """What became of each item; `matches` is of MATCHES without number, `breaks` of BREAKS."""

    begin: date
    end: date
    ledger_items: int
    """Of the period."""
    stated_items: int
    matches: pl.DataFrame
    breaks: pl.DataFrame
    proposals: int
    refused: pl.DataFrame


def period(statements: StatementFrames) -> tuple[date, date] | None:
    """First and last day that the files speak of."""
    entries, heads = statements.entries, statements.statements
    days = pl.concat(
        [entries["booking_date"], entries["value_date"], heads["from_date"], heads["to_date"]]
    ).drop_nulls()
    if days.is_empty():
        return None
    in_order = days.sort().to_list()
    return in_order[0], in_order[-1]


def reconcile_account(
    *,
    account: pl.DataFrame,
    entries: pl.DataFrame,
    payments: pl.DataFrame,
    statements: StatementFrames,
    rules: Rules,
) -> AccountReconciled:
    """Compare an account (one row of ACCOUNTS) with statements that are about it.

    `entries` and `payments` are those of the dates from `AROUND` before the files' period until
    `AROUND` after it. An entry outside of the period is no break, though it may be matched. Raises
    `NothingStated`.
    """
    found = period(statements)
    row = account.row(0, named=True)
    if found is None:
        raise NothingStated(row["external_ref"], statements.rejected)
    begin, end = found
    items = collect_items(
        nostro=account.with_columns(account=pl.lit(0, pl.Int64), relation=pl.lit(0, pl.Int64)),
        entries=entries,
        payments=payments.select(list(PAYMENTS.schema)),
        statements=statements,
        open_breaks=BREAKS.empty(),
        rules=rules,
    )
    entered = items.ledger.filter(~pl.col("is_opening"))  # a migrated balance is no entry of the files
    compared = compare_nostro(
        replace(items, ledger=entered),
        business_date=end,
        carried=BREAKS.empty(),
        earlier_matches=MATCHES.empty(),
        rules=rules,
    )
    in_period = pl.col("statement_ref").is_not_null() | pl.col("value_date").is_between(begin, end)
    breaks = pl.concat([compared.found.filter(in_period), balance_breaks(items.statements)])
    own = entered.filter(pl.col("value_date").is_between(begin, end))
    return AccountReconciled(
        begin=begin,
        end=end,
        ledger_items=own.height,
        stated_items=items.stated.height,
        matches=compared.proved,
        breaks=complete_breaks(breaks, business_date=end, rules=rules),
        proposals=compared.proposed["proposal"].n_unique(),
        refused=pl.concat([statements.rejected, items.rejected]),
    )
