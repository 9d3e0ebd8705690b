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

SETTLEMENT_ACCEPTANCES = Table(
    name="settlement_acceptances",
    description="Each obligation of the date in the operator's book of its scheme: accepted with the "
    "debtor's cover, or refused.",
    schema={
        "business_date": pl.Date,
        "book_id": pl.Int32,  # of the obligation, as in obligations
        "account_id": pl.Int64,
        "version": pl.Int64,
        "scheme_id": pl.String,
        "operator_book_id": pl.Int32,
        "window_id": pl.String,
        "obligation_id": pl.String,  # UUID; stands as payment in the operator's book
        "result": pl.String,  # payments.settlement.acceptance.Acceptance
        "code": pl.String,  # of the ledger, where it refused
    },
    key=("book_id", "account_id", "version"),
)

SETTLEMENT_WINDOWS = Table(
    name="settlement_windows",
    description="Windows of the date in the operators' books, as they were instructed.",
    schema={
        "business_date": pl.Date,
        "scheme_id": pl.String,
        "operator_book_id": pl.Int32,
        "window_number": pl.Int32,  # 1, 2, 3 ... of the scheme
        "window_id": pl.String,
        "run": pl.Int32,  # 1, and one more with each recast
        "opened_at": pl.Datetime("us", "UTC"),
        "closed_at": pl.Datetime("us", "UTC"),  # null while it is open
        "event_from": pl.Int64,  # the window is the events (from, to] of the book
        "event_to": pl.Int64,
        "obligations": pl.Int64,
        "instructions": pl.Int64,
    },
    key=("scheme_id", "window_number"),
)

_INSTRUCTION = {
    "business_date": pl.Date,
    "instruction_id": pl.String,
    "scheme_id": pl.String,
    "operator_book_id": pl.Int32,
    "window_date": pl.Date,
    "window_number": pl.Int32,
    "window_id": pl.String,
    "run": pl.Int32,
    "participant_id": pl.String,
    "currency": pl.String,
    "direction": pl.String,  # pay_in, pay_out: as the participant sees it
    "amount_minor": pl.Int64,
    "attempt": pl.Int32,
    "net_ref": pl.String,  # of the net position that it settles
}

SETTLEMENT_INSTRUCTIONS = Table(
    name="settlement_instructions",
    description="What the settlement agents are told on the date: the windows of the date, and what of "
    "earlier ones is tried again.",
    schema=_INSTRUCTION,
    key=("instruction_id",),
)

SETTLEMENT_FINALITY = Table(
    name="settlement_finality",
    description="What became of instructions, as known when the exchange of the date had ended: those "
    "of the date, and earlier ones that were open or that something happened to.",
    schema={
        **_INSTRUCTION,
        "state": pl.String,  # payments.settlement.instruction_log.InstructionState
        "code": pl.String,  # why it was rejected
        "reason": pl.String,
        "reference": pl.String,  # of the confirmation
        "retry_at": pl.Datetime("us", "UTC"),  # null where a person has to look
        "at": pl.Datetime("us", "UTC"),  # of the state; of a confirmation, the time of finality
        "transfer_id": pl.String,  # of the state, in the operator's book
    },
    key=("instruction_id",),
)

SETTLEMENT_EVIDENCE = evidence_table("settlement")

SETTLEMENT_TABLES = (
    SETTLEMENT_FILES,
    SETTLEMENT_TRANSACTIONS,
    SETTLEMENT_ACCEPTANCES,
    SETTLEMENT_WINDOWS,
    SETTLEMENT_INSTRUCTIONS,
    SETTLEMENT_FINALITY,
    SETTLEMENT_EVIDENCE,
)
