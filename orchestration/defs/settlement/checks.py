"""Do the files carry exactly what the table says they do?"""

import hashlib

import dagster as dg
import polars as pl

from orchestration.asset import business_date_check
from orchestration.asset_page import table
from orchestration.partitions import business_dates
from orchestration.resources import Platform
from pipelines.settlement.tables import SETTLEMENT_FILES, SETTLEMENT_TRANSACTIONS


@business_date_check(
    asset="settlement_files",
    blocking=True,
    description="Each file has the recorded content hash, and its transactions add up to its total.",
)
def files_are_as_recorded(
    context: dg.AssetCheckExecutionContext, platform: dg.ResourceParam[Platform]
) -> dg.AssetCheckResult:
    """Blocking: a file that is not what the table says never reaches a bank."""
    lake, folder = platform.lake, platform.settings.files / "settlement"
    wrong = []
    for day in business_dates(context):
        sums = (
            lake.read(SETTLEMENT_TRANSACTIONS, day)
            .group_by("message_id")
            .agg(sum_minor=pl.col("amount_minor").sum(), count=pl.len())
        )
        for row in (
            lake.read(SETTLEMENT_FILES, day)
            .join(sums, on="message_id", how="left")
            .iter_rows(named=True)
        ):
            path = folder / row["path"]
            digest = hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else "missing"
            if digest != row["sha256"] or row["sum_minor"] != row["total_minor"]:
                wrong.append({"message_id": row["message_id"], "path": row["path"], "found": digest})
    found = pl.DataFrame(wrong, schema={"message_id": pl.String, "path": pl.String, "found": pl.String})
    return dg.AssetCheckResult(
        passed=found.is_empty(), metadata={"files": found.height, "rows": table(found)}
    )
