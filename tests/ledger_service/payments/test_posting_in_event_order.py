"""Booking a file gives what a ledger that runs all day would have answered, payment by payment."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import polars as pl
import psycopg
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from ledger_service.ledger.accounts import AccountTerms, change_account
from ledger_service.ledger.books import register_participants
from ledger_service.ledger.lookups import lookup_external_refs
from ledger_service.ledger.verification import verify
from ledger_service.payments import posting
from ledger_service.payments.account_directory import read_directory, register_customers
from ledger_service.payments.book_states import Books
from ledger_service.payments.instructions import INSTRUCTION_SCHEMA
from ledger_service.payments.posting import Posted, post_legs
from ledger_service.payments.posting_rules import legs_for
from ledger_service.payments.sources.source import ACCOUNT_SCHEMA, PARTICIPANT_SCHEMA
from ledger_service.runtime.database import Database, Role, Server

DAY = date(2026, 1, 5)
MORNING = datetime(2026, 1, 5, 9, tzinfo=UTC)
BANKS = ["A", "B", "C"]
CURRENCIES = ["KES", "UGX"]
NAMES = {bank: f"BANK-{bank}" for bank in BANKS}
CLOSED = "closed"


@dataclass(frozen=True)
class Payment:
    """From and to an account such as `A/KES/0`, or none; `after` the one before it, in seconds."""

    debtor: str | None
    creditor: str | None
    amount: int
    after: int


def account(bank: str, currency: str, number: int | str) -> str:
    return f"{bank}/{currency}/{number}"


def oracle(payments: list[Payment]) -> list[tuple[bool, bool]]:
    """In the order of events: whether each is booked, and whether it waits on unapplied receipts."""
    balances: dict[str, int] = defaultdict(int)
    answers = []
    for payment in payments:
        debtor, creditor = payment.debtor, payment.creditor
        same_book = debtor is not None and creditor is not None and debtor[0] == creditor[0]
        into_closed = creditor is not None and creditor.endswith(CLOSED)
        if debtor is not None:
            if balances[debtor] < payment.amount or debtor.endswith(CLOSED):
                answers.append((False, False))
                continue
            if into_closed and same_book:
                answers.append((False, False))
                continue
            balances[debtor] -= payment.amount
        if creditor is not None and not into_closed:
            balances[creditor] += payment.amount
        answers.append((True, into_closed and not same_book))
    return answers


def instructions(payments: list[Payment]) -> pl.DataFrame:
    rows, at = [], MORNING
    for number, payment in enumerate(payments):
        at += timedelta(seconds=payment.after)
        debtor = payment.debtor.split("/") if payment.debtor else None
        creditor = payment.creditor.split("/") if payment.creditor else None
        converted = debtor and creditor and debtor[1] != creditor[1]
        currency = (debtor or creditor or ["", ""])[1]
        kind = "credit_transfer" if debtor and creditor else "collection" if creditor else "payout"
        rows.append(
            {
                **dict.fromkeys(INSTRUCTION_SCHEMA),
                "instruction_id": f"019b8a3c-0000-7000-8000-{number:012d}",
                "kind": kind,
                "event_at": at,
                "value_date": DAY,
                "currency": currency,
                "amount_minor": payment.amount,
                "debtor_agent": NAMES[debtor[0]] if debtor else "PARTNER",
                "debtor_account": payment.debtor or "outside",
                "creditor_agent": NAMES[creditor[0]] if creditor else "PARTNER",
                "creditor_account": payment.creditor or "outside",
                "counter_currency": creditor[1] if converted and creditor else None,
                "counter_amount_minor": payment.amount if converted else None,
                "source_file": "f",
                "source_row": number + 2,
            }
        )
    return pl.DataFrame(rows, schema=INSTRUCTION_SCHEMA)


PARTICIPANTS = pl.DataFrame(
    [(NAMES[bank], bank, "bank", "KE", None, "KES", True) for bank in BANKS]
    + [("PARTNER", "Partner", "partner_bank", "GB", None, "GBP", False)],
    schema=PARTICIPANT_SCHEMA,
    orient="row",
)
ACCOUNTS = [
    account(bank, currency, number)
    for bank in BANKS
    for currency in CURRENCIES
    for number in (0, 1, CLOSED)
]


class Bench:
    """A ledger with three books whose every example is rolled back."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self.connection = connection
        with connection.transaction():
            books = register_participants(connection, PARTICIPANTS)
            accounts = pl.DataFrame(
                [
                    (NAMES[name[0]], name, "deposit", name.split("/")[1], "P", "person", None, DAY, 0)
                    for name in ACCOUNTS
                ],
                schema=ACCOUNT_SCHEMA,
                orient="row",
            )
            register_customers(
                connection,
                accounts=accounts,
                books=books,
                directory=read_directory(connection, sorted(books.values())),
                business_date=DAY,
            )
            for book_id in books.values():
                refs = [name for name in ACCOUNTS if name.endswith("/closed")]
                closed = lookup_external_refs(connection, book_id=book_id, external_refs=refs)
                for row in closed.iter_rows(named=True):
                    terms = AccountTerms(
                        closed=True, debit_limit=row["debit_limit"], credit_limit=row["credit_limit"]
                    )
                    change_account(
                        connection,
                        book_id=book_id,
                        account_id=row["account_id"],
                        revision=row["revision"],
                        terms=terms,
                        reason="closed at the holder's wish",
                    )
        self.books = books
        self.directory = read_directory(connection, sorted(books.values()))
        self.participants = PARTICIPANTS.select(
            "participant_id",
            "kind",
            book_id=pl.col("participant_id").replace_strict(books, default=None, return_dtype=pl.Int32),
        )

    def post(self, payments: list[Payment]) -> Posted:
        return post_legs(
            self.connection,
            legs=legs_for(instructions(payments), self.participants),
            directory=self.directory,
            books=Books(dict.fromkeys(self.books.values(), DAY), {}, replayed=True),
        )

    def answers(self, payments: list[Payment]) -> list[tuple[bool, bool]]:
        posted = self.post(payments).outcomes.sort("payment_id")
        return [(booked, booked and code is not None) for _, booked, code in posted.iter_rows()]

    def balances(self) -> dict[str, int]:
        rows = self.connection.execute(
            """
            SELECT external_ref, credits_posted - debits_posted FROM ledger.account
            WHERE party_id = 'P'
            """
        ).fetchall()
        return {name: balance for name, balance in rows if balance}

    def sides_differ(self) -> list[tuple[object, ...]]:
        """Pairs of books that do not agree on what one owes the other."""
        return self.connection.execute(
            """
            SELECT least(b.participant_id, a.counterparty_id),
                greatest(b.participant_id, a.counterparty_id), currency,
                sum(debits_posted - credits_posted)
            FROM ledger.account a JOIN ledger.book b USING (book_id) WHERE chart_code = 1210
            GROUP BY 1, 2, 3 HAVING sum(debits_posted - credits_posted) <> 0
            """
        ).fetchall()


