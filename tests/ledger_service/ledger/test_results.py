"""Every answer that a transfer can get, and that a refused one leaves nothing."""

from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from ledger_service.ledger.results import TransferResult
from ledger_service.ledger.transfers import BATCH_LIMIT, BatchTooLarge
from tests.ledger_service.ledger.bookkeeping import DAY, NOON, Book, account, name, new_book, transfer

MOST = 2**63 - 1

ACCOUNTS = [
    *(account(number) for number in (1, 2, 3)),
    account(4, currency="UGX"),
    account(5, debit_limit=0),
    account(6, credit_limit=0, chart_code=1010),
    account(7),  # closed
    account(8),  # frozen for debits
    account(9),  # nearly full of debits
    account(10),  # nearly full of credits
    account(11),  # nearly full of pending debits
    account(12),  # nearly full of pending credits
    account(13),  # frozen for credits
    account(14, debit_limit=0),
]

EARLIER = [
    transfer(1, 1, 2, 100),
    transfer(2, 1, 2, 50, phase="pending"),
    transfer(3, 1, 2, 50, phase="pending"),
    transfer(4, None, None, None, phase="post", pending_id=name(3)),
    transfer(5, 1, 2, 50, phase="pending"),
    transfer(6, None, None, None, phase="void", pending_id=name(5)),
    transfer(7, 9, 10, MOST),
    transfer(8, 11, 12, MOST, phase="pending"),
    transfer(9, 1, 2, 100),
    transfer(10, None, None, 100, reverses_id=name(9)),
    transfer(11, 1, 2, 50, phase="pending", timeout_s=1_000_000),
    transfer(12, 1, 5, 30, phase="pending"),
    transfer(13, None, None, None, phase="post", pending_id=name(12)),
    transfer(14, 5, 1, 1_000, balancing="debit"),
    transfer(15, 1, 2, 50, phase="pending", timeout_s=1_000_000),
]

MUCH_LATER = datetime(2200, 1, 1, tzinfo=UTC)
POST = {"phase": "post", "pending_id": name(2)}
VOID = {"phase": "void", "pending_id": name(2)}

