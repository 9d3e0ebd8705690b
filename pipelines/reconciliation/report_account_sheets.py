"""The tables of the finance report beside breaks: accounts, passes, proposals, refused rows.

Belongs here: rows of text, as in `report_sheets.py`.
"""

from collections.abc import Iterable
from typing import Any

import polars as pl

from pipelines.reconciliation.report_inputs import ReportNames, cut, percent
from pipelines.reconciliation.report_sheets import (
    DETAIL_LENGTH,
    MOST_ROWS,
    NAME_LENGTH,
    NUMBER,
    Column,
    Sheet,
    columns_of,
    cut_note,
)


def accounts_sheet(accounts: pl.DataFrame, *, names: ReportNames, id: str) -> Sheet:
    """Accounts one a row with both sides' balances and what became of their items."""
    rows = []
    for row in accounts.head(MOST_ROWS).iter_rows(named=True):
        money = [
            names.amount(row[f"{name}_minor"], row["currency"]) or "—"
            for name in (
                "ledger_opening", "stated_opening", "ledger_closing", "stated_closing",
                "break_difference", "rounding", "unexplained",
            )
        ]  # fmt: skip
        rows.append(
            (
                cut(row["account"], length=NAME_LENGTH),
                cut(row["whose"], length=NAME_LENGTH),
                cut(row["counterparty"], length=NAME_LENGTH),
                _state(row),
                row["currency"],
                *money[:4],
                f"{row['ledger_items']:,}",
                f"{row['stated_items']:,}",
                f"{row['matched_items']:,}",
                percent(row["matched_items"], row["due_items"]),
                f"{row['breaks']:,}",
                *money[4:],
                str(row["stated_until"] or "never"),
            )
        )
    columns = columns_of(
        (
            "Account",
            "Books of",
            "Stated by",
            "State",
            "Currency",
            "Ledger opening",
            "Stated opening",
            "Ledger closing",
            "Stated closing",
            "Ledger items",
            "Stated items",
            "Matched",
            "Match rate",
            "Breaks",
            "Breaks' difference",
            "Rounding",
            "Unexplained",
            "Stated until",
        ),
        money={
            "Ledger opening",
            "Stated opening",
            "Ledger closing",
            "Stated closing",
            "Breaks' difference",
            "Rounding",
            "Unexplained",
        },
        number={"Ledger items", "Stated items", "Matched", "Match rate", "Breaks"},
    )
    return Sheet(id, "Accounts of this date", columns, rows, cut_note(accounts.height))


def passes_sheet(passes: pl.DataFrame) -> Sheet:
    """What each pass matched, all accounts together."""
    due = int(passes.unique(["book_id", "account_id"])["due_items"].sum())
    sums = (
        passes.group_by("place", "pass_id", "pass")
        .agg(pl.col("matched").sum(), accounts=pl.struct("book_id", "account_id").n_unique())
        .sort("place", "pass_id")
    )
    rows = [
        (cut(title, length=NAME_LENGTH * 2), f"{matched:,}", percent(matched, due), f"{accounts:,}")
        for title, matched, accounts in sums.select("pass", "matched", "accounts").iter_rows()
    ]
    columns = (
        Column("Pass"),
        *(Column(title, NUMBER) for title in ("Matched", "Match rate", "Accounts")),
    )
    return Sheet("by-pass", "Matched ledger items by pass, in the order of the passes", columns, rows)


def account_passes_sheet(passes: pl.DataFrame) -> Sheet:
    """What each pass matched on each account."""
    rows = [
        (
            cut(row["account"], length=NAME_LENGTH),
            cut(row["whose"], length=NAME_LENGTH),
            row["currency"],
            cut(row["pass"], length=NAME_LENGTH * 2),
            f"{row['matched']:,}",
            percent(row["matched"], row["due_items"]),
        )
        for row in passes.head(MOST_ROWS).iter_rows(named=True)
    ]
    columns = columns_of(
        ("Account", "Books of", "Currency", "Pass", "Matched", "Match rate"),
        number={"Matched", "Match rate"},
    )
    return Sheet(
        "account-passes", "Match rate by account and pass", columns, rows, cut_note(passes.height)
    )


def refused_sheet(refused: pl.DataFrame) -> Sheet:
    """Statement rows that could not be used, with place and reason."""
    columns = tuple(Column(title) for title in ("File", "Row", "Field", "Reason", "Content"))
    wanted = refused.select("source_file", "row", "field", "message", "content").head(MOST_ROWS)
    rows = [_texts(row) for row in wanted.iter_rows()]
    return Sheet("refused-rows", "Statement rows refused", columns, rows, cut_note(refused.height))


def proposals_sheet(proposals: pl.DataFrame, *, names: ReportNames) -> Sheet:
    """Items that may belong together, one a row, those of a proposal under its reference."""
    rows = [
        (
            row["ref"],
            cut(row["pass"], length=NAME_LENGTH),
            cut(row["account"], length=NAME_LENGTH),
            row["side"],
            row["currency"],
            names.amount(row["signed_minor"], row["currency"]),
            str(row["value_date"] or ""),
            cut(row["end_to_end_id"], length=NAME_LENGTH),
            cut(row["reason"], length=DETAIL_LENGTH),
        )
        for row in proposals.head(MOST_ROWS).iter_rows(named=True)
    ]
    columns = columns_of(
        (
            "Proposal", "Found by", "Account", "Side", "Currency", "Amount", "Value date",
            "End-to-end reference", "Why a person decides",
        ),
        money={"Amount"},
    )  # fmt: skip
    note = cut_note(proposals.height)
    return Sheet("proposed-matches", "Items that may belong together", columns, rows, note, grouped=True)


def _state(row: dict[str, Any]) -> str:
    return "breaks open" if row["state"] == "breaks" else str(row["state"])


def _texts(row: Iterable[Any]) -> tuple[str, ...]:
    return tuple("" if cell is None else cut(str(cell), length=DETAIL_LENGTH) for cell in row)
