"""What participants owe each other, netted per settlement window and currency."""

import dagster as dg
import polars as pl

from orchestration.asset import business_date_asset
from orchestration.asset_page import in_major_units, pages_wanted, picture, table
from orchestration.partitions import business_dates
from orchestration.resources import Platform
from pipelines.lake.ledger_tables import ACCOUNTS, ENTRIES, PARTICIPANTS
from pipelines.netting.clearing import cleared
from pipelines.netting.figures import savings_by_currency, who_pays_whom
from pipelines.netting.flow_picture import before_and_after
from pipelines.netting.obligations import obligations
from pipelines.netting.positions import net
from pipelines.netting.set_off import set_off_notices
from pipelines.netting.tables import (
    BILATERAL_POSITIONS,
    CLEARED_OBLIGATIONS,
    NET_POSITIONS,
    NETTING_EVIDENCE,
    OBLIGATIONS,
    SET_OFF_NOTICES,
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
                "who pays whom, before and after": picture(
                    before_and_after(owed, positions, exponents=exponents, names=names),
                    title="Flows before and after netting",
                ),
                "money saved by netting": table(
                    in_major_units(savings_by_currency(positions), exponents)
                ),
                "net positions": table(
                    in_major_units(
                        positions.multilateral.drop("business_date", "ref").sort(
                            "currency", pl.col("net_minor"), descending=[False, True]
                        ),
                        exponents,
                    )
                ),
                "gross and net by participant": picture(
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


@business_date_asset(group="settlement", owner="settlement", kinds={"polars"}, deps=["netting"])
def set_off(context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]) -> None:
    """The most that participants could set off ring by ring, without an agent or a new debtor.

    Beside netting, not instead of it: every net position stays what it is. A notice is a ring of debts
    that vanish together.
    """
    days = business_dates(context)
    lake = platform.lake
    for day in days:
        done = cleared(lake.read(OBLIGATIONS, day))
        notices = set_off_notices(done.obligations)
        lake.write(CLEARED_OBLIGATIONS, day, done.obligations)
        lake.write(SET_OFF_NOTICES, day, notices)
        page = {}
        if pages_wanted(days):
            exponents = platform.exponents(day)
            totals = done.totals.drop("business_date")
            shown = notices.drop("business_date")
            page = {
                "gross, cleared and left": table(in_major_units(totals, exponents)),
                "notices": table(in_major_units(shown, exponents)),
            }
        context.add_asset_metadata(
            {
                "obligations": done.obligations.height,
                "cleared in part or whole": done.obligations.filter(pl.col("cleared_minor") > 0).height,
                "rings": notices.select("window_id", "currency", "notice").n_unique(),
                **page,
            },
            partition_key=str(day),
        )
