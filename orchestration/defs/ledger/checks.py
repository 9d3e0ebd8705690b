"""Is the lake what the ledger says, to the minor unit?"""

import dagster as dg

from orchestration.asset import business_date_check
from orchestration.asset_page import table
from orchestration.partitions import business_dates
from orchestration.resources import Platform
from pipelines.lake.closing import control_differences


@business_date_check(
    asset="close",
    blocking=True,
    description="Count and sum per book and currency, and the Merkle root recomputed from the lake, "
    "equal what the ledger counted and sealed.",
)
def control_totals(
    context: dg.AssetCheckExecutionContext, platform: dg.ResourceParam[Platform]
) -> dg.AssetCheckResult:
    """Blocking: nothing is derived from a lake that is not the ledger."""
    found = control_differences(
        platform.server,
        lake=platform.lake,
        book_ids=platform.book_ids,
        business_dates=business_dates(context),
    )
    return dg.AssetCheckResult(
        passed=found.is_empty(), metadata={"differences": found.height, "rows": table(found)}
    )
