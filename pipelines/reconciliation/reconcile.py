"""Reconciliation of a business date: nostro accounts and stated balances together, as its tables.

Belongs here: putting the two comparisons together into the tables of `tables.py`, with evidence and
the account rows that prove nothing is left out. This is where a reader of the subject begins.
"""

from dataclasses import dataclass, field, replace
from datetime import date

import polars as pl

from pipelines.lake.ledger_tables import QUARANTINE
from pipelines.reconciliation import statement_balances
from pipelines.reconciliation.breaks import complete_breaks
from pipelines.reconciliation.camt053 import StatementFrames
from pipelines.reconciliation.items import collect_items, is_one_sided, nostro_accounts
from pipelines.reconciliation.rules import Rules
from pipelines.reconciliation.shapes import shaped
from pipelines.reconciliation.stated_balances import ACCOUNT, SteppedDay, step_balances
from pipelines.reconciliation.stated_outcomes import proved_and_open
from pipelines.reconciliation.statement_sequences import (
    last_numbers,
    missing_statements,
    without_those_that_came,
)
from pipelines.reconciliation.statements import Compared, compare_nostro
from pipelines.reconciliation.tables import (
    BREAKS,
    MATCHES,
    PROPOSALS,
    RECONCILED_ACCOUNTS,
    RECONCILIATION_EVIDENCE,
)
from pipelines.reconciliation.write_offs import WRITE_OFFS_SCHEMA, take_write_offs

ROW_SCHEMA = {**RECONCILED_ACCOUNTS.schema, "tolerance_minor": pl.Int64}


@dataclass(frozen=True, slots=True)
class ClosedDay:
    """The ledger's tables of the business date (schemas of `pipelines.lake.ledger_tables`)."""

    accounts: pl.DataFrame
    entries: pl.DataFrame
    payments: pl.DataFrame
    stated_balances: pl.DataFrame


@dataclass(frozen=True, slots=True)
class Earlier:
    """What earlier reconciliations left: tables of the date before, and matches of recent dates.

    `matches` may reach back as far as the bank might repeat an entry; a week is usual.
    """

    breaks: pl.DataFrame
    accounts: pl.DataFrame
    matches: pl.DataFrame

    @classmethod
    def nothing(cls) -> "Earlier":
        """Before the first reconciliation."""
        return cls(BREAKS.empty(), RECONCILED_ACCOUNTS.empty(), MATCHES.empty())


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """The tables of one date; `rejected` is of the quarantine's schema, proposals of `PROPOSALS`."""

    matches: pl.DataFrame
    breaks: pl.DataFrame
    accounts: pl.DataFrame
    evidence: pl.DataFrame
    rejected: pl.DataFrame
    proposals: pl.DataFrame = field(default_factory=PROPOSALS.empty)


