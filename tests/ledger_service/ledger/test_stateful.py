"""A book lives through anything: batches, changed accounts, closed dates, hours that pass. As the model.

Time passes by moving the whole book into the past: every time that it has is set back by as much.
"""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from tests.ledger_service.ledger.bookkeeping import DAY, Book, account, name, new_book
from tests.ledger_service.ledger.model import TOTALS, Account, Model
from tests.ledger_service.ledger.test_against_the_model import HOLDS, items

ACCOUNTS = [
    account(1),
    account(2),
    account(3, debit_limit=0),
    account(4, debit_limit=25, credit_limit=40),
    account(5, credit_limit=30),
    account(6, currency="UGX"),
]
HOUR_S = 3_600
LIMITS = st.sampled_from([None, 0, 5, 30])
BATCHES = st.lists(items(), min_size=1, max_size=12)
IMPORTED = st.sampled_from([None, None, None, -HOUR_S, HOUR_S // 2, 3 * HOUR_S])
"""By how many seconds a batch was booked after now, elsewhere; never now itself: two clocks know it."""


class BookOfTheModel(RuleBasedStateMachine):
    connection: psycopg.Connection
    superuser: psycopg.Connection
    posted = Bundle("posted")

    def __init__(self) -> None:
        super().__init__()
        self.book: Book = new_book(self.connection, *ACCOUNTS)
        accounts = (
            (row["account_id"], Account(row["currency"], row["debit_limit"], row["credit_limit"]))
            for row in ACCOUNTS
        )
        self.model = Model(dict(accounts))
        self.today = DAY

    def both(self, on: date, batch: list[dict[str, Any]]) -> list[str]:
        now = datetime.now(UTC)
        codes = self.book.post(*batch, on=on)
        assert codes == self.model.post(on, batch, now=now)
        return codes

    @rule(target=posted, batch=BATCHES, later_s=IMPORTED, timeout_h=st.sampled_from([None, 1, 2]))
    def post(self, batch: list[dict[str, Any]], later_s: int | None, timeout_h: int | None) -> Any:
        """Holds have a timeout in half of the batches that happen here and now."""
        if later_s is not None:
            booked_at = datetime.now(UTC) + timedelta(seconds=later_s)
            batch = [item | {"booked_at": booked_at} for item in batch]
        elif timeout_h is not None:
            timed = {"timeout_s": timeout_h * HOUR_S}
            batch = [item | timed if item["phase"] == "pending" else item for item in batch]
        codes = self.both(self.today, batch)
        return multiple(batch) if "created" in codes else multiple()

    @rule(batch=posted)
    def retry(self, batch: list[dict[str, Any]]) -> None:
        self.both(self.today, batch)

    @rule(batch=BATCHES)
    def post_to_the_day_before(self, batch: list[dict[str, Any]]) -> None:
        self.both(self.today - timedelta(days=1), batch)

    @rule(
        holds=st.lists(HOLDS, min_size=1, max_size=4), phase=st.sampled_from(["post", "expire", "void"])
    )
    def resolve(self, holds: list[int], phase: str) -> None:
        of_hold = {"debit_account_id": None, "credit_account_id": None, "amount_minor": None}
        ids = (1_000 + len(self.model.transfers) * 10 + number for number in range(len(holds)))
        item = {"kind": "card", "event_at": datetime.now(UTC), "value_date": DAY, "payment_id": None}
        item |= {"linked": False, "booked_at": None, "reverses_id": None, "timeout_s": None}
        item |= {"balancing": None, "phase": phase, **of_hold}
        self.both(
            self.today,
            [
                item | {"transfer_id": name(i), "pending_id": name(h)}
                for i, h in zip(ids, holds, strict=True)
            ],
        )

    @rule(
        account_id=st.integers(1, 5),
        closed=st.sampled_from([False, False, True]),
        frozen=st.sampled_from([(False, False)] * 3 + [(True, False), (False, True), (True, True)]),
        limits=st.tuples(LIMITS, LIMITS),
    )
    def change(
        self,
        account_id: int,
        closed: bool,
        frozen: tuple[bool, bool],
        limits: tuple[int | None, int | None],
    ) -> None:
        terms = {"closed": closed, "debits_frozen": frozen[0], "credits_frozen": frozen[1]}
        terms |= {"debit_limit": limits[0], "credit_limit": limits[1]}
        assert self.book.change(account_id, **terms) == self.model.change(account_id, terms)

    @rule()
    def close_the_day(self) -> None:
        assert self.book.close(self.today)
        self.model.closed_through = self.today
        self.today += timedelta(days=1)

    @rule(hours=st.integers(1, 2))
    def let_hours_pass(self, hours: int) -> None:
        passed = timedelta(hours=hours)
        parameters = {"passed": passed, "book_id": self.book.book_id}
        with self.superuser.transaction():
            self.superuser.execute("SET LOCAL session_replication_role = replica")
            self.superuser.execute(
                """UPDATE ledger.transfer
                SET booked_at = booked_at - %(passed)s, expires_at = expires_at - %(passed)s
                WHERE book_id = %(book_id)s""",
                parameters,
            )
            self.superuser.execute(
                """UPDATE ledger.account SET last_booked_at = last_booked_at - %(passed)s
                WHERE book_id = %(book_id)s""",
                parameters,
            )
        for account_id, own in self.model.accounts.items():
            if own.booked_at:
                self.model.accounts[account_id] = replace(own, booked_at=own.booked_at - passed)
        for transfer_id, kept in self.model.transfers.items():
            if kept["expires_at"]:
                earlier = {"expires_at": kept["expires_at"] - passed}
                self.model.transfers[transfer_id] = kept | earlier

    @rule(number=st.integers(1, 12))
    def archive(self, number: int) -> None:
        """What lies below the floor is refused, unless it is still there."""
        self.model.id_floor = max(self.model.id_floor, name(number))
        self.superuser.execute(
            "UPDATE ledger.book_state SET id_floor = %s WHERE book_id = %s",
            [self.model.id_floor, self.book.book_id],
        )

    @invariant()
    def the_totals_are_those_of_the_model(self) -> None:
        rows = self.book.rows(
            """SELECT account_id, debits_posted, credits_posted, debits_pending, credits_pending
            FROM ledger.account WHERE book_id = %(book_id)s ORDER BY account_id"""
        )
        assert rows == [
            (account_id, *(own.totals[total] for total in TOTALS))
            for account_id, own in sorted(self.model.accounts.items())
        ]

    def teardown(self) -> None:
        assert [(*row[:2], *row[6:10], row[23]) for row in self.book.entries()] == [
            (account_id, version, *after)
            for account_id, own in self.model.accounts.items()
            for version, after in enumerate(own.entries, start=1)
        ]
        assert self.book.faults() == []
        assert self.book.verified().differences == ()


def test_a_book_is_as_the_model_after_every_step(
    connection: psycopg.Connection, superuser: psycopg.Connection
) -> None:
    of_this_test = {"connection": connection, "superuser": superuser}
    run_state_machine_as_test(
        type("BookOfTheModel", (BookOfTheModel,), of_this_test),
        settings=settings(deadline=None, max_examples=20, stateful_step_count=25),
    )
