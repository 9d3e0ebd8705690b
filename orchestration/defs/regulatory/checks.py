"""Do the returns balance?"""

import dagster as dg

from orchestration.asset import business_date_check
from orchestration.asset_page import table
from orchestration.partitions import business_dates
from orchestration.resources import Platform
from pipelines.regulatory.tables import RETURN_VIOLATIONS


@business_date_check(
    asset="returns",
    blocking=True,
    description="Every rule of every template holds: the trial balance is zero, totals agree.",
)
def returns_validate(
    context: dg.AssetCheckExecutionContext, platform: dg.ResourceParam[Platform]
) -> dg.AssetCheckResult:
    """Blocking: a return that contradicts itself is not filed."""
    found = platform.lake.scan(RETURN_VIOLATIONS, business_dates(context)).collect()
    return dg.AssetCheckResult(
        passed=found.is_empty(), metadata={"violations": found.height, "rows": table(found)}
    )
