"""Obligations from a list of who owes whom how much, and lists drawn by hypothesis."""

from collections import Counter
from datetime import date

import polars as pl
from hypothesis import strategies as st

from pipelines.netting.tables import OBLIGATIONS

DAY = date(2026, 3, 2)
PARTIES = ["amani", "baobab", "cauri", "dogon", "enzi"]
Owed = tuple[str, str, str, str, int]  # window, currency, debtor, creditor, minor units


def obligations(owed: list[Owed]) -> pl.DataFrame:
    """Rows of OBLIGATIONS; a book a debtor, an account a creditor, versions in order of the list."""
    rows, versions = [], Counter[tuple[int, int]]()
    for window, currency, debtor, creditor, amount in owed:
        account = (sum(map(ord, debtor)), sum(map(ord, creditor)))
        versions[account] += 1
        row = (DAY, window, currency, debtor, creditor, amount, "payment", *account, versions[account])
        rows.append(row)
    return OBLIGATIONS.conform(pl.DataFrame(rows, schema=dict(OBLIGATIONS.schema), orient="row"))


def in_kes(*debts: tuple[str, str, int]) -> pl.DataFrame:
    """Obligations of one window and currency."""
    return obligations([("w1", "KES", *debt) for debt in debts])


def owed_lists(
    amounts: st.SearchStrategy[int], *, longest: int, windows: tuple[str, ...] = ("w1", "w2")
) -> st.SearchStrategy[list[Owed]]:
    """Up to so many obligations between five parties, in two windows and two currencies."""
    return st.lists(
        st.builds(
            lambda pair, window, currency, amount: (window, currency, *pair, amount),
            pair=st.permutations(PARTIES).map(lambda names: tuple(names[:2])),
            window=st.sampled_from(windows),
            currency=st.sampled_from(["KES", "XOF"][: len(windows)]),
            amount=amounts,
        ),
        max_size=longest,
    )
