"""Windows of obligations written down as debts, without books behind them."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date

import polars as pl
from hypothesis import strategies as st

from pipelines.netting.tables import OBLIGATIONS
from pipelines.netting.ties import TIES_SCHEMA

DAY = date(2026, 3, 2)

Owed = tuple[str, str, str, str, int]
"""Window, currency, debtor, creditor, minor units."""


def owed(*debts: Owed) -> pl.DataFrame:
    """Rows of OBLIGATIONS; payments are called p0, p1 ..., each debtor has one account a currency."""
    versions: dict[tuple[str, str], int] = defaultdict(int)
    rows = []
    for number, (window, currency, debtor, creditor, amount) in enumerate(debts):
        versions[debtor, currency] += 1
        book, account = sum(debtor.encode()), sum(currency.encode())
        payment = f"p{number}"
        entry = (book, account, versions[debtor, currency])
        rows.append((DAY, window, currency, debtor, creditor, amount, payment, *entry))
    return pl.DataFrame(rows, schema=dict(OBLIGATIONS.schema), orient="row")


def tied(*pairs: tuple[int, int]) -> pl.DataFrame:
    """Ties of payments by their number."""
    rows = [(f"p{one}", f"p{other}") for one, other in pairs]
    return pl.DataFrame(rows, schema=TIES_SCHEMA, orient="row")


def nets(debts: Iterable[Owed]) -> dict[tuple[str, str, str], int]:
    """Net positions by window, currency and participant, one debt after another."""
    found: dict[tuple[str, str, str], int] = defaultdict(int)
    for window, currency, debtor, creditor, amount in debts:
        found[window, currency, debtor] -= amount
        found[window, currency, creditor] += amount
    return dict(found)


@st.composite
def debt_lists(draw: st.DrawFn, *, participants: str = "abcde", most: int = 14) -> list[Owed]:
    """Some debts in two windows and two currencies."""
    debt = st.tuples(
        st.sampled_from(["w1", "w2"]),
        st.sampled_from(["KES", "UGX"]),
        st.sampled_from(participants),
        st.sampled_from(participants),
        st.integers(1, 60),
    )
    return [one for one in draw(st.lists(debt, max_size=most)) if one[2] != one[3]]


@st.composite
def tie_lists(draw: st.DrawFn, debts: list[Owed]) -> list[tuple[int, int]]:
    """Pairs of debts in two currencies, each debt in one pair at most."""
    kes = [number for number, debt in enumerate(debts) if debt[1] == "KES"]
    ugx = [number for number, debt in enumerate(debts) if debt[1] == "UGX"]
    wanted = draw(st.integers(0, min(len(kes), len(ugx))))
    return list(zip(kes[:wanted], draw(st.permutations(ugx))[:wanted], strict=True))
