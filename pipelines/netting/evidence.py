"""Version runs: consecutive entries of an account folded into one row of evidence.

Belongs here: the folding, and the folded runs of a day's obligations that netting and settlement
both turn into evidence. What a ref is made of belongs to the subject that writes it.
"""

from collections.abc import Sequence

import polars as pl

ENTRY_KEY = ("book_id", "account_id", "version")


def version_runs(frame: pl.DataFrame, *, by: Sequence[str]) -> pl.DataFrame:
    """Fold entries into runs of consecutive versions of one account with equal values of `by`.

    Takes one row an entry with the columns of `by` (no nulls) and `ENTRY_KEY`; returns `by`,
    `book_id`, `account_id`, `version_from`, `version_to`, sorted by account and version. Without a
    group-by: after the sort a run ends where the next row does not continue it.
    """
    same = [pl.col(name) == pl.col(name).shift(-1) for name in ("book_id", "account_id", *by)]
    continues = pl.all_horizontal(*same, pl.col("version") + 1 == pl.col("version").shift(-1))
    ordered = (
        frame.lazy()
        .select(*by, *ENTRY_KEY)
        .sort(ENTRY_KEY)
        .with_columns(ends=~continues.fill_null(False))
        .with_columns(starts=pl.col("ends").shift(1, fill_value=True))
        .collect()
    )
    starts = ordered.filter("starts").drop("starts", "ends").rename({"version": "version_from"})
    ends = ordered.filter("ends").select(version_to="version")
    return pl.concat([starts, ends], how="horizontal")


def pair_runs(obligations: pl.DataFrame) -> pl.DataFrame:
    """Runs of the obligations between two participants in one window and currency.

    Columns: business_date, window_id, currency, low_id, high_id (the pair, in order of their ids),
    book_id, account_id, version_from, version_to.
    """
    return version_runs(
        obligations.with_columns(
            low_id=pl.min_horizontal("debtor_id", "creditor_id"),
            high_id=pl.max_horizontal("debtor_id", "creditor_id"),
        ),
        by=["business_date", "window_id", "currency", "low_id", "high_id"],
    )


def participant_runs(pairs: pl.DataFrame) -> pl.DataFrame:
    """The runs of `pair_runs` once for each of the two participants, as `participant_id`."""
    return pl.concat(
        pairs.drop("low_id", "high_id").with_columns(participant_id=pairs[side])
        for side in ("low_id", "high_id")
    )
