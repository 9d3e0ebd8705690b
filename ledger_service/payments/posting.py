"""Posting the legs of payments in event order, in every book, as if the ledger had run all day.

Belongs here: in which order legs reach the ledger, at what booking time, and what the answers mean for
the payments. Which legs there are is `posting_rules`; the transaction is the caller's, so all of this
is one.

A payment between books is a debit in one and a credit in another. The credit must not exist without the
debit, and it funds what its creditor pays *later* that day, never what was paid before. So all legs of a
part are posted in *rounds*, each behind a savepoint, each book in the order of events with event times
as booking times (never before the booking date begins, nor before what that book has booked last):

1. A round assumes of every payment between books whether the debtor's side will be booked (the first
   round: that it will), and posts the creditor's side of those only.
2. The answers say which debtors' sides were booked. Where they confirm the assumption, the books are
   what a real-time ledger would hold, and the savepoint is released. Else all is rolled back, and the
   next round assumes what was answered.
3. Creditors' legs that a confirmed round refused (account closed, frozen, of another currency) are
   replaced by legs to unapplied receipts, so that what the debtor's bank owes is booked on both sides.

An answer depends on earlier events alone. Hence each round settles at least the first payment that the
one before got wrong, and the confirmed answers are the only ones there are. It is not enough to refuse
what a round refused: a payment may fail only because money that never came had first been spent on
something dearer. Where payments refused hang on each other so deep that the rounds run out, the part is
posted as two halves; a single payment needs three rounds at most, so this ends.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

import polars as pl
import psycopg

from ledger_service.ledger.books import lock_books
from ledger_service.ledger.results import TransferResult
from ledger_service.ledger.transfers import (
    BATCH_LIMIT,
    TIMESTAMP,
    TRANSFER_COLUMNS,
    create_transfers,
)
from ledger_service.payments.account_directory import customer_codes, open_own_accounts
from ledger_service.payments.book_states import Books
from ledger_service.payments.posting_rules import unapplied_legs

ROUNDS_LIMIT: Final = 8
"""Rounds before a part is posted as two halves; days without chains of refusals need one or two."""

INSTRUCTIONS_LIMIT: Final = BATCH_LIMIT // 2
"""Payments posted at once: a conversion has two legs in one book, and a chain must not be cut."""

_BOOKED: Final = [TransferResult.CREATED.value, TransferResult.EXISTS.value]


class DateClosed(RuntimeError):
    """A business date was closed while payments were on their way to it; nothing was booked."""

    def __init__(self, book_id: int, business_date: date) -> None:
        self.book_id = book_id
        self.business_date = business_date
        super().__init__(f"book {book_id} closed {business_date}: book to the next open date")


class BookMovedOn(RuntimeError):
    """Another transaction booked to a book after its last booking time was read; nothing was booked."""

    def __init__(self, book_id: int) -> None:
        self.book_id = book_id
        super().__init__(f"book {book_id} has later entries by now: read its last booking time again")


class CreditLost(RuntimeError):
    """Money received could not even be booked to unapplied receipts; the transaction must not commit."""

    def __init__(self, payment_id: str, result: str) -> None:
        self.payment_id = payment_id
        self.result = result
        super().__init__(f"payment {payment_id}: unapplied receipts refused it ({result})")


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
    """Post the legs (`LEG_SCHEMA`, in order of event and leg) of at most `INSTRUCTIONS_LIMIT` payments.

    Raises `DateClosed`, `BookMovedOn` or `CreditLost`; the caller's transaction must then be rolled
    back. Must be called within a transaction.
    """
    timed = _timed(legs, books)
    # All of them now, for opening accounts would lock some before those that stand below them.
    lock_books(connection, timed["book_id"].unique())
    directory = open_own_accounts(connection, legs=timed, directory=directory)
    across = frozenset(timed.filter("across")["payment_id"])
    poster = _Poster(connection, directory, booking_dates=books.booking_dates, across=across)
    outcomes = poster.post(with_account_ids(timed, poster.directory))
    return Posted(outcomes, poster.directory, poster.created)


def _timed(legs: pl.DataFrame, books: Books) -> pl.DataFrame:
    """Legs with position, booking_date, booked_at; `across`: the debtor's side is in another book.

    A booking time is the event time, but neither before the booking date nor before what the book has
    booked already.
    """
    dated = legs.with_row_index("position").with_columns(
        booking_date=pl.col("book_id").replace_strict(books.booking_dates, return_dtype=pl.Date),
        across=(pl.col("leg") == 3) & (pl.col("leg").min().over("payment_id") < 3),
    )
    if not books.replayed:
        return dated.with_columns(booked_at=pl.lit(None, TIMESTAMP))
    return dated.with_columns(
        booked_at=pl.max_horizontal(
            pl.col("event_at").cum_max().over("book_id"),
            pl.col("booking_date").cast(pl.Datetime("us")).dt.replace_time_zone("UTC"),
            pl.col("book_id").replace_strict(books.last_booked_at, default=None, return_dtype=TIMESTAMP),
        )
    )


@dataclass(frozen=True, slots=True)
class _Answers:
    """What one round was answered, by payment id: the first code of each side that was refused.

    `unpaid`: the payments across whose debtor's side was refused.
    """

    unpaid: frozenset[str]
    debtor_refused: dict[str, str]
    creditor_refused: dict[str, str]
    created: int

    def confirm(self, unpaid: frozenset[str], returned: dict[str, str]) -> bool:
        """Whether just those of the payments across are refused that were assumed to be."""
        return self.unpaid == unpaid and self.creditor_refused.keys() <= returned.keys()


class _Poster:
    """Posts the legs of a part, round by round, within the caller's transaction."""

    def __init__(
        self,
        connection: psycopg.Connection,
        directory: pl.DataFrame,
        *,
        booking_dates: Mapping[int, date],
        across: frozenset[str],
    ) -> None:
        self.connection = connection
        self.directory = directory
        self.booking_dates = booking_dates
        self.across = across
        self.created = 0

    def post(self, legs: pl.DataFrame) -> pl.DataFrame:
        """Post timed legs with account ids; returns payment_id, booked, code: one row a payment."""
        unpaid: frozenset[str] = frozenset()
        returned: dict[str, str] = {}
        for _ in range(ROUNDS_LIMIT):
            credited = legs.filter(~(pl.col("across") & pl.col("payment_id").is_in(list(unpaid))))
            tried = self._with_unapplied(credited, returned)
            with self.connection.transaction() as savepoint:
                answers = self._answers(tried)
                if not answers.confirm(unpaid, returned):
                    raise psycopg.Rollback(savepoint)
            if answers.confirm(unpaid, returned):
                return self._confirmed(legs, answers, returned)
            if answers.unpaid == unpaid:
                returned |= answers.creditor_refused
            unpaid = answers.unpaid
        return pl.concat(self.post(half) for half in _halves(legs))

    def _confirmed(
        self, legs: pl.DataFrame, answers: _Answers, returned: dict[str, str]
    ) -> pl.DataFrame:
        """The outcomes of a round that found what it assumed."""
        if answers.creditor_refused:
            raise CreditLost(*next(iter(answers.creditor_refused.items())))
        self.created += answers.created
        noted = {payment_id: (payment_id, True, code) for payment_id, code in returned.items()}
        refused = {
            payment_id: (payment_id, False, code) for payment_id, code in answers.debtor_refused.items()
        }
        codes = pl.DataFrame(
            list((noted | refused).values()),
            schema={"payment_id": pl.String, "booked": pl.Boolean, "code": pl.String},
            orient="row",
        )
        payments = legs.select("payment_id").unique(maintain_order=True)
        return payments.join(codes, on="payment_id", how="left", maintain_order="left").with_columns(
            pl.col("booked").fill_null(value=True)
        )

    def _with_unapplied(self, legs: pl.DataFrame, returned: dict[str, str]) -> pl.DataFrame:
        """Legs with those of the returned credits replaced; opens the accounts that this needs."""
        if not returned:
            return legs
        replaced = (pl.col("leg") == 3) & pl.col("payment_id").is_in(list(returned))
        unapplied = unapplied_legs(legs.filter(replaced)).drop("debit_account_id", "credit_account_id")
        self.directory = open_own_accounts(self.connection, legs=unapplied, directory=self.directory)
        waiting = with_account_ids(unapplied, self.directory)
        return pl.concat([legs.filter(~replaced), waiting.select(legs.columns)]).sort("position")

    def _answers(self, legs: pl.DataFrame) -> _Answers:
        """Post legs, one call a book, in order of book id."""
        ordered = legs.sort("book_id", "position").with_columns(
            phase=pl.lit("single"), pending_id=pl.lit(None, pl.String)
        )
        by_book = ordered.select("book_id", *TRANSFER_COLUMNS).partition_by(
            "book_id", include_key=False, as_dict=True, maintain_order=True
        )
        results = [self._posted(int(book_id), rows) for (book_id,), rows in by_book.items()]
        answered = ordered.select("payment_id", "leg").with_columns(
            result=pl.concat([pl.Series([], dtype=pl.String), *results])
        )
        chained = pl.col("result") == TransferResult.LINKED_EVENT_FAILED.value
        refused = (
            answered.filter(~pl.col("result").is_in(_BOOKED))
            .sort(chained, maintain_order=True)  # the leg that made its chain fail says why
            .unique("payment_id", keep="first", maintain_order=True)
        )
        debtor_refused = _codes(refused.filter(pl.col("leg") < 3))
        return _Answers(
            unpaid=self.across.intersection(debtor_refused),
            debtor_refused=debtor_refused,
            creditor_refused=_codes(refused.filter(pl.col("leg") >= 3)),
            created=int((answered["result"] == TransferResult.CREATED.value).sum()),
        )

    def _posted(self, book_id: int, transfers: pl.DataFrame) -> pl.Series:
        """Post the transfers of one book."""
        booking_date = self.booking_dates[book_id]
        results = create_transfers(
            self.connection, book_id=book_id, business_date=booking_date, transfers=transfers
        )
        if (results == TransferResult.BUSINESS_DATE_CLOSED.value).any():
            raise DateClosed(book_id, booking_date)
        if (results == TransferResult.BOOKED_AT_MUST_NOT_REGRESS.value).any():
            raise BookMovedOn(book_id)
        return results


def _codes(refused: pl.DataFrame) -> dict[str, str]:
    return dict(refused.select("payment_id", "result").iter_rows())


def _halves(legs: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The legs of the earlier half of the payments, and of the later."""
    payments = legs["payment_id"].unique(maintain_order=True)
    earlier = pl.col("payment_id").is_in(payments.head(len(payments) // 2).implode())
    return legs.filter(earlier), legs.filter(~earlier)


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
