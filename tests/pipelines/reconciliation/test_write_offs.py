"""A break that two people wrote off is explained by the entry that they booked, and by nothing else."""

from datetime import date, timedelta
from typing import Any

import polars as pl

from pipelines.reconciliation.camt053 import StatementFrames
from pipelines.reconciliation.reconcile import Earlier, Reconciliation, reconcile
from pipelines.reconciliation.rules import Rules
from pipelines.reconciliation.write_offs import WRITE_OFFS_SCHEMA

MONDAY, TUESDAY = date(2026, 3, 2), date(2026, 3, 3)


def closed(
    books: Any,
    rules: Rules,
    day: date,
    movements: list[dict[str, Any]],
    *,
    earlier: Earlier,
    write_offs: pl.DataFrame | None = None,
) -> Reconciliation:
    return reconcile(
        business_date=day,
        day=books.close(day, movements),
        statements=StatementFrames.empty(),
        earlier=earlier,
        rules=rules,
        write_offs=write_offs,
    )


def after(result: Reconciliation) -> Earlier:
    return Earlier(result.breaks, result.accounts, result.matches)


def written_off(ref: str, version: int) -> pl.DataFrame:
    row = (ref, 1, 1, version, "written off: too small (maker, approved by checker)")
    return pl.DataFrame([row], schema=WRITE_OFFS_SCHEMA, orient="row")


def test_the_entry_of_a_write_off_is_matched_with_its_break_alone(books: Any, rules: Rules) -> None:
    books.open_nostro(1)
    # Two payments of one amount that the bank does not have: only one of them is written off.
    monday = closed(
        books,
        rules,
        MONDAY,
        [{"account_id": 1, "signed_minor": 500, "end_to_end_id": f"E{n}"} for n in (1, 2)],
        earlier=Earlier.nothing(),
    )
    refs = dict(monday.breaks.select("end_to_end_id", "ref").iter_rows())
    tuesday = closed(
        books,
        rules,
        TUESDAY,
        [{"account_id": 1, "signed_minor": -500, "kind": "reconciliation_write_off"}],
        earlier=after(monday),
        write_offs=written_off(refs["E1"], 3),
    )
    assert tuesday.breaks["ref"].to_list() == [refs["E2"]]
    found = tuesday.matches.sort("version")
    assert found.select("version", "ledger_minor", "stated_minor", "pass_id", "items").rows() == [
        (1, 500, 500, "write_off", 3),
        (3, -500, -500, "write_off", 3),
    ]
    assert found["ref"].n_unique() == 1
    assert set(found["evidence"]) == {"written off: too small (maker, approved by checker)"}
    assert set(found["statement_ref"]) == {refs["E1"]}
    assert tuesday.accounts["breaks"].to_list() == [1]


def test_a_write_off_of_another_break_is_a_break_itself(books: Any, rules: Rules) -> None:
    books.open_nostro(1)
    payment = {"account_id": 1, "signed_minor": 500, "end_to_end_id": "E1"}
    monday = closed(books, rules, MONDAY, [payment], earlier=Earlier.nothing())
    entry = {"account_id": 1, "signed_minor": -500, "kind": "reconciliation_write_off"}
    for offs in (None, written_off("break:2026-01-01:unknown", 2)):
        later = TUESDAY + timedelta(days=0)
        assert monday.breaks.height == 1
        found = closed(
            books.__class__(accounts={1: dict(books.accounts[1])}, payments=9),
            rules,
            later,
            [entry],
            earlier=after(monday),
            write_offs=offs,
        )
        assert found.breaks.height == 2
        assert found.matches.is_empty()
