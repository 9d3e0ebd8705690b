"""The expiry sweep: what has expired is released once, what has not is left alone."""

import itertools
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.ledger import expiry
from ledger_service.ledger.expiry import NOTHING_SWEPT, Sweep, release_id, sweep_expired
from ledger_service.runtime.database import Database, Role, Server
from tests.ledger_service.ledger.bookkeeping import DAY, Book, account, name, new_book, transfer

LATER = datetime(2100, 1, 1, tzinfo=UTC)
"""A time by which every hold has expired, but for the ledger's own clock."""


def sweep(book: Book, **other: object) -> Sweep:
    arguments = {"book_id": book.book_id, "business_date": DAY, "now": LATER} | other
    with book.connection.transaction():
        return sweep_expired(book.connection, **arguments)  # type: ignore[arg-type] # as the caller says


def hold(number: int, amount: int, timeout_s: int | None = 1) -> dict[str, object]:
    return transfer(
        number, 1, 2, amount, phase="pending", timeout_s=timeout_s, payment_id=name(9 * number)
    )


def until_expired(book: Book) -> None:
    """Wait until the shortest holds have expired by the ledger's clock."""
    while book.rows(
        """SELECT FROM ledger.transfer WHERE book_id = %(book_id)s AND phase = 'pending'
        AND expires_at < booked_at + interval '2 s' AND expires_at > clock_timestamp()"""
    ):
        time.sleep(0.02)


@pytest.fixture
def expired(connection: psycopg.Connection) -> Book:
    """Holds 1 to 20 have expired, but 4 was posted and 5 voided; 30 has time left, 31 has no end."""
    book = new_book(connection, account(1, debit_limit=1_000), account(2))
    assert set(book.post(*(hold(number, 10) for number in range(1, 21)))) == {"created"}
    assert book.post(hold(30, 10, timeout_s=3_600), hold(31, 10, timeout_s=None)) == ["created"] * 2
    resolutions = [
        transfer(104, None, None, None, phase="post", pending_id=name(4)),
        transfer(105, None, None, None, phase="void", pending_id=name(5)),
    ]
    assert book.post(*resolutions) == ["created"] * 2
    until_expired(book)
    return book


def test_what_has_expired_is_released_once_and_the_rest_stays(expired: Book) -> None:
    assert expired.totals(1) == (10, 0, 200, 0)
    first = sweep(expired)
    assert (first.released, first.finished) == (18, True)
    assert sorted(first.holds["pending_id"]) == [name(n) for n in range(1, 21) if n not in {4, 5}]
    assert expired.totals(1) == (10, 0, 20, 0)
    assert expired.totals(2) == (0, 10, 0, 20)
    assert sweep(expired).holds.height == 0
    assert sweep(expired, after=first.position).holds.height == 0


def test_a_release_says_whose_hold_it_was_and_when_it_expired(expired: Book) -> None:
    sweep(expired)
    assert expired.rows(
        """SELECT count(*), bool_and(e.kind = h.kind AND e.payment_id = h.payment_id
            AND e.event_at = h.expires_at AND e.amount = h.amount AND e.booked_at >= h.expires_at
            AND e.value_date = e.business_date)
        FROM ledger.transfer e
        JOIN ledger.transfer h ON h.book_id = e.book_id AND h.transfer_id = e.pending_id
        WHERE e.book_id = %(book_id)s AND e.phase = 'expire'"""
    ) == [(18, True)]


def test_an_expired_hold_cannot_be_posted_even_before_the_sweep(expired: Book) -> None:
    late = transfer(200, None, None, None, phase="post", pending_id=name(1))
    assert expired.post(late) == ["pending_transfer_expired"]
    assert sweep(expired).released == 18
    assert expired.post(late) == ["pending_transfer_expired"]


def test_nothing_is_released_before_the_callers_time(expired: Book) -> None:
    early = sweep(expired, now=datetime(2020, 1, 1, tzinfo=UTC))
    assert early.holds.height == 0
    assert sweep(expired, after=early.position).released == 18


def test_nothing_is_released_before_the_ledgers_time(book: Book) -> None:
    """However far the caller's clock is ahead."""
    book.post(hold(1, 10, timeout_s=3_600))
    early = sweep(book, now=LATER)
    assert (early.holds.height, early.finished) == (0, True)
    assert early.position.expires_at < datetime.now(UTC) + timedelta(minutes=1)
    assert book.totals(1) == (0, 0, 10, 0)


