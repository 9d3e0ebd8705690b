"""Accounts and transfers are found by what they are called and what they are."""

from typing import Any

import psycopg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger_service.ledger.lookups import (
    account_revisions,
    lookup_accounts,
    lookup_external_refs,
    lookup_transfers,
    query_accounts,
)
from tests.ledger_service.ledger.bookkeeping import Book, account, name, new_book, transfer


@given(ids=st.sets(st.integers(1, 60), max_size=20), limit=st.integers(1, 7))
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_pages_of_accounts_are_all_accounts(
    connection: psycopg.Connection, ids: set[int], limit: int
) -> None:
    book = new_book(connection, *(account(number) for number in ids))
    seen: list[int] = []
    while True:
        after = seen[-1] if seen else 0
        page = query_accounts(connection, book_id=book.book_id, after=after, limit=limit)
        if page.is_empty():
            break
        seen += page["account_id"].to_list()
    assert seen == sorted(ids)


def test_accounts_are_chosen_by_line_currency_and_parent(connection: psycopg.Connection) -> None:
    others = (account(3, parent_account_id=2), account(4, currency="USD"))
    book = new_book(connection, account(1, chart_code=1010), account(2), *others)

    def chosen(**conditions: Any) -> list[int]:
        found = query_accounts(connection, book_id=book.book_id, **conditions)
        return found["account_id"].to_list()

    assert chosen(chart_code=2010) == [2, 3, 4]
    assert chosen(chart_code=2010, currency="KES") == [2, 3]
    assert chosen(parent_account_id=2) == [3]


def test_what_is_not_there_is_not_in_the_answer(book: Book) -> None:
    book.post(transfer(1, 1, 2, 5), transfer(2, 2, 3, 5))
    among = {"book_id": book.book_id}
    found = lookup_accounts(book.connection, **among, account_ids=[3, 9, 1])
    assert found["account_id"].to_list() == [1, 3]
    found = lookup_external_refs(book.connection, **among, external_refs=["A2", "B"])
    assert found["external_ref"].to_list() == ["A2"]
    found = lookup_transfers(book.connection, **among, transfer_ids=[name(2), name(9), name(1)])
    assert found["transfer_id"].to_list() == [name(1), name(2)]


def test_every_change_of_an_account_is_kept_with_its_reason(book: Book) -> None:
    assert book.change(1, debits_frozen=True) == "changed"
    revisions = account_revisions(book.connection, book_id=book.book_id, account_id=1)
    assert revisions["debits_frozen"].to_list() == [False, True]
    assert revisions["reason"][1] == "because a test says so"