CASES: list[tuple[TransferResult, dict[str, Any]]] = [
    (TransferResult.EXISTS_WITH_DIFFERENT_PHASE, transfer(1, 1, 2, 100, phase="pending")),
    (TransferResult.EXISTS_WITH_DIFFERENT_PHASE, transfer(1, 1, 2, 100, phase=None)),
    (TransferResult.EXISTS_WITH_DIFFERENT_PENDING_ID, transfer(4, None, None, None, **POST)),
    (TransferResult.EXISTS_WITH_DIFFERENT_DEBIT_ACCOUNT_ID, transfer(1, 3, 2, 100)),
    (TransferResult.EXISTS_WITH_DIFFERENT_DEBIT_ACCOUNT_ID, transfer(1, None, 2, 100)),
    (TransferResult.EXISTS_WITH_DIFFERENT_CREDIT_ACCOUNT_ID, transfer(1, 1, 3, 100)),
    (TransferResult.EXISTS_WITH_DIFFERENT_AMOUNT, transfer(1, 1, 2, 101)),
    (TransferResult.EXISTS_WITH_DIFFERENT_AMOUNT, transfer(1, 1, 2, None)),
    (TransferResult.EXISTS_WITH_DIFFERENT_KIND, transfer(1, 1, 2, 100, kind="fee")),
    (TransferResult.EXISTS_WITH_DIFFERENT_KIND, transfer(1, 1, 2, 100, kind=None)),
    (TransferResult.EXISTS_WITH_DIFFERENT_PAYMENT_ID, transfer(1, 1, 2, 100, payment_id=name(1))),
    (TransferResult.EXISTS_WITH_DIFFERENT_VALUE_DATE, transfer(1, 1, 2, 100, value_date=None)),
    (TransferResult.EXISTS, transfer(1, 1, 2, 100)),
    (TransferResult.EXISTS, transfer(2, 1, 2, 50, phase="pending")),
    (TransferResult.EXISTS, transfer(4, None, None, None, phase="post", pending_id=name(3))),
    (TransferResult.EXISTS, transfer(4, 1, 2, 50, phase="post", pending_id=name(3))),
    (TransferResult.EXISTS, transfer(6, None, None, None, phase="void", pending_id=name(5))),
    (TransferResult.ID_MUST_NOT_BE_NULL, transfer(None, 1, 2, 1)),
    (TransferResult.PHASE_UNKNOWN, transfer(20, 1, 2, 1, phase="settled")),
    (TransferResult.PHASE_UNKNOWN, transfer(20, 1, 2, 1, phase=None)),
    (TransferResult.PENDING_ID_MUST_BE_NULL, transfer(20, 1, 2, 1, pending_id=name(2))),
    (TransferResult.PENDING_ID_MUST_NOT_BE_NULL, transfer(20, 1, 2, 1, phase="post")),
    (
        TransferResult.PENDING_TRANSFER_NOT_FOUND,
        transfer(20, 1, 2, 1, phase="void", pending_id=name(99)),
    ),
    (
        TransferResult.PENDING_TRANSFER_NOT_PENDING,
        transfer(20, 1, 2, 1, phase="void", pending_id=name(1)),
    ),
    (TransferResult.PENDING_TRANSFER_HAS_DIFFERENT_DEBIT_ACCOUNT_ID, transfer(20, 3, 2, 1, **POST)),
    (TransferResult.PENDING_TRANSFER_HAS_DIFFERENT_CREDIT_ACCOUNT_ID, transfer(20, 1, 3, 1, **POST)),
    (TransferResult.AMOUNT_MUST_BE_POSITIVE, transfer(20, 1, 2, 0)),
    (TransferResult.AMOUNT_MUST_BE_POSITIVE, transfer(20, 1, 2, -1)),
    (TransferResult.AMOUNT_MUST_BE_POSITIVE, transfer(20, 1, 2, None)),
    (TransferResult.AMOUNT_MUST_BE_POSITIVE, transfer(20, 1, 2, -MOST - 1)),
    (TransferResult.ACCOUNTS_MUST_BE_DIFFERENT, transfer(20, 1, 1, 1)),
    (TransferResult.FIELD_MUST_NOT_BE_NULL, transfer(20, 1, 2, 1, kind=None)),
    (TransferResult.FIELD_MUST_NOT_BE_NULL, transfer(20, 1, 2, 1, event_at=None)),
    (TransferResult.FIELD_MUST_NOT_BE_NULL, transfer(20, 1, 2, 1, value_date=None)),
    (TransferResult.DEBIT_ACCOUNT_NOT_FOUND, transfer(20, 99, 2, 1)),
    (TransferResult.DEBIT_ACCOUNT_NOT_FOUND, transfer(20, None, None, 1)),
    (TransferResult.CREDIT_ACCOUNT_NOT_FOUND, transfer(20, 1, 99, 1)),
    (TransferResult.ACCOUNTS_MUST_HAVE_THE_SAME_CURRENCY, transfer(20, 1, 4, 1)),
    (TransferResult.EXCEEDS_PENDING_TRANSFER_AMOUNT, transfer(20, None, None, 51, **POST)),
    (TransferResult.EXCEEDS_PENDING_TRANSFER_AMOUNT, transfer(20, None, None, 51, **VOID)),
    (TransferResult.PENDING_TRANSFER_HAS_DIFFERENT_AMOUNT, transfer(20, None, None, 49, **VOID)),
    (
        TransferResult.PENDING_TRANSFER_ALREADY_POSTED,
        transfer(20, 1, 2, 50, phase="post", pending_id=name(3)),
    ),
    (
        TransferResult.PENDING_TRANSFER_ALREADY_VOIDED,
        transfer(20, 1, 2, 50, phase="void", pending_id=name(5)),
    ),
    (TransferResult.DEBIT_ACCOUNT_CLOSED, transfer(20, 7, 2, 1)),
    (TransferResult.CREDIT_ACCOUNT_CLOSED, transfer(20, 1, 7, 1)),
    (TransferResult.DEBIT_ACCOUNT_FROZEN, transfer(20, 8, 2, 1)),
    (TransferResult.CREDIT_ACCOUNT_FROZEN, transfer(20, 1, 13, 1)),
    (TransferResult.BOOKED_AT_MUST_NOT_REGRESS, transfer(20, 1, 3, 1, booked_at=NOON)),
    (TransferResult.OVERFLOWS_DEBITS_POSTED, transfer(20, 9, 1, 1)),
    (TransferResult.OVERFLOWS_CREDITS_POSTED, transfer(20, 1, 10, 1)),
    (TransferResult.OVERFLOWS_DEBITS_PENDING, transfer(20, 11, 1, 1, phase="pending")),
    (TransferResult.OVERFLOWS_CREDITS_PENDING, transfer(20, 1, 12, 1, phase="pending")),
    (TransferResult.EXCEEDS_CREDITS, transfer(20, 5, 1, 1)),
    (TransferResult.EXCEEDS_CREDITS, transfer(20, 14, 3, MOST)),
    (TransferResult.EXCEEDS_DEBITS, transfer(20, 1, 6, 1)),
    (TransferResult.EXISTS_WITH_DIFFERENT_REVERSES_ID, transfer(1, 1, 2, 100, reverses_id=name(9))),
    (TransferResult.EXISTS_WITH_DIFFERENT_REVERSES_ID, transfer(10, 2, 1, 100)),
    (TransferResult.EXISTS_WITH_DIFFERENT_TIMEOUT, transfer(11, 1, 2, 50, phase="pending")),
    (TransferResult.EXISTS_WITH_DIFFERENT_TIMEOUT, transfer(2, 1, 2, 50, phase="pending", timeout_s=1)),
    (TransferResult.EXISTS_WITH_DIFFERENT_BALANCING, transfer(14, 5, 1, 1_000, balancing="both")),
    (TransferResult.EXISTS_WITH_DIFFERENT_BALANCING, transfer(14, 5, 1, 30)),
    (TransferResult.EXISTS_WITH_DIFFERENT_AMOUNT, transfer(14, 5, 1, 29, balancing="debit")),
    (TransferResult.EXISTS_WITH_DIFFERENT_AMOUNT, transfer(10, 2, 1, 99, reverses_id=name(9))),
    (TransferResult.EXISTS, transfer(10, None, None, None, reverses_id=name(9))),
    (TransferResult.EXISTS, transfer(11, 1, 2, 50, phase="pending", timeout_s=1_000_000)),
    (TransferResult.EXISTS, transfer(14, 5, 1, 1_000, balancing="debit")),
    (TransferResult.EXISTS, transfer(14, 5, 1, 30, balancing="debit")),
    (TransferResult.EXISTS, transfer(14, 5, 1, None, balancing="debit")),
    (
        TransferResult.REVERSES_ID_MUST_BE_NULL,
        transfer(20, 1, 2, 1, phase="pending", reverses_id=name(9)),
    ),
    (TransferResult.TIMEOUT_RESERVED_FOR_PENDING_TRANSFER, transfer(20, 1, 2, 1, timeout_s=1)),
    (TransferResult.TIMEOUT_OUT_OF_RANGE, transfer(20, 1, 2, 1, phase="pending", timeout_s=0)),
    (TransferResult.TIMEOUT_OUT_OF_RANGE, transfer(20, 1, 2, 1, phase="pending", timeout_s=-1)),
    (TransferResult.TIMEOUT_OUT_OF_RANGE, transfer(20, 1, 2, 1, phase="pending", timeout_s=2**32)),
    (
        TransferResult.IMPORTED_TRANSFER_MUST_NOT_TIME_OUT,
        transfer(20, 1, 2, 1, phase="pending", timeout_s=1, booked_at=NOON),
    ),
    (TransferResult.BALANCING_UNKNOWN, transfer(20, 1, 2, 1, balancing="sideways")),
    (TransferResult.BALANCING_RESERVED, transfer(20, None, None, None, **POST, balancing="debit")),
    (TransferResult.BALANCING_RESERVED, transfer(20, 2, 1, 1, reverses_id=name(1), balancing="both")),
    (TransferResult.REVERSED_TRANSFER_NOT_FOUND, transfer(20, 1, 2, 1, reverses_id=name(99))),
    (TransferResult.REVERSED_TRANSFER_NOT_POSTED, transfer(20, 2, 1, 1, reverses_id=name(2))),
    (TransferResult.REVERSED_TRANSFER_NOT_POSTED, transfer(20, 2, 1, 1, reverses_id=name(6))),
    (TransferResult.REVERSED_TRANSFER_IS_A_REVERSAL, transfer(20, 1, 2, 1, reverses_id=name(10))),
    (
        TransferResult.REVERSED_TRANSFER_HAS_DIFFERENT_CREDIT_ACCOUNT_ID,
        transfer(20, 1, 2, 1, reverses_id=name(1)),
    ),
    (
        TransferResult.REVERSED_TRANSFER_HAS_DIFFERENT_DEBIT_ACCOUNT_ID,
        transfer(20, 2, 3, 1, reverses_id=name(1)),
    ),
    (TransferResult.REVERSED_TRANSFER_ALREADY_REVERSED, transfer(20, 2, 1, 1, reverses_id=name(9))),
    (
        TransferResult.REVERSED_TRANSFER_ALREADY_REVERSED,
        transfer(20, None, None, None, reverses_id=name(9)),
    ),
    (TransferResult.EXCEEDS_REVERSED_TRANSFER_AMOUNT, transfer(20, 2, 1, 101, reverses_id=name(1))),
    (
        TransferResult.PENDING_TRANSFER_NOT_EXPIRED,
        transfer(20, None, None, None, phase="expire", pending_id=name(11)),
    ),
    (
        TransferResult.PENDING_TRANSFER_NOT_EXPIRED,
        transfer(20, None, None, None, phase="expire", pending_id=name(2)),
    ),
    (
        TransferResult.PENDING_TRANSFER_EXPIRED,  # at that booking time
        transfer(20, None, None, None, phase="post", pending_id=name(15), booked_at=MUCH_LATER),
    ),
    (TransferResult.EXCEEDS_CREDITS, transfer(20, 5, 1, None, balancing="debit")),
    (TransferResult.EXCEEDS_CREDITS, transfer(20, 3, 1, None, balancing="debit")),
    (TransferResult.EXCEEDS_DEBITS, transfer(20, 1, 6, None, balancing="credit")),
]
"""Each leaves nothing, whichever stand before it."""

