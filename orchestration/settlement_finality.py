"""Finality: what the banks' answers make of the instructions, in the operators' books.

Belongs here: answers to confirmations and rejections, each booked once, and closing the operators'
books behind the date.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

import polars as pl
import psycopg

from ledger_service.payments.settlement.instruction_log import InstructionState
from ledger_service.payments.settlement.instructions import Answer, confirm, overdue, reject
from ledger_service.payments.settlement.scheme_book import SchemeBook, known_operator_book
from ledger_service.payments.settlement.windows import current
from ledger_service.reference.schemes import home_schemes
from ledger_service.runtime.database import Database, Role
from orchestration.resources import Platform
from orchestration.settlement_cycle import instruction_rows
from pipelines.lake.closing import close_books
from pipelines.lake.store import Lake
from pipelines.settlement.instruction_answers import Verdict
from pipelines.settlement.tables import (
    SETTLEMENT_ACCEPTANCES,
    SETTLEMENT_FINALITY,
    SETTLEMENT_INSTRUCTIONS,
    SETTLEMENT_WINDOWS,
)

_OF_THE_CYCLE: Final = (
    SETTLEMENT_ACCEPTANCES,
    SETTLEMENT_WINDOWS,
    SETTLEMENT_INSTRUCTIONS,
    SETTLEMENT_FINALITY,
)
_WITHOUT_REASON: Final = "the bank gave no reason"


def take_all_answers(
    platform: Platform, answers: pl.DataFrame, *, day: date
) -> tuple[pl.DataFrame, list[str]]:
    """Book `VERDICTS` in every home scheme; SETTLEMENT_FINALITY of the date, and alarms in words.

    Books of operators whose windows of the date have closed are closed and sealed behind it.
    """
    known, alarms = [SETTLEMENT_FINALITY.empty()], list[str]()
    done = list[int]()
    with platform.server.connect(Database.LEDGER, Role.APP, autocommit=True) as connection:
        for books in known_books(connection, day):
            alarms += take_answers(connection, books, answers)
            alarms += overdue_in_words(connection, books, at=_next_midnight(day))
            known.append(finality_rows(connection, books, day=day))
            if past(connection, books, day):
                done.append(books.book_id)
    close_books(platform.server, book_ids=tuple(done), business_dates=[day], now=_next_midnight(day))
    return pl.concat(known), alarms


def settled_beyond(lake: Lake, days: Sequence[date]) -> bool:
    """Whether a date after these was settled; writes the dates that are not settled, as empty ones.

    These are all but the last, and the last too when settlement has gone beyond it.
    """
    beyond = any(each > days[-1] for each in lake.dates(SETTLEMENT_WINDOWS))
    for day in days if beyond else days[:-1]:
        for kept in _OF_THE_CYCLE:
            if not lake.has(kept, day):
                lake.write(kept, day, kept.empty())
    return beyond


def known_books(connection: psycopg.Connection, day: date) -> list[SchemeBook]:
    """The home schemes of a date that something was ever settled in, in their operators' books."""
    found = (known_operator_book(connection, scheme) for scheme in home_schemes(day))
    return [books for books in found if books is not None]


def take_answers(connection: psycopg.Connection, books: SchemeBook, answers: pl.DataFrame) -> list[str]:
    """Book what the banks said of instructions under way (`VERDICTS`); alarms in words.

    Idempotent. A rejection that came before the instruction's present attempt is not about it.
    """
    rows = instruction_rows(connection, books, day=date.min)
    waiting = rows.filter(state=InstructionState.INSTRUCTED.value).rename(
        {"at": "held_at", "reference": "was", "code": "had", "reason": "because"}
    )
    told = waiting.join(answers, on="net_ref", how="inner", maintain_order="left").filter(
        (pl.col("attempt") == 1)
        | (pl.col("verdict") == Verdict.CONFIRMED.value)
        | (pl.col("at") > pl.col("held_at"))
    )
    alarms = []
    # Who pays comes first: it covers who is paid.
    for row in told.sort("direction", "instruction_id").iter_rows(named=True):
        at = max(row["held_at"], row["at"])
        if row["verdict"] == Verdict.CONFIRMED:
            answer = confirm(
                connection,
                books,
                instruction_id=row["instruction_id"],
                reference=row["reference"],
                at=at,
            )
        else:
            answer = reject(
                connection,
                books,
                instruction_id=row["instruction_id"],
                code=row["code"],
                reason=row["reason"] or _WITHOUT_REASON,
                at=at,
            )
        if answer == Answer.CONTRADICTS:
            alarms.append(f"instruction {row['instruction_id']}: {row['verdict']} after another answer")
    return alarms


def overdue_in_words(connection: psycopg.Connection, books: SchemeBook, *, at: datetime) -> list[str]:
    """Instructions that the agent should have answered by then."""
    return [
        f"{books.scheme.id}: {one.participant_id} {one.direction} {one.currency}, instructed "
        f"{one.at:%Y-%m-%d %H:%M} UTC, has no answer ({one.instruction_id})"
        for one in overdue(connection, books, at=at)
    ]


def finality_rows(connection: psycopg.Connection, books: SchemeBook, *, day: date) -> pl.DataFrame:
    """SETTLEMENT_FINALITY of the date: its windows, what is open, what happened on it."""
    midnight = datetime.combine(day, time(), UTC)
    is_open = pl.col("state").is_in([InstructionState.INSTRUCTED.value, InstructionState.REJECTED.value])
    rows = instruction_rows(connection, books, day=day)
    return SETTLEMENT_FINALITY.conform(
        rows.filter((pl.col("window_date") == day) | is_open | (pl.col("at") >= midnight))
    )


def _next_midnight(day: date) -> datetime:
    return datetime.combine(day + timedelta(days=1), time(), UTC)


def past(connection: psycopg.Connection, books: SchemeBook, day: date) -> bool:
    """Whether no window of the date, or of one before it, takes obligations any more."""
    window = current(connection, books)
    return window is None or window.business_date > day
