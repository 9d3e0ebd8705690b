"""Partner banks' statements of our nostros (camt.053.001.08), with planted breaks and their truth.

A statement is the partner's view of an account that is ours: a payout is a debit, a collection a
credit. Its balances follow from its own entries, so that a break is a difference between two
sides that are each consistent, as in life.
"""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

import numpy as np
import polars as pl

from pipelines.simulation.draws import Ints, stream

BROKEN_PERMILLE = 300
"""Share of statements that carry a planted break."""


class BreakClass(StrEnum):
    """How a statement disagrees with the ledger."""

    MISSING_AT_BANK = "missing_at_bank"
    """In the ledger, not in the statement."""
    MISSING_IN_LEDGER = "missing_in_ledger"
    """In the statement, with an end-to-end id that the ledger does not know."""
    AMOUNT = "amount"
    """Stated with another amount."""
    DATE = "date"
    """Stated with another value date."""
    DUPLICATE = "duplicate"
    """Stated twice."""
    FEE = "fee"
    """A charge of the bank, without an end-to-end id."""


ENTRY: dict[str, type[pl.DataType]] = {
    "nostro": pl.Int64,  # index of the account
    "end_to_end_id": pl.String,  # null of a bank charge
    "side": pl.String,  # CRDT or DBIT
    "amount_minor": pl.Int64,
    "value_date": pl.Date,
    "counterparty": pl.String,
    "second": pl.Int64,
}


@dataclass(frozen=True, slots=True)
class StatedDay:
    """What the partner banks state of one day.

    `entries`: the columns of `ENTRY` plus `bank_reference`; `breaks`: break_class, nostro, reference
    (end-to-end id, or the bank's own where there is none), side, ledger_minor, stated_minor,
    ledger_date, stated_date; an absent side is null.
    """

    entries: pl.DataFrame
    breaks: pl.DataFrame


def state_day(payments: pl.DataFrame, *, nostros: pl.DataFrame, seed: int, day: date) -> StatedDay:
    """The entries of all nostros for the day's payouts and collections, some of them broken.

    `payments` as numbered, without those that the ledger refuses; `nostros` are rows of `accounts`.
    """
    true = _true_entries(payments, day)
    rng = stream(seed, "breaks", day)
    plan = _plan_breaks(rng, true, nostros)
    entries, breaks = _break(rng, true, plan, nostros, day)
    entries = entries.sort("nostro", "second", "end_to_end_id", nulls_last=True, maintain_order=True)
    partner = pl.col("nostro").replace_strict(dict(nostros.select("index", "partner_id").iter_rows()))
    position = pl.int_range(1, pl.len() + 1).cast(pl.String).str.zfill(6)
    entries = entries.with_columns(
        bank_reference=partner.str.replace("-", "") + f"{day:%y%m%d}" + position
    )
    charges = entries.filter(pl.col("end_to_end_id").is_null()).select("nostro", charge="bank_reference")
    breaks = (
        breaks.join(charges, on="nostro", how="left", maintain_order="left")
        .with_columns(reference=pl.coalesce("reference", "charge"))
        .drop("charge")
    )
    return StatedDay(entries, breaks)


def _true_entries(payments: pl.DataFrame, day: date) -> pl.DataFrame:
    """One entry a payout or collection, as the ledger books it."""
    payout = pl.col("kind") == "payout"
    return payments.filter(pl.col("nostro").is_not_null()).select(
        "nostro",
        "end_to_end_id",
        side=pl.when(payout).then(pl.lit("DBIT")).otherwise(pl.lit("CRDT")),
        amount_minor="amount_minor",
        value_date=pl.lit(day),
        counterparty=pl.when(payout).then("creditor_name").otherwise("debtor_name"),
        second="second",
    )


