"""Opening accounts: one answer per item."""

from datetime import date
from typing import Any

import polars as pl
import psycopg
import pytest

from ledger_service.ledger.accounts import AccountTerms, change_account
from ledger_service.ledger.books import ParticipantConflict, book_ids, register_participants
from ledger_service.ledger.results import AccountChangeResult, AccountResult
from tests.ledger_service.ledger.bookkeeping import NOON, Book, account, name, new_book, transfer

CASES: list[tuple[AccountResult, dict[str, Any]]] = [
    (AccountResult.CREATED, account(20, debit_limit=0)),
    (AccountResult.EXISTS, account(1, holder_name="written otherwise")),
    (AccountResult.FIELD_MUST_NOT_BE_NULL, account(None)),
    (AccountResult.FIELD_MUST_NOT_BE_NULL, account(21, external_ref=None)),
    (AccountResult.FIELD_MUST_NOT_BE_NULL, account(21, currency=None)),
    (AccountResult.FIELD_MUST_NOT_BE_NULL, account(21, opened_on=None)),
    (AccountResult.ACCOUNT_ID_MUST_BE_POSITIVE, account(0)),
    (AccountResult.EXTERNAL_REF_MUST_NOT_BE_EMPTY, account(21, external_ref="")),
    (AccountResult.CHART_CODE_UNKNOWN, account(21, chart_code=7777)),
    (AccountResult.CHART_CODE_UNKNOWN, account(21, chart_code=None)),
    (AccountResult.CURRENCY_MALFORMED, account(21, currency="kes")),
    (AccountResult.CURRENCY_UNKNOWN, account(21, currency="XAU")),
    (AccountResult.CURRENCY_UNKNOWN, account(21, currency="ZWG", opened_on=date(2024, 1, 1))),
    (
        AccountResult.CURRENCY_UNKNOWN,
        account(21, currency="ZWG", debit_limit=-1, opened_on=date(2024, 1, 1)),
    ),
    (AccountResult.LIMIT_MUST_NOT_BE_NEGATIVE, account(21, credit_limit=-1)),
    (AccountResult.COUNTERPARTY_NOT_FOUND, account(21, counterparty_id="ZZ-NONE")),
    (AccountResult.PARENT_ACCOUNT_NOT_FOUND, account(21, parent_account_id=99)),
    (AccountResult.PARENT_ACCOUNT_NOT_FOUND, account(21, parent_account_id=21)),
    (
        AccountResult.PARENT_ACCOUNT_HAS_DIFFERENT_CURRENCY,
        account(21, currency="UGX", parent_account_id=1),
    ),
    (AccountResult.EXISTS_WITH_DIFFERENT_PARENT_ACCOUNT_ID, account(1, parent_account_id=20)),
    (AccountResult.EXTERNAL_REF_TAKEN, account(21, external_ref="A1")),
    (AccountResult.EXISTS_WITH_DIFFERENT_EXTERNAL_REF, account(1, external_ref="A9")),
    (AccountResult.EXISTS_WITH_DIFFERENT_CHART_CODE, account(1, chart_code=2020)),
    (AccountResult.EXISTS_WITH_DIFFERENT_CURRENCY, account(1, currency="UGX")),
    (AccountResult.EXISTS_WITH_DIFFERENT_PARTY_ID, account(1, party_id="P1")),
    (AccountResult.EXISTS_WITH_DIFFERENT_DEBIT_LIMIT, account(1, debit_limit=0)),
    (AccountResult.EXISTS_WITH_DIFFERENT_CREDIT_LIMIT, account(1, credit_limit=0)),
]


def test_each_answer_is_given_in_one_batch_and_alone(connection: psycopg.Connection) -> None:
    together = new_book(connection, account(1))
    assert together.open(*(item for _, item in CASES)) == [result for result, _ in CASES]
    alone = new_book(connection, account(1))
    for result, item in CASES:
        assert alone.open(item) == [result], item
    opened = "SELECT account_id FROM ledger.account WHERE book_id = %(book_id)s ORDER BY 1"
    assert together.rows(opened) == alone.rows(opened) == [(1,), (20,)]


def test_the_counterparty_is_part_of_an_account(connection: psycopg.Connection) -> None:
    other = new_book(connection)
    book = new_book(connection, account(1, counterparty_id=other.participant_id))
    assert book.open(account(1)) == [AccountResult.EXISTS_WITH_DIFFERENT_COUNTERPARTY_ID]


def test_every_answer_is_tested() -> None:
    tested = {result for result, _ in CASES}
    assert set(AccountResult) - tested == {
        AccountResult.EXISTS_WITH_DIFFERENT_COUNTERPARTY_ID,
        AccountResult.PARENT_ACCOUNT_CLOSED,
    }


def test_nothing_is_opened_below_a_closed_account_and_retries_are_answered(
    connection: psycopg.Connection,
) -> None:
    book = new_book(connection, account(1), account(2, parent_account_id=1))
    book.change(2, closed=True)
    book.change(1, closed=True)
    assert book.open(account(3, parent_account_id=1), account(2, parent_account_id=1)) == [
        AccountResult.PARENT_ACCOUNT_CLOSED,
        AccountResult.EXISTS,
    ]


def test_the_same_account_twice_in_a_batch_is_opened_once(book: Book) -> None:
    codes = book.open(
        account(30, external_ref="A1"), account(30), account(30), account(30, currency="UGX")
    )
    assert codes == ["external_ref_taken", "created", "exists", "exists_with_different_currency"]


