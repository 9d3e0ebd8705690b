"""The ledger against what banks state: matches, breaks, and the morning picture."""

from datetime import date, timedelta

import dagster as dg

from orchestration.asset import business_date_asset
from orchestration.asset_page import in_major_units, pages_wanted, picture, table
from orchestration.partitions import business_dates
from orchestration.resources import Platform
from pipelines.lake.ledger_tables import ACCOUNTS, ENTRIES, PAYMENTS, STATED_BALANCES
from pipelines.reconciliation.reconcile import ClosedDay, Earlier, Reconciliation, reconcile
from pipelines.reconciliation.report import breaks_picture, class_table, headline
from pipelines.reconciliation.rules import Rules, load_rules
from pipelines.reconciliation.tables import (
    BREAKS,
    MATCHES,
    RECONCILED_ACCOUNTS,
    RECONCILIATION_EVIDENCE,
    STATEMENT_QUARANTINE,
)

REPEATS_DAYS = 7
"""How far back a bank might repeat an entry that was matched before."""


@business_date_asset(group="reconciliation", owner="finance", kinds={"polars", "xml"}, deps=["close"])
def reconciliation(context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]) -> None:
    """Nostro accounts against partner banks' statements, and accounts against stated balances.

    Every item ends matched or as a break with class, amount, age and owner.
    """
    days = business_dates(context)
    lake, rules = platform.lake, load_rules()
    for day in days:
        closed = ClosedDay(
            accounts=lake.read(ACCOUNTS, day),
            entries=lake.read(ENTRIES, day),
            payments=lake.read(PAYMENTS, day),
            stated_balances=lake.read(STATED_BALANCES, day),
        )
        result = reconcile(
            business_date=day,
            day=closed,
            statements=platform.statements(day),
            earlier=_earlier(platform, day),
            rules=rules,
        )
        lake.write(MATCHES, day, result.matches)
        lake.write(BREAKS, day, result.breaks)
        lake.write(RECONCILED_ACCOUNTS, day, result.accounts)
        lake.write(RECONCILIATION_EVIDENCE, day, result.evidence)
        lake.write(STATEMENT_QUARANTINE, day, result.rejected)
        context.add_asset_metadata(
            {
                "is everything there?": headline(result, business_date=day),
                "matched": result.matches.height,
                "open breaks": result.breaks.height,
                "statement rows refused": result.rejected.height,
                **(_page(platform, result, day=day, rules=rules) if pages_wanted(days) else {}),
            },
            partition_key=str(day),
        )


def _earlier(platform: Platform, day: date) -> Earlier:
    """What the reconciliation before left open, and what it matched lately."""
    lake = platform.lake
    before = [earlier for earlier in lake.dates(BREAKS) if earlier < day]
    if not before:
        return Earlier.nothing()
    recent = [earlier for earlier in before if day - earlier <= timedelta(days=REPEATS_DAYS)]
    return Earlier(
        breaks=lake.read(BREAKS, before[-1]),
        accounts=lake.read(RECONCILED_ACCOUNTS, before[-1]),
        matches=lake.scan(MATCHES, recent).collect(),
    )


def _page(
    platform: Platform, result: Reconciliation, *, day: date, rules: Rules
) -> dict[str, dg.MetadataValue[str]]:
    exponents = platform.exponents(day)
    shown = result.breaks.sort("age_days", "difference_minor", descending=True).select(
        "break_class",
        "participant_id",
        "counterparty_id",
        "external_ref",
        "currency",
        "ledger_minor",
        "stated_minor",
        "difference_minor",
        "first_seen",
        "age_days",
        "owner",
        "ref",
    )
    return {
        "breaks by class and age": picture(
            breaks_picture(result, business_date=day, rules=rules, exponents=exponents), title="Breaks"
        ),
        "classes": table(class_table(result.breaks, rules=rules)),
        "breaks": table(in_major_units(shown, exponents)),
    }
