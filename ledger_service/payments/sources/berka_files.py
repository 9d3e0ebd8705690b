"""The static files of the Berka bank (PKDD'99 challenge), typed: accounts, clients, loans, cards.

Belongs here: one reader a file, in the vocabulary of the platform. Each returns a frame for a table of
schema `payments`, led by participant_id. The transactions are in `berka`.

Dates are `yymmdd`; a client's birth number holds the sex (50 is added to a woman's month). The files are
the bank's state at the end of 1998: a row is known from its own date on, but a loan's outcome only from
the end of the loan.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import polars as pl

BANK: Final = "CZ-BERKA"
CURRENCY: Final = "CZK"


def read_file(folder: Path, name: str) -> pl.DataFrame:
    """One file as text, empty fields null."""
    return pl.read_csv(folder / f"{name}.asc", separator=";", infer_schema=False, null_values=["", " "])


def counterparty_id(bank: pl.Expr) -> pl.Expr:
    """Participant id of a counterparty bank, which the data names by two letters."""
    return pl.lit("CZ-") + bank


def short_date(text: pl.Expr) -> pl.Expr:
    """Date of `yymmdd` in the twentieth century."""
    return (pl.lit("19") + text.str.slice(0, 6)).str.to_date("%Y%m%d", strict=False)


def minor_units(text: pl.Expr) -> pl.Expr:
    """Minor units of an amount with at most two decimals; null where it is none."""
    return (text.cast(pl.Decimal(18, 2), strict=False) * 100).cast(pl.Int64)


def party_id(client: pl.Expr) -> pl.Expr:
    """Party id of a client number."""
    return pl.lit("CLIENT-") + client


def accounts(folder: Path) -> pl.DataFrame:
    """All accounts with their owner, district and frequency of statements, by number."""
    owners = (
        read_file(folder, "disp")
        .filter(pl.col("type") == "OWNER")
        .select("account_id", party_id=party_id(pl.col("client_id")))
    )
    frequencies = {
        "POPLATEK MESICNE": "monthly",
        "POPLATEK TYDNE": "weekly",
        "POPLATEK PO OBRATU": "after_transaction",
    }
    return (
        read_file(folder, "account")
        .join(owners, on="account_id", how="left")
        .select(
            participant_id=pl.lit(BANK),
            account="account_id",
            party_id="party_id",
            district_id=pl.col("district_id").cast(pl.Int32),
            statement_frequency=pl.col("frequency").replace_strict(frequencies),
            opened_on=short_date(pl.col("date")),
        )
        .sort(pl.col("account").cast(pl.Int64))
    )


def reference_data(folder: Path) -> Mapping[str, pl.DataFrame]:
    """Every static file, by table of schema `payments`."""
    return {
        "district": _districts(folder),
        "party": _parties(folder),
        "account_terms": accounts(folder).drop("party_id", "opened_on"),
        "disposition": _dispositions(folder),
        "card": _cards(folder),
        "loan": _loans(folder),
        "standing_order": _standing_orders(folder),
    }


def _parties(folder: Path) -> pl.DataFrame:
    number = pl.col("birth_number")
    month = number.str.slice(2, 2).cast(pl.Int32)
    is_woman = month > 50
    born = number.str.slice(0, 2) + (month - 50 * is_woman.cast(pl.Int32)).cast(pl.String).str.zfill(2)
    return read_file(folder, "client").select(
        participant_id=pl.lit(BANK),
        party_id=party_id(pl.col("client_id")),
        birth_date=short_date(born + number.str.slice(4, 2)),
        sex=pl.when(is_woman).then(pl.lit("F")).otherwise(pl.lit("M")),
        district_id=pl.col("district_id").cast(pl.Int32),
    )


def _dispositions(folder: Path) -> pl.DataFrame:
    roles = {"OWNER": "owner", "DISPONENT": "authorised_user"}
    return read_file(folder, "disp").select(
        participant_id=pl.lit(BANK),
        disposition_id=pl.col("disp_id").cast(pl.Int64),
        party_id=party_id(pl.col("client_id")),
        account="account_id",
        role=pl.col("type").replace_strict(roles),
    )


def _cards(folder: Path) -> pl.DataFrame:
    return read_file(folder, "card").select(
        participant_id=pl.lit(BANK),
        card_id=pl.col("card_id").cast(pl.Int64),
        disposition_id=pl.col("disp_id").cast(pl.Int64),
        card_type="type",
        issued_on=short_date(pl.col("issued")),
    )


def _loans(folder: Path) -> pl.DataFrame:
    return read_file(folder, "loan").select(
        participant_id=pl.lit(BANK),
        loan_id=pl.col("loan_id").cast(pl.Int64),
        account="account_id",
        granted_on=short_date(pl.col("date")),
        currency=pl.lit(CURRENCY),
        principal_minor=minor_units(pl.col("amount")),
        duration_months=pl.col("duration").cast(pl.Int32),
        instalment_minor=minor_units(pl.col("payments")),
        outcome="status",
    )


def _standing_orders(folder: Path) -> pl.DataFrame:
    return read_file(folder, "order").select(
        participant_id=pl.lit(BANK),
        order_id=pl.col("order_id").cast(pl.Int64),
        account="account_id",
        creditor_agent=counterparty_id(pl.col("bank_to")),
        creditor_account="account_to",
        currency=pl.lit(CURRENCY),
        amount_minor=minor_units(pl.col("amount")),
        purpose="k_symbol",
    )


def _districts(folder: Path) -> pl.DataFrame:
    decimal = pl.Decimal(8, 2)

    def measured(name: str) -> pl.Expr:
        return pl.col(name).replace("?", None)

    return read_file(folder, "district").select(
        participant_id=pl.lit(BANK),
        district_id=pl.col("A1").cast(pl.Int32),
        name="A2",
        region="A3",
        inhabitants=pl.col("A4").cast(pl.Int32),
        cities=pl.col("A9").cast(pl.Int32),
        urban_percent=pl.col("A10").cast(decimal),
        average_salary=pl.col("A11").cast(pl.Int32),
        unemployment_1995_percent=measured("A12").cast(decimal),
        unemployment_1996_percent=measured("A13").cast(decimal),
        entrepreneurs_per_1000=pl.col("A14").cast(pl.Int32),
        crimes_1995=measured("A15").cast(pl.Int32),
        crimes_1996=measured("A16").cast(pl.Int32),
    )
