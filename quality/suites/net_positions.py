"""Net positions as they leave for settlement: they must sum to nothing."""

import polars as pl

from quality.rules import CURRENCY, Suite, between, holds, present, shaped, unique

_GROUP = ("business_date", "window_id", "currency")

SUITE = Suite(
    "net_positions",
    (
        shaped("ref", r"^net:", "A position can be traced"),
        present("participant_id", "A position has its participant"),
        unique(*_GROUP, "participant_id", sentence="A participant has one position"),
        shaped("currency", CURRENCY, "Currencies are ISO 4217 codes"),
        between("owes_minor", "What is owed is not negative", least=0),
        between("is_owed_minor", "What is due is not negative", least=0),
        holds(
            pl.col("net_minor") == pl.col("is_owed_minor") - pl.col("owes_minor"),
            "The net is what is due less what is owed",
        ),
        holds(
            pl.col("net_minor").cast(pl.Int128).sum().over(_GROUP) == 0,
            "Positions of a window and currency sum to zero",
        ),
    ),
)
