"""One check a table that enters or leaves, on the asset that writes it."""

import dagster as dg

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
        from quality.report import as_markdown
        from quality.validation import check

        result = check(table.name, platform.lake.scan(table, business_dates(context)).collect())
        return dg.AssetCheckResult(
            passed=result.success,
            metadata={
                "rows": result.rows,
                "rules broken": len(result.failures),
                "report": dg.MetadataValue.md(as_markdown(result)),
            },
        )

    return expectations


QUALITY_CHECKS = [_quality_check(asset, table) for asset, tables in GUARDED.items() for table in tables]
