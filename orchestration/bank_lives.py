"""What is known of the files at banks: their lives in the log, and what the kept answers say of them.

Belongs here: from the log and the inbox to frames, and from answers to events of the log. The exchange
with the banks itself is `bank_exchange.py`.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import date
from itertools import groupby
from pathlib import Path

import polars as pl

from ledger_service.payments.bank_files import BankFile, BankFileLife, BankFileLog
from ledger_service.runtime.database import Database, Role
from orchestration.bank_exchange import ExchangeDone, bank_of, inbox
from orchestration.bank_log import PostgresDeliveryLog
from orchestration.resources import Platform
from pipelines.settlement.bank_answers import AnswerFile, AnswersRead, file_states
from pipelines.settlement.banks.bank import OutgoingFile
from pipelines.settlement.banks.delivery import FINAL, State, mark_answered, mark_overdue
from pipelines.settlement.tables import BANK_FILES, SETTLEMENT_FILES


def lives(platform: Platform, day: date) -> list[BankFileLife]:
    """Of the date's files, of those that something happened to, and of those that were open."""
    with platform.server.connect(Database.LEDGER, Role.APP, autocommit=True) as database:
        return BankFileLog(database, exchange_date=day).in_exchange(ended=FINAL)


def files_to_exchange(platform: Platform, day: date) -> list[OutgoingFile]:
    """The date's files, behind those of earlier dates that have not come to an end."""
    open_before = {
        (life.file.bank_id, life.file.file_id): life.file
        for life in lives(platform, day)
        if life.file.business_date < day
    }
    return [*_known(platform, open_before.values()), *_written(platform, day)]


def files_of(platform: Platform, day: date, message_ids: Collection[str]) -> list[OutgoingFile]:
    """Files by id, of any date: answers come when they come."""
    with platform.server.connect(Database.LEDGER, Role.APP, autocommit=True) as database:
        found = BankFileLog(database, exchange_date=day).lives(sorted(message_ids))
    return _known(
        platform, {(life.file.bank_id, life.file.file_id): life.file for life in found}.values()
    )


def answer_files(platform: Platform, day: date) -> list[AnswerFile]:
    """What the exchange of a date brought, by bank in the order of receipt."""
    with platform.server.connect(Database.LEDGER, Role.APP, autocommit=True) as database:
        kept = BankFileLog(database, exchange_date=day).answers()
    box = inbox(platform)
    return [
        AnswerFile(
            each.bank_id, each.sha256, each.name, each.received_at, box.path(each.bank_id, each.sha256)
        )
        for each in kept
    ]


def mark(
    platform: Platform, day: date, files: Sequence[OutgoingFile], read: AnswersRead, done: ExchangeDone
) -> None:
    """Note in the log what answers say of files, and which files have waited too long for one."""
    sent = {(file.bank_id, file.file_id): file for file in files}
    with platform.server.connect(Database.LEDGER, Role.APP, autocommit=True) as database:
        log = PostgresDeliveryLog(BankFileLog(database, exchange_date=day))
        for bank_id, message_id, state, at, words in file_states(read.said):
            if (bank_id, message_id) in sent:
                mark_answered(log, sent[bank_id, message_id], state, at=at, detail=words)
        for bank_id, connection in done.connections.items():
            own = [file for file in files if file.bank_id == bank_id]
            mark_overdue(log, own, within=connection.answer_within, now=done.ended_at)


def lives_table(
    platform: Platform, day: date, *, wires: Mapping[str, str], counts: pl.DataFrame
) -> pl.DataFrame:
    """BANK_FILES of the log's events; `counts` as `bank_answers.counts_by_message` gives them."""
    by_file: dict[tuple[str, str], list[BankFileLife]] = {}
    for event in lives(platform, day):
        by_file.setdefault((event.file.bank_id, event.file.file_id), []).append(event)
    rows = []
    for (bank_id, message_id), life in by_file.items():
        at = {State(event.state): event.at for event in life}
        answered = [event.at for event in life if State(event.state) in FINAL]
        rows.append(
            {
                "business_date": day,
                "message_id": message_id,
                "bank_id": bank_id,
                "wire": wires.get(bank_id),
                "sent_on": life[0].file.business_date,
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
    return BANK_FILES.conform(filled.select(list(BANK_FILES.schema)))


def _known(platform: Platform, files: Iterable[BankFile]) -> list[OutgoingFile]:
    """Files of the log, by date and id, with where they lie."""
    ordered = sorted(files, key=lambda file: (file.business_date, file.file_id))
    return [
        OutgoingFile(**asdict(file), path=paths.get(file.file_id, Path(file.name)))
        for of_date, dated in groupby(ordered, key=lambda file: file.business_date)
        for paths in [_paths(platform, of_date)]
        for file in dated
    ]


def _paths(platform: Platform, day: date) -> dict[str, Path]:
    """Where the files of a date lie, by message id."""
    folder = platform.settings.files / "settlement"
    rows = platform.lake.read(SETTLEMENT_FILES, day).select("message_id", "path")
    return {message_id: folder / path for message_id, path in rows.iter_rows()}


def _written(platform: Platform, day: date) -> list[OutgoingFile]:
    """The files of a date for their banks, in the order of their ids."""
    paths = _paths(platform, day)
    rows = platform.lake.read(SETTLEMENT_FILES, day).sort("message_id").iter_rows(named=True)
    return [
        OutgoingFile(
            bank_id=bank_of(row["receiver_id"]),
            file_id=row["message_id"],
            business_date=day,
            name=f"{row['message_id']}.xml",
            format=row["message_type"],
            path=paths[row["message_id"]],
            sha256=row["sha256"],
            size=paths[row["message_id"]].stat().st_size,
            payments=row["transactions"],
            currency=row["currency"],
            total_minor=row["total_minor"],
        )
        for row in rows
    ]
