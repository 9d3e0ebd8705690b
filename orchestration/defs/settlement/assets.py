"""The files that settle the nets and carry the customer payments behind them."""

import dagster as dg

from orchestration.asset import business_date_asset
from orchestration.asset_page import in_major_units, pages_wanted, table
from orchestration.partitions import business_dates
from orchestration.resources import Platform
from pipelines.lake.ledger_tables import PARTICIPANTS, PAYMENTS
from pipelines.netting.tables import NET_POSITIONS, OBLIGATIONS
from pipelines.settlement.files import write_settlement_files
from pipelines.settlement.tables import (
    SETTLEMENT_EVIDENCE,
    SETTLEMENT_FILES,
    SETTLEMENT_TRANSACTIONS,
)


@business_date_asset(group="settlement", owner="settlement", kinds={"xml", "polars"}, deps=["netting"])
def settlement_files(context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]) -> None:
    """ISO 20022 files: a `pacs.009` per net debtor, a `pacs.008` batch per receiving participant."""
    days = business_dates(context)
    lake = platform.lake
    for day in days:
        exponents = platform.exponents(day)
        written = write_settlement_files(
            net_positions=lake.read(NET_POSITIONS, day),
            obligations=lake.read(OBLIGATIONS, day),
            payments=lake.read(PAYMENTS, day),
            participants=lake.read(PARTICIPANTS, day),
            business_date=day,
            exponents=exponents,
            folder=platform.settings.files / "settlement",
        )
        lake.write(SETTLEMENT_FILES, day, written.files)
        lake.write(SETTLEMENT_TRANSACTIONS, day, written.transactions)
        lake.write(SETTLEMENT_EVIDENCE, day, written.evidence)
        page = {}
        if pages_wanted(days):
            listed = written.files.drop("business_date", "ref", "sha256")
            page["files"] = table(in_major_units(listed, exponents))
            page["obligations in no customer batch, by reason"] = table(
                written.left_out.group_by("reason").len("obligations").sort("reason")
            )
        context.add_asset_metadata(
            {
                "files": written.files.height,
                "credit transfers": written.transactions.height,
                "obligations in no customer batch": written.left_out.height,
                "folder": dg.MetadataValue.path(platform.settings.files / "settlement" / str(day)),
                **page,
            },
            partition_key=str(day),
        )
