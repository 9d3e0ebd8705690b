"""Do the nets conserve, and do both sides' books agree?"""

import dagster as dg
import polars as pl

from orchestration.asset import business_date_check
from orchestration.asset_page import table
from orchestration.partitions import business_dates
from orchestration.resources import Platform
from pipelines.lake.ledger_tables import ACCOUNTS, ENTRIES, PARTICIPANTS
from pipelines.netting.obligations import mirror_differences
from pipelines.netting.optimality_verification import optimum_violations
from pipelines.netting.tables import (
    BILATERAL_POSITIONS,
    CLEARED_OBLIGATIONS,
    NET_POSITIONS,
    OBLIGATIONS,
    SET_OFF_NOTICES,
)
from pipelines.netting.verification import (
    clearing_violations,
    netting_violations,
    notice_violations,
)


@business_date_check(
    asset="netting",
    blocking=True,
    description="Per window and currency the net positions sum to zero, and the pairs make the nets.",
)
def nets_sum_to_zero(
    context: dg.AssetCheckExecutionContext, platform: dg.ResourceParam[Platform]
) -> dg.AssetCheckResult:
    """Blocking: settlement moves exactly what is owed, or nothing."""
    lake = platform.lake
    found = pl.concat(
        netting_violations(
            lake.read(OBLIGATIONS, day),
            multilateral=lake.read(NET_POSITIONS, day),
            bilateral=lake.read(BILATERAL_POSITIONS, day),
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


@business_date_check(
    asset="set_off",
    description="Clearing leaves every net as it was, the notices are all of it, nothing clears more.",
)
def set_off_is_proven(
    context: dg.AssetCheckExecutionContext, platform: dg.ResourceParam[Platform]
) -> dg.AssetCheckResult:
    """By a verifier that shares nothing with the optimum that it checks."""
    lake, found = platform.lake, []
    for day in business_dates(context):
        done = lake.read(CLEARED_OBLIGATIONS, day)
        found.append(clearing_violations(lake.read(OBLIGATIONS, day), done))
        found.append(notice_violations(done, lake.read(SET_OFF_NOTICES, day)))
        found.append(optimum_violations(done))
    violations = pl.concat(found)
    return dg.AssetCheckResult(
        passed=violations.is_empty(),
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"violations": violations.height, "rows": table(violations)},
    )