def _plan_breaks(rng: np.random.Generator, true: pl.DataFrame, nostros: pl.DataFrame) -> pl.DataFrame:
    """Which nostros break and how: each class about equally often, one break a statement.

    Columns: nostro, break_class, end_to_end_id (of the entry that breaks; null where none is needed).
    """
    busy = true.group_by("nostro").agg("end_to_end_id").sort("nostro")
    broken = max(len(BreakClass), nostros.height * BROKEN_PERMILLE // 1000)
    chosen = busy[np.sort(rng.permutation(busy.height)[:broken])]
    classes = rng.permutation(np.resize(np.array(list(BreakClass), dtype=object), chosen.height))
    draws = rng.integers(0, 2**31, chosen.height)
    return chosen.select(
        "nostro",
        break_class=pl.Series([str(name) for name in classes], dtype=pl.String),
        end_to_end_id=pl.col("end_to_end_id").list.get(
            pl.Series(draws) % pl.col("end_to_end_id").list.len()
        ),
    )


def _break(
    rng: np.random.Generator, true: pl.DataFrame, plan: pl.DataFrame, nostros: pl.DataFrame, day: date
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Apply the plan: the stated entries, and the truth of each break."""
    marked = true.join(plan, on=["nostro", "end_to_end_id"], how="left", maintain_order="left")
    kind = pl.col("break_class")
    shift = pl.Series(rng.choice(np.array([-2, -1, 1, 2]), true.height))
    moved = pl.Series(rng.integers(20, 900, true.height) * rng.choice(np.array([-1, 1]), true.height))
    amount, other = (
        pl.col("amount_minor"),
        pl.col("amount_minor") + pl.col("amount_minor") * moved // 10_000,
    )
    stated = marked.with_columns(
        stated_minor=pl.when(kind == BreakClass.AMOUNT)
        .then(pl.when((other == amount) | (other < 1)).then(amount + 1).otherwise(other))
        .otherwise(amount),
        stated_date=pl.when(kind == BreakClass.DATE)
        .then(pl.col("value_date") + pl.duration(days=pl.lit(shift)))
        .otherwise("value_date"),
    )
    extra = _unknown_entries(rng, plan, nostros, day)
    truth = [
        stated.filter(
            kind.is_in(
                [BreakClass.MISSING_AT_BANK, BreakClass.AMOUNT, BreakClass.DATE, BreakClass.DUPLICATE]
            )
        )
        .with_columns(
            pl.when(kind == BreakClass.MISSING_AT_BANK).then(None).otherwise(c).alias(c)
            for c in ("stated_minor", "stated_date")
        )
        .select(*_truth("amount_minor", "value_date", "stated_minor", "stated_date")),
        extra.select(*_truth(None, None, "amount_minor", "value_date")),
    ]
    present = stated.filter((kind != BreakClass.MISSING_AT_BANK).fill_null(value=True)).with_columns(
        amount_minor="stated_minor", value_date="stated_date"
    )
    twice = present.filter(kind == BreakClass.DUPLICATE).with_columns(pl.col("second") + 60)
    typed = [pl.col(name).cast(kind) for name, kind in ENTRY.items()]
    return pl.concat([part.select(typed) for part in (present, twice, extra)]), pl.concat(truth)


def _unknown_entries(
    rng: np.random.Generator, plan: pl.DataFrame, nostros: pl.DataFrame, day: date
) -> pl.DataFrame:
    """Entries that the ledger knows nothing of: bank charges, and receipts with a strange reference."""
    rows = plan.filter(pl.col("break_class").is_in([BreakClass.FEE, BreakClass.MISSING_IN_LEDGER])).join(
        nostros.select("partner_id", "salary_minor", "country", nostro="index"),
        on="nostro",
        maintain_order="left",
    )
    fee = pl.col("break_class") == BreakClass.FEE
    share = pl.Series(rng.integers(100, 900, rows.height))
    number = pl.int_range(1, pl.len() + 1).cast(pl.String).str.zfill(7)
    return rows.with_columns(
        amount_minor=pl.max_horizontal(
            pl.lit(1), pl.col("salary_minor") * pl.when(fee).then(share // 50).otherwise(share) // 1000
        ),
        side=pl.when(fee).then(pl.lit("DBIT")).otherwise(pl.lit("CRDT")),
        end_to_end_id=pl.when(~fee).then(pl.col("partner_id") + f"-{day:%Y%m%d}-X" + number),
        value_date=pl.lit(day),
        counterparty=pl.when(fee)
        .then(pl.lit("Account charges"))
        .otherwise("Payer " + pl.col("country")),
        second=pl.when(fee).then(pl.lit(86_000)).otherwise(pl.lit(40_000)),
    )


def _truth(
    ledger_minor: str | None, ledger_date: str | None, stated_minor: str, stated_date: str
) -> list[pl.Expr]:
    """The columns of a break, from the columns that hold its two sides."""
    return [
        pl.col("break_class"),
        pl.col("nostro"),
        pl.col("end_to_end_id").alias("reference"),
        pl.col("side"),
        (pl.col(ledger_minor) if ledger_minor else pl.lit(None, pl.Int64)).alias("ledger_minor"),
        pl.col(stated_minor).alias("stated_minor"),
        (pl.col(ledger_date) if ledger_date else pl.lit(None, pl.Date)).alias("ledger_date"),
        pl.col(stated_date).alias("stated_date"),
    ]


def net_by_nostro(entries: pl.DataFrame, count: int) -> Ints:
    """What the stated entries add to each of `count` accounts, minor units."""
    net = np.zeros(count, dtype=np.int64)
    signed = entries["amount_minor"] * (entries["side"] == "CRDT").cast(pl.Int64).replace(0, -1)
    np.add.at(net, entries["nostro"].to_numpy(), signed.to_numpy())
    return net
