"""Is nothing left out, and nothing matched twice?"""

import dagster as dg
import polars as pl

from orchestration.asset import business_date_check
from orchestration.asset_page import table
from orchestration.partitions import business_dates
from orchestration.resources import Platform
from pipelines.reconciliation.tables import (
    BREAKS,
    MATCHES,
    RECONCILED_ACCOUNTS,
    RECONCILED_TOTALS,
)

ITEM = ["business_date", "book_id", "account_id", "version"]


@business_date_check(
    asset="reconciliation",
    blocking=True,
    description="No ledger entry is matched twice by one pass, and no ref of a break is used twice.",
)
def nothing_counts_twice(
    context: dg.AssetCheckExecutionContext, platform: dg.ResourceParam[Platform]
) -> dg.AssetCheckResult:
    """Blocking: a match counted twice hides a break."""
    days = business_dates(context)
    matches = platform.lake.scan(MATCHES, days)
    twice = (
        matches.filter(pl.col("version").is_not_null())
        .group_by([*ITEM, "pass_id"])
        .agg(matches=pl.len())
        .filter(pl.col("matches") > 1)
        .collect()
    )
    refs = (
        platform.lake.scan(BREAKS, days)
        .group_by("business_date", "ref")
        .agg(rows=pl.len())
        .filter(pl.col("rows") > 1)
        .collect()
    )
    return dg.AssetCheckResult(
        passed=twice.is_empty() and refs.is_empty(),
        metadata={"entries": twice.height, "breaks": refs.height, "rows": table(twice)},
    )


@business_date_check(
    asset="reconciliation",
    blocking=True,
    description="Per account the two closing balances differ by exactly its open breaks and rounding.",
)
def every_difference_is_explained(
    context: dg.AssetCheckExecutionContext, platform: dg.ResourceParam[Platform]
) -> dg.AssetCheckResult:
    """Blocking: a difference that no break explains is money that nobody looks for."""
    found = (
        platform.lake.scan(RECONCILED_ACCOUNTS, business_dates(context))
        .filter(pl.col("unexplained_minor") != 0)
        .collect()
    )
    return dg.AssetCheckResult(
        passed=found.is_empty(), metadata={"accounts": found.height, "rows": table(found)}
    )


@business_date_check(
    asset="reconciliation",
    blocking=True,
    description="Each line of the general ledger is the sum of its accounts, wallets and deposits "
    "among them, and both sides of a clearing account say the same.",
)
def control_totals_agree(
    context: dg.AssetCheckExecutionContext, platform: dg.ResourceParam[Platform]
) -> dg.AssetCheckResult:
    """Blocking: a total that differs says that an item is in no comparison at all."""
    totals = platform.lake.scan(RECONCILED_TOTALS, business_dates(context))
    wrong = totals.filter(pl.col("difference_minor") != 0).collect()
    compared = totals.select(pl.len()).collect().item()
    return dg.AssetCheckResult(
        passed=wrong.is_empty(), metadata={"totals": compared, "rows": table(wrong)}
    )