def test_parents_and_children_of_any_generation_may_stand_in_one_batch(book: Book) -> None:
    codes = book.open(
        account(31, parent_account_id=30),
        account(30),
        account(32, parent_account_id=30),
        account(33, parent_account_id=32),
        account(34, parent_account_id=34),
        account(35, parent_account_id=34),
        account(36, debit_limit=-1),
        account(37, parent_account_id=36),
        account(38, external_ref="A1"),
        account(39, parent_account_id=38),
    )
    not_found = "parent_account_not_found"
    assert codes == [
        *(not_found, "created", "created", "created", not_found, not_found),
        *("limit_must_not_be_negative", not_found, "external_ref_taken", not_found),
    ]
    assert book.faults() == []


def test_an_empty_batch_has_no_answers(book: Book) -> None:
    assert book.open() == []


@pytest.mark.parametrize(("chart_code", "side"), [(1010, "D"), (2010, "C"), (6010, "D")])
def test_the_normal_side_follows_the_chart(book: Book, chart_code: int, side: str) -> None:
    book.open(account(40, chart_code=chart_code))
    statement = "SELECT normal_side FROM ledger.account WHERE book_id = %(book_id)s AND account_id = 40"
    assert book.rows(statement) == [(side,)]


def test_accounts_of_one_number_in_two_books_are_two_accounts(connection: psycopg.Connection) -> None:
    one, other = (
        new_book(connection, account(1), account(2)),
        new_book(connection, account(1), account(2)),
    )
    assert one.post(transfer(1, 1, 2, 5)) == other.post(transfer(1, 1, 2, 6)) == ["created"]
    assert (one.totals(1)[0], other.totals(1)[0]) == (5, 6)


def test_a_participant_is_never_overwritten(connection: psycopg.Connection) -> None:
    book = new_book(connection)
    row = {
        "participant_id": book.participant_id,
        "name": book.participant_id,
        "kind": "bank",
        "country": "KE",
        "bic": None,
        "home_currency": "KES",
        "has_book": True,
    }
    schema = {column: pl.Boolean if column == "has_book" else pl.String for column in row}
    assert register_participants(connection, pl.DataFrame([row], schema=schema)) == {
        book.participant_id: book.book_id
    }
    with pytest.raises(ParticipantConflict, match="exists with different country"):
        register_participants(connection, pl.DataFrame([row | {"country": "UG"}], schema=schema))
    assert book.book_id in book_ids(connection)


def test_a_close_is_recorded_once(book: Book) -> None:
    assert book.close()
    assert not book.close()
    rows = book.rows("SELECT closed_at FROM ledger.business_day WHERE book_id = %(book_id)s")
    assert rows == [(NOON,)]


def test_each_answer_to_a_change_is_given_and_a_refused_one_leaves_nothing(
    connection: psycopg.Connection,
) -> None:
    book = new_book(connection, *(account(number) for number in (1, 2, 3, 4)))
    assert book.open(account(5, parent_account_id=4)) == ["created"]
    assert book.post(transfer(1, 1, 2, 10), transfer(2, 3, 4, 1, phase="pending")) == ["created"] * 2
    revisions = "SELECT * FROM ledger.account_revision WHERE book_id = %(book_id)s ORDER BY sequence"
    before = book.rows(revisions)
    refused: list[tuple[AccountChangeResult, int, dict[str, Any]]] = [
        (AccountChangeResult.ACCOUNT_NOT_FOUND, 99, {"closed": True}),
        (AccountChangeResult.FIELD_MUST_NOT_BE_NULL, 1, {"closed": None}),
        (AccountChangeResult.LIMIT_MUST_NOT_BE_NEGATIVE, 1, {"debit_limit": -1}),
        (AccountChangeResult.UNCHANGED, 1, {}),
        (AccountChangeResult.ACCOUNT_HAS_HOLDS, 3, {"closed": True}),
        (AccountChangeResult.ACCOUNT_HAS_BALANCE, 1, {"closed": True}),
        (AccountChangeResult.ACCOUNT_HAS_BALANCE, 2, {"closed": True}),
        (AccountChangeResult.EXCEEDS_DEBIT_LIMIT, 1, {"debit_limit": 9}),
        (AccountChangeResult.EXCEEDS_CREDIT_LIMIT, 2, {"credit_limit": 9}),
    ]
    for result, account_id, terms in refused:
        assert book.change(account_id, **terms) == result, terms
    assert book.rows(revisions) == before
    assert book.post(transfer(3, None, None, None, phase="void", pending_id=name(2))) == ["created"]
    assert book.change(4, closed=True) == AccountChangeResult.ACCOUNT_HAS_OPEN_CHILDREN
    assert [book.change(number, closed=True) for number in (5, 4)] == ["changed"] * 2
    assert book.change(5, closed=False) == AccountChangeResult.PARENT_ACCOUNT_CLOSED
    assert [book.change(number, closed=False) for number in (4, 5)] == ["changed"] * 2
    assert book.faults() == []


def test_a_change_of_an_account_that_was_changed_since_is_refused(book: Book) -> None:
    assert book.change(1, debits_frozen=True) == "changed"
    answer = change_account(
        book.connection,
        book_id=book.book_id,
        account_id=1,
        revision=1,
        terms=AccountTerms(credits_frozen=True),
        reason="seen too early",
    )
    assert answer == AccountChangeResult.REVISION_SUPERSEDED