def test_limited_sweeps_read_every_hold_once(expired: Book) -> None:
    """All but the last read as many holds as they may, resolved ones among them."""
    position, released, sweeps = NOTHING_SWEPT, 0, 0
    finished = False
    while not finished:
        step = sweep(expired, after=position, limit=7)
        assert step.holds.height <= 7
        assert step.position.expires_at >= position.expires_at
        position, finished = step.position, step.finished
        released, sweeps = released + step.released, sweeps + 1
    assert (released, sweeps) == (18, 3)


def test_a_position_is_not_passed_while_its_holds_could_not_be_released(expired: Book) -> None:
    assert expired.close(DAY)
    refused = sweep(expired)
    assert set(refused.holds["result"]) == {"business_date_closed"}
    assert (refused.released, refused.position) == (0, NOTHING_SWEPT)
    next_day = sweep(expired, business_date=DAY + timedelta(days=1), after=refused.position)
    assert next_day.released == 18


def test_a_hold_of_a_closed_or_frozen_account_is_released(expired: Book) -> None:
    assert expired.connection.execute(
        "SELECT ledger.change_account(%s, 1, 1, false, true, true, 1000, NULL, 'court order')",
        [expired.book_id],
    ).fetchone() == ("changed",)
    assert sweep(expired).released == 18


def test_sweeps_at_the_same_time_release_once(expired: Book, ledger: Server) -> None:
    """With the same time their ids are the same; with others the hold is resolved already."""

    def sweep_alone(number: int) -> Sweep:
        with ledger.connect(Database.LEDGER, Role.APP, autocommit=True) as own:
            now = LATER + timedelta(seconds=number // 2)
            return sweep_expired(own, book_id=expired.book_id, business_date=DAY, now=now)

    with ThreadPoolExecutor(4) as pool:
        sweeps = list(pool.map(sweep_alone, range(4)))
    answers = set(itertools.chain(*(step.holds["result"] for step in sweeps)))
    assert answers <= {"created", "exists", "pending_transfer_expired"}
    assert sum(step.released for step in sweeps) == 18
    assert all(step.position != NOTHING_SWEPT for step in sweeps)
    assert expired.totals(1) == (10, 0, 20, 0)


def test_a_hold_that_commits_late_is_not_passed(ledger: Server, connection: psycopg.Connection) -> None:
    """It was booked before the sweep looked, expires while its writer waits, and commits after."""
    book = new_book(connection, account(1), account(2))
    with (
        ledger.connect(Database.LEDGER, Role.APP, autocommit=True) as writer,
        ThreadPoolExecutor(1) as pool,
    ):
        with writer.transaction():
            assert Book(writer, book.book_id, "").post(hold(1, 10)) == ["created"]
            time.sleep(1.1)
            sweeping = pool.submit(sweep, book)
            with pytest.raises(TimeoutError):
                sweeping.result(0.2)
        assert sweeping.result(30).released == 1


def test_the_holds_are_found_by_their_index(expired: Book) -> None:
    statement = Path(expiry.__file__).with_name("expired_holds.sql").read_text()
    parameters = {"after": NOTHING_SWEPT.expires_at, "after_id": name(0), "through": LATER, "limit": 5}
    with expired.connection.transaction():
        # Of the few rows of a test a scan would be as cheap.
        expired.connection.execute("SET LOCAL enable_seqscan = off")
        rows = expired.connection.execute(
            f"EXPLAIN {statement}".encode(), parameters | {"book_id": expired.book_id}
        )
        plan = "\n".join(row[0] for row in rows)
    assert "transfer_other_book_id_expires_at_idx" in plan
    assert "resolution_other_pkey" in plan
    assert "Seq Scan" not in plan


@given(
    st.datetimes(datetime(2000, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 -- a bound
    st.uuids(),
)
def test_a_release_has_a_uuid_of_version_7_that_says_when(now: datetime, of: UUID) -> None:
    made = UUID(release_id(now, str(of)))
    assert (made.version, made.variant) == (7, UUID(int=0x8 << 60).variant)
    assert made.int >> 80 == (now - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    assert str(made) == release_id(now, str(of)) != release_id(now, name(3))
