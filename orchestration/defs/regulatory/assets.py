"""The daily returns of every participant."""

import dagster as dg

from orchestration.asset import business_date_asset
from orchestration.asset_page import pages_wanted, table
from orchestration.partitions import business_dates
from orchestration.resources import Platform
from pipelines.lake.ledger_tables import ACCOUNTS, ENTRIES
from pipelines.regulatory.declaration import load_templates
from pipelines.regulatory.document import write_returns
from pipelines.regulatory.returns import prepare
from pipelines.regulatory.tables import REGULATORY_EVIDENCE, RETURN_CELLS, RETURN_VIOLATIONS


@business_date_asset(group="regulatory", owner="regulatory", kinds={"polars", "json"}, deps=["close"])
def returns(context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]) -> None:
    """The liquidity and position return of each participant, every cell with its entries."""
    days = business_dates(context)
    lake, templates = platform.lake, load_templates()
    folder = platform.settings.reports / "returns"
    for day in days:
        prepared = prepare(
            business_date=day,
            accounts=lake.scan(ACCOUNTS, [day]),
            entries=lake.scan(ENTRIES, [day]),
            templates=templates,
        )
        documents = write_returns(folder, prepared, templates)
        lake.write(RETURN_CELLS, day, prepared.cells)
        lake.write(REGULATORY_EVIDENCE, day, prepared.evidence)
        lake.write(RETURN_VIOLATIONS, day, prepared.violations)
        page = {"documents": table(documents)} if pages_wanted(days) else {}
        context.add_asset_metadata(
            {
                "returns": documents.height,
                "cells": prepared.cells.height,
                "violations": prepared.violations.height,
                "folder": dg.MetadataValue.path(folder),
                **page,
            },
            partition_key=str(day),
        )
