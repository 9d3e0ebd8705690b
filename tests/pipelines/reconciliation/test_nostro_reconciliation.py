"""Nostro accounts against statements: every class of break, late arrivals, and nothing lost."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.reconciliation.camt053 import ENTRIES_SCHEMA, STATEMENTS_SCHEMA, StatementFrames
from pipelines.reconciliation.reconcile import Earlier, Reconciliation, reconcile
from pipelines.reconciliation.rules import BreakClass, Rules, load_rules

DAY = date(2026, 3, 2)
NEXT = DAY + timedelta(days=1)
GBP = "nostro:gb-partner:GBP"


def statement(
    day: date,
    entries: list[dict[str, Any]],
    *,
    opening: int,
    closing: int | None = None,
    account: str = GBP,
    file: str | None = None,
    to_date: date | None = None,
    sequence: int | None = None,
) -> StatementFrames:
    """One statement; its entries as `item` makes them, optionally with value_date, code, currency."""
    currency = account.rpartition(":")[2]
    file = file or f"{day}/{account}.xml"
    own = sum(entry["signed_minor"] for entry in entries if entry.get("currency", currency) == currency)
    closing = opening + own if closing is None else closing
    head = {
        "file": file,
        "statement_ordinal": 1,
        "statement_id": f"{account} {to_date or day}",
        "account": account,
        "owner_id": "ke-bank",
        "servicer_id": "gb-partner",
        "currency": currency,
        "sequence": sequence,
        "from_date": to_date or day,
        "to_date": to_date or day,
        "opening_minor": opening,
        "closing_minor": closing,
        "entries": len(entries),
        "entries_minor": own,
        "balance_difference_minor": closing - opening - own,
    }
    rows = [
        dict.fromkeys(ENTRIES_SCHEMA)
        | {
            "file": file,
            "statement_ordinal": 1,
            "entry_ordinal": number,
            "detail_ordinal": 0,
            "direction": "CRDT" if entry["signed_minor"] > 0 else "DBIT",
            "amount_minor": abs(entry["signed_minor"]),
            "currency": entry.get("currency", currency),
            "booking_date": day,
            "value_date": entry.get("value_date", day),
            "end_to_end_id": entry.get("end_to_end_id"),
            "is_reversal": False,
            "bank_transaction_code": entry.get("code", "PMNT/ICDT/DMCT"),
        }
        for number, entry in enumerate(entries, 1)
    ]
    return StatementFrames(
        statements=pl.DataFrame([head], schema=STATEMENTS_SCHEMA, orient="row"),
        entries=pl.DataFrame(rows, schema=ENTRIES_SCHEMA, orient="row"),
        rejected=StatementFrames.empty().rejected,
    )


def together(*frames: StatementFrames) -> StatementFrames:
    return StatementFrames(
        statements=pl.concat([part.statements for part in frames]),
        entries=pl.concat([part.entries for part in frames]),
        rejected=pl.concat([part.rejected for part in frames]),
    )


def item(signed_minor: int, reference: str | None = None, **columns: Any) -> dict[str, Any]:
    return {"account_id": 1, "signed_minor": signed_minor, "end_to_end_id": reference} | columns


class Run:
    """Reconciles days in order, keeping what each leaves to the next, and proves every result."""

    def __init__(self, books: Any, rules: Rules) -> None:
        self.books, self.rules = books, rules
        books.open_nostro(1)
        self.earlier = Earlier.nothing()

    def day(
        self, day: date, movements: list[dict[str, Any]], statements: StatementFrames
    ) -> Reconciliation:
        result = reconcile(
            business_date=day,
            day=self.books.close(day, movements),
            statements=statements,
            earlier=self.earlier,
            rules=self.rules,
        )
        assert (result.accounts["unexplained_minor"] == 0).all(), result.accounts
        matches = pl.concat([self.earlier.matches, result.matches])
        self.earlier = Earlier(result.breaks, result.accounts, matches)
        return result


@pytest.fixture
def run(books: Any, rules: Rules) -> Run:
    return Run(books, rules)


def only(breaks: pl.DataFrame) -> dict[str, Any]:
    assert breaks.height == 1, breaks
    return breaks.row(0, named=True)


def test_equal_items_match_and_nothing_is_open(run: Run) -> None:
    result = run.day(
        DAY,
        [item(500, "A"), item(-200, "B")],
        statement(DAY, [item(500, "A"), item(-200, "B")], opening=0),
    )
    assert result.breaks.is_empty()
    assert result.matches["pass_id"].unique().to_list() == ["reference_amount_value_date"]
    assert result.evidence.height == 2
    account = result.accounts.row(0, named=True)
    assert (account["ledger_closing_minor"], account["stated_closing_minor"]) == (300, 300)


Case = tuple[str, list[dict[str, Any]], list[dict[str, Any]], int | None, int | None]
CLASSES: list[Case] = [
    ("missing_at_bank", [item(500, "A")], [], 500, None),
    ("missing_in_ledger", [], [item(500, "A")], None, 500),
    ("amount", [item(500, "A")], [item(450, "A")], 500, 450),
    ("date", [item(500, "A")], [item(500, "A", value_date=NEXT)], 500, 500),
    ("duplicate", [item(500, "A")], [item(500, "A"), item(500, "A")], None, 500),
    ("duplicate", [item(500, "A"), item(500, "A")], [item(500, "A")], 500, None),
    ("fee", [], [item(-12, code="ACMT/MDOP/CHRG")], None, -12),
    ("fee", [], [item(-12, "A", code="CHG")], None, -12),
]


@pytest.mark.parametrize("case", CLASSES, ids=[case[0] for case in CLASSES])
def test_each_class_is_told(run: Run, case: Case) -> None:
    name, ledger, stated, ledger_minor, stated_minor = case
    found = only(run.day(DAY, ledger, statement(DAY, stated, opening=0)).breaks)
    assert found["break_class"] == name
    assert (found["ledger_minor"], found["stated_minor"]) == (ledger_minor, stated_minor)
    assert found["difference_minor"] == (stated_minor or 0) - (ledger_minor or 0)
    assert (found["first_seen"], found["age_days"]) == (DAY, 0)
    assert found["owner"] == run.rules.classes[BreakClass(name)].owner


def test_a_charge_with_the_payments_reference_is_a_fee_not_the_payment(run: Run) -> None:
    stated = [item(-12, "A", code="ACMT/MDOP/CHRG")]
    breaks = run.day(DAY, [item(-500, "A")], statement(DAY, stated, opening=0)).breaks
    assert sorted(breaks["break_class"]) == ["fee", "missing_at_bank"]


def test_another_currency_at_the_same_bank_is_told_on_both_accounts(run: Run) -> None:
    run.books.open_nostro(2, currency="USD")
    statements = together(
        statement(DAY, [], opening=0),
        statement(DAY, [item(650, "A")], opening=0, account="nostro:gb-partner:USD"),
    )
    breaks = run.day(DAY, [item(500, "A")], statements).breaks
    assert breaks["break_class"].to_list() == ["currency", "currency"]
    assert sorted(
        zip(breaks["currency"], breaks["ledger_minor"], breaks["stated_minor"], strict=True)
    ) == [
        ("GBP", 500, None),
        ("USD", None, 650),
    ]


def test_an_entry_in_a_foreign_currency_never_matches_by_its_number(run: Run) -> None:
    breaks = run.day(
        DAY, [item(500, "A")], statement(DAY, [item(500, "A", currency="USD")], opening=0)
    ).breaks
    assert breaks["break_class"].to_list() == ["currency", "currency"]


def test_a_statement_that_does_not_add_up_is_a_balance_break(run: Run) -> None:
    found = only(
        run.day(DAY, [item(500, "A")], statement(DAY, [item(500, "A")], opening=0, closing=530)).breaks
    )
    assert (found["break_class"], found["difference_minor"]) == ("balance", 30)


def test_a_statement_that_begins_elsewhere_is_an_opening_break(run: Run) -> None:
    run.day(DAY, [item(500, "A")], statement(DAY, [item(500, "A")], opening=0))
    found = only(run.day(NEXT, [], statement(NEXT, [], opening=480)).breaks)
    assert (found["break_class"], found["difference_minor"]) == ("opening", -20)


def test_a_migrated_balance_is_proved_by_the_first_opening_balance(run: Run) -> None:
    migrated = [item(9000, "M", kind="opening_balance"), item(500, "A")]
    result = run.day(DAY, migrated, statement(DAY, [item(500, "A")], opening=9000))
    assert result.breaks.is_empty()
    assert sorted(result.matches["pass_id"]) == ["opening_balance", "reference_amount_value_date"]


def test_a_migrated_balance_that_the_bank_does_not_confirm_is_an_opening_break(run: Run) -> None:
    migrated = [item(9000, "M", kind="opening_balance")]
    found = only(run.day(DAY, migrated, statement(DAY, [], opening=8900)).breaks)
    assert (found["break_class"], found["difference_minor"], found["version"]) == ("opening", -100, 1)


def test_a_first_statement_covers_what_came_before_it_even_if_its_sum_is_wrong(run: Run) -> None:
    run.day(DAY, [item(500, "A")], StatementFrames.empty())
    result = run.day(NEXT, [], statement(NEXT, [], opening=500, closing=530))
    assert only(result.breaks)["break_class"] == "balance"
    assert result.matches["pass_id"].to_list() == ["opening_balance"]


def test_a_late_arrival_resolves_its_break(run: Run) -> None:
    first = run.day(DAY, [item(500, "A")], statement(DAY, [], opening=0))
    ref = only(first.breaks)["ref"]
    result = run.day(NEXT, [], statement(NEXT, [item(500, "A", value_date=DAY)], opening=0))
    assert result.breaks.is_empty()
    assert ref in result.matches["evidence"].item()
    assert result.matches["version"].item() == 1


def test_a_late_ledger_entry_resolves_what_the_bank_had_first(run: Run) -> None:
    run.day(DAY, [], statement(DAY, [item(500, "A")], opening=0))
    result = run.day(NEXT, [item(500, "A", value_date=DAY)], statement(NEXT, [], opening=500))
    assert result.breaks.is_empty()


def test_an_open_break_keeps_its_ref_and_ages(run: Run) -> None:
    first = only(run.day(DAY, [item(500, "A")], statement(DAY, [], opening=0)).breaks)
    for days in range(1, 5):
        day = DAY + timedelta(days=days)
        later = only(run.day(day, [], statement(day, [], opening=0)).breaks)
        assert later == first | {"business_date": day, "age_days": days}


def test_a_break_that_turns_out_to_be_an_amount_keeps_its_ref(run: Run) -> None:
    first = only(run.day(DAY, [item(500, "A")], statement(DAY, [], opening=0)).breaks)
    later = only(run.day(NEXT, [], statement(NEXT, [item(450, "A")], opening=0)).breaks)
    assert (later["ref"], later["first_seen"]) == (first["ref"], DAY)
    assert later["break_class"] == "amount"


@pytest.mark.parametrize("by_bank", [True, False])
def test_a_correction_of_the_exact_difference_settles_an_amount_break(
    run: Run, *, by_bank: bool
) -> None:
    run.day(DAY, [item(500, "A")], statement(DAY, [item(450, "A")], opening=0))
    ledger, stated = ([], [item(50, "A")]) if by_bank else ([item(-50, "A")], [])
    result = run.day(NEXT, ledger, statement(NEXT, stated, opening=450))
    assert result.breaks.is_empty()
    assert result.matches["pass_id"].to_list() == ["correction", "correction"]
    assert (
        result.matches["ledger_minor"].sum()
        == result.matches["stated_minor"].sum()
        == (500 if by_bank else 450)
    )


def test_an_entry_stated_again_days_later_is_a_duplicate(run: Run) -> None:
    run.day(DAY, [item(500, "A")], statement(DAY, [item(500, "A")], opening=0))
    found = only(
        run.day(NEXT, [], statement(NEXT, [item(500, "A", value_date=NEXT)], opening=500)).breaks
    )
    assert found["break_class"] == "duplicate"


def test_a_statement_that_comes_late_closes_the_gap_it_left(run: Run) -> None:
    third = NEXT + timedelta(days=1)
    run.day(DAY, [item(500, "A")], statement(DAY, [item(500, "A")], opening=0))
    run.day(NEXT, [item(200, "B")], StatementFrames.empty())
    gap = run.day(third, [], statement(third, [], opening=700))
    assert sorted(gap.breaks["break_class"]) == ["missing_at_bank", "opening"]
    fourth = third + timedelta(days=1)
    late = statement(NEXT, [item(200, "B", value_date=NEXT)], opening=500, file="late.xml")
    assert run.day(fourth, [], together(late, statement(fourth, [], opening=700))).breaks.is_empty()


def test_a_statement_delivered_twice_counts_once(run: Run) -> None:
    once = statement(DAY, [item(500, "A")], opening=0)
    again = statement(DAY, [item(500, "A")], opening=0, file="again.xml")
    result = run.day(DAY, [item(500, "A")], together(once, again))
    assert result.breaks.is_empty()
    assert result.rejected["code"].unique().to_list() == ["duplicate_statement"]


def test_a_statement_of_an_unknown_account_is_rejected_with_each_entry(run: Run) -> None:
    stray = statement(DAY, [item(500, "A")], opening=0, account="nostro:gb-partner:CHF")
    result = run.day(DAY, [], together(statement(DAY, [], opening=0), stray))
    assert result.rejected.select("row", "code").rows() == [
        (0, "unknown_account"),
        (1, "unknown_account"),
    ]
    assert result.breaks.is_empty()


def test_a_hold_is_no_item(run: Run) -> None:
    day = run.books.close(DAY, [item(500, "A")])
    held = day.entries.with_columns(amount_minor=pl.lit(0, dtype=pl.Int64), pending_minor="amount_minor")
    result = reconcile(
        business_date=DAY,
        day=type(day)(day.accounts, held, day.payments, day.stated_balances),
        statements=StatementFrames.empty(),
        earlier=Earlier.nothing(),
        rules=run.rules,
    )
    assert result.breaks.is_empty()


SIDE = st.lists(
    st.tuples(
        st.sampled_from([None, "A", "B", "C"]),
        st.sampled_from([-300, -100, -7, 7, 100, 300]),
        st.integers(-1, 1),
        st.booleans(),
    ),
    max_size=5,
)


@settings(max_examples=15, deadline=None)
@given(days=st.lists(st.tuples(SIDE, st.one_of(st.none(), SIDE)), min_size=1, max_size=4))
def test_whatever_arrives_every_item_is_once_in_a_match_or_a_break(
    new_books: Callable[[], Any], days: list[tuple[Any, Any]]
) -> None:
    run = Run(new_books(), load_rules())
    balance, ledger_seen, stated_seen = 0, set(), set()
    proved_ledger: list[int] = []
    proved_stated: list[str] = []
    for number, (ledger, stated) in enumerate(days):
        day = DAY + timedelta(days=number)

        def rows(side: Any, day: date = day) -> list[dict[str, Any]]:
            return [
                item(
                    minor,
                    ref,
                    value_date=day + timedelta(days=shift),
                    code="CHG" if charge and minor < 0 else "X/Y/Z",
                )
                for ref, minor, shift, charge in side
            ]

        frames = StatementFrames.empty()
        if stated is not None:
            frames = statement(day, rows(stated), opening=balance)
            balance += sum(minor for _, minor, _, _ in stated)
            stated_seen |= {f"{day}/{GBP}.xml#{n}" for n in range(1, len(stated) + 1)}
        ledger_seen |= set(range(len(ledger_seen) + 1, len(ledger_seen) + len(ledger) + 1))
        result = run.day(day, rows(ledger), frames)
        corrected = result.matches.filter(pl.col("pass_id") == "correction")
        plain = result.matches.filter(pl.col("pass_id") != "correction")
        proved_ledger += [*plain["version"].drop_nulls(), *corrected["version"].unique()]
        refs = [*plain["statement_ref"].drop_nulls(), *corrected["statement_ref"].unique()]
        proved_stated += [ref for ref in refs if "#" in ref]
        assert len(proved_ledger) == len(set(proved_ledger))
        assert len(proved_stated) == len(set(proved_stated))
        assert result.breaks["ref"].is_unique().all()
        open_ledger = result.breaks["version"].drop_nulls().to_list()
        open_stated = [ref for ref in result.breaks["statement_ref"].drop_nulls() if "#" in ref]
        covered = set(proved_ledger) | set(open_ledger)
        assert sorted(open_ledger) == sorted(ledger_seen - set(proved_ledger))
        assert covered == ledger_seen
        assert sorted(open_stated) == sorted(stated_seen - set(proved_stated))
        sums = result.matches.group_by("ref", "pass_id").agg(pl.sum("ledger_minor", "stated_minor"))
        assert (sums["ledger_minor"] == sums["stated_minor"]).all()
