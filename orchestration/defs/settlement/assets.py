"""The files that settle the nets and carry the customer payments, and their life at the banks."""

from collections.abc import Mapping
from datetime import date

import dagster as dg
import polars as pl

from ledger_service.ledger.books import register_participants
from ledger_service.payments.bank_files import BankFileLife, BankFileLog
from ledger_service.payments.returns import book_returns
from ledger_service.runtime.database import Database, Role
from orchestration.asset import LEDGER_POOL, business_date_asset
from orchestration.asset_page import in_major_units, pages_wanted, table
from orchestration.bank_exchange import answer_files, bank_of, exchange_files, lives
from orchestration.bank_log import PostgresDeliveryLog
from orchestration.partitions import business_dates
from orchestration.resources import Platform
from pipelines.lake.ledger_tables import PARTICIPANTS, PAYMENTS
from pipelines.netting.tables import NET_POSITIONS, OBLIGATIONS
from pipelines.settlement.bank_answers import (
    AnswersRead,
    counts_by_message,
    faults_in_words,
    file_states,
    read_answers,
    to_take_back,
    transaction_answers,
)
from pipelines.settlement.banks.bank import OutgoingFile
from pipelines.settlement.banks.delivery import FINAL, State, mark_answered
from pipelines.settlement.files import write_settlement_files
from pipelines.settlement.tables import (
    BANK_ANSWERS,
    BANK_FILES,
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
    outgoing = _outgoing(platform, day)
    done = exchange_files(platform, day, outgoing)
    read = read_answers(answer_files(platform, sorted(done.wires), on=day))
    _mark(platform, outgoing, read)
    answered = _with_ledger(
        platform,
        transaction_answers(
            read.said,
            lake.read(SETTLEMENT_TRANSACTIONS, day),
            {file.file_id: file.bank_id for file in outgoing},
        ),
    )
    files = _lives_table(lives(platform, day), done.wires, counts_by_message(answered))
    lake.write(BANK_FILES, day, BANK_FILES.conform(files))
    lake.write(BANK_ANSWERS, day, BANK_ANSWERS.conform(answered))
    alarms = [*done.alarms, *faults_in_words(read)]
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


def _outgoing(platform: Platform, day: date) -> list[OutgoingFile]:
    """The date's files for their banks, in the order of their ids."""
    folder = platform.settings.files / "settlement"
    rows = platform.lake.read(SETTLEMENT_FILES, day).sort("message_id").iter_rows(named=True)
    return [
        OutgoingFile(
            bank_id=bank_of(row["receiver_id"]),
            file_id=row["message_id"],
            business_date=day,
            name=f"{row['message_id']}.xml",
            format=row["message_type"],
            path=folder / row["path"],
            sha256=row["sha256"],
            size=(folder / row["path"]).stat().st_size,
            payments=row["transactions"],
            currency=row["currency"],
            total_minor=row["total_minor"],
        )
        for row in rows
    ]


def _mark(platform: Platform, outgoing: list[OutgoingFile], read: AnswersRead) -> None:
    """Note in the log what the answers say of files."""
    sent = {(file.bank_id, file.file_id): file for file in outgoing}
    with platform.server.connect(Database.LEDGER, Role.APP, autocommit=True) as database:
        log = PostgresDeliveryLog(BankFileLog(database))
        for bank_id, message_id, state, at, words in file_states(read.said):
            if (bank_id, message_id) in sent:
                mark_answered(log, sent[bank_id, message_id], state, at=at, detail=words)


def _with_ledger(platform: Platform, answered: pl.DataFrame) -> pl.DataFrame:
    """Answers with what the ledger made of what comes back; books it."""
    with platform.server.connect(Database.LEDGER, Role.APP, autocommit=True) as database:
        books = register_participants(database, platform.source.participants())
        outcomes = book_returns(database, returns=to_take_back(answered), books=books)
    gone = (pl.col("status") == "RJCT") | (pl.col("kind") == "return")
    columns = {"outcome": "ledger_outcome", "code": "ledger_code", "booked_on": "booked_on"}
    joined = answered.join(outcomes, on="payment_id", how="left", maintain_order="left")
    return joined.with_columns(
        pl.when(gone).then(pl.col(name)).alias(column) for name, column in columns.items()
    ).select(list(BANK_ANSWERS.schema))


def _lives_table(
    events: list[BankFileLife], wires: Mapping[str, str], counts: pl.DataFrame
) -> pl.DataFrame:
    """BANK_FILES of the log's events."""
    rows = []
    by_file: dict[tuple[str, str], list[BankFileLife]] = {}
    for event in events:
        by_file.setdefault((event.file.bank_id, event.file.file_id), []).append(event)
    for (bank_id, message_id), life in by_file.items():
        at = {State(event.state): event.at for event in life}
        answered = [event.at for event in life if State(event.state) in FINAL]
        rows.append(
            {
                "business_date": life[0].file.business_date,
                "message_id": message_id,
                "bank_id": bank_id,
                "wire": wires.get(bank_id),
                "sequence": life[0].sequence,
                "state": life[-1].state,
                "queued_at": life[0].at,
                "delivered_at": at.get(State.DELIVERED),
                "answered_at": answered[-1] if answered else None,
                "tries": sum(event.state == State.SENDING for event in life),
                "detail": life[-1].detail,
                "transactions": life[0].file.payments,
            }
        )
    schema = {name: kind for name, kind in BANK_FILES.schema.items() if name not in counts.columns}
    known = pl.DataFrame(rows, schema={**schema, "message_id": pl.String})
    filled = known.join(counts, on="message_id", how="left").with_columns(
        pl.col("accepted", "rejected", "returned").fill_null(0)
    )
    return filled.select(list(BANK_FILES.schema))


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
