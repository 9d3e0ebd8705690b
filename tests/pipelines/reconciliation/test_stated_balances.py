"""Stated balances: the real bank's breaks as an independent count finds them, and each rule alone."""

import itertools
from collections import defaultdict
from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.reconciliation.camt053 import StatementFrames
from pipelines.reconciliation.chaining import Step, best_order
from pipelines.reconciliation.reconcile import Earlier, Reconciliation, reconcile
from pipelines.reconciliation.rules import Rules, load_rules

DAY = date(2026, 3, 2)
ROUNDING = 10


class Run:
    """Reconciles days in order and proves that every result explains its level."""

    def __init__(self, books: Any, rules: Rules, *accounts: int, currency: str = "CZK") -> None:
        self.books, self.rules, self.earlier = books, rules, Earlier.nothing()
        for account in accounts:
            books.open_deposit(account, currency=currency)

    def day(self, day: date, movements: list[dict[str, Any]]) -> Reconciliation:
        result = reconcile(
            business_date=day,
            day=self.books.close(day, movements),
            statements=StatementFrames.empty(),
            earlier=self.earlier,
            rules=self.rules,
        )
        assert (result.accounts["unexplained_minor"] == 0).all(), result.accounts
        self.earlier = Earlier(result.breaks, result.accounts, result.matches)
        return result


def move(signed: int, stated: int | None = None, *, account: int = 1, **columns: Any) -> dict[str, Any]:
    return {"account_id": account, "signed_minor": signed, "stated_minor": stated} | columns


@pytest.fixture
def run(books: Any, rules: Rules) -> Run:
    return Run(books, rules, 1, 2)


def only(frame: pl.DataFrame) -> dict[str, Any]:
    assert frame.height == 1, frame
    return frame.row(0, named=True)


