"""Input to books to lake: what happens before anything can be derived."""

from datetime import UTC, datetime

import dagster as dg
import polars as pl

from ledger_service.payments.booking import book_day
from ledger_service.runtime.database import Database, Role
from orchestration.asset import LEDGER_POOL, business_date_asset
from orchestration.asset_page import in_major_units, pages_wanted, table
from orchestration.partitions import business_dates
from orchestration.resources import Platform
from pipelines.lake.closing import close_books, write_lake
from pipelines.lake.ledger_tables import QUARANTINE, TRANSFERS

GROUP = "ledger"


@business_date_asset(group=GROUP, owner="ledger", kinds={"postgres", "python"}, pool=LEDGER_POOL)
def intake(context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]) -> None:
    """The date's payment instructions, validated and booked; refused rows go to quarantine.

    Idempotent: instructions that are booked already are recognised by their id.
    """
    with platform.server.connect(Database.LEDGER, Role.APP, autocommit=True) as connection:
        for day in business_dates(context):
            summary = book_day(connection, source=platform.source, business_date=day)
            context.add_asset_metadata(
                {
                    "instructions booked": summary.booked,
                    "booked before": summary.already_booked,
                    "quarantined": summary.quarantined,
                },
                partition_key=str(day),
            )


@business_date_asset(
    group=GROUP, owner="ledger", kinds={"postgres", "parquet"}, deps=["intake"], pool=LEDGER_POOL
)
def close(context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]) -> None:
    """The business date closed in every book, sealed, and written to the lake.

    Afterwards no transfer can appear in it: late items book to the next open date.
    """
    days = business_dates(context)
    close_books(platform.server, book_ids=platform.book_ids, business_dates=days, now=datetime.now(UTC))
    closed = write_lake(
        platform.server, lake=platform.lake, book_ids=platform.book_ids, business_dates=days
    )
    for written in closed:
        day = written.business_date
        page = {}
        if pages_wanted(days):
            page["transfers by currency"] = table(
                in_major_units(_by_currency(platform.lake.read(TRANSFERS, day)), platform.exponents(day))
            )
            page["quarantine"] = table(platform.lake.read(QUARANTINE, day))
        context.add_asset_metadata(
            {
                "transfers": written.transfers,
                "entries": written.entries,
                "accounts": written.accounts,
                "changed tables": list(written.changed_tables),
                **page,
            },
            partition_key=str(day),
        )


def _by_currency(transfers: pl.DataFrame) -> pl.DataFrame:
    return (
        transfers.group_by("currency", "kind")
        .agg(transfers=pl.len(), amount_minor=pl.col("amount_minor").sum())
        .sort("currency", "kind")
    )
