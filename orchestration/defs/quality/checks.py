"""One check a table that enters or leaves, on the asset that writes it."""

import dagster as dg
import polars as pl

from ml.tables import SCORES
from orchestration.asset import business_date_check
from orchestration.partitions import business_dates
from orchestration.resources import Platform
from pipelines.aml.tables import ALERTS
from pipelines.lake.ledger_tables import PAYMENTS, QUARANTINE, STATED_BALANCES
from pipelines.lake.table import Table
from pipelines.netting.tables import NET_POSITIONS
from pipelines.reconciliation.tables import BREAKS, STATEMENT_QUARANTINE
from pipelines.regulatory.tables import RETURN_CELLS
from pipelines.settlement.tables import SETTLEMENT_TRANSACTIONS

GUARDED: dict[str, tuple[Table, ...]] = {
    "close": (PAYMENTS, STATED_BALANCES, QUARANTINE),
    "netting": (NET_POSITIONS,),
    "settlement_files": (SETTLEMENT_TRANSACTIONS,),
    "reconciliation": (BREAKS, STATEMENT_QUARANTINE),
    "aml": (ALERTS,),
    "returns": (RETURN_CELLS,),
    "scores": (SCORES,),
}
"""Which tables an asset writes that a suite guards."""


def _result(table_name: str, frame: pl.DataFrame) -> dg.AssetCheckResult:
    """Run the suite of a table and show every rule, broken ones first."""
    from quality.report import as_markdown
    from quality.validation import check

    result = check(table_name, frame)
    return dg.AssetCheckResult(
        passed=result.success,
        metadata={
            "rows": result.rows,
            "rules broken": len(result.failures),
            "report": dg.MetadataValue.md(as_markdown(result)),
        },
    )


@business_date_check(
    asset="reconciliation",
    blocking=True,
    description="Great Expectations suite of the entries in partner banks' statements, as they arrive.",
)
def statement_entries_expectations(
    context: dg.AssetCheckExecutionContext, platform: dg.ResourceParam[Platform]
) -> dg.AssetCheckResult:
    """Blocking: what a bank states is looked at before anything is concluded from it."""
    days = business_dates(context)
    return _result("statement_entries", pl.concat(platform.statements(day).entries for day in days))


def _quality_check(asset: str, table: Table) -> dg.AssetChecksDefinition:
    @business_date_check(
        asset=asset,
        name=f"{table.name}_expectations",
        blocking=True,
        description=f"Great Expectations suite of {table.name}: {table.description}",
    )
    def expectations(
        context: dg.AssetCheckExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> dg.AssetCheckResult:
        frame = platform.lake.scan(table, business_dates(context)).collect()
        return _result(table.name, frame)

    return expectations


QUALITY_CHECKS = [_quality_check(asset, table) for asset, tables in GUARDED.items() for table in tables]
