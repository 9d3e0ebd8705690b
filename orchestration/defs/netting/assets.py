"""What participants owe each other, netted per settlement window and currency."""

import dagster as dg
import polars as pl

from orchestration.asset import business_date_asset
from orchestration.asset_page import in_major_units, pages_wanted, picture, table
from orchestration.partitions import business_dates
from orchestration.resources import Platform
from pipelines.lake.ledger_tables import ACCOUNTS, ENTRIES, PARTICIPANTS
from pipelines.netting.figures import netting_figures, who_pays_whom
from pipelines.netting.obligations import obligations
from pipelines.netting.positions import net
from pipelines.netting.tables import (
    BILATERAL_POSITIONS,
    NET_POSITIONS,
    NETTING_EVIDENCE,
    OBLIGATIONS,
)


@business_date_asset(group="settlement", owner="settlement", kinds={"polars"}, deps=["close"])
def netting(context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]) -> None:
    """Interbank obligations of the date, and their bilateral and multilateral net positions."""
    days = business_dates(context)
    lake = platform.lake
    for day in days:
        owed = obligations(
            lake.read(ENTRIES, day), lake.read(ACCOUNTS, day), lake.read(PARTICIPANTS, day)
        )
        positions = net(owed)
        lake.write(OBLIGATIONS, day, owed)
        lake.write(BILATERAL_POSITIONS, day, positions.bilateral)
        lake.write(NET_POSITIONS, day, positions.multilateral)
        lake.write(NETTING_EVIDENCE, day, positions.evidence)
        page = {}
        if pages_wanted(days):
            exponents = platform.exponents(day)
            names = dict(lake.read(PARTICIPANTS, day).select("participant_id", "name").iter_rows())
            page = {
                "gross and net": table(in_major_units(netting_figures(positions), exponents)),
                "net positions": table(
                    in_major_units(
                        positions.multilateral.drop("business_date", "ref").sort(
                            "currency", pl.col("net_minor"), descending=[False, True]
                        ),
                        exponents,
                    )
                ),
                "who pays whom": picture(
                    who_pays_whom(positions, exponents=exponents, names=names), title="Net positions"
                ),
            }
        context.add_asset_metadata(
            {
                "obligations": owed.height,
                "pairs": positions.bilateral.height,
                "participants with a position": positions.multilateral.height,
                **page,
            },
            partition_key=str(day),
        )
