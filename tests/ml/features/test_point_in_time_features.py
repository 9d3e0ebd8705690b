"""Features against a plain oracle, and nothing later than the business date in any of them."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from statistics import fmean, pstdev

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.features.compute import FeatureSet
from ml.features.expressions import within
from tests.ml.credit_ledger import TODAY, Frames, Move, frames

Featured = Callable[[Frames], FeatureSet]
Values = Callable[[FeatureSet], dict[tuple[int, str], float | None]]

ACCOUNTS = 2
KINDS = (
    "cash_deposit",
    "cash_withdrawal",
    "salary",
    "credit_transfer",
    "penalty_interest",
    "collection",
)


def a_move(days_ago: st.SearchStrategy[int], booked_days_late: int = 0) -> st.SearchStrategy[Move]:
    return st.builds(
        Move,
        account=st.integers(1, ACCOUNTS),
        days_ago=days_ago,
        kind=st.sampled_from(KINDS),
        amount=st.integers(1, 10**6),
        other=st.sampled_from(["A", "B", "C", None]),
        booked_days_late=st.just(booked_days_late),
    )


def loan_moves(days_ago: st.SearchStrategy[int]) -> st.SearchStrategy[Move]:
    lent = st.builds(
        Move,
        account=st.integers(1, ACCOUNTS),
        days_ago=days_ago,
        kind=st.just("loan_disbursement"),
        amount=st.sampled_from([100, 200, 300]),
        purpose=st.sampled_from(["Consumer loan, term 30 days", "Working capital, term 15 days"]),
    )
    repaid = st.builds(
        Move,
        account=st.integers(1, ACCOUNTS),
        days_ago=days_ago,
        kind=st.just("loan_repayment"),
        amount=st.sampled_from([50, 100, 300]),
    )
    return st.one_of(lent, repaid)


past = st.integers(0, 120)
histories = st.lists(st.one_of(a_move(past), a_move(past), loan_moves(past)), max_size=24)


def in_order(moves: list[Move], account: int) -> list[Move]:
    return sorted((m for m in moves if m.account == account), key=lambda m: -m.days_ago)


def behaviour_oracle(moves: list[Move], days: int) -> dict[str, float | None]:
    """Balances and movements of one account, day by day and move by move."""
    inside = [m for m in moves if m.days_ago < days]
    if not moves:
        return {"inflow_count": 0, "outflow_count": 0, "counterparties": 0}
    begins = min(days - 1, moves[0].days_ago)
    calendar = range(begins, -1, -1)
    closing = [sum(m.signed for m in moves if m.days_ago >= ago) for ago in calendar]
    size = fmean(abs(balance) for balance in closing)
    total = sum(m.amount for m in inside)
    cash = [m.amount for m in inside if m.kind.startswith("cash")]
    outflow = -sum(m.signed for m in inside if m.signed < 0)
    return {
        "balance_minimum": min(closing) / size if size else None,
        "balance_volatility": pstdev(closing) / size if size else None,
        "balance_in_days_of_outflow": sum(closing) / outflow if outflow else None,
        "overdraft_days": sum(balance < 0 for balance in closing),
        "active_days_share": len({m.days_ago for m in inside}) / len(calendar),
        "inflow_to_outflow": sum(m.signed for m in inside if m.signed > 0) / outflow
        if outflow
        else None,
        "inflow_count": sum(m.signed > 0 for m in inside),
        "outflow_count": sum(m.signed < 0 for m in inside),
        "counterparties": len({m.other for m in inside if m.other}),
        "cash_share": sum(cash) / total if cash else None,
    }


def salary_oracle(moves: list[Move]) -> float | None:
    paid = [m.days_ago for m in moves if m.kind == "salary" and m.days_ago < 90]
    return pstdev(a - b for a, b in pairwise(paid)) if len(paid) >= 3 else None


def loan_oracle(moves: list[Move]) -> dict[str, float | None]:
    """First in, first out, one repayment after the other."""
    loans: list[dict[str, int | None]] = []
    foreign: int | None = None
    for move in moves:
        if move.kind == "loan_disbursement":
            term = 30 if "30" in (move.purpose or "") else 15
            loans.append({"owed": move.amount, "lent": move.days_ago, "due": move.days_ago - term,
                          "first": None, "closed": None, "amount": move.amount})  # fmt: skip
        elif move.kind == "loan_repayment":
            left = move.amount
            for loan in loans:
                paid = min(left, loan["owed"])
                if paid and loan["first"] is None:
                    loan["first"] = move.days_ago
                loan["owed"] -= paid
                left -= paid
                if loan["owed"] == 0 and loan["closed"] is None:
                    loan["closed"] = move.days_ago
            if left and foreign is None:
                foreign = move.days_ago
    late = [loan["due"] - (loan["closed"] or 0) for loan in loans]
    return {
        "loan_count": len(loans) + (foreign is not None),
        "open_loan_count": sum(loan["closed"] is None for loan in loans) + (foreign is not None),
        "loan_lateness_mean_days": fmean(late) if late else None,
        "loan_lateness_max_days": max(late, default=None),
        "late_loan_share": sum(days > 0 for days in late) / len(late) if late else None,
        "first_repayment_lateness_mean_days": fmean(found)
        if (found := [x["due"] - x["first"] for x in loans if x["first"] is not None])
        else None,
        "days_since_last_repaid": min(
            (x["closed"] for x in loans if x["closed"] is not None), default=None
        ),
        "loan_to_largest": loans[-1]["amount"] / max(x["amount"] for x in loans) if loans else None,
    }


@settings(max_examples=15, deadline=None)
@given(moves=histories)
def test_features_agree_with_a_plain_oracle(
    moves: list[Move], featured: Featured, values: Values
) -> None:
    found = values(featured(frames(moves, accounts=ACCOUNTS)))
    for account in range(1, ACCOUNTS + 1):
        own = in_order(moves, account)
        expected = {
            f"{name}_{d}d": value for d in (30, 90) for name, value in behaviour_oracle(own, d).items()
        }
        expected |= {"salary_interval_deviation_days_90d": salary_oracle(own)}
        expected |= {"days_since_last_movement_90d": min([90, *(m.days_ago for m in own)])}
        expected |= loan_oracle(own)
        for name, value in expected.items():
            assert found[account, name] == (None if value is None else pytest.approx(value)), name


@settings(max_examples=8, deadline=None)
@given(
    moves=histories,
    later=st.lists(st.one_of(a_move(st.integers(-60, -1)), loan_moves(st.integers(-60, -1)))),
    late=st.lists(a_move(st.integers(0, 3), booked_days_late=5), max_size=3),
)
def test_what_comes_later_changes_no_feature(
    moves: list[Move], later: list[Move], late: list[Move], featured: Featured
) -> None:
    # Entries booked late stand last in their account, as the ledger numbers them.
    known = frames(moves, accounts=ACCOUNTS)
    everything = frames([*moves, *later], accounts=ACCOUNTS)
    booked_late = frames(late, accounts=ACCOUNTS)
    shifted = booked_late.entries.with_columns(
        pl.col("version") + 1000, payment_id=pl.lit("late-") + pl.col("payment_id")
    )
    before = featured(known)
    after = featured(
        Frames(
            entries=pl.concat([everything.entries, shifted]),
            accounts=pl.concat(
                [
                    everything.accounts,
                    everything.accounts.with_columns(pl.col("business_date") + timedelta(1)),
                ]
            ),
            payments=everything.payments,
        )
    )
    assert before.features.equals(after.features)
    assert before.evidence.equals(after.evidence)


@settings(max_examples=8, deadline=None)
@given(moves=histories.filter(bool))
def test_the_evidence_suffices_to_compute_the_feature_again(
    moves: list[Move], featured: Featured
) -> None:
    ledger = frames(moves, accounts=ACCOUNTS)
    whole = featured(ledger)
    assert not whole.evidence.is_duplicated().any()
    for feature in ("balance_volatility_30d", "cash_share_90d", "loan_lateness_mean_days"):
        runs = whole.evidence.filter(pl.col("ref").str.ends_with(f":{feature}"))
        versions = runs.select(
            "account_id", version=pl.int_ranges("version_from", pl.col("version_to") + 1)
        )
        kept = ledger.entries.join(
            versions.explode("version", keep_nulls=False, empty_as_null=False).lazy(),
            on=["account_id", "version"],
            how="semi",
        )
        again = featured(Frames(entries=kept, accounts=ledger.accounts, payments=ledger.payments))
        same = pl.col("feature") == feature
        assert whole.features.filter(same).equals(again.features.filter(same))


@settings(max_examples=6, deadline=None)
@given(loans=st.lists(loan_moves(past), max_size=12))
def test_migrated_loans_count_on_the_days_on_which_they_were_lent_and_repaid(
    loans: list[Move], featured: Featured, values: Values
) -> None:
    known_then = values(featured(frames(loans, accounts=ACCOUNTS)))
    in_turn = sorted(loans, key=lambda move: -move.days_ago)
    migrated = [replace(move, days_ago=0, valued_days_before=move.days_ago) for move in in_turn]
    found = values(featured(frames(migrated, accounts=ACCOUNTS)))
    of_loans = {key for key in known_then if key[1] in loan_oracle([])}
    assert {key: found[key] for key in of_loans} == {key: known_then[key] for key in of_loans}


def test_evidence_names_entries_that_exist_and_one_run_a_feature(featured: Featured) -> None:
    moves = [Move(1, 100, "opening_balance", 500), Move(1, 40, "salary", 100), Move(1, 5, "salary", 100)]
    found = featured(frames(moves, accounts=2)).evidence
    assert set(found["account_id"]) == {1}, "an account without entries has nothing to show"
    runs = {
        ref.rsplit(":", 1)[1]: (first, last)
        for ref, first, last in found.select("ref", "version_from", "version_to").iter_rows()
    }
    assert runs["salary_count_90d"] == (2, 3)
    assert runs["inflow_count_30d"] == (3, 3)
    assert runs["loan_count"] == (1, 3)


def test_a_window_without_entries_rests_on_the_last_one(featured: Featured, values: Values) -> None:
    ledger = featured(frames([Move(1, 200, "cash_deposit", 500)], accounts=1))
    found = values(ledger)
    assert found[1, "days_since_last_movement_90d"] == 90
    assert found[1, "balance_minimum_90d"] == 1
    assert found[1, "cash_share_90d"] is None
    assert set(ledger.evidence.select("version_from", "version_to").rows()) == {(1, 1)}


def test_an_account_without_entries_has_null_or_declared_values(
    featured: Featured, values: Values
) -> None:
    found = values(featured(frames([], accounts=1)))
    assert found[1, "balance_volatility_30d"] is None
    assert found[1, "loan_lateness_mean_days"] is None
    assert found[1, "loan_count"] == 0


def test_a_term_that_no_purpose_states_leaves_lateness_unknown(
    featured: Featured, values: Values
) -> None:
    moves = [
        Move(1, 50, "loan_disbursement", 100, purpose="Consumer loan"),
        Move(1, 5, "loan_repayment", 100),
    ]
    found = values(featured(frames(moves, accounts=1)))
    assert found[1, "loan_count"] == 1
    assert found[1, "loan_lateness_mean_days"] is None
    assert found[1, "last_loan_held_days"] == 45


def test_an_instalment_to_another_bank_is_a_loan_known_by_its_repayments(
    featured: Featured, values: Values
) -> None:
    moves = [
        Move(1, 61, "salary", 900),
        Move(1, 60, "credit_transfer", 300, other="X", purpose="UVER"),
        Move(1, 30, "credit_transfer", 300, other="X", purpose="UVER"),
    ]
    found = values(featured(frames(moves, accounts=1)))
    assert found[1, "loan_count"] == 1
    assert found[1, "loan_tenure_days"] == 60
    assert found[1, "loan_growth"] is None
    assert found[1, "debt_service_ratio_90d"] == pytest.approx(600 / 900)


def test_the_order_of_the_rows_does_not_matter(featured: Featured) -> None:
    moves = [
        Move(1 + n % 2, 100 - 4 * n, KINDS[n % 6], 1000 + 77 * n, other="AB"[n % 2]) for n in range(25)
    ]
    ledger = frames(moves, accounts=2)
    turned = Frames(ledger.entries.reverse(), ledger.accounts.reverse(), ledger.payments.reverse())
    assert featured(ledger).features.equals(featured(turned).features)


def test_today_is_the_last_day_of_the_window_and_its_first_is_inside(
    featured: Featured, values: Values
) -> None:
    moves = [Move(1, days, "salary", 10) for days in (90, 89, 30, 29, 0)]
    found = values(featured(frames(moves, accounts=1)))
    assert found[1, "inflow_count_30d"] == 2
    assert found[1, "inflow_count_90d"] == 4
    assert moves[-1].day == TODAY


def test_the_evidence_begins_with_the_first_day_of_the_window(featured: Featured) -> None:
    moves = [Move(1, days, "salary", 10) for days in (90, 89, 30, 29, 0)]
    found = featured(frames(moves, accounts=1)).evidence
    runs = {
        ref.rsplit(":", 1)[1]: (first, last)
        for ref, first, last in found.select("ref", "version_from", "version_to").iter_rows()
    }
    assert runs["inflow_count_90d"] == (2, 5)
    assert runs["inflow_count_30d"] == (4, 5)


def test_a_shorter_window_knows_nothing_of_the_interval_that_reaches_out_of_it() -> None:
    gap = "days_since_previous_of_kind"
    rows = pl.DataFrame({"days_ago": [40, 29, 10, 0], gap: [None, 11, 19, 10]})
    assert within(rows, 30)[gap].to_list() == [None, 19, 10]
    assert within(rows, 90).equals(rows)