ANSWERED_ELSEWHERE = {
    TransferResult.CREATED,
    TransferResult.LINKED_EVENT_CHAIN_OPEN,
    TransferResult.LINKED_EVENT_FAILED,
    TransferResult.BUSINESS_DATE_CLOSED,
    TransferResult.ID_ARCHIVED,
}


@pytest.fixture
def furnished(connection: psycopg.Connection) -> Book:
    book = new_book(connection, *ACCOUNTS)
    assert set(book.post(*EARLIER)) == {"created"}
    assert book.change(7, closed=True) == "changed"
    assert book.change(8, debits_frozen=True) == "changed"
    assert book.change(13, credits_frozen=True) == "changed"
    return book


def test_every_result_is_tested() -> None:
    assert {result for result, _ in CASES} | ANSWERED_ELSEWHERE == set(TransferResult)


def test_each_refusal_is_answered_and_leaves_nothing(furnished: Book) -> None:
    before = furnished.entries()
    for result, item in CASES:
        assert furnished.post(item) == [result], item
    assert furnished.entries() == before
    assert furnished.faults() == []


def test_the_refusals_of_a_batch_do_not_touch_its_good_items(furnished: Book) -> None:
    items = [item | {"transfer_id": name(1000 + number)} if item["transfer_id"] == name(20) else item
             for number, (_, item) in enumerate(CASES)]  # fmt: skip
    good = [transfer(2000 + number, 1, 2, 1) for number in range(len(items))]
    mixed = [item for pair in zip(good, items, strict=True) for item in pair]
    written, _ = furnished.written()
    assert furnished.post(*mixed) == [
        code for result, _ in CASES for code in (TransferResult.CREATED, result)
    ]
    assert furnished.written() == (written + len(good), 2 * (written + len(good)))
    assert furnished.faults() == []