@pytest.fixture
def bench(ledger_database: Server) -> Iterator[Bench]:
    with ledger_database.connect(Database.LEDGER, Role.APP, autocommit=True) as connection:
        yield Bench(connection)


amounts = st.integers(1, 6)
names = st.sampled_from(ACCOUNTS)
after = st.sampled_from([0, 1, 60])
transfers = st.builds(Payment, names, names, amounts, after).filter(lambda p: p.debtor != p.creditor)
collections = st.builds(Payment, st.none(), names, st.integers(1, 12), after)
payouts = st.builds(Payment, names, st.none(), amounts, after)
days = st.lists(transfers | transfers | transfers | collections | payouts, min_size=1, max_size=40)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(payments=days, rounds=st.sampled_from([3, posting.ROUNDS_LIMIT]))
def test_every_payment_is_answered_as_if_it_had_come_alone(
    bench: Bench, payments: list[Payment], rounds: int
) -> None:
    expected = oracle(payments)
    with pytest.MonkeyPatch.context() as patched, bench.connection.transaction() as example:
        patched.setattr(posting, "ROUNDS_LIMIT", rounds)
        assert bench.answers(payments) == expected
        assert bench.sides_differ() == []
        assert min(bench.balances().values(), default=0) >= 0
        event(f"refused: {sum(not booked for booked, _ in expected) > 3}")
        raise psycopg.Rollback(example)


