"""Do the files carry exactly what the table says they do?"""

import hashlib

import dagster as dg
import polars as pl

from ledger_service.payments.settlement.instruction_log import InstructionState
from orchestration.asset import business_date_check
from orchestration.asset_page import table
from orchestration.partitions import business_dates
from orchestration.resources import Platform
from orchestration.settlement_cycle import IN_A_WINDOW
from pipelines.netting.tables import NET_POSITIONS
from pipelines.settlement.banks.delivery import ALARMS
from pipelines.settlement.instruction_answers import instruction_differences
from pipelines.settlement.tables import (
    BANK_ANSWERS,
    BANK_FILES,
    SETTLEMENT_ACCEPTANCES,
    SETTLEMENT_FILES,
    SETTLEMENT_FINALITY,
    SETTLEMENT_INSTRUCTIONS,
    SETTLEMENT_TRANSACTIONS,
    SETTLEMENT_WINDOWS,
)


@business_date_check(
    asset="settlement_instructions",
    blocking=True,
    description="Every obligation of a home scheme is in its window, covered when it was accepted.",
)
def obligations_are_covered(
    context: dg.AssetCheckExecutionContext, platform: dg.ResourceParam[Platform]
) -> dg.AssetCheckResult:
    """Blocking: what a participant has no cover for is not sent to be settled."""
    found = (
        platform.lake.scan(SETTLEMENT_ACCEPTANCES, business_dates(context))
        .filter(~pl.col("result").is_in(IN_A_WINDOW))
        .collect()
    )
    return dg.AssetCheckResult(
        passed=found.is_empty(), metadata={"refused": found.height, "rows": table(found)}
    )


@business_date_check(
    asset="settlement_instructions",
    blocking=True,
    description="What the operators' books instruct is what the participants' books net to.",
)
def operators_net_the_same(
    context: dg.AssetCheckExecutionContext, platform: dg.ResourceParam[Platform]
) -> dg.AssetCheckResult:
    """Blocking: the agents are told what the files to the banks say, from two sets of books."""
    days = business_dates(context)
    found = instruction_differences(
        net_positions=platform.lake.scan(NET_POSITIONS, days).collect(),
        windows=platform.lake.scan(SETTLEMENT_WINDOWS, days).collect(),
        instructions=platform.lake.scan(SETTLEMENT_INSTRUCTIONS, days).collect(),
    )
    return dg.AssetCheckResult(
        passed=found.is_empty(), metadata={"differences": found.height, "rows": table(found)}
    )


@business_date_check(
    asset="settlement_finality",
    description="Every instruction is final: none is rejected, and none waits for its agent.",
)
def instructions_are_final(
    context: dg.AssetCheckExecutionContext, platform: dg.ResourceParam[Platform]
) -> dg.AssetCheckResult:
    """Somebody must look at what is not settled; the day goes on."""
    done = [InstructionState.CONFIRMED.value, InstructionState.WITHDRAWN.value]
    found = (
        platform.lake.scan(SETTLEMENT_FINALITY, business_dates(context)[-1:])
        .filter(~pl.col("state").is_in(done))
        .drop("business_date")
        .collect()
    )
    return dg.AssetCheckResult(
        passed=found.is_empty(),
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"not final": found.height, "rows": table(found)},
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