def test_refusals_are_answered_in_their_order_of_precedence(furnished: Book) -> None:
    """One item with many faults; each is mended in turn, and the next one in the list appears."""
    item = transfer(None, 3, 3, 0, phase="settled", pending_id=name(2), kind=None, booked_at=NOON)
    mended = [
        (TransferResult.ID_MUST_NOT_BE_NULL, {"transfer_id": name(20)}),
        (TransferResult.PHASE_UNKNOWN, {"phase": "single"}),
        (TransferResult.PENDING_ID_MUST_BE_NULL, {"phase": "post", "pending_id": None}),
        (TransferResult.PENDING_ID_MUST_NOT_BE_NULL, {"pending_id": name(99)}),
        (TransferResult.PENDING_TRANSFER_NOT_FOUND, {"pending_id": name(1)}),
        (TransferResult.PENDING_TRANSFER_NOT_PENDING, {"pending_id": name(2)}),
        (TransferResult.PENDING_TRANSFER_HAS_DIFFERENT_DEBIT_ACCOUNT_ID, {"debit_account_id": 1}),
        (TransferResult.PENDING_TRANSFER_HAS_DIFFERENT_CREDIT_ACCOUNT_ID, {"credit_account_id": 2}),
        (TransferResult.AMOUNT_MUST_BE_POSITIVE, {"amount_minor": MOST}),
        (TransferResult.FIELD_MUST_NOT_BE_NULL, {"kind": "fee"}),
        (TransferResult.EXCEEDS_PENDING_TRANSFER_AMOUNT, {"amount_minor": 50, "phase": "void"}),
    ]
    for result, change in mended:
        assert furnished.post(item) == [result]
        item |= change
    assert furnished.post(item | {"pending_id": name(3)}) == [
        TransferResult.PENDING_TRANSFER_ALREADY_POSTED
    ]
    assert furnished.post(item) == [TransferResult.BOOKED_AT_MUST_NOT_REGRESS]
    assert furnished.post(item | {"booked_at": None}) == [TransferResult.CREATED]


