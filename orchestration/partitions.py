"""The one partitioning of the platform: business dates."""

from datetime import date

import dagster as dg

BUSINESS_DATES = dg.DailyPartitionsDefinition(start_date="1993-01-01")
"""Every day since the oldest books that we hold; the calendar decides which are business days."""


def business_dates(context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext) -> list[date]:
    """The dates that a run covers, ascending: one, or a range in a single run."""
    execution = context.op_execution_context
    return sorted(date.fromisoformat(key) for key in execution.partition_keys)
