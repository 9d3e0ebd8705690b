"""The planted truth as rows that detection can be measured against.

Belongs here: the layout of the truth files. What was planted is decided where it is planted.
"""

from datetime import date

import polars as pl

from pipelines.simulation.coverage import INSUFFICIENT
from pipelines.simulation.draws import Ints
from pipelines.simulation.economy import decimal_text


def _named(frame: pl.DataFrame, accounts: pl.DataFrame, index: str) -> pl.DataFrame:
    """Add participant, account, currency, exponent and partner of the account in column `index`."""
    names = accounts.select(
        "account", "currency", "exponent", index, partner="partner_id", participant="participant_id"
    )
    return frame.join(names, on=index, maintain_order="left")


def typology_truth(plans: pl.DataFrame, accounts: pl.DataFrame) -> pl.DataFrame:
    """One row an instance: typology, participant, account, dates, its instructions in order.

    `plans` are numbered payments with `plan`, `subject` and their `day`.
    """
    instances = (
        plans.filter(pl.col("plan") != INSUFFICIENT)
        .group_by("plan", "subject", maintain_order=True)
        .agg(
            first_date=pl.col("day").min(),
            last_date=pl.col("day").max(),
            instruction_ids=pl.col("instruction_id").str.join(" "),
        )
        .sort("plan", "subject")
        .rename({"plan": "typology"})
    )
    return _named(instances, accounts.with_columns(subject="index"), "subject").select(
        "typology", "participant", "account", "first_date", "last_date", "instruction_ids"
    )


def shortfall_truth(plans: pl.DataFrame, accounts: pl.DataFrame) -> pl.DataFrame:
    """One row a payment that the ledger refuses because the debtor cannot pay."""
    refused = plans.filter(plan=INSUFFICIENT).select(
        "instruction_id", "subject", "amount", business_date="day"
    )
    return _named(refused, accounts.with_columns(subject="index"), "subject").select(
        "business_date", "instruction_id", "participant", "account", "currency", "amount"
    )


def break_truth(breaks: pl.DataFrame, accounts: pl.DataFrame) -> pl.DataFrame:
    """One row a break, amounts as decimals; an absent side is empty."""
    named = _named(breaks, accounts.drop("nostro").with_columns(nostro="index"), "nostro")
    return named.select(
        "business_date",
        "break_class",
        "participant",
        "partner",
        "account",
        "reference",
        "side",
        "currency",
        ledger_amount=decimal_text(pl.col("ledger_minor"), pl.col("exponent")),
        stated_amount=decimal_text(pl.col("stated_minor"), pl.col("exponent")),
        ledger_date="ledger_date",
        stated_date="stated_date",
    ).sort("business_date", "participant", "account", "reference")


def borrower_truth(
    loans: pl.DataFrame, *, probability_ppm: Ints, accounts: pl.DataFrame, on: date
) -> pl.DataFrame:
    """One row a borrower: the probability, in millionths, that a loan is late, and their loans.

    `late_loans` are those closed after the due date, or open after it at the close of date `on`.
    `probability_ppm`: by account index.
    """
    late = pl.col("due_on") < pl.col("closed_on").fill_null(on)
    borrowers = (
        loans.group_by("account")
        .agg(loans=pl.len(), late_loans=late.sum())
        .sort("account")
        .rename({"account": "borrower"})
        .with_columns(probability_of_default_ppm=pl.lit(pl.Series(probability_ppm)).gather("borrower"))
    )
    return _named(borrowers, accounts.with_columns(borrower="index"), "borrower").select(
        "participant", "account", "probability_of_default_ppm", "loans", "late_loans"
    )
