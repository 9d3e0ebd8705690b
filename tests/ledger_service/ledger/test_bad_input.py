"""What is no transfer at all: each bad value has its code or its error, and nothing is written."""

from decimal import Decimal
from typing import Any

import polars as pl
import psycopg
import pytest

from ledger_service.ledger.accounts import ACCOUNT_COLUMNS, OPTIONAL_ACCOUNT_COLUMNS, create_accounts
from ledger_service.ledger.arrays import MalformedIdentifier
from ledger_service.ledger.transfers import (
    OPTIONAL_COLUMNS,
    TRANSFER_COLUMNS,
    BatchTooLarge,
    create_transfers,
)
from ledger_service.ledger.whole_numbers import NotAWholeNumber, whole_numbers
from tests.ledger_service.ledger.bookkeeping import DAY, Book, account, new_book, transfer


def post(book: Book, column: str, *values: Any, dtype: Any = None) -> list[str]:
    """A batch whose items differ in one column, which has a type of its own."""
    schema = TRANSFER_COLUMNS | OPTIONAL_COLUMNS
    items = [transfer(number, 1, 2, 5) for number in range(1, len(values) + 1)]
    frame = pl.DataFrame(items, schema=schema, orient="row").with_columns(
        pl.Series(column, values, dtype=dtype)
    )
    with book.connection.transaction():
        return create_transfers(
            book.connection, book_id=book.book_id, business_date=DAY, transfers=frame
        ).to_list()


NO_WHOLE_NUMBERS: list[tuple[Any, Any]] = [
    (float("nan"), pl.Float64),
    (float("inf"), pl.Float64),
    (float("-inf"), pl.Float64),
    (10.5, pl.Float64),
    (10.0, pl.Float64),
    (0.1, pl.Float32),
    (Decimal("10.5"), pl.Decimal(38, 2)),
    (Decimal("0.01"), pl.Decimal(10, 2)),
    (10**30, pl.Int128),
    (-(10**30), pl.Int128),
    (Decimal(10**30), pl.Decimal(38, 0)),
    (2**63, pl.UInt64),
    ("10", pl.String),
    ("ten", pl.String),
    (True, pl.Boolean),
]


@pytest.mark.parametrize("column", ["amount_minor", "debit_account_id", "timeout_s"])
@pytest.mark.parametrize(("value", "dtype"), NO_WHOLE_NUMBERS)
def test_what_is_no_whole_number_is_refused_by_column_and_row(
    book: Book, column: str, value: Any, dtype: Any
) -> None:
    with pytest.raises(NotAWholeNumber, match=f"^{column} of item 1 is not") as refused:
        post(book, column, None, value, None, dtype=dtype)
    assert (refused.value.column, refused.value.row) == (column, 1)
    assert book.written() == (0, 0)


@pytest.mark.parametrize("dtype", [pl.Int8, pl.UInt64, pl.Int128, pl.Decimal(38, 2)])
def test_whole_numbers_of_any_width_are_taken(book: Book, dtype: Any) -> None:
    assert post(book, "amount_minor", 7, 8, dtype=dtype) == ["created", "created"]
    assert book.totals(1) == (15, 0, 0, 0)


@pytest.mark.parametrize("dtype", [pl.Float64, pl.String, pl.Null, pl.Int32])
def test_a_column_without_values_has_none_whatever_its_type(dtype: Any) -> None:
    assert whole_numbers(pl.Series("a", [None, None], dtype=dtype)).to_list() == [None, None]


@pytest.mark.parametrize("amount", [0, -1, None, -(2**63)])
def test_an_amount_that_moves_nothing_is_refused(book: Book, amount: int | None) -> None:
    codes = book.post(transfer(1, 1, 2, 5), transfer(2, 1, 2, amount), transfer(3, 1, 2, 5))
    assert codes == ["created", "amount_must_be_positive", "created"]
    assert book.totals(1) == (10, 0, 0, 0)


@pytest.mark.parametrize(
    ("debit", "credit", "code"),
    [
        (1, 1, "accounts_must_be_different"),
        (99, 1, "debit_account_not_found"),
        (1, 99, "credit_account_not_found"),
        (-1, 1, "debit_account_not_found"),
        (None, None, "debit_account_not_found"),
        (99, 99, "accounts_must_be_different"),
    ],
)
def test_accounts_that_cannot_be_are_refused(
    book: Book, debit: int | None, credit: int | None, code: str
) -> None:
    assert book.post(transfer(1, debit, credit, 5)) == [code]
    assert book.written() == (0, 0)
    assert book.faults() == []


@pytest.mark.parametrize("column", ["transfer_id", "pending_id", "payment_id", "reverses_id"])
@pytest.mark.parametrize("value", ["", "1", "00000000-0000-0000-0000-00000000000g", "null"])
def test_an_id_that_is_no_uuid_is_refused_by_column_and_row(book: Book, column: str, value: str) -> None:
    with pytest.raises(MalformedIdentifier, match=f"{column} of item 1"):
        post(book, column, None, value)
    assert book.written() == (0, 0)


def test_more_items_than_a_batch_holds_are_refused_before_and_by_the_database(book: Book) -> None:
    frame = pl.DataFrame([transfer(1, 1, 2, 1)], schema=TRANSFER_COLUMNS, orient="row")
    many = pl.concat([frame] * 10_001)
    with pytest.raises(BatchTooLarge, match="at most 10000 items, not 10001"):
        create_transfers(book.connection, book_id=book.book_id, business_date=DAY, transfers=many)
    with pytest.raises(psycopg.errors.ProgramLimitExceeded, match="at most 10000 items, not 10001"):
        book.connection.execute(
            """SELECT ledger.create_transfers(%s, %s, array_fill(NULL::uuid, ARRAY[10001]),
            NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)""",
            [book.book_id, DAY],
        )
    assert book.written() == (0, 0)


@pytest.mark.parametrize(
    ("currency", "code"),
    [
        ("XXX", "currency_unknown"),
        ("XAU", "currency_unknown"),
        ("ZZZ", "currency_unknown"),
        ("ZWL", "currency_unknown"),  # withdrawn by then
        ("kes", "currency_malformed"),
        ("", "currency_malformed"),
        ("KESKES", "currency_malformed"),
        (None, "field_must_not_be_null"),
        ("ZWG", "created"),
    ],
)
def test_a_currency_that_iso_4217_does_not_have_on_that_day_opens_no_account(
    connection: psycopg.Connection, currency: str | None, code: str
) -> None:
    book = new_book(connection)
    assert book.open(account(1, currency=currency), account(2)) == [code, "created"]
    assert book.faults() == []


@pytest.mark.parametrize("column", ["account_id", "debit_limit", "credit_limit"])
@pytest.mark.parametrize(("value", "dtype"), [(10.5, pl.Float64), (Decimal("0.5"), pl.Decimal(9, 1))])
def test_a_limit_is_a_whole_number_too(
    connection: psycopg.Connection, column: str, value: Any, dtype: Any
) -> None:
    book = new_book(connection)
    frame = pl.DataFrame([account(1)], schema=ACCOUNT_COLUMNS | OPTIONAL_ACCOUNT_COLUMNS).select(
        *ACCOUNT_COLUMNS
    )
    with pytest.raises(NotAWholeNumber, match=column):
        create_accounts(
            connection,
            book_id=book.book_id,
            accounts=frame.with_columns(pl.Series(column, [value], dtype=dtype)),
        )
    assert book.rows("SELECT FROM ledger.account WHERE book_id = %(book_id)s") == []