def _count_by_walking(rows: list[Any]) -> tuple[dict[date, int], dict[date, int], dict[int, int]]:
    """Steps off by more than the rounding and within it, by day, and each account's last level.

    Independent of the code under test: all orders of a day's items are tried, in plain Python.
    """
    by_account: dict[int, dict[date, list[Any]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        by_account[row.account][row.day].append(row)
    off: dict[date, int] = defaultdict(int)
    rounded: dict[date, int] = defaultdict(int)
    levels = {}
    for account, days in by_account.items():
        balance = exact = 0
        for day, items in sorted(days.items()):
            differences = min(
                (_differences(order, balance) for order in itertools.permutations(items)),
                key=lambda found: (sum(abs(d) > ROUNDING for d in found[0]), sum(map(abs, found[0]))),
            )
            off[day] += sum(abs(d) > ROUNDING for d in differences[0])
            rounded[day] += sum(0 < abs(d) <= ROUNDING for d in differences[0])
            balance = differences[1]
            exact += sum(item.signed_minor for item in items)
        levels[account] = balance - exact
    return off, rounded, levels


def _differences(order: tuple[Any, ...], balance: int) -> tuple[list[int], int]:
    found = []
    for item in order:
        found.append(item.stated_minor - item.signed_minor - balance)
        balance = item.stated_minor
    return found, balance


SINCE = date(1994, 3, 1)


@pytest.fixture(scope="module")
def month(bank_rows: list[Any], bank_row: Any) -> list[Any]:
    """The real bank's March 1994, its earlier stated balances migrated as opening entries.

    The whole file in daily steps takes longer than a test may; all its breaks are in this month.
    """
    earlier = [row for row in bank_rows if row.day < SINCE]
    _, _, levels = _count_by_walking(earlier)
    exact: dict[int, int] = defaultdict(int)
    for row in earlier:
        exact[row.account] += row.signed_minor
    opening = [
        bank_row(
            account, SINCE - timedelta(days=1), exact[account] + level, exact[account] + level, account
        )
        for account, level in sorted(levels.items())
    ]
    return opening + [row for row in bank_rows if row.day >= SINCE]


@pytest.fixture(scope="module")
def counted(month: list[Any]) -> tuple[dict[date, int], dict[date, int], dict[int, int]]:
    return _count_by_walking(month)


@pytest.fixture(scope="module")
def bank(month: list[Any], new_books: Any, rules: Rules) -> list[Reconciliation]:
    """The month reconciled day by day."""
    run = Run(new_books(), rules, *sorted({row.account for row in month}))
    days: dict[date, list[Any]] = defaultdict(list)
    for row in month:
        days[row.day].append(row)
    return [
        run.day(
            day,
            [move(r.signed_minor, r.stated_minor, account=r.account, source_row=r.row) for r in rows],
        )
        for day, rows in sorted(days.items())
    ]


def test_the_real_banks_breaks_are_those_that_trying_every_order_finds(
    bank: list[Reconciliation], counted: tuple[dict[date, int], dict[date, int], dict[int, int]]
) -> None:
    off, rounded, _ = counted
    for result in bank:
        day = result.accounts["business_date"][0]
        new = result.breaks.filter((pl.col("age_days") == 0) & (pl.col("break_class") == "amount"))
        assert new.height == off[day]
        within = result.matches.filter(pl.col("pass_id") == "stated_step_rounding")
        assert within.height == rounded[day]
    assert sum(off.values()) == 28


def test_the_real_banks_levels_are_explained_account_by_account(
    bank: list[Reconciliation], counted: tuple[dict[date, int], dict[date, int], dict[int, int]]
) -> None:
    _, _, levels = counted
    accounts = bank[-1].accounts
    level = accounts["stated_closing_minor"] - accounts["ledger_closing_minor"]
    assert dict(zip(accounts["account_id"], level, strict=True)) == levels
    assert (level == accounts["break_difference_minor"] + accounts["rounding_minor"]).all()
    assert (accounts["rounding_minor"].abs() <= ROUNDING).all()


def test_each_item_of_the_real_bank_is_in_one_match_or_one_break(
    bank: list[Reconciliation], month: list[Any]
) -> None:
    proved = pl.concat([result.matches for result in bank])
    broken = bank[-1].breaks.filter(pl.col("break_class") == "amount")
    assert proved.select("account_id", "version").is_unique().all()
    assert proved.height + broken.height == len(month)


def test_a_rounded_step_is_matched_with_the_reason(run: Run) -> None:
    result = run.day(DAY, [move(1004, 1000)])
    match = only(result.matches)
    assert (match["pass_id"], match["stated_minor"]) == ("stated_step_rounding", 1000)
    assert "within the bank's rounding" in match["evidence"]
    account = result.accounts.filter(pl.col("account_id") == 1).row(0, named=True)
    assert (account["rounding_minor"], account["breaks"]) == (-4, 0)


def test_a_currency_without_declared_rounding_is_exact(books: Any, rules: Rules) -> None:
    run = Run(books, rules, 1, currency="KES")
    assert only(run.day(DAY, [move(1004, 1000)]).breaks)["difference_minor"] == -4


def test_rounding_that_adds_up_is_one_break_that_follows_the_level_and_closes(run: Run) -> None:
    assert run.day(DAY, [move(1008, 1000)]).breaks.is_empty()
    second = only(run.day(DAY + timedelta(days=1), [move(1008, 2000)]).breaks)
    assert (second["break_class"], second["difference_minor"]) == ("rounding", -16)
    third = only(run.day(DAY + timedelta(days=2), [move(1008, 3000)]).breaks)
    assert (third["ref"], third["difference_minor"], third["age_days"]) == (second["ref"], -24, 1)
    assert run.day(DAY + timedelta(days=3), [move(992, 4000), move(992, 5000)]).breaks.is_empty()


def test_a_break_is_reported_once_at_its_step_and_then_ages(run: Run) -> None:
    first = only(run.day(DAY, [move(1000, 1000), move(500, 1800), move(200, 2000)]).breaks)
    assert (first["break_class"], first["difference_minor"], first["version"]) == ("amount", 300, 2)
    assert (first["ledger_minor"], first["stated_minor"]) == (500, 800)
    later = run.day(DAY + timedelta(days=7), [move(100, 2100)])
    assert only(later.breaks) == first | {"business_date": DAY + timedelta(days=7), "age_days": 7}
    assert later.matches["pass_id"].to_list() == ["stated_step"]


def test_a_step_that_takes_a_break_back_resolves_it(run: Run) -> None:
    first = only(run.day(DAY, [move(1000, 1300)]).breaks)
    result = run.day(DAY + timedelta(days=1), [move(300, 1300)])
    assert result.breaks.is_empty()
    assert result.matches["version"].to_list() == [1, 2]
    assert all(first["ref"] in evidence for evidence in result.matches["evidence"])
    assert result.matches["ledger_minor"].sum() == result.matches["stated_minor"].sum()


def test_an_entry_that_no_stated_balance_includes_is_missing_at_the_bank_until_one_does(
    run: Run,
) -> None:
    first = only(run.day(DAY, [move(1000, 1000), move(250)]).breaks)
    assert (first["break_class"], first["difference_minor"], first["version"]) == (
        "missing_at_bank",
        -250,
        2,
    )
    result = run.day(DAY + timedelta(days=1), [move(100, 1350)])
    assert result.breaks.is_empty()
    assert result.matches.sort("version").select("version", "pass_id", "statement_ref").rows() == [
        (2, "stated_later", "2026-03-03.csv#1"),
        (3, "stated_step", "2026-03-03.csv#1"),
    ]


def test_a_small_outstanding_entry_does_not_explain_a_step_that_agrees(run: Run) -> None:
    first = only(run.day(DAY, [move(1000, 1000), move(5)]).breaks)
    later = only(run.day(DAY + timedelta(days=1), [move(100, 1100)]).breaks)
    assert (later["ref"], later["break_class"]) == (first["ref"], "missing_at_bank")


def test_the_order_of_the_bank_is_found_within_the_day(run: Run) -> None:
    assert run.day(DAY, [move(300, 1300), move(-100, 1200), move(1000, 1000)]).breaks.is_empty()
    account = run.earlier.accounts.filter(pl.col("account_id") == 1).row(0, named=True)
    assert account["stated_closing_minor"] == 1200


def test_a_migrated_balance_that_the_bank_states_otherwise_is_an_opening_break(run: Run) -> None:
    found = only(run.day(DAY, [move(1000, 1300, kind="opening_balance")]).breaks)
    assert (found["break_class"], found["difference_minor"]) == ("opening", 300)


def test_days_that_were_never_reconciled_do_not_make_a_break(run: Run) -> None:
    run.day(DAY, [move(1000, 1000)])
    run.books.close(DAY + timedelta(days=1), [move(70, 1070)])
    assert run.day(DAY + timedelta(days=2), [move(5, 1075)]).breaks.is_empty()


def test_a_stated_balance_without_an_entry_is_rejected(run: Run) -> None:
    day = run.books.close(DAY, [move(1000, 1000), move(5, 1005)])
    kept = day.entries.filter(pl.col("version") != 2)
    result = reconcile(
        business_date=DAY,
        day=type(day)(day.accounts, kept, day.payments, day.stated_balances),
        statements=StatementFrames.empty(),
        earlier=Earlier.nothing(),
        rules=run.rules,
    )
    assert result.rejected.select("row", "code").rows() == [(2, "no_entry")]


STEPS = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=6)


@settings(max_examples=60, deadline=None)
@given(steps=STEPS, opening=st.integers(0, 40))
def test_the_best_order_is_the_best_of_all_orders(steps: list[tuple[int, int]], opening: int) -> None:
    def cost(order: tuple[int, ...]) -> tuple[int, int, tuple[int, ...]]:
        balances = [opening, *(steps[index][1] for index in order)]
        apart = [abs(steps[index][0] - balance) for index, balance in zip(order, balances, strict=False)]
        return sum(distance > 3 for distance in apart), sum(apart), order

    best = min(itertools.permutations(range(len(steps))), key=cost)
    found = best_order([Step(*step) for step in steps], opening_minor=opening, tolerance_minor=3)
    assert tuple(found) == best


@pytest.mark.parametrize("count", [11, 400])
def test_many_items_of_a_day_are_chained_too(count: int) -> None:
    steps = [Step(before_minor=100 * n, after_minor=100 * (n + 1)) for n in range(count)]
    mixed = [steps[(n * 7) % count] for n in range(count)]
    order = best_order(mixed, opening_minor=0, tolerance_minor=10)
    assert [mixed[index] for index in order] == steps


MOVES = st.lists(
    st.tuples(
        st.integers(1, 2),
        st.integers(-3000, 3000).filter(bool),
        st.sampled_from([0, 0, 0, 6, -9, 250, -250]),
        st.booleans(),
    ),
    max_size=6,
)


@settings(max_examples=10, deadline=None)
@given(days=st.lists(MOVES, min_size=1, max_size=4))
def test_whatever_is_stated_every_entry_is_once_in_a_match_or_a_break(
    new_books: Any, days: list[Any]
) -> None:
    run = Run(new_books(), load_rules(), 1, 2)
    level = {1: 0, 2: 0}
    seen: set[tuple[int, int]] = set()
    taking_part: set[int] = set()
    proved: list[tuple[int, int]] = []
    for number, moves in enumerate(days):
        day_moves = []
        for account, signed, error, is_stated in moves:
            level[account] += signed + error
            day_moves.append(move(signed, level[account] if is_stated else None, account=account))
        taking_part |= {account for account, _, _, is_stated in moves if is_stated}
        before = {account: run.books.accounts[account]["version"] for account in (1, 2)}
        result = run.day(DAY + timedelta(days=number), day_moves)
        for account in taking_part:
            versions = range(before[account] + 1, run.books.accounts[account]["version"] + 1)
            seen |= {(account, version) for version in versions}
        proved += result.matches.select("account_id", "version").rows()
        broken = result.breaks.filter(pl.col("break_class") != "rounding")
        open_now = broken.select("account_id", "version").rows()
        assert len(proved) == len(set(proved))
        assert len(open_now) == len(set(open_now))
        assert set(open_now) | set(proved) == seen
        assert not set(open_now) & set(proved)
        accounts = result.accounts
        rounding = result.breaks.filter(pl.col("break_class") == "rounding")["difference_minor"].abs()
        assert (rounding <= ROUNDING * len(seen)).all()
        assert (accounts["rounding_minor"].abs() <= ROUNDING).all()
