"""What banks answered, put together with what they were sent.

Belongs here: from the files of the inbox to what they say of each of our files and transactions. Pure:
the same answers give the same rows. Booking what comes back, and the log of deliveries, are elsewhere.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import polars as pl

from pipelines.settlement.banks.delivery import FINAL, State
from pipelines.settlement.problems import FileRefused
from pipelines.settlement.reading import ANSWERS_READ, Discontinuity, Records, Refused, Summary
from pipelines.settlement.recognition import parts_of

TIMESTAMP = pl.Datetime("us", "UTC")

SAID = {
    "bank_id": pl.String,
    "answer_sha256": pl.String,
    "received_at": TIMESTAMP,
    **ANSWERS_READ,
}
"""`ANSWERS_READ` with where each row was read."""

_STATES = {
    "ACTC": State.ACKNOWLEDGED,
    "RCVD": State.ACKNOWLEDGED,
    "PDNG": State.ACKNOWLEDGED,
    "ACCP": State.ACCEPTED,
    "ACSP": State.ACCEPTED,
    "ACSC": State.ACCEPTED,
    "ACCC": State.ACCEPTED,
    "ACWC": State.ACCEPTED,
    "PART": State.PARTLY_ACCEPTED,
    "RJCT": State.REJECTED,
}
"""What an ISO 20022 group status makes of the file."""

_FINAL = [state.value for state in FINAL]

REJECTED, RETURNED = "RJCT", "RTND"


@dataclass(frozen=True, slots=True)
class AnswerFile:
    """A file of the inbox."""

    bank_id: str
    sha256: str
    name: str
    received_at: datetime
    path: Path


@dataclass(frozen=True, slots=True)
class AnswersRead:
    """All that some answer files say."""

    said: pl.DataFrame
    """`SAID`, in the order of the files."""
    statements: int
    """Statements and notifications among the files."""
    discontinuities: tuple[tuple[str, Discontinuity], ...]
    """By bank: statements whose balances do not follow."""
    faults: tuple[tuple[AnswerFile, str], ...]
    """Files and parts of them that could not be taken, with a sentence."""


def read_answers(files: Sequence[AnswerFile]) -> AnswersRead:
    """Read answer files; one that is broken is a fault, and the others count."""
    frames, statements, faults = [pl.DataFrame(schema=SAID)], 0, list[tuple[AnswerFile, str]]()
    broken: list[tuple[str, Discontinuity]] = []
    for file in files:
        summary = Summary()
        try:
            for part in parts_of(file.path):
                summary.add(part)
                if isinstance(part, Records) and part.table != "entries":
                    where = (
                        pl.lit(file.bank_id).alias("bank_id"),
                        pl.lit(file.sha256).alias("answer_sha256"),
                        pl.lit(file.received_at, TIMESTAMP).alias("received_at"),
                    )
                    rows = part.frame if part.table == "answers" else _returns(part.frame)
                    frames.append(rows.select(*where, *ANSWERS_READ))
                elif isinstance(part, Refused):
                    faults.append((file, f"{part.place}: {part.sentence} ({part.code})"))
        except FileRefused as refused:
            faults.append((file, str(refused)))
        statements += "entries" in summary.records or bool(summary.balances)
        broken += [(file.bank_id, found) for found in summary.discontinuities()]
    return AnswersRead(pl.concat(frames), statements, tuple(broken), tuple(faults))


def _returns(payments: pl.DataFrame) -> pl.DataFrame:
    """`ANSWERS_READ` of payments that send others back (pacs.004): they name what they return."""
    given = {
        "kind": pl.lit("return"),
        "level": pl.lit("transaction"),
        "status": pl.lit(RETURNED),
        "settlement_date": pl.col("execution_date"),
        "changed_field": pl.lit(None, pl.String),
        "changed_value": pl.lit(None, pl.String),
    }
    back = payments.filter(pl.col("original_transaction_id").is_not_null())
    return back.select(given.get(name, pl.col(name)).alias(name) for name in ANSWERS_READ)


def message_ids(said: pl.DataFrame) -> list[str]:
    """Ids of our files that the answers speak of."""
    return said["original_message_id"].drop_nulls().unique().sort().to_list()


def file_states(said: pl.DataFrame) -> Iterator[tuple[str, str, State, datetime, str]]:
    """What the answers say of whole files, in order: bank, message id, state, when, and the words."""
    groups = said.filter(
        pl.col("level").is_in(["file", "group"])
        & (pl.col("kind") == "status")
        & pl.col("original_message_id").is_not_null()
    )
    columns = ("bank_id", "original_message_id", "status", "received_at", "reason_code", "reason_text")
    for bank_id, message_id, status, at, *reason in groups.select(columns).iter_rows():
        if status in _STATES:
            words = " ".join([status, *(text for text in reason if text)])
            yield bank_id, message_id, _STATES[status], at, words


def transaction_answers(
    said: pl.DataFrame, transactions: pl.DataFrame, banks: Mapping[str, str]
) -> pl.DataFrame:
    """One row a transaction and kind of answer: what its bank said of it last.

    `transactions` has `SETTLEMENT_TRANSACTIONS`; `banks` says by message id who got it, and nobody else
    is listened to. What is final is not undone by what is not. Columns: those of `BANK_ANSWERS` up to
    `received_at`. A file that was rejected whole rejects each of its transactions.
    """
    getting = pl.DataFrame(
        {"message_id": list(banks), "bank_id": list(banks.values())},
        schema={"message_id": pl.String, "bank_id": pl.String},
    )
    sent = transactions.join(getting, on="message_id", how="inner", maintain_order="left").select(
        "bank_id",
        "message_id",
        "transaction_id",
        "currency",
        "amount_minor",
        "payment_id",
        transaction_ref="ref",
        sent_on="business_date",
    )
    words = ["bank_id", "answer_sha256", "received_at", "status", "reason_code", "reason_text"]
    single = said.filter(
        (pl.col("level") == "transaction") & pl.col("kind").is_in(["status", "return"])
    ).select(
        *words,
        "kind",
        message_id="original_message_id",
        transaction_id=pl.coalesce("original_transaction_id", "original_end_to_end_id"),
    )
    whole = said.filter(
        pl.col("level").is_in(["file", "group"])
        & (pl.col("kind") == "status")
        & (pl.col("status") == REJECTED)
    ).select(*words, "kind", message_id="original_message_id")
    found = pl.concat(
        [
            sent.join(single, on=["bank_id", "message_id", "transaction_id"], how="inner"),
            sent.join(whole, on=["bank_id", "message_id"], how="inner"),
        ],
        how="diagonal",
    )
    final = (
        pl.col("status")
        .replace_strict(_STATES, default=State.ACCEPTED, return_dtype=pl.String)
        .is_in(_FINAL)
    )
    return (
        found.with_columns(final=final)
        .sort("final", "received_at", maintain_order=True)
        .unique(["message_id", "transaction_id", "kind"], keep="last", maintain_order=True)
        .drop("final")
    )


def to_take_back(answered: pl.DataFrame) -> pl.DataFrame:
    """Customer payments that were rejected or came back: payment_id, business_date, event_at."""
    gone = (pl.col("status") == REJECTED) | (pl.col("kind") == "return")
    return (
        answered.filter(gone & pl.col("payment_id").is_not_null())
        .select("payment_id", business_date="sent_on", event_at="received_at")
        .unique("payment_id", keep="first", maintain_order=True)
    )


def counts_by_message(answered: pl.DataFrame) -> pl.DataFrame:
    """Transactions of each message by what became of them: accepted, rejected, returned."""
    rejected = (pl.col("kind") == "status") & (pl.col("status") == REJECTED)
    accepted = (pl.col("kind") == "status") & (pl.col("status") != REJECTED)
    return answered.group_by("message_id").agg(
        accepted=accepted.sum().cast(pl.Int64),
        rejected=rejected.sum().cast(pl.Int64),
        returned=(pl.col("kind") == "return").sum().cast(pl.Int64),
    )


def faults_in_words(read: AnswersRead) -> Iterable[str]:
    """What a person must know of the answers that came."""
    for file, sentence in read.faults:
        yield f"answer {file.name} of {file.bank_id}: {sentence}"
    for bank_id, found in read.discontinuities:
        yield f"statement {found.statement} of {bank_id}, account {found.account}: {found.sentence}"
