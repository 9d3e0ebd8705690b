"""Do the files carry exactly what the table says they do?"""

import hashlib

import dagster as dg
import polars as pl

from orchestration.asset import business_date_check
from orchestration.asset_page import table
from orchestration.partitions import business_dates
from orchestration.resources import Platform
from pipelines.settlement.banks.delivery import ALARMS
from pipelines.settlement.tables import (
    BANK_ANSWERS,
    BANK_FILES,
    SETTLEMENT_FILES,
    SETTLEMENT_TRANSACTIONS,
)


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


@business_date_check(
    asset="bank_files",
    description="Every file was taken by its bank: none is given up, overdue or rejected whole.",
)
def files_are_at_their_banks(
    context: dg.AssetCheckExecutionContext, platform: dg.ResourceParam[Platform]
) -> dg.AssetCheckResult:
    """Somebody must look at what a bank did not take; the day goes on."""
    found = (
        platform.lake.scan(BANK_FILES, business_dates(context))
        .filter(pl.col("state").is_in([state.value for state in ALARMS]))
        .select("bank_id", "message_id", "state", "detail")
        .collect()
    )
    return dg.AssetCheckResult(
        passed=found.is_empty(), metadata={"files": found.height, "rows": table(found)}
    )


@business_date_check(
    asset="bank_files",
    description="Each customer payment that a bank rejected or returned is back with its debtor.",
)
def returned_money_is_back(
    context: dg.AssetCheckExecutionContext, platform: dg.ResourceParam[Platform]
) -> dg.AssetCheckResult:
    """Money that the ledger could not take back waits for a person."""
    found = (
        platform.lake.scan(BANK_ANSWERS, business_dates(context))
        .filter(pl.col("ledger_outcome").is_not_null() & (pl.col("ledger_outcome") != "returned"))
        .select("message_id", "transaction_id", "payment_id", "ledger_outcome", "ledger_code")
        .collect()
    )
    return dg.AssetCheckResult(
        passed=found.is_empty(), metadata={"payments": found.height, "rows": table(found)}
    )
