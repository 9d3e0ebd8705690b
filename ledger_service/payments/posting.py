"""Posting the legs of payments: debtors' sides first, creditors' after, and what cannot arrive.

Belongs here: in which order legs reach the ledger, and what the answers mean for the payments. Which
legs there are is `posting_rules`; the transaction is the caller's, so all of this is one.

Books are posted in the order of their ids. In the *first wave* go, in event order, the legs in the
debtors' books, all payments within one book, and those from outside the platform; in the *second* the
creditors' legs of those that were paid in another book. A creditor's leg that the ledger refuses
(account closed, frozen, of another currency) is replaced by one to unapplied receipts, so that what the
debtor's bank owes is booked on both sides. Since the second wave brings money that a debit of the first
may have needed, debits refused for lack of funds are tried again, in their order, until a round books
nothing new.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

import polars as pl
import psycopg

from ledger_service.ledger.results import TransferResult
from ledger_service.ledger.transfers import BATCH_LIMIT, create_transfers
from ledger_service.payments.account_directory import customer_codes, open_own_accounts
from ledger_service.payments.posting_rules import unapplied_legs

ROUNDS_LIMIT: Final = 16
"""Rounds of trying refused debits again."""

INSTRUCTIONS_LIMIT: Final = BATCH_LIMIT // 2
"""Payments posted at once: a conversion has two legs in one book, and a chain must not be cut."""

_BOOKED: Final = [TransferResult.CREATED.value, TransferResult.EXISTS.value]
_RESULT_SCHEMA: Final = {"payment_id": pl.String, "leg": pl.Int64, "result": pl.String}


class DateClosed(RuntimeError):
    """A business date was closed while payments were on their way to it; nothing was booked."""

    def __init__(self, book_id: int, business_date: date) -> None:
        self.book_id = book_id
        self.business_date = business_date
        super().__init__(f"book {book_id} closed {business_date}: book to the next open date")


class CreditLost(RuntimeError):
    """Money received could not even be booked to unapplied receipts; the transaction must not commit."""

    def __init__(self, payment_id: str, result: str) -> None:
        self.payment_id = payment_id
        self.result = result
        super().__init__(f"payment {payment_id}: unapplied receipts refused it ({result})")


@dataclass(frozen=True, slots=True)
class Books:
    """Where legs are posted: the booking date and the last booking time of each book.

    With `replayed`, booking times follow event times, so that an import is the same bytes on every
    run; otherwise the ledger's clock gives them.
    """

    booking_dates: Mapping[int, date]
    last_booked_at: datetime | None
    replayed: bool


@dataclass(frozen=True, slots=True)
class Posted:
    """What the ledger answered.

    `outcomes`: payment_id, booked (Boolean), code (String: why refused, or why a booked one waits on
    unapplied receipts; null when all went well). `transfers` counts those created now.
    """

    outcomes: pl.DataFrame
    directory: pl.DataFrame
    transfers: int


def post_legs(
    connection: psycopg.Connection, *, legs: pl.DataFrame, directory: pl.DataFrame, books: Books
) -> Posted:
    """Post the legs (`LEG_SCHEMA`) of at most `INSTRUCTIONS_LIMIT` payments.

    Raises `DateClosed` or `CreditLost`; the caller's transaction must then be rolled back.
    """
    poster = _Poster(connection, directory, books)
    paid_here = legs.filter(pl.col("leg") < 3)
    arriving = legs.filter(pl.col("leg") == 3)
    from_outside, across = _without(arriving, paid_here), _only(arriving, paid_here)
    first = legs.join(across, on=["payment_id", "leg"], how="anti", maintain_order="left")
    outcomes = poster.rescued(poster.post(first), from_outside)
    arrived = [poster.credit(_without(across, outcomes.filter(~pl.col("booked"))))]
    for _ in range(ROUNDS_LIMIT):
        waiting = outcomes.filter(pl.col("code") == TransferResult.EXCEEDS_CREDITS.value)
        if waiting.is_empty():
            break
        funded = poster.post(_only(paid_here, waiting)).filter("booked")
        if funded.is_empty():
            break
        outcomes = pl.concat([_without(outcomes, funded), funded])
        arrived.append(poster.credit(_only(across, funded)))
    notes = pl.concat(arrived).select("payment_id", note="code")
    complete = outcomes.join(notes, on="payment_id", how="left").select(
        "payment_id", "booked", code=pl.coalesce("code", "note")
    )
    return Posted(complete, poster.directory, poster.created)


def _only(rows: pl.DataFrame, payments: pl.DataFrame) -> pl.DataFrame:
    return rows.join(payments, on="payment_id", how="semi", maintain_order="left")


def _without(rows: pl.DataFrame, payments: pl.DataFrame) -> pl.DataFrame:
    return rows.join(payments, on="payment_id", how="anti", maintain_order="left")


class _Poster:
    """Sends legs to the ledger, book by book, and keeps the booking time from running back."""

    def __init__(self, connection: psycopg.Connection, directory: pl.DataFrame, books: Books) -> None:
        self.connection = connection
        self.directory = directory
        self.books = books
        self.floor = books.last_booked_at
        self.created = 0

    def post(self, legs: pl.DataFrame) -> pl.DataFrame:
        """Post legs; returns payment_id, booked, code: one row a payment."""
        results = self._results(legs)
        failed = pl.col("result").is_in(_BOOKED).not_()
        chained = pl.col("result") == TransferResult.LINKED_EVENT_FAILED.value
        return results.group_by("payment_id", maintain_order=True).agg(
            booked=failed.any().not_(), code=pl.col("result").filter(failed & ~chained).first()
        )

    def credit(self, legs: pl.DataFrame) -> pl.DataFrame:
        """Post creditors' legs, the refused ones to unapplied receipts; code says why."""
        return self.rescued(self.post(legs), legs)

    def rescued(self, outcomes: pl.DataFrame, legs: pl.DataFrame) -> pl.DataFrame:
        """Book those of the creditors' `legs` that were refused to unapplied receipts instead."""
        refused = _only(outcomes.filter(~pl.col("booked")), legs)
        if refused.is_empty():
            return outcomes
        lost = self.post(unapplied_legs(_only(legs, refused))).filter(~pl.col("booked"))
        if lost.height:
            raise CreditLost(*lost.select("payment_id", "code").row(0))
        arrived = pl.col("payment_id").is_in(refused["payment_id"].implode())
        return outcomes.with_columns(booked=pl.col("booked") | arrived)

    def _results(self, legs: pl.DataFrame) -> pl.DataFrame:
        """payment_id, leg, result of every leg."""
        if legs.is_empty():
            return pl.DataFrame(schema=_RESULT_SCHEMA)
        dates = pl.col("book_id").replace_strict(self.books.booking_dates, return_dtype=pl.Date)
        dated = legs.with_columns(booking_date=dates)
        self.directory = open_own_accounts(self.connection, legs=dated, directory=self.directory)
        transfers = with_account_ids(dated, self.directory).with_columns(
            phase=pl.lit("single"), pending_id=pl.lit(None, pl.String), booked_at=self._booked_at()
        )
        by_book = transfers.sort("book_id", maintain_order=True).partition_by("book_id")
        results = pl.concat(self._posted(book) for book in by_book)
        self.created += int((results["result"] == TransferResult.CREATED.value).sum())
        latest = transfers["booked_at"].max()
        if isinstance(latest, datetime):
            self.floor = latest
        return results

    def _posted(self, transfers: pl.DataFrame) -> pl.DataFrame:
        """Post the transfers of one book."""
        book_id, booking_date = transfers.select("book_id", "booking_date").row(0)
        results = create_transfers(
            self.connection, book_id=book_id, business_date=booking_date, transfers=transfers
        )
        if (results == TransferResult.BUSINESS_DATE_CLOSED.value).any():
            raise DateClosed(book_id, booking_date)
        return transfers.select("payment_id", "leg", result=results)

    def _booked_at(self) -> pl.Expr:
        """Event time, but neither before the booking date nor before what is booked already."""
        timestamp = pl.Datetime("us", "UTC")
        if not self.books.replayed:
            return pl.lit(None, timestamp)
        return pl.max_horizontal(
            pl.col("event_at").cum_max().over("book_id"),
            pl.col("booking_date").cast(pl.Datetime("us")).dt.replace_time_zone("UTC"),
            pl.lit(self.floor, timestamp),
        )


def with_account_ids(legs: pl.DataFrame, directory: pl.DataFrame) -> pl.DataFrame:
    """Legs with debit_account_id and credit_account_id; null where the book has no such account.

    A customer's reference finds customers' accounts only: no instruction can name the bank's own.
    """
    keyed = directory.with_columns(own=~pl.col("chart_code").is_in(customer_codes()))
    for side in ("debit", "credit"):
        found = keyed.select(
            "book_id",
            "own",
            pl.col("external_ref").alias(f"{side}_ref"),
            pl.col("account_id").alias(f"{side}_account_id"),
        )
        legs = (
            legs.with_columns(own=pl.col(f"{side}_chart_code").is_not_null())
            .join(found, on=["book_id", "own", f"{side}_ref"], how="left", maintain_order="left")
            .drop("own")
        )
    return legs
