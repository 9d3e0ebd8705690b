"""A file's summary says what it holds, and whether its balances follow."""

from datetime import date

import polars as pl

from pipelines.settlement.reading import (
    BALANCES_KEPT,
    ENTRIES_READ,
    REFUSED_KEPT,
    Balance,
    Head,
    Records,
    Refused,
    Summary,
    summarise,
)

DAY = date(2025, 6, 30)


def entries(statement: str, *moves: tuple[str, int], status: str = "BOOK") -> Records:
    rows = [
        {
            "message_id": statement,
            "account": "A1",
            "entry": number,
            "detail": 0,
            "currency": "KES",
            "amount_minor": amount,
            "direction": direction,
            "status": status,
        }
        for number, (direction, amount) in enumerate(moves, 1)
    ]
    return Records("entries", pl.DataFrame(rows, schema=dict(ENTRIES_READ)))


def balance(statement: str, kind: str, minor: int) -> Balance:
    return Balance(statement, "A1", kind, "KES", minor, DAY)


def test_balances_that_follow_are_checked_and_nothing_is_told() -> None:
    summary = summarise(
        [
            balance("S1", "OPBD", 1_000),
            entries("S1", ("C", 500), ("D", 200)),
            balance("S1", "CLBD", 1_300),
            balance("S2", "OPBD", 1_300),
            balance("S2", "CLBD", 1_300),
        ]
    )
    assert summary.discontinuities() == []
    assert summary.statements_checked() == 2
    assert summary.totals == {("KES", "C"): (1, 500), ("KES", "D"): (1, 200)}
    assert summary.accounts == {"A1"}


def test_a_closing_balance_that_does_not_follow_is_told_with_both_figures() -> None:
    summary = summarise(
        [balance("S1", "PRCD", 1_000), entries("S1", ("D", 1_500)), balance("S1", "CLBD", 0)]
    )
    (found,) = summary.discontinuities()
    assert (found.expected_minor, found.stated_minor) == (-500, 0)
    assert "do not add up" in found.sentence


def test_a_statement_that_does_not_open_where_the_last_one_closed_is_told() -> None:
    summary = summarise([balance("S1", "CLBD", 900), balance("S2", "OPBD", 800)])
    (found,) = summary.discontinuities()
    assert (found.statement, found.expected_minor, found.stated_minor) == ("S2", 900, 800)


def test_only_booked_entries_count_and_entries_may_come_after_their_balances() -> None:
    summary = summarise(
        [
            balance("S1", "OPBD", 0),
            balance("S1", "CLBD", 700),
            entries("S1", ("C", 10**6), status="PDNG"),
            entries("S1", ("C", 700)),
        ]
    )
    assert summary.discontinuities() == []


def test_details_of_a_batch_entry_are_not_counted_twice() -> None:
    frame = entries("S1", ("C", 900), ("C", 400), ("C", 500)).frame
    detailed = frame.with_columns(detail=pl.Series([0, 1, 2], dtype=pl.UInt32))
    summary = summarise([Records("entries", detailed)])
    assert summary.records == {"entries": 1}
    assert summary.totals == {("KES", "C"): (1, 900)}


def test_sums_beyond_64_bits_are_right() -> None:
    summary = summarise([entries("S1", ("C", 2**62), ("C", 2**62), ("C", 2**62))])
    assert summary.totals["KES", "C"] == (3, 3 * 2**62)


def test_what_is_kept_is_bounded_and_what_is_counted_is_not() -> None:
    summary = Summary()
    for number in range(BALANCES_KEPT + 5):
        summary.add(balance(f"S{number}", "CLBD", 1))
    for number in range(REFUSED_KEPT + 5):
        summary.add(Refused(number, f"line {number}", None, "bad", "it is bad"))
        summary.add(Head("MT940", None, None, None, None, None))
    assert (len(summary.balances), summary.balances_stated) == (BALANCES_KEPT, BALANCES_KEPT + 5)
    assert (len(summary.refused), summary.refusals) == (REFUSED_KEPT, REFUSED_KEPT + 5)
    assert (len(summary.heads), summary.messages) == (REFUSED_KEPT, REFUSED_KEPT + 5)