def reconcile(
    *,
    business_date: date,
    day: ClosedDay,
    statements: StatementFrames,
    earlier: Earlier,
    rules: Rules,
    write_offs: pl.DataFrame | None = None,
) -> Reconciliation:
    """Reconcile a closed business date.

    Every posted entry of a nostro account, every booked statement entry, every entry and stated
    balance of an account that has stated balances is in exactly one match or one open break, or in
    `rejected` with the reason. Run dates in order: `earlier` is the result of the one before.
    `write_offs` (`WRITE_OFFS_SCHEMA`) are entries of the date that two people booked to explain breaks.
    """
    nostro = nostro_accounts(day.accounts)
    is_nostro = nostro.select(ACCOUNT)
    compared, nostro_rows, refused = _nostro(
        business_date,
        nostro=nostro,
        day=day,
        statements=statements,
        earlier=earlier,
        rules=rules,
        write_offs=pl.DataFrame(schema=WRITE_OFFS_SCHEMA) if write_offs is None else write_offs,
    )
    other_breaks = earlier.breaks.join(is_nostro, on=ACCOUNT, how="anti")
    stepped = step_balances(
        accounts=day.accounts.join(is_nostro, on=ACCOUNT, how="anti"),
        entries=day.entries,
        stated_balances=day.stated_balances.join(is_nostro, on=ACCOUNT, how="anti"),
        previous_accounts=earlier.accounts.join(is_nostro, on=ACCOUNT, how="anti"),
        open_breaks=other_breaks,
        rules=rules,
    )
    proved, found = proved_and_open(stepped, open_breaks=other_breaks)
    breaks = complete_breaks(
        pl.concat([compared.found, found]), business_date=business_date, rules=rules
    )
    matches = _numbered(pl.concat([compared.proved, proved]), business_date=business_date)
    parts = (nostro_rows, _stepped_rows(stepped, business_date=business_date))
    rows = pl.concat([shaped(part, ROW_SCHEMA) for part in parts])
    accounts = _account_rows(rows, matches=matches, breaks=breaks, business_date=business_date)
    rejected = [statements.rejected, refused, _unattributed(stepped.unattributed)]
    return Reconciliation(
        matches=MATCHES.conform(matches),
        breaks=BREAKS.conform(breaks),
        accounts=RECONCILED_ACCOUNTS.conform(accounts),
        evidence=RECONCILIATION_EVIDENCE.conform(_evidence(matches, breaks)),
        rejected=QUARANTINE.conform(
            pl.concat(rejected)
            .unique(QUARANTINE.key, maintain_order=True)
            .select(pl.lit(business_date).alias("business_date"), pl.all())
        ),
        proposals=PROPOSALS.conform(_proposals(compared.proposed, business_date=business_date)),
    )


def _nostro(
    business_date: date,
    *,
    nostro: pl.DataFrame,
    day: ClosedDay,
    statements: StatementFrames,
    earlier: Earlier,
    rules: Rules,
    write_offs: pl.DataFrame,
) -> tuple[Compared, pl.DataFrame, pl.DataFrame]:
    """Matches and breaks of nostro accounts, one row an account, and refused statements."""
    open_breaks = earlier.breaks.join(nostro, on=ACCOUNT, how="semi")
    items = collect_items(
        nostro=nostro,
        entries=day.entries,
        payments=day.payments,
        statements=statements,
        open_breaks=open_breaks,
        rules=rules,
    )
    states = statement_balances.closing_states(
        items,
        business_date=business_date,
        nostro=nostro,
        open_breaks=open_breaks,
        previous_accounts=earlier.accounts,
    )
    items, opened, migrated = statement_balances.take_openings(items, states=states)
    of_pairs = without_those_that_came(open_breaks.filter(~is_one_sided()), items.statements)
    items, carried, explained = take_write_offs(items, of_pairs, write_offs)
    compared = compare_nostro(
        items,
        business_date=business_date,
        carried=carried,
        earlier_matches=earlier.matches,
        rules=rules,
    )
    of_balances = [
        statement_balances.opening_breaks(states, migrated=migrated),
        statement_balances.balance_breaks(items.statements),
        missing_statements(items.statements, before=earlier.accounts),
    ]
    found = statement_balances.settle_openings(pl.concat([compared.found, *of_balances]))
    settled = replace(compared, proved=pl.concat([compared.proved, opened, explained]), found=found)
    numbers = last_numbers(items.statements, before=earlier.accounts)
    return settled, states.join(numbers, on=ACCOUNT, how="left"), items.rejected


def _numbered(proved: pl.DataFrame, *, business_date: date) -> pl.DataFrame:
    """Matches with their refs; the rows of a group take the number of its first row."""
    ordered = proved.sort(MATCHES.key, nulls_last=True).with_row_index("row", offset=1)
    own = pl.col("row")
    number = pl.when(pl.col("match_group").is_null()).then(own).otherwise(own.min().over("match_group"))
    return ordered.with_columns(
        business_date=pl.lit(business_date),
        ref=pl.format("match:{}:{}", pl.lit(business_date), number),
    ).select(list(MATCHES.schema))


