"""The files that settle the nets and carry the customer payments, and their life at the banks."""

from collections.abc import Mapping
from datetime import date, timedelta

import dagster as dg
import polars as pl
import structlog

from ledger_service.ledger.books import register_participants
from ledger_service.payments.returns import book_returns
from ledger_service.payments.settlement.instruction_log import InstructionState
from ledger_service.runtime.database import Database, Role
from orchestration.asset import LEDGER_POOL, business_date_asset
from orchestration.asset_page import in_major_units, pages_wanted, table
from orchestration.bank_exchange import exchange_files
from orchestration.bank_lives import (
    answer_files,
    files_of,
    files_to_exchange,
    lives_table,
    mark,
)
from orchestration.partitions import business_dates
from orchestration.resources import Platform
from orchestration.settlement_cycle import IN_A_WINDOW, run_cycle
from orchestration.settlement_finality import settled_beyond, take_all_answers
from pipelines.lake.ledger_tables import ENTRIES, PARTICIPANTS, PAYMENTS
from pipelines.lake.store import Lake
from pipelines.netting.tables import NET_POSITIONS, OBLIGATIONS
from pipelines.settlement.bank_answers import (
    counts_by_message,
    faults_in_words,
    message_ids,
    read_answers,
    to_take_back,
    transaction_answers,
)
from pipelines.settlement.banks.bank import OutgoingFile
from pipelines.settlement.banks.delivery import FINAL
from pipelines.settlement.files import Again, write_settlement_files
from pipelines.settlement.instruction_answers import leg_answers, legs_to_send_again, verdicts
from pipelines.settlement.tables import (
    BANK_ANSWERS,
    BANK_FILES,
    SETTLEMENT_ACCEPTANCES,
    SETTLEMENT_EVIDENCE,
    SETTLEMENT_FILES,
    SETTLEMENT_FINALITY,
    SETTLEMENT_INSTRUCTIONS,
    SETTLEMENT_TRANSACTIONS,
    SETTLEMENT_WINDOWS,
)

ANSWERS_AWAITED = timedelta(days=31)
"""How long a bank may take to answer a leg; what is older is for a person to repair."""

_log = structlog.get_logger(__name__)


@business_date_asset(
    group="settlement",
    owner="settlement",
    kinds={"polars", "postgres"},
    deps=["netting"],
    pool=LEDGER_POOL,
)
def settlement_instructions(
    context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
) -> None:
    """The date's obligations in the operators' books: accepted with cover, closed by window, instructed.

    Of a range, the last date is settled: those before are history, and were settled when it happened.
    So is a date before one that was settled: what was written of it then stays.
    """
    days = business_dates(context)
    lake, day = platform.lake, days[-1]
    if settled_beyond(lake, days):
        return
    owed = lake.read(OBLIGATIONS, day)
    with platform.server.connect(Database.LEDGER, Role.APP, autocommit=True) as database:
        done = run_cycle(database, obligations=owed, entries=lake.read(ENTRIES, day), day=day)
    lake.write(SETTLEMENT_ACCEPTANCES, day, done.acceptances)
    lake.write(SETTLEMENT_WINDOWS, day, done.windows)
    lake.write(SETTLEMENT_INSTRUCTIONS, day, done.instructions)
    outside = owed.join(done.acceptances, on=OBLIGATIONS.key, how="anti")
    refused = done.acceptances.filter(~pl.col("result").is_in(IN_A_WINDOW))
    page = {}
    if pages_wanted(days):
        exponents = platform.exponents(day)
        page = {
            "each window": table(done.windows.drop("business_date", "event_from", "event_to")),
            "each instruction": table(
                in_major_units(done.instructions.drop("business_date", "net_ref"), exponents)
            ),
            "refused": table(refused.drop("business_date")),
            "without a home scheme": table(_by_currency(outside, exponents)),
        }
    context.add_asset_metadata(
        {
            "is everything covered and instructed?": _covered(done.acceptances, refused),
            "windows": done.windows.height,
            "instructions": done.instructions.height,
            "obligations without a home scheme": outside.height,
            **page,
        },
        partition_key=str(day),
    )