def test_a_payment_that_failed_for_lack_of_phantom_money_is_booked(bench: Bench) -> None:
    """B has 50 and expects 100 that A cannot pay: without them the dearer debit fails, not the later."""
    payments = [
        Payment(None, "B/KES/0", 50, 1),
        Payment("A/KES/0", "B/KES/0", 100, 1),
        Payment("B/KES/0", "C/KES/0", 150, 1),
        Payment("B/KES/0", "C/KES/1", 50, 1),
    ]
    with bench.connection.transaction():
        assert [booked for booked, _ in bench.answers(payments)] == [True, False, False, True]
    assert bench.balances() == {"C/KES/1": 50}


def chain(length: int) -> list[Payment]:
    """Nobody has money but in the eyes of the one who is paid: each refusal brings the next."""
    ring = ["A/KES/0", "B/KES/0", "C/KES/0"]
    return [Payment(ring[n % 3], ring[(n + 1) % 3], 5, 1) for n in range(length)]


@pytest.mark.parametrize("rounds", [3, 64])
def test_refusals_that_hang_on_each_other_end_in_any_number_of_rounds(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, rounds: int
) -> None:
    monkeypatch.setattr(posting, "ROUNDS_LIMIT", rounds)
    with bench.connection.transaction():
        assert bench.answers(chain(24)) == [(False, False)] * 24
    assert bench.balances() == {}
    assert bench.connection.execute("SELECT count(*) FROM ledger.transfer").fetchall() == [(0,)]


def test_money_that_arrives_later_funds_nothing_before(bench: Bench) -> None:
    payments = [
        Payment(None, "A/KES/0", 10, 1),
        Payment("B/KES/0", None, 10, 1),
        Payment("A/KES/0", "B/KES/0", 10, 1),
        Payment("B/KES/0", None, 10, 1),
    ]
    with bench.connection.transaction():
        assert [booked for booked, _ in bench.answers(payments)] == [True, False, True, True]


def test_an_amount_beyond_all_means_disturbs_no_other_payment(bench: Bench) -> None:
    """For one round its second side fills the clearing account, and then no other credit fits."""
    payments = [
        Payment(None, "A/KES/0", 10, 1),
        Payment("A/KES/1", "B/KES/1", 2**63 - 1, 1),
        Payment("A/KES/0", "B/KES/0", 10, 1),
    ]
    with bench.connection.transaction():
        assert bench.answers(payments) == [(True, False), (False, False), (True, False)]
    assert bench.balances() == {"B/KES/0": 10}


def test_each_book_has_its_own_time(bench: Bench) -> None:
    payments = [
        Payment(None, "A/KES/0", 10, 60),
        Payment(None, "B/KES/0", 10, 60),
        Payment("A/KES/0", "B/KES/0", 10, 60),
        Payment("B/KES/0", "C/UGX/0", 20, 60),
    ]
    late = MORNING + timedelta(hours=5)
    ids = bench.books
    legs = legs_for(instructions(payments), bench.participants)
    dates = dict.fromkeys(ids.values(), DAY)
    last = {ids["BANK-A"]: None, ids["BANK-B"]: late}
    with bench.connection.transaction():
        post_legs(
            bench.connection,
            legs=legs,
            directory=bench.directory,
            books=Books(dates, last, replayed=True),
        )
    booked = bench.connection.execute(
        "SELECT DISTINCT book_id, event_at, booked_at FROM ledger.transfer ORDER BY 1, 2"
    ).fetchall()
    minutes = [MORNING + timedelta(minutes=n) for n in range(5)]
    assert booked == [
        (ids["BANK-A"], minutes[1], minutes[1]),
        (ids["BANK-A"], minutes[3], minutes[3]),
        (ids["BANK-B"], minutes[2], late),
        (ids["BANK-B"], minutes[3], late),
        (ids["BANK-B"], minutes[4], late),
        (ids["BANK-C"], minutes[4], minutes[4]),
    ]
    assert [book.differences for book in verify(bench.connection)] == [(), (), ()]


def test_posting_the_same_legs_again_creates_nothing(bench: Bench) -> None:
    payments = [
        Payment(None, "A/KES/0", 10, 1),
        Payment("A/KES/0", "B/UGX/0", 10, 1),
        Payment("C/KES/0", "B/UGX/0", 10, 1),
        Payment(None, "C/KES/closed", 10, 1),
    ]
    with bench.connection.transaction():
        first = bench.post(payments)
    with bench.connection.transaction():
        again = bench.post(payments)
    assert (first.transfers, again.transfers) == (5, 0)
    assert again.outcomes.equals(first.outcomes)
