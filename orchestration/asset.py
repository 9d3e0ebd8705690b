"""How assets and checks of a business date are declared: one partitioning, one retry policy."""

import warnings
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Any

import dagster as dg
from dagster_shared.utils.warnings import BetaWarning, PreviewWarning

from orchestration.partitions import BUSINESS_DATES

# Runs over a range and checks of a partition are what we build on; 1.13 still warns at each use.
warnings.filterwarnings("ignore", category=BetaWarning)
warnings.filterwarnings("ignore", category=PreviewWarning)

RETRIES = dg.RetryPolicy(max_retries=2, delay=5, backoff=dg.Backoff.EXPONENTIAL)
"""Steps are idempotent, so a lost connection is answered by trying again."""

AFTER_CLOSE = (
    dg.AutomationCondition.on_cron("30 0 * * *")
    & dg.AutomationCondition.all_deps_blocking_checks_passed()
)
"""Once a night, as soon as everything upstream is there and its blocking checks have passed."""

FRESH = dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=36), warn_window=timedelta(hours=26))
"""A business date is there the next morning; a day and a half later it is late."""

LEDGER_POOL = "ledger"
"""Pool of the steps that read or write the books, so that the close has them to itself."""


def business_date_asset(
    *,
    group: str,
    owner: str,
    kinds: set[str],
    deps: Iterable[str] = (),
    pool: str | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> Callable[[Callable[..., Any]], dg.AssetsDefinition]:
    """An asset partitioned by business date; a range of dates is one run.

    `owner` is a team; the docstring of the function is the asset's description.
    """
    return dg.asset(
        group_name=group,
        owners=[f"team:{owner}"],
        kinds=kinds,
        deps=list(deps),
        pool=pool,
        metadata=metadata,
        partitions_def=BUSINESS_DATES,
        backfill_policy=dg.BackfillPolicy.single_run(),
        retry_policy=RETRIES,
        automation_condition=AFTER_CLOSE,
        freshness_policy=FRESH,
    )


def business_date_check(
    *, asset: str, description: str, name: str | None = None, blocking: bool = False
) -> Callable[[Callable[..., Any]], dg.AssetChecksDefinition]:
    """A check of one asset, evaluated for the dates of the run."""
    return dg.asset_check(
        asset=asset,
        name=name,
        blocking=blocking,
        description=description,
        partitions_def=BUSINESS_DATES,
    )