@business_date_asset(
    group="settlement", owner="settlement", kinds={"xml", "polars"}, deps=["settlement_instructions"]
)
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
            again=_again(lake, day),
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


@business_date_asset(
    group="settlement",
    owner="settlement",
    kinds={"polars", "postgres"},
    deps=["settlement_files"],
    pool=LEDGER_POOL,
)
def bank_files(context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]) -> None:
    """Each file at its bank: delivered once, acknowledged, accepted, rejected or returned.

    What banks reject or send back is booked to the next open date. Of a range, the last date's files
    go out: those of the dates before are history, and were settled when it happened.
    """
    days = business_dates(context)
    lake, day = platform.lake, days[-1]
    for earlier in days[:-1]:
        for kept in (BANK_FILES, BANK_ANSWERS):
            if earlier not in lake.dates(kept):
                lake.write(kept, earlier, kept.empty())
    done = exchange_files(platform, day, files_to_exchange(platform, day))
    read = read_answers(answer_files(platform, day))
    spoken_of = files_of(platform, day, message_ids(read.said))
    mark(platform, day, [*spoken_of, *files_to_exchange(platform, day)], read, done)
    answered = _with_ledger(platform, day, _answers(platform, read.said, spoken_of))
    wires = {bank_id: known.transport.wire for bank_id, known in done.connections.items()}
    files = lives_table(platform, day, wires=wires, counts=counts_by_message(answered))
    lake.write(BANK_FILES, day, files)
    lake.write(BANK_ANSWERS, day, answered)
    alarms = [*done.alarms, *faults_in_words(read)]
    for alarm in alarms:
        _log.warning("bank_alarm", business_date=str(day), what=alarm)
    context.add_asset_metadata(
        {
            "did every file get an answer?": _headline(files),
            "delivered now": sum(exchange.sent for exchange in done.exchanges),
            "uploads taken up again": sum(exchange.resumed for exchange in done.exchanges),
            "answers that came twice": sum(exchange.repeated_answers for exchange in done.exchanges),
            "statements and notifications": read.statements,
            "to be looked at": dg.MetadataValue.md("\n".join(f"- {each}" for each in alarms) or "none"),
            **(_bank_page(platform, files, answered, day) if pages_wanted(days) else {}),
        },
        partition_key=str(day),
    )


@business_date_asset(
    group="settlement",
    owner="settlement",
    kinds={"polars", "postgres"},
    deps=["bank_files"],
    pool=LEDGER_POOL,
)
def settlement_finality(context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]) -> None:
    """What the settlement agents answered, booked: final, or rejected and to be tried again or repaired.

    The operators' books are closed behind the date. Of a range, the last date is settled.
    """
    days = business_dates(context)
    lake, day = platform.lake, days[-1]
    if settled_beyond(lake, days):
        return
    legs = _legs_known(lake, day)
    known, alarms = take_all_answers(platform, verdicts(legs), day=day)
    lake.write(SETTLEMENT_FINALITY, day, known)
    for alarm in alarms:
        _log.warning("settlement_alarm", business_date=str(day), what=alarm)
    page = {}
    if pages_wanted(days):
        shown = known.drop("business_date", "operator_book_id", "net_ref", "transfer_id")
        page["instructions"] = table(in_major_units(shown, platform.exponents(day)))
    context.add_asset_metadata(
        {
            "is it all final?": _final(known),
            "to be looked at": dg.MetadataValue.md("\n".join(f"- {each}" for each in alarms) or "none"),
            **page,
        },
        partition_key=str(day),
    )


def _legs_known(lake: Lake, day: date) -> pl.DataFrame:
    """Settlement legs with their answers, as known at the end of a date."""
    since = day - ANSWERS_AWAITED
    return leg_answers(
        lake.scan_until(SETTLEMENT_TRANSACTIONS, day, since=since).collect(),
        lake.scan_until(BANK_ANSWERS, day, since=since).collect(),
    )


