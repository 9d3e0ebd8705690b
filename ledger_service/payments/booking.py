"""Booking a business date: from a source's instructions to transfers, payments and quarantine.

`book_day` may be run again at any time. What is booked is recognised by its instruction id, so a run
that broke off goes on where it stopped, and a second run changes nothing. Instructions for a date that a
book has closed go to that book's next open date.

The day is booked in transactions of some thousand instructions each, in event order, as a ledger open
all day would have booked it: event times are booking times, and money funds only what comes after it.
Each transaction holds everything about its payments: transfers in all books, outcome, stated balances,
refusals; so nothing is ever half-booked, and an instruction without a payment record was not booked.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Final, TypeVar

import polars as pl
import psycopg

from ledger_service.ledger.books import register_participants
from ledger_service.payments import records
from ledger_service.payments.account_directory import (
    AccountTaken,
    read_directory,
    register_customers,
)
from ledger_service.payments.book_states import Books, known_books, read_books
from ledger_service.payments.posting import INSTRUCTIONS_LIMIT, BookMovedOn, DateClosed, post_legs
from ledger_service.payments.posting_rules import legs_for
from ledger_service.payments.quarantine import Refusal, empty_quarantine, refused_by_ledger, refused_rows
from ledger_service.payments.sources.source import Parsed, Source

ATTEMPTS_LIMIT: Final = 5
"""Times that a transaction is tried when another one is in its way."""

_Result = TypeVar("_Result")

_IN_THE_WAY: Final = (
    AccountTaken,
    BookMovedOn,
    DateClosed,
    psycopg.errors.DeadlockDetected,
    psycopg.errors.SerializationFailure,
    psycopg.errors.UniqueViolation,
)


@dataclass(frozen=True, slots=True)
class BookingSummary:
    """What one run of `book_day` did. `quarantined` counts refused rows that were written now."""

    business_date: date
    source_file: str | None
    received: int = 0
    booked: int = 0
    refused: int = 0
    already_booked: int = 0
    quarantined: int = 0
    transfers: int = 0

    @property
    def changed(self) -> bool:
        """Whether anything was written."""
        return bool(self.booked or self.refused or self.quarantined or self.transfers)

    def __str__(self) -> str:
        if self.source_file is None:
            return f"{self.business_date}: no instructions"
        if not self.changed:
            return f"{self.business_date}: nothing changed, all of {self.source_file} was booked before"
        return (
            f"{self.business_date}: {self.booked} payments booked in {self.transfers} transfers, "
            f"{self.refused} refused by the ledger, {self.already_booked} known before, "
            f"{self.quarantined} rows quarantined"
        )


@dataclass(slots=True)
class _Tally:
    booked: int = 0
    refused: int = 0
    already_booked: int = 0
    quarantined: int = 0
    transfers: int = 0


def book_day(
    connection: psycopg.Connection, *, source: Source, business_date: date, replayed: bool = True
) -> BookingSummary:
    """Book the instructions of one business date; idempotent. Opens its own transactions.

    `replayed`: booking times follow event times, so that an import gives the same bytes on every run;
    False takes the ledger's clock instead. Raises `ParticipantConflict` or `AccountConflict` when
    participants or accounts contradict the ledger; faults of instructions are rows of quarantine.
    """
    # Plans that the session cached while the tables were small scan them whole when they are large: over
    # 455 days on one connection the server's own time was 35 s, with plans as old as the day 8 s.
    connection.execute("DISCARD PLANS")
    day = _Day(connection, source, business_date, replayed=replayed)
    day.register()
    file = source.received(business_date)
    if file is None:
        return BookingSummary(business_date, None, quarantined=day.tally.quarantined)
    before = records.received_before(connection, file, business_date=business_date)
    if before is not None and before[2] == 0:
        return BookingSummary(business_date, file.source_file, before[0], already_booked=before[1])
    parsed = source.parsed(business_date)
    day.book(parsed)
    tally = day.tally
    return BookingSummary(
        business_date,
        parsed.file.source_file,
        parsed.file.rows,
        booked=tally.booked,
        refused=tally.refused,
        already_booked=tally.already_booked,
        quarantined=tally.quarantined,
        transfers=tally.transfers,
    )


class _Day:
    """One run over a business date: the books, their accounts, and what was done so far."""

    def __init__(
        self, connection: psycopg.Connection, source: Source, business_date: date, *, replayed: bool
    ) -> None:
        self.connection = connection
        self.source = source
        self.business_date = business_date
        self.replayed = replayed
        self.tally = _Tally()
        self.books: dict[str, int] = {}
        self.directory = pl.DataFrame()
        self.participants = pl.DataFrame()

    def register(self) -> None:
        """Participants, customers' accounts that are open by the date, the bank's own data."""
        self.directory = self._tried(self._registered)
        with self.connection.transaction():
            self._quarantine(self.source.refused_reference())

    def book(self, parsed: Parsed) -> None:
        """All instructions, part by part, then the refused rows and the file itself."""
        ordered = parsed.instructions.sort("event_at", "source_row")
        for part in ordered.iter_slices(INSTRUCTIONS_LIMIT):
            tally, self.directory = self._tried(partial(self._booked, part))
            self.tally.booked += tally.booked
            self.tally.refused += tally.refused
            self.tally.already_booked += tally.already_booked
            self.tally.quarantined += tally.quarantined
            self.tally.transfers += tally.transfers
        with self.connection.transaction():
            self._quarantine(parsed.quarantine)
            records.write_received_file(
                self.connection,
                parsed.file,
                business_date=self.business_date,
                accepted=ordered.height,
                rejected=parsed.quarantine["row"].n_unique(),
            )

    def _tried(self, action: Callable[[], _Result]) -> _Result:
        """An action in a transaction of its own, again when another transaction was in its way."""
        for _ in range(ATTEMPTS_LIMIT - 1):
            try:
                with self.connection.transaction():
                    return action()
            except _IN_THE_WAY:
                self.directory = read_directory(self.connection, self._book_ids())
        with self.connection.transaction():
            return action()

    def _registered(self) -> pl.DataFrame:
        """Register within the caller's transaction; returns the directory of accounts."""
        participants = self.source.participants()
        self.books = known_books(self.connection, participants) or register_participants(
            self.connection, participants
        )
        self.participants = participants.select(
            "participant_id",
            "kind",
            book_id=pl.col("participant_id").replace_strict(
                self.books, default=None, return_dtype=pl.Int32
            ),
        )
        directory = register_customers(
            self.connection,
            accounts=self.source.accounts(),
            books=self.books,
            directory=read_directory(self.connection, self._book_ids()),
            business_date=self.business_date,
        )
        records.write_reference_data(self.connection, self.source.reference_data(), books=self.books)
        return directory

    def _booked(self, part: pl.DataFrame) -> tuple[_Tally, pl.DataFrame]:
        """Book one part within the caller's transaction; returns what was done, and the directory."""
        known = records.known_payments(self.connection, part["instruction_id"])
        fresh = self._with_books(
            part.join(known, on="instruction_id", how="anti", maintain_order="left")
        )
        bookless = fresh.filter(pl.col("book_id").is_null())
        fresh = fresh.filter(pl.col("book_id").is_not_null())
        books = self._book_states()
        dates = books.booking_dates
        posted = post_legs(
            self.connection,
            legs=legs_for(fresh.select(part.columns), self.participants),
            directory=self.directory,
            books=books,
        )
        outcomes = fresh.join(
            posted.outcomes, left_on="instruction_id", right_on="payment_id", maintain_order="left"
        ).with_columns(business_date=pl.col("book_id").replace_strict(dates, return_dtype=pl.Date))
        records.write_payments(self.connection, outcomes)
        records.write_stated_balances(
            self.connection, outcomes, directory=posted.directory, booking_dates=dates
        )
        quarantine = [
            refused_by_ledger(outcomes.filter(pl.col("code").is_not_null())),
            _repeated(part, known),
            _refused(bookless, Refusal.NO_BOOK, value=pl.col("debtor_agent")),
        ]
        written = records.write_quarantine(
            self.connection, pl.concat(quarantine), business_date=max(dates.values())
        )
        booked = int(outcomes["booked"].sum())
        tally = _Tally(booked, outcomes.height - booked, known.height, written, posted.transfers)
        return tally, posted.directory

    def _with_books(self, instructions: pl.DataFrame) -> pl.DataFrame:
        """Instructions with both agents' books, and the one that the payment is kept in."""
        for party in ("debtor", "creditor"):
            book = pl.col(f"{party}_agent").replace_strict(
                self.books, default=None, return_dtype=pl.Int32
            )
            instructions = instructions.with_columns(book.alias(f"{party}_book_id"))
        return instructions.with_columns(book_id=pl.coalesce("debtor_book_id", "creditor_book_id"))

    def _book_states(self) -> Books:
        return read_books(
            self.connection,
            self._book_ids(),
            business_date=self.business_date,
            replayed=self.replayed,
        )

    def _book_ids(self) -> list[int]:
        return sorted(self.books.values())

    def _quarantine(self, quarantine: pl.DataFrame) -> None:
        if quarantine.height:
            day = max(self._book_states().booking_dates.values(), default=self.business_date)
            self.tally.quarantined += records.write_quarantine(
                self.connection, quarantine, business_date=day
            )


def _repeated(part: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """Instructions whose id was used by another row before: noted, or refused when they differ."""
    if known.is_empty():
        return empty_quarantine()
    place = ("source_file", "source_row")
    content = [name for name in records.KNOWN_SCHEMA if name not in {"instruction_id", *place}]
    pairs = part.join(known, on="instruction_id", suffix="_before", maintain_order="left")
    same = pl.all_horizontal(pl.col(name).eq_missing(pl.col(f"{name}_before")) for name in content)
    elsewhere = pl.any_horizontal(pl.col(name) != pl.col(f"{name}_before") for name in place)
    value = pl.col("instruction_id")
    return pl.concat(
        [
            _refused(pairs.filter(same, elsewhere), Refusal.DUPLICATE_ID, value=value),
            _refused(pairs.filter(~same), Refusal.DUPLICATE_ID_DIFFERENT_CONTENT, value=value),
        ]
    )


def _refused(rows: pl.DataFrame, code: Refusal, *, value: pl.Expr) -> pl.DataFrame:
    if rows.is_empty():
        return empty_quarantine()
    source_file = rows["source_file"][0]
    return refused_rows(
        rows.rename({"source_row": "row"}),
        code,
        source_file=source_file,
        field="instruction_id",
        value=value,
    )
