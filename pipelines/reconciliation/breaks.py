"""What every break has in common: a stable reference, an age, an owner.

Belongs here: completing rows of the `reconciliation_breaks` table. What is a break, and of which
class, is decided by the comparisons (`statements.py`, `stated_balances.py`).
"""

import hashlib
from datetime import date

import polars as pl

from pipelines.reconciliation.rules import Rules
from pipelines.reconciliation.tables import BREAKS

IDENTITY = ("break_class", "book_id", "account_id", "version", "statement_ref")


def complete_breaks(found: pl.DataFrame, *, business_date: date, rules: Rules) -> pl.DataFrame:
    """Breaks with all columns of the table: `ref` where it is null, difference, age and owner.

    `found` is of `FOUND_SCHEMA`; a break that is new has no `ref` and is first seen today. A ref is
    made once, from the class the break has that day and the items it concerns, and never again while
    it is open.
    """
    owners = {str(name): rule.owner for name, rule in rules.classes.items()}
    seen = found.with_columns(pl.col("first_seen").fill_null(business_date))
    return seen.with_columns(
        business_date=pl.lit(business_date),
        ref=pl.coalesce("ref", _fresh_refs(seen)),
        difference_minor=pl.col("stated_minor").fill_null(0) - pl.col("ledger_minor").fill_null(0),
        age_days=(pl.lit(business_date) - pl.col("first_seen")).dt.total_days().cast(pl.Int32),
        owner=pl.col("break_class").replace_strict(owners, return_dtype=pl.String),
    ).select(list(BREAKS.schema))


def _fresh_refs(found: pl.DataFrame) -> pl.Series:
    """`break:<first seen>:<hash>`; hashed row by row, as Polars' own hash may change with a release."""
    identity = pl.concat_str(
        [pl.col(name).cast(pl.String).fill_null("") for name in IDENTITY], separator="|"
    )
    identities = found.select("first_seen", identity.alias("identity"))
    refs = [
        f"break:{first_seen}:{hashlib.sha256(identity.encode()).hexdigest()[:16]}"
        for first_seen, identity in identities.iter_rows()
    ]
    return pl.Series("ref", refs, dtype=pl.String)
