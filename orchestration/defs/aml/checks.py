"""Does every alert show what fired it?"""

import dagster as dg
import polars as pl

from orchestration.asset import business_date_check
from orchestration.asset_page import table
from orchestration.partitions import business_dates
from orchestration.resources import Platform
from pipelines.aml.tables import ALERT_TRANSFERS, ALERTS


@business_date_check(
    asset="aml",
    blocking=True,
    description="Each alert has its transfers: as many as it says, adding up to its amount.",
)
def alerts_show_their_transfers(
    context: dg.AssetCheckExecutionContext, platform: dg.ResourceParam[Platform]
) -> dg.AssetCheckResult:
    """Blocking: an alert that cannot be explained is not worked."""
    days = business_dates(context)
    behind = (
        platform.lake.scan(ALERT_TRANSFERS, days)
        .group_by("business_date", "ref")
        .agg(found=pl.len(), found_minor=pl.col("amount_minor").sum())
    )
    unexplained = (
        platform.lake.scan(ALERTS, days)
        .join(behind, on=["business_date", "ref"], how="left")
        .filter(
            pl.col("found").fill_null(0).ne(pl.col("transfers"))
            | pl.col("found_minor").fill_null(0).ne(pl.col("amount_minor"))
        )
        .select("ref", "transfers", "found", "amount_minor", "found_minor")
        .collect()
    )
    return dg.AssetCheckResult(
        passed=unexplained.is_empty(),
        metadata={"alerts": unexplained.height, "rows": table(unexplained)},
    )