def _proposals(proposed: pl.DataFrame, *, business_date: date) -> pl.DataFrame:
    return proposed.with_columns(
        business_date=pl.lit(business_date),
        ref=pl.format("proposal:{}:{}", pl.lit(business_date), pl.col("proposal") + 1),
    ).select(list(PROPOSALS.schema))


def _stepped_rows(stepped: SteppedDay, *, business_date: date) -> pl.DataFrame:
    """Accounts with stated balances, with the number of their items."""
    counts = (
        frame.group_by(ACCOUNT).agg(pl.len().cast(pl.Int64).alias(name))
        for name, frame in (("ledger_items", stepped.entries), ("stated_items", stepped.stated))
    )
    rows = stepped.accounts
    for count in counts:
        rows = rows.join(count, on=ACCOUNT, how="left")
    return rows.with_columns(
        pl.col("ledger_items", "stated_items").fill_null(0),
        counterparty_id="participant_id",
        stated_until=pl.when(pl.col("last_stated_minor").is_not_null())
        .then(pl.lit(business_date))
        .otherwise("previous_until"),
    )


def _account_rows(
    rows: pl.DataFrame,
    *,
    matches: pl.DataFrame,
    breaks: pl.DataFrame,
    business_date: date,
) -> pl.DataFrame:
    """Count what became of each account's items, and prove the difference of the closing balances.

    Rounding within the tolerance of a currency that is stated rounded is told apart from
    `unexplained_minor`, which is 0 unless the reconciliation itself is wrong.
    """
    own = breaks.join(rows.select(*ACCOUNT, "currency"), on=[*ACCOUNT, "currency"], how="semi")
    difference = own.group_by(ACCOUNT).agg(break_difference_minor=pl.col("difference_minor").sum())
    open_count = breaks.group_by(ACCOUNT).agg(breaks=pl.len().cast(pl.Int64))
    matched = matches.group_by(ACCOUNT).agg(
        matched_items=pl.col("version").drop_nulls().n_unique().cast(pl.Int64)
    )
    rows = rows.drop("break_difference_minor", "breaks", "matched_items")
    for counted in (difference, open_count, matched):
        rows = rows.join(counted, on=ACCOUNT, how="left")
    left = (
        pl.col("stated_closing_minor")
        - pl.col("ledger_closing_minor")
        - pl.col("break_difference_minor")
    )
    rounded = (left.abs() <= pl.col("tolerance_minor")).fill_null(value=False)
    return (
        rows.with_columns(
            pl.col("break_difference_minor", "breaks", "matched_items").fill_null(0),
            business_date=pl.lit(business_date),
        )
        .with_columns(rounding_minor=pl.when(rounded).then(left).otherwise(0))
        .with_columns(unexplained_minor=left.fill_null(0) - pl.col("rounding_minor"))
        .select(list(RECONCILED_ACCOUNTS.schema))
    )


def _evidence(matches: pl.DataFrame, breaks: pl.DataFrame) -> pl.DataFrame:
    """The one ledger entry behind each match and each break that has one."""
    columns = ("business_date", "ref", *ACCOUNT, "version")
    behind = pl.concat([matches.select(columns), breaks.select(columns)]).drop_nulls()
    return behind.select("business_date", "ref", *ACCOUNT, version_from="version", version_to="version")


def _unattributed(stated: pl.DataFrame) -> pl.DataFrame:
    """Stated balances of payments that the account has no entry of."""
    rows = stated.with_columns(
        row="source_row",
        field=pl.lit("stated_balance"),
        code=pl.lit("no_entry"),
        message=pl.format(
            "payment {} has a stated balance but no entry on account {}: see why it was not booked",
            "payment_id",
            "account_id",
        ),
        content=pl.col("stated_balance_minor").cast(pl.String),
    )
    return shaped(
        rows, {name: kind for name, kind in QUARANTINE.schema.items() if name != "business_date"}
    )
