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

BANK_FILES = Table(
    name="bank_files",
    description="The life of files at their banks, as known when the exchange of the date had ended: "
    "those of the date, and earlier ones that were open or that something happened to.",
    schema={
        "business_date": pl.Date,
        "message_id": pl.String,  # of settlement_files
        "bank_id": pl.String,  # who got it: the settlement agent, or the receiving participant
        "wire": pl.String,  # sftp, https, folder
        "sent_on": pl.Date,  # business date of the file
        "sequence": pl.Int32,  # 1, 2, 3 ... per bank and business date of the file
        "state": pl.String,  # banks.delivery.State
        "queued_at": pl.Datetime("us", "UTC"),
        "delivered_at": pl.Datetime("us", "UTC"),
        "answered_at": pl.Datetime("us", "UTC"),  # of the status that counts
        "tries": pl.Int32,
        "detail": pl.String,  # of the last event
        "transactions": pl.Int64,
        "accepted": pl.Int64,  # transactions by what the bank said in this exchange
        "rejected": pl.Int64,
        "returned": pl.Int64,  # accepted first, sent back later
    },
    key=("bank_id", "sent_on", "sequence"),
)

BANK_ANSWERS = Table(
    name="bank_answers",
    description="What banks said of each transaction in the exchange of the date, and what the ledger "
    "made of what came back.",
    schema={
        "business_date": pl.Date,
        "sent_on": pl.Date,  # business date of the file with the transaction
        "message_id": pl.String,
        "transaction_id": pl.String,
        "transaction_ref": pl.String,  # of settlement_transactions, which leads to the ledger
        "kind": pl.String,  # status, return
        "bank_id": pl.String,
        "status": pl.String,  # ISO 20022: ACSC, RJCT ...; RTND of a return
        "reason_code": pl.String,
        "reason_text": pl.String,
        "currency": pl.String,
        "amount_minor": pl.Int64,  # of the transaction
        "payment_id": pl.String,
        "answer_sha256": pl.String,  # of the file in which the bank said so
        "received_at": pl.Datetime("us", "UTC"),
        "ledger_outcome": pl.String,  # payments.returns.Outcome; null where nothing comes back
        "ledger_code": pl.String,  # why the ledger refused
        "booked_on": pl.Date,  # business date of the reversal
    },
    key=("message_id", "transaction_id", "kind"),
)

SETTLEMENT_EVIDENCE = evidence_table("settlement")

SETTLEMENT_TABLES = (
    SETTLEMENT_FILES,
    SETTLEMENT_TRANSACTIONS,
    SETTLEMENT_EVIDENCE,
)
