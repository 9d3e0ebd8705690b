"""Do the nets conserve, and do both sides' books agree?"""

import dagster as dg
import polars as pl

from orchestration.asset import business_date_check
from orchestration.asset_page import table
from orchestration.partitions import business_dates
from orchestration.resources import Platform
from pipelines.lake.ledger_tables import ACCOUNTS, ENTRIES, PARTICIPANTS
from pipelines.netting.obligations import mirror_differences
from pipelines.netting.positions import Positions, conservation_violations
from pipelines.netting.tables import BILATERAL_POSITIONS, NET_POSITIONS, NETTING_EVIDENCE


@business_date_check(
    asset="netting",
    blocking=True,
    description="Per window and currency the net positions sum to zero, and the pairs make the nets.",
)
def nets_sum_to_zero(
    context: dg.AssetCheckExecutionContext, platform: dg.ResourceParam[Platform]
) -> dg.AssetCheckResult:
    """Blocking: settlement moves exactly what is owed, or nothing."""
    found = pl.concat(
        conservation_violations(
            Positions(
                bilateral=platform.lake.read(BILATERAL_POSITIONS, day),
                multilateral=platform.lake.read(NET_POSITIONS, day),
                evidence=platform.lake.read(NETTING_EVIDENCE, day),
            )
        )
        for day in business_dates(context)
    )
    return dg.AssetCheckResult(
        passed=found.is_empty(), metadata={"violations": found.height, "rows": table(found)}
    )


@business_date_check(
    asset="netting",
    blocking=True,
    description="What one participant's books say it owes is what the other's say it is owed.",
)
def both_books_agree(
    context: dg.AssetCheckExecutionContext, platform: dg.ResourceParam[Platform]
) -> dg.AssetCheckResult:
    """Blocking: an obligation that only one side knows is a half-booked payment."""
    lake = platform.lake
    found = pl.concat(
        mirror_differences(
            lake.read(ENTRIES, day), lake.read(ACCOUNTS, day), lake.read(PARTICIPANTS, day)
        )
        for day in business_dates(context)
    )
    return dg.AssetCheckResult(
        passed=found.is_empty(), metadata={"pairs": found.height, "rows": table(found)}
    )
