"""Settlement windows: which netting cycle an obligation belongs to.

Belongs here: the expression that assigns a window. The cut-offs are those of the settlement schemes.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time
from typing import Final

import polars as pl

from ledger_service.reference.schemes import Scheme, home_schemes
from pipelines.lake.ledger_tables import TIMESTAMP

END_OF_DAY: Final = "end-of-day"
"""Window of currencies without a home scheme: all that is booked on the business date."""


def window_id(business_date: date, schemes: Iterable[Scheme] | None = None) -> pl.Expr:
    """The window of each row: an expression over the columns `currency` and `booked_at`.

    Total by construction: a currency without a home scheme has `END_OF_DAY`, and what is booked after
    the last cut-off belongs to the last window. `schemes` default to those that WGI ships. Raises
    `TwoHomes`.
    """
    expression = pl.lit(END_OF_DAY)
    for scheme in home_schemes(business_date, schemes):
        expression = (
            pl.when(pl.col("currency").is_in(sorted(scheme.currencies)))
            .then(_window_of(scheme, business_date))
            .otherwise(expression)
        )
    return expression.alias("window_id")


def _window_of(scheme: Scheme, business_date: date) -> pl.Expr:
    midnight = datetime.combine(business_date, time(), tzinfo=UTC)
    cut_offs = [(each.id, midnight + each.closes_at) for each in scheme.windows if each.closes_at]
    *earlier, (last, _) = cut_offs
    expression = pl.lit(last)
    for name, cut_off in reversed(earlier):
        before = pl.col("booked_at") < pl.lit(cut_off, dtype=TIMESTAMP)
        expression = pl.when(before).then(pl.lit(name)).otherwise(expression)
    return expression
