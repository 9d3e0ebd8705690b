"""The features of every customer account as known at the close of a business date.

Belongs here: putting the parts together, and the evidence. A pure function of its frames: the same
frames give the same rows on any day it is run.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date

import polars as pl

from ml.features.daily_balances import daily_balances
from ml.features.definition import Definition, Entity, Source
from ml.features.expressions import SUBJECT, Window, evaluate, windows_of, within
from ml.features.known import ACCOUNT, Known, known_at_close
from ml.features.ledger_loans import ledger_loans
from ml.features.loans import loans
from ml.features.movements import movements
from ml.tables import FEATURES, FEATURES_EVIDENCE


@dataclass(frozen=True, slots=True)
class FeatureSet:
    """Frames of the tables `FEATURES` and `FEATURES_EVIDENCE`."""

    features: pl.DataFrame
    evidence: pl.DataFrame


def compute_features(
    *,
    business_date: date,
    entries: pl.LazyFrame,
    accounts: pl.LazyFrame,
    payments: pl.LazyFrame,
    definitions: Iterable[Definition],
) -> FeatureSet:
    """Compute every definition of entity `customer_account` for every customer account.

    The frames are those of `pipelines.lake.ledger_tables`, from the first business date on (loan
    history reaches back as far as they do); `accounts` needs the partition of `business_date` only.
    Rows of later dates, and entries booked after the close, are left out. Each account has a row a
    definition; a value that cannot be known is null.
    """
    wanted = [d for d in definitions if d.entity is Entity.CUSTOMER_ACCOUNT]
    windows = windows_of(wanted)
    known = known_at_close(
        business_date=business_date,
        entries=entries,
        accounts=accounts,
        payments=payments,
        recent_days=max((days for _, days in windows if days), default=1),
    )
    sources = _sources(known, windows)
    values = evaluate(wanted, sources=sources, subjects=known.accounts[SUBJECT])
    return FeatureSet(
        features=FEATURES.conform(_long(known, values, wanted)),
        evidence=FEATURES_EVIDENCE.conform(_evidence(known, wanted)),
    )


def _sources(known: Known, windows: list[Window]) -> dict[Window, pl.DataFrame]:
    """The rows of every window; each source is built once, for the longest."""
    built = {source: _BUILDERS[source](known) for source in dict.fromkeys(s for s, _ in windows)}
    return {
        (source, days): built[source] if days is None else within(built[source], days)
        for source, days in windows
    }


_BUILDERS: Mapping[Source, Callable[[Known], pl.DataFrame]] = {
    Source.MOVEMENTS: movements,
    Source.DAILY_BALANCES: daily_balances,
    Source.LOANS: lambda known: loans(ledger_loans(known)),
}


def _long(known: Known, values: pl.DataFrame, definitions: list[Definition]) -> pl.DataFrame:
    """One row an account and feature."""
    versions = {definition.name: definition.version for definition in definitions}
    names = list(versions)
    return (
        values.join(known.accounts.select(SUBJECT, *ACCOUNT), on=SUBJECT, maintain_order="left")
        .unpivot(on=names, index=list(ACCOUNT), variable_name="feature", value_name="value")
        .select(
            business_date=pl.lit(known.business_date, pl.Date),
            ref=_ref(known, pl.col("feature")),
            book_id="book_id",
            account_id="account_id",
            feature="feature",
            feature_version=pl.col("feature").replace_strict(
                versions, default=None, return_dtype=pl.Int32
            ),
            value=pl.col("value").cast(pl.Float64),
        )
    )


def _evidence(known: Known, definitions: list[Definition]) -> pl.DataFrame:
    """One run of entries an account and feature: those of the window.

    Where the window holds none, the account's last entry stands for it: it shows that there were
    none, and left the balance that was seen. An account without any entry has no evidence.
    """
    by_window: Mapping[int | None, list[str]] = {
        days: [d.name for d in definitions if d.window_days == days]
        for days in dict.fromkeys(d.window_days for d in definitions)
    }
    runs = [
        _runs(known, days).join(pl.DataFrame({"feature": names}), how="cross")
        for days, names in by_window.items()
    ]
    if not runs:
        return FEATURES_EVIDENCE.empty()
    return pl.concat(runs).select(
        business_date=pl.lit(known.business_date, pl.Date),
        ref=_ref(known, pl.col("feature")),
        book_id="book_id",
        account_id="account_id",
        version_from="version_from",
        version_to="version_to",
    )


def _runs(known: Known, window_days: int | None) -> pl.DataFrame:
    """Each account's first and last version in a window."""
    accounts = known.accounts.filter(pl.col("version") > 0)
    if window_days is None:
        return accounts.select(*ACCOUNT, version_from=pl.lit(1, pl.Int64), version_to="version")
    inside = (
        known.recent_entries.filter(pl.col("days_ago") < window_days)
        .group_by(SUBJECT)
        .agg(first=pl.col("version").min(), last=pl.col("version").max())
    )
    return accounts.join(inside, on=SUBJECT, how="left").select(
        *ACCOUNT,
        version_from=pl.coalesce("first", "version"),
        version_to=pl.coalesce("last", "version"),
    )


def _ref(known: Known, feature: pl.Expr) -> pl.Expr:
    """`feature:<date>:<book>:<account>:<feature>`."""
    return pl.concat_str(
        pl.lit(f"feature:{known.business_date}"), "book_id", "account_id", feature, separator=":"
    )