def test_a_closed_business_date_refuses_new_items_and_answers_retries(furnished: Book) -> None:
    before = furnished.entries()
    assert furnished.close()
    retried = furnished.post(*EARLIER, transfer(None, 1, 1, 0))
    assert retried == [TransferResult.EXISTS] * len(EARLIER) + [TransferResult.BUSINESS_DATE_CLOSED]
    assert furnished.entries() == before
    assert furnished.post(transfer(20, 1, 2, 1), on=DAY.replace(day=4)) == [TransferResult.CREATED]


def test_a_void_releases_a_hold_on_frozen_accounts(furnished: Book) -> None:
    assert furnished.change(1, debits_frozen=True) == "changed"
    assert furnished.post(transfer(20, None, None, None, **POST)) == ["debit_account_frozen"]
    assert furnished.change(2, credits_frozen=True) == "changed"
    pending = furnished.totals(1)[2]
    assert furnished.post(transfer(21, None, None, None, **VOID)) == [TransferResult.CREATED]
    assert furnished.totals(1)[2] == pending - 50


def test_an_archived_id_is_refused_and_one_that_is_still_there_exists(
    book: Book, superuser: psycopg.Connection
) -> None:
    assert book.post(transfer(5, 1, 2, 1)) == ["created"]
    superuser.execute(
        "UPDATE ledger.book_state SET id_floor = %s WHERE book_id = %s", [name(10), book.book_id]
    )
    codes = book.post(transfer(5, 1, 2, 1), transfer(9, 1, 2, 1), transfer(10, 1, 2, 1))
    assert codes == ["exists", "id_archived", "created"]
    assert book.faults() == []


def test_totals_fill_up_to_the_last_unit_within_a_batch(book: Book) -> None:
    assert book.post(transfer(1, 1, 2, MOST - 10), transfer(2, 1, 3, 2**60, phase="pending")) == [
        "created",
        "created",
    ]
    codes = book.post(*(transfer(number, 1, 2, 5) for number in (3, 4, 5)), transfer(6, 2, 1, MOST))
    assert codes == ["created", "created", "overflows_debits_posted", "created"]
    assert book.totals(1) == (MOST, MOST, 2**60, 0)
    assert book.faults() == []


