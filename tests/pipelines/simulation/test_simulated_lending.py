"""Borrowers: migrated loans, loans of the simulated days, and the truth, replayed loan by loan."""

import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from statistics import fmean

import polars as pl
import pytest
from sklearn.metrics import roc_auc_score

from pipelines.simulation.loan_book import LOAN, after_repayments, repayments
from pipelines.simulation.simulate import simulate

FIRST, LAST = date(2024, 5, 29), date(2024, 5, 31)
TERM = re.compile(r", term (14|30|60|90) days$")

Account = tuple[str, str]
Row = dict[str, str]


@dataclass
class Loan:
    principal: Decimal
    disbursed: date
    due: date
    owed: Decimal
    closed: date | None = None

    def late(self, on: date) -> bool:
        return self.due < (self.closed or on)


def books_of(rows: list[Row]) -> dict[Account, list[Loan]]:
    """Loans by account, each repayment applied to the loan that is open; nothing may be left over."""
    loans: dict[Account, list[Loan]] = defaultdict(list)
    for row in rows:
        day, amount = date.fromisoformat(row["value_date"]), Decimal(row["amount"])
        if row["kind"] == "loan_disbursement":
            own = loans[row["creditor_agent"], row["creditor_account"]]
            assert all(loan.owed == 0 for loan in own)
            term = TERM.search(row["purpose"])
            assert term
            own.append(Loan(amount, day, day + timedelta(days=int(term[1])), amount))
            continue
        loan = loans[row["debtor_agent"], row["debtor_account"]][-1]
        assert loan.disbursed < day
        assert 0 < amount <= loan.owed
        loan.owed -= amount
        loan.closed = day if loan.owed == 0 else None
    return loans


@pytest.fixture(scope="module")
def loans(simulated) -> dict[Account, list[Loan]]:
    return books_of(simulated.of_kind("loan_disbursement", "loan_repayment"))


@pytest.fixture(scope="module")
def truth(simulated) -> dict[Account, Row]:
    return {(row["participant"], row["account"]): row for row in simulated.true("borrowers")}


def test_every_repayment_belongs_to_an_earlier_loan_of_the_account_and_none_pays_too_much(
    loans,
) -> None:
    assert len([loan for own in loans.values() for loan in own]) > 700
    assert any(0 < loan.owed < loan.principal for own in loans.values() for loan in own)


def test_about_a_third_of_the_accounts_had_one_to_six_loans_within_a_year(simulated) -> None:
    history = books_of(simulated.migrated_loans)
    assert 0.27 < len(history) / len(simulated.accounts) < 0.40
    counts = Counter(len(own) for own in history.values())
    assert set(counts) == {1, 2, 3, 4, 5, 6}
    assert all(
        FIRST - timedelta(days=365) < loan.disbursed < FIRST for own in history.values() for loan in own
    )
    kinds = {(a["participant_id"], a["account"]): a["party_kind"] for a in simulated.accounts}
    assert {kinds[account] for account in history} == {"person", "freelancer", "sme"}


def test_nobody_who_is_asleep_or_planted_has_loans(simulated, loans) -> None:
    planted = {(row["participant"], row["account"]) for row in simulated.true("aml_typologies")}
    asleep = {
        (row["creditor_agent"], row["creditor_account"])
        for row in simulated.of_kind("opening_balance")
        if FIRST - date.fromisoformat(row["event_at"][:10]) > timedelta(days=365)
    }
    assert not loans.keys() & (planted | asleep)


def test_the_opening_balance_comes_before_the_first_loan(simulated) -> None:
    opened = {
        (row["creditor_agent"], row["creditor_account"]): row["event_at"][:10]
        for row in simulated.of_kind("opening_balance")
    }
    for account, own in books_of(simulated.migrated_loans).items():
        ahead = own[0].disbursed - date.fromisoformat(opened[account])
        assert timedelta(0) < ahead < timedelta(days=7)


