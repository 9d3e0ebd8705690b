"""The tables of settlement: which files were written and every transaction in them.

Refs read `file:<message id>` and `tx:<message id>:<end-to-end id>`. Debtors choose end-to-end ids and
repeat them: where one occurs twice in a message, `:<transaction id>` follows, which is unique there.
"""

import polars as pl

from pipelines.lake.evidence import evidence_table
from pipelines.lake.table import Table

SETTLEMENT_FILES = Table(
    name="settlement_files",
    description="One row a file written, with its control totals and content hash.",
    schema={
        "business_date": pl.Date,
        "ref": pl.String,
        "message_id": pl.String,
        "message_type": pl.String,  # pacs.009.001.08, pacs.008.001.08
        "window_id": pl.String,  # null for customer payment batches
        "currency": pl.String,
        "sender_id": pl.String,  # the net debtor; null for customer payment batches
        "receiver_id": pl.String,  # null when addressed to the settlement agent
        "path": pl.String,  # below the files folder
        "transactions": pl.Int64,
        "total_minor": pl.Int64,
        "sha256": pl.String,
    },
    key=("message_id",),
)

SETTLEMENT_TRANSACTIONS = Table(
    name="settlement_transactions",
    description="One row a credit transfer inside a settlement file.",
    schema={
        "business_date": pl.Date,
        "ref": pl.String,
        "message_id": pl.String,
        "end_to_end_id": pl.String,
        "transaction_id": pl.String,  # TxId, unique in the message
        "uetr": pl.String,  # the payment's, or made of the message's and the transaction's ids
        "currency": pl.String,
        "amount_minor": pl.Int64,  # interbank settlement amount
        "debtor_agent": pl.String,
        "creditor_agent": pl.String,
        "payment_id": pl.String,  # of a customer payment
        "net_ref": pl.String,  # of a net position leg
    },
    key=("message_id", "end_to_end_id", "transaction_id"),
)

SETTLEMENT_EVIDENCE = evidence_table("settlement")

SETTLEMENT_TABLES = (SETTLEMENT_FILES, SETTLEMENT_TRANSACTIONS, SETTLEMENT_EVIDENCE)
