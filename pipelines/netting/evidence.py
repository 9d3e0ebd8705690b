"""Version runs: consecutive entries of an account folded into one row of evidence.

Belongs here: the folding, and the folded runs of a day's obligations that netting and settlement
both turn into evidence. What a ref is made of belongs to the subject that writes it.
"""

from collections.abc import Sequence

import polars as pl

ENTRY_KEY = ("book_id", "account_id", "version")


def version_runs(
    frame: pl.DataFrame, *, by: Sequence[str], either_way: tuple[str, str] | None = None
) -> pl.DataFrame:
    """Fold entries into runs of consecutive versions of one account with equal values of `by`.

    Takes one row an entry with the columns of `by` (no nulls) and `ENTRY_KEY`; returns `by`,
    `book_id`, `account_id`, `version_from`, `version_to`, sorted by account and version. Two columns
    given as `either_way` are kept as well, and may be exchanged within a run.

    Without a group-by: after the sort a run ends where the next row does not continue it.
    """
    kept = [*by, *(either_way or ())]
    continues = [
        pl.col("version") + 1 == pl.col("version").shift(-1),
        *(_same(name, name) for name in ("book_id", "account_id", *by)),
    ]
    if either_way is not None:
        one, other = either_way
        straight = _same(one, one) & _same(other, other)
        continues.append(straight | (_same(one, other) & _same(other, one)))
    ordered = (
        frame.lazy()
        .select(*kept, *ENTRY_KEY)
        .sort(ENTRY_KEY)
        .with_columns(ends=~pl.all_horizontal(continues).fill_null(False))
        .with_columns(starts=pl.col("ends").shift(1, fill_value=True))
        .collect()
    )
    starts = ordered.filter("starts").drop("starts", "ends").rename({"version": "version_from"})
    ends = ordered.filter("ends").select(version_to="version")
    return pl.concat([starts, ends], how="horizontal")


def _same(name: str, name_in_next_row: str) -> pl.Expr:
    return pl.col(name) == pl.col(name_in_next_row).shift(-1)


def pair_runs(obligations: pl.DataFrame) -> pl.DataFrame:
    """Runs of the obligations between two participants in one window and currency, either way.

    Columns: business_date, window_id, currency, low_id, high_id (the pair, in order of their ids),
    book_id, account_id, version_from, version_to.
    """
    cycle = ["business_date", "window_id", "currency"]
    pair = ("debtor_id", "creditor_id")
    return version_runs(obligations, by=cycle, either_way=pair).select(
        *cycle,
        pl.min_horizontal(pair).alias("low_id"),
        pl.max_horizontal(pair).alias("high_id"),
        *("book_id", "account_id", "version_from", "version_to"),
    )


def participant_runs(pairs: pl.DataFrame) -> pl.DataFrame:
    """The runs of `pair_runs` once for each of the two participants, as `participant_id`."""
    return pl.concat(
        pairs.drop("low_id", "high_id").with_columns(participant_id=pairs[side])
        for side in ("low_id", "high_id")
    )
