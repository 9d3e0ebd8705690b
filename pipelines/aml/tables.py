"""The tables of the AML sweep. Refs read `alert:<date>:<rule id>:<hash>`."""

import polars as pl

from pipelines.lake.evidence import evidence_table
from pipelines.lake.ledger_tables import TIMESTAMP
from pipelines.lake.table import Table

ALERTS = Table(
    name="alerts",
    description="One row a rule fired on an account, with what it saw.",
    schema={
        "business_date": pl.Date,
        "ref": pl.String,
        "rule_id": pl.String,
        "rule_version": pl.Int32,
        "typology": pl.String,
        "severity": pl.String,  # low, medium, high
        "participant_id": pl.String,
        "book_id": pl.Int32,
        "account_id": pl.Int64,
        "party_id": pl.String,
        "currency": pl.String,
        "amount_minor": pl.Int64,  # sum of the transfers that fired it
        "transfers": pl.Int64,
        "first_event_at": TIMESTAMP,
        "last_event_at": TIMESTAMP,
        "explanation": pl.String,  # facts and thresholds in a sentence
    },
    key=("ref",),
)

ALERT_TRANSFERS = Table(
    name="alert_transfers",
    description="The transfers that fired each alert.",
    schema={
        "business_date": pl.Date,
        "ref": pl.String,
        "book_id": pl.Int32,
        "transfer_id": pl.String,
        "account_id": pl.Int64,
        "version": pl.Int64,
        "side": pl.String,
        "amount_minor": pl.Int64,
        "event_at": TIMESTAMP,
    },
    key=("ref", "book_id", "transfer_id"),
)

AML_EVIDENCE = evidence_table("aml")

AML_TABLES = (ALERTS, ALERT_TRANSFERS, AML_EVIDENCE)
