"""Countries of ISO 3166-1, and which of them are the 54 African states."""

from functools import cache
from pathlib import Path

import polars as pl

COUNTRIES_FILE = Path(__file__).with_name("countries.csv")

COUNTRY_SCHEMA = {"country": pl.String, "name": pl.String, "african_state": pl.Boolean}


@cache
def country_table() -> pl.DataFrame:
    """All countries (`COUNTRY_SCHEMA`, alpha-2 codes). Namibia is `NA`, which is no missing value."""
    return pl.read_csv(COUNTRIES_FILE, schema=COUNTRY_SCHEMA)


@cache
def african_states() -> frozenset[str]:
    """The alpha-2 codes of the 54 member states of the United Nations in Africa."""
    return frozenset(country_table().filter("african_state")["country"])