def test_what_is_migrated_comes_in_a_file_and_what_happens_now_does_not(simulated) -> None:
    migrated = {row["instruction_id"] for row in simulated.migrated_loans}
    for row in simulated.of_kind("loan_disbursement", "loan_repayment"):
        assert (row["channel"] == "file") == (row["instruction_id"] in migrated)


def test_the_truth_counts_each_borrowers_loans_and_late_loans(simulated, loans, truth) -> None:
    counted = {
        account: (str(len(own)), str(sum(loan.late(LAST) for loan in own)))
        for account, own in loans.items()
    }
    assert {a: (row["loans"], row["late_loans"]) for a, row in truth.items()} == counted
    assert len(truth) == simulated.summary.borrowers


def test_loans_are_late_as_often_as_the_planted_probability_says(loans, truth) -> None:
    closed, expected = [], []
    for account, own in loans.items():
        probability = int(truth[account]["probability_of_default_ppm"]) / 1e6
        for loan in own[:-1]:  # the outcome of the last may not be known yet
            closed.append(loan.late(LAST))
            expected.append(probability)
    variance = sum(p * (1 - p) for p in expected)
    assert abs(sum(closed) - sum(expected)) < 4 * variance**0.5
    assert 0.1 < fmean(closed) < 0.35
    assert roc_auc_score(closed, expected) > 0.70


def test_amounts_grow_with_good_conduct(simulated) -> None:
    growth: dict[bool, list[Decimal]] = {True: [], False: []}
    for own in books_of(simulated.migrated_loans).values():
        if len(own) > 2:
            late = {loan.late(FIRST) for loan in own[:-1]}
            if len(late) == 1:
                growth[late.pop()].append(own[-1].principal / own[0].principal)
    assert fmean(growth[False]) > 1.4
    assert fmean(growth[True]) < 0.9


def test_some_last_loans_are_open_and_some_of_these_overdue(simulated) -> None:
    last = [own[-1] for own in books_of(simulated.migrated_loans).values()]
    unpaid = [loan for loan in last if loan.closed is None]
    assert 0.2 < len(unpaid) / len(last) < 0.6
    assert any(loan.due < FIRST for loan in unpaid)
    assert any(loan.due > FIRST for loan in unpaid)


def test_over_five_weeks_loans_of_the_simulated_days_are_repaid_about_when_due(tmp_path: Path) -> None:
    simulate(
        out=tmp_path / "o", truth=tmp_path / "t", seed=3, first_date=date(2024, 1, 10), days=36,
        customers=200,
    )  # fmt: skip
    days = [pl.read_csv(path, infer_schema=False) for path in sorted((tmp_path / "o").glob("*/*.csv"))]
    lending = pl.col("kind").is_in(["loan_disbursement", "loan_repayment"])
    rows = pl.concat(day.filter(lending).fill_null("") for day in days).rows(named=True)
    new = [
        loan
        for own in books_of(rows).values()
        for loan in own
        if loan.disbursed >= date(2024, 1, 10) and loan.closed
    ]
    delays = [(loan.closed - loan.due).days for loan in new]
    assert len(delays) > 6
    assert -10 < min(delays) < 0
    assert max(delays) <= 25


def test_a_repayment_that_is_not_covered_is_tried_again_the_next_day() -> None:
    monday, tuesday = date(2024, 3, 4), date(2024, 3, 5)
    book = pl.DataFrame(
        [
            {
                "account": 7, "principal_minor": 100, "disbursed_on": date(2024, 2, 1),
                "due_on": monday, "part_minor": 0, "part_on": None, "settle_on": monday,
                "paid_minor": 0, "closed_on": None,
            }
        ],
        schema=LOAN,
    )  # fmt: skip
    wished = repayments(book, seed=1, day=monday)
    assert wished["amount_minor"].to_list() == [100]
    refused = after_repayments(book, wished.clear(), day=monday)
    assert repayments(refused, seed=1, day=tuesday)["amount_minor"].to_list() == [100]
    paid = after_repayments(book, wished, day=monday)
    assert paid["closed_on"].to_list() == [monday]
    assert repayments(paid, seed=1, day=tuesday).is_empty()
