"""The one partitioning of the platform: business dates."""

from datetime import date

import dagster as dg

BUSINESS_DATES = dg.DailyPartitionsDefinition(start_date="1993-01-01")
"""Every day since the oldest books that we hold; the calendar decides which are business days."""

ONE_DATE = "dagster/partition"
RANGE_START = "dagster/asset_partition_range_start"
RANGE_END = "dagster/asset_partition_range_end"
FROM_DATE = "wgi/from_date"
"""Tags that carry the dates of a run: Dagster's, and ours for a warehouse build over a range."""


def business_dates(context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext) -> list[date]:
    """The dates that a run covers, ascending: one, or a range in a single run."""
    execution = context.op_execution_context
    return sorted(date.fromisoformat(key) for key in execution.partition_keys)


def dates_of_run(run: dg.DagsterRun) -> tuple[str, str]:
    """First and last date of a run, for steps that are not partitioned themselves.

    Raises `NoBusinessDate` for a run that was started without one.
    """
    one = run.tags.get(ONE_DATE)
    first = run.tags.get(FROM_DATE) or run.tags.get(RANGE_START, one)
    last = run.tags.get(RANGE_END, one)
    if first is None or last is None:
        raise NoBusinessDate
    return first, last


class NoBusinessDate(LookupError):
    """A run builds the warehouse for no date."""

    def __init__(self) -> None:
        super().__init__("choose the business dates of the run: the job business_day asks for them")
