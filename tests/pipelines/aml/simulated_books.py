"""The customer side of a simulated source's books, without a ledger: one entry a party of a payment."""

from pathlib import Path

import polars as pl

from ledger_service.reference.currencies import currency_table
from pipelines.lake.ledger_tables import ACCOUNTS, ENTRIES, PARTICIPANTS, PAYMENTS, TIMESTAMP


def simulated_frames(source: Path, truth: Path) -> dict[str, pl.LazyFrame]:
    """Entries, payments, accounts and participants of a simulated source; refused payments left out."""
    instructions = _instructions(source)
    refused = pl.read_csv(truth / "insufficient_funds.csv", infer_schema=False)
    payments = instructions.join(refused, left_on="payment_id", right_on="instruction_id", how="anti")
    first = payments["business_date"].min()
    participants = pl.read_csv(source / "participants.csv", infer_schema=False).select(
        "participant_id", "country", business_date=pl.lit(first)
    )
    accounts = _accounts(source).with_columns(business_date=pl.lit(first))
    entries = pl.concat([_side(payments, accounts, "debtor"), _side(payments, accounts, "creditor")])
    entries = entries.sort("business_date", "event_at", "transfer_id", "side").with_columns(
        version=pl.int_range(1, pl.len() + 1).over("book_id", "account_id")
    )
    frames = (
        (ENTRIES, entries),
        (PAYMENTS, payments),
        (ACCOUNTS, accounts),
        (PARTICIPANTS, participants),
    )
    return {
        table.name: pl.concat([table.empty(), frame.select(set(table.schema) & set(frame.columns))],
                              how="diagonal").lazy()
        for table, frame in frames
    }  # fmt: skip


def _instructions(source: Path) -> pl.DataFrame:
    files = sorted((source / "instructions").glob("*.csv"))
    exponents = currency_table().unique("code", keep="last").select("code", "exponent")
    rows = pl.concat(
        pl.read_csv(f, infer_schema=False).with_columns(business_date=pl.lit(f.stem).str.to_date())
        for f in files
    )
    minor = {"amount": "currency", "counter_amount": "counter_currency"}
    for amount, code in minor.items():
        rows = rows.join(exponents, left_on=code, right_on="code", how="left").with_columns(
            (pl.col(amount).cast(pl.Decimal(38, 3)) * (10 ** pl.col("exponent").cast(pl.Int64)))
            .cast(pl.Int64)
            .alias(f"{amount}_minor")
        ).drop("exponent")  # fmt: skip
    return rows.rename({"instruction_id": "payment_id"}).with_columns(
        pl.col("event_at").str.to_datetime("%+", time_unit="us", time_zone="UTC").cast(TIMESTAMP),
        pl.col("value_date").str.to_date(),
    )


def _accounts(source: Path) -> pl.DataFrame:
    held = pl.read_csv(source / "accounts.csv", infer_schema=False)
    books = pl.col("participant_id").rank("dense").cast(pl.Int32)
    return held.select(
        "participant_id",
        "party_id",
        "party_kind",
        "currency",
        book_id=books,
        account_id=pl.int_range(1, pl.len() + 1),
        external_ref="account",
        chart_name=pl.format("customer_{}s", "product"),
    )


def _side(payments: pl.DataFrame, accounts: pl.DataFrame, party: str) -> pl.DataFrame:
    received = party == "creditor"
    amount = pl.coalesce("counter_amount_minor", "amount_minor") if received else pl.col("amount_minor")
    currency = pl.coalesce("counter_currency", "currency") if received else pl.col("currency")
    held = accounts.select("book_id", "account_id", "external_ref", "participant_id")
    return (
        payments.with_columns(amount_minor=amount, currency=currency)
        .join(
            held,
            left_on=[f"{party}_agent", f"{party}_account"],
            right_on=["participant_id", "external_ref"],
        )
        .select(
            "business_date", "book_id", "account_id", "currency", "amount_minor", "kind", "payment_id",
            "event_at", "value_date", transfer_id="payment_id", side=pl.lit("C" if received else "D"),
        )
    )  # fmt: skip
