"""The tables of netting.

An obligation is one clearing entry: the debtor participant owes the creditor its amount. A position
is signed: positive receives, negative pays. Refs read `net:<date>:<window>:<currency>:<participant>`
and `bilateral:<date>:<window>:<currency>:<debtor>:<creditor>`.
"""

import polars as pl

from pipelines.lake.evidence import evidence_table
from pipelines.lake.table import Table

OBLIGATIONS = Table(
    name="obligations",
    description="What one participant owes another for one payment, with its clearing entry.",
    schema={
        "business_date": pl.Date,
        "window_id": pl.String,
        "currency": pl.String,
        "debtor_id": pl.String,
        "creditor_id": pl.String,
        "amount_minor": pl.Int64,
        "payment_id": pl.String,
        "book_id": pl.Int32,
        "account_id": pl.Int64,
        "version": pl.Int64,
    },
    key=("book_id", "account_id", "version"),
)

BILATERAL_POSITIONS = Table(
    name="bilateral_positions",
    description="Per pair: what each owes the other and the one amount that is left; net >= 0.",
    schema={
        "business_date": pl.Date,
        "ref": pl.String,
        "window_id": pl.String,
        "currency": pl.String,
        "debtor_id": pl.String,  # owes the net
        "creditor_id": pl.String,
        "owed_by_debtor_minor": pl.Int64,
        "owed_by_creditor_minor": pl.Int64,
        "net_minor": pl.Int64,
        "obligations": pl.Int64,
    },
    key=("window_id", "currency", "debtor_id", "creditor_id"),
)

NET_POSITIONS = Table(
    name="net_positions",
    description="Multilateral net position of each participant; per window and currency they sum to 0.",
    schema={
        "business_date": pl.Date,
        "ref": pl.String,
        "window_id": pl.String,
        "currency": pl.String,
        "participant_id": pl.String,
        "owes_minor": pl.Int64,
        "is_owed_minor": pl.Int64,
        "net_minor": pl.Int64,  # is_owed - owes
        "obligations": pl.Int64,
    },
    key=("window_id", "currency", "participant_id"),
)

NETTING_EVIDENCE = evidence_table("netting")

CLEARED_OBLIGATIONS = Table(
    name="cleared_obligations",
    description="Each obligation and what set-off clears of it; cleared and remaining make the amount.",
    schema={**OBLIGATIONS.schema, "cleared_minor": pl.Int64, "remaining_minor": pl.Int64},
    key=OBLIGATIONS.key,
)

SET_OFF_NOTICES = Table(
    name="set_off_notices",
    description="Rings of cleared debts: each debtor owes the next step's debtor, the last the first.",
    schema={
        "business_date": pl.Date,
        "window_id": pl.String,
        "currency": pl.String,
        "notice": pl.Int64,  # the ring: 1, 2, 3 ... within window and currency
        "step": pl.Int64,  # around the ring: 1, 2, 3 ...
        "debtor_id": pl.String,
        "creditor_id": pl.String,  # the debtor of the next step
        "amount_minor": pl.Int64,  # > 0, the same at each step of a ring
    },
    key=("window_id", "currency", "notice", "step"),
)

NETTING_TABLES = (
    OBLIGATIONS,
    BILATERAL_POSITIONS,
    NET_POSITIONS,
    CLEARED_OBLIGATIONS,
    SET_OFF_NOTICES,
    NETTING_EVIDENCE,
)