def _again(lake: Lake, day: date) -> Again:
    """Legs of earlier dates that the instructions of the date try again."""
    legs = _legs_known(lake, day - timedelta(days=1))
    told = lake.scan(SETTLEMENT_INSTRUCTIONS, [day]).collect()
    found = legs_to_send_again(legs, told, day=day)
    dates = found["window_date"].unique().sort().to_list()
    return Again(found, lake.scan(OBLIGATIONS, dates).collect())


def _covered(acceptances: pl.DataFrame, refused: pl.DataFrame) -> str:
    """What a person asks first of the day's instructions."""
    if refused.is_empty():
        return f"yes: {acceptances.height} obligations in their windows"
    reasons = refused.group_by("result").len().sort("result").iter_rows()
    said = ", ".join(f"{count} {result}" for result, count in reasons)
    return f"NO: {said} of {acceptances.height}: windows stay open until it is mended"


def _final(known: pl.DataFrame) -> str:
    """What a person asks first of the day's finality."""
    current = known.filter(pl.col("state") != InstructionState.WITHDRAWN.value)
    final = current.filter(state=InstructionState.CONFIRMED.value).height
    said = f"{final} of {current.height} instructions are final"
    return said if final == current.height else f"NO: {said}; `wgi settlement repairs`"


def _by_currency(obligations: pl.DataFrame, exponents: Mapping[str, int]) -> pl.DataFrame:
    return in_major_units(
        obligations.group_by("currency")
        .agg(obligations=pl.len(), amount_minor=pl.col("amount_minor").sum())
        .sort("currency"),
        exponents,
    )


def _answers(platform: Platform, said: pl.DataFrame, files: list[OutgoingFile]) -> pl.DataFrame:
    """What the answers say of the transactions of files."""
    dates = sorted({file.business_date for file in files})
    sent = [platform.lake.read(SETTLEMENT_TRANSACTIONS, each) for each in dates]
    banks = {file.file_id: file.bank_id for file in files}
    return transaction_answers(said, pl.concat([SETTLEMENT_TRANSACTIONS.empty(), *sent]), banks)


def _with_ledger(platform: Platform, day: date, answered: pl.DataFrame) -> pl.DataFrame:
    """Answers with what the ledger made of what comes back; books it."""
    with platform.server.connect(Database.LEDGER, Role.APP, autocommit=True) as database:
        books = register_participants(database, platform.source.participants())
        outcomes = book_returns(database, returns=to_take_back(answered), books=books)
    gone = (pl.col("status") == "RJCT") | (pl.col("kind") == "return")
    columns = {"outcome": "ledger_outcome", "code": "ledger_code", "booked_on": "booked_on"}
    joined = answered.join(outcomes, on="payment_id", how="left", maintain_order="left")
    known = joined.with_columns(
        *(pl.when(gone).then(pl.col(name)).alias(column) for name, column in columns.items()),
        business_date=pl.lit(day),
    )
    return BANK_ANSWERS.conform(known.select(list(BANK_ANSWERS.schema)))


def _headline(files: pl.DataFrame) -> str:
    """What a person asks first."""
    if files.is_empty():
        return "no file was due"
    final = files.filter(pl.col("state").is_in([state.value for state in FINAL])).height
    back = files.select((pl.col("rejected") + pl.col("returned")).sum()).item()
    said = f"{final} of {files.height} files answered; {back} transactions rejected or returned"
    return said if final == files.height else f"NO: {said}"


def _bank_page(
    platform: Platform, files: pl.DataFrame, answered: pl.DataFrame, day: date
) -> dict[str, dg.MetadataValue[str]]:
    back = answered.filter((pl.col("status") == "RJCT") | (pl.col("kind") == "return")).select(
        "message_id",
        "transaction_id",
        "bank_id",
        "kind",
        "status",
        "reason_code",
        "reason_text",
        "currency",
        "amount_minor",
        "ledger_outcome",
        "ledger_code",
        "booked_on",
    )
    return {
        "files": table(files.drop("business_date")),
        "rejected and returned": table(in_major_units(back, platform.exponents(day))),
    }