def test_the_largest_amounts_fit_in_one_batch(book: Book) -> None:
    codes = book.post(*(transfer(number, 1, 2, 2**62 // 10_000) for number in range(1, 10_001)))
    assert set(codes) == {"created"}
    assert book.totals(1) == (2**62 // 10_000 * 10_000, 0, 0, 0)


def test_an_empty_batch_has_no_answers(book: Book) -> None:
    assert book.post() == []


def test_too_large_a_batch_is_refused_whole_with_its_size(book: Book) -> None:
    with pytest.raises(BatchTooLarge, match="10001"):
        book.post(*(transfer(number, 1, 2, 1) for number in range(1, BATCH_LIMIT + 2)))
    assert book.written() == (0, 0)


def test_an_unknown_book_is_an_error_not_an_answer(connection: psycopg.Connection) -> None:
    with pytest.raises(psycopg.errors.ForeignKeyViolation, match="book 999999 does not exist"):
        Book(connection, 999_999, "none").post(transfer(1, 1, 2, 1))


@pytest.mark.parametrize("amounts", [None, [], [1, 2]])
def test_columns_of_unequal_length_are_an_error(book: Book, amounts: list[int] | None) -> None:
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="as long as each other"):
        book.connection.execute(
            """SELECT ledger.create_transfers(%s, %s, '{null}', '{1}', '{2}', %s::bigint[], '{single}',
            NULL, '{false}', '{fee}', NULL, '{null}', NULL, '{null}', NULL, NULL, NULL)""",
            [book.book_id, DAY, amounts],
        )


def test_an_absent_link_is_no_link(book: Book) -> None:
    items = [transfer(1, 1, 2, 1, linked=None), transfer(2, 1, 2, 0), transfer(3, 1, 2, 1, linked=None)]
    assert book.post(*items) == ["created", "amount_must_be_positive", "created"]


def test_a_full_batch_retried_whole_exists_and_writes_nothing(book: Book) -> None:
    items = [transfer(number, 1 + number % 2, 3, 1) for number in range(1, BATCH_LIMIT + 1)]
    assert set(book.post(*items)) == {"created"}
    before = book.rows("SELECT * FROM ledger.book_state WHERE book_id = %(book_id)s")
    assert set(book.post(*items)) == {"exists"}
    assert book.rows("SELECT * FROM ledger.book_state WHERE book_id = %(book_id)s") == before
    assert book.written() == (BATCH_LIMIT, 2 * BATCH_LIMIT)


@pytest.mark.parametrize("phase", ["single", "pending"])
def test_the_last_unit_below_2_to_the_63_fits_and_the_next_does_not(book: Book, phase: str) -> None:
    posted = phase == "single"
    codes = book.post(
        transfer(1, 1, 2, MOST - 1, phase=phase),
        transfer(2, 1, 3, 2, phase=phase),
        transfer(3, 3, 2, 2, phase=phase),
        transfer(4, 1, 2, 1, phase=phase),
        transfer(5, 1, 3, 1, phase=phase),
        transfer(6, 3, 2, 1, phase=phase),
    )
    kind = "posted" if posted else "pending"
    assert codes == [
        "created",
        f"overflows_debits_{kind}",
        f"overflows_credits_{kind}",
        "created",
        f"overflows_debits_{kind}",
        f"overflows_credits_{kind}",
    ]
    assert book.totals(1) == ((MOST, 0, 0, 0) if posted else (0, 0, MOST, 0))
    assert book.faults() == []


def test_posted_and_pending_totals_may_both_be_full(book: Book) -> None:
    """Their sum is beyond 64 bits; what is available is still known."""
    codes = book.post(
        transfer(1, 1, 2, MOST), transfer(2, 1, 2, MOST, phase="pending"), transfer(3, 2, 1, MOST)
    )
    assert codes == ["created"] * 3
    assert book.post(transfer(4, None, None, None, phase="post", pending_id=name(2))) == [
        "overflows_debits_posted"
    ]
    assert book.change(2, debit_limit=0) == "changed"
    assert book.post(transfer(5, 2, 3, 1), transfer(6, 1, 3, None, balancing="debit")) == [
        "overflows_debits_posted",
        "exceeds_credits",
    ]
    assert book.post(transfer(7, None, None, None, phase="void", pending_id=name(2))) == ["created"]
    assert book.faults() == []
