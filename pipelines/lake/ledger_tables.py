"""The tables that the close writes from the ledger: what every subject downstream reads.

Money is `Int64` in minor units of `currency`; times are UTC microseconds; sides are `D` and `C`.
"""

import polars as pl

from pipelines.lake.table import Table

TIMESTAMP = pl.Datetime("us", "UTC")

PARTICIPANTS = Table(
    name="participants",
    description="Banks, mobile-money operators and fintechs; those without a book are external.",
    schema={
        "business_date": pl.Date,
        "participant_id": pl.String,
        "book_id": pl.Int32,  # null for an external participant
        "name": pl.String,
        "kind": pl.String,  # bank, mobile_money, fintech, partner_bank
        "country": pl.String,  # ISO 3166-1 alpha-2
        "bic": pl.String,  # null where the participant has none
        "home_currency": pl.String,
    },
    key=("participant_id",),
)

ACCOUNTS = Table(
    name="accounts",
    description="Every account with its totals at the close of the business date.",
    schema={
        "business_date": pl.Date,
        "book_id": pl.Int32,
        "account_id": pl.Int64,
        "participant_id": pl.String,  # whose book it is
        "external_ref": pl.String,  # the account number that the outside world uses
        "chart_code": pl.Int32,  # ledger_service.ledger.chart.ChartCode
        "chart_name": pl.String,  # its name, lower case: customer_deposits, clearing, ...
        "normal_side": pl.String,  # D or C
        "currency": pl.String,
        "counterparty_id": pl.String,  # of a clearing or nostro account: the other participant
        "party_id": pl.String,  # of a customer account: its holder
        "party_kind": pl.String,  # person, freelancer, sme
        "holder_name": pl.String,
        "opened_on": pl.Date,
        "debits_posted": pl.Int64,
        "credits_posted": pl.Int64,
        "debits_pending": pl.Int64,
        "credits_pending": pl.Int64,
        "version": pl.Int64,  # of its last entry; 0 when it has none
    },
    key=("book_id", "account_id"),
)

TRANSFERS = Table(
    name="transfers",
    description="The immutable transfers of the business date.",
    schema={
        "business_date": pl.Date,
        "book_id": pl.Int32,
        "transfer_id": pl.String,  # UUID
        "debit_account_id": pl.Int64,
        "credit_account_id": pl.Int64,
        "currency": pl.String,
        "amount_minor": pl.Int64,
        "phase": pl.String,  # single, pending, post, void, expire
        "pending_id": pl.String,  # of post, void and expire: the hold they resolve
        "reverses_id": pl.String,  # of a reversal: the transfer whose money it returns
        "kind": pl.String,  # ledger_service.payments.instructions.PaymentKind
        "payment_id": pl.String,  # the instruction behind it
        "event_at": TIMESTAMP,
        "booked_at": TIMESTAMP,
        "value_date": pl.Date,
    },
    key=("book_id", "transfer_id"),
)

ENTRIES = Table(
    name="entries",
    description="The two sides of each transfer, each with its account's totals after it.",
    schema={
        "business_date": pl.Date,
        "book_id": pl.Int32,
        "account_id": pl.Int64,
        "version": pl.Int64,  # 1, 2, 3 ... per account, without gaps
        "transfer_id": pl.String,
        "side": pl.String,  # D or C
        "currency": pl.String,
        "amount_minor": pl.Int64,  # added to the posted total of `side`
        "pending_minor": pl.Int64,  # added to the pending total of `side`; negative when released
        "kind": pl.String,
        "payment_id": pl.String,
        "event_at": TIMESTAMP,
        "booked_at": TIMESTAMP,
        "value_date": pl.Date,
        "debits_posted_after": pl.Int64,
        "credits_posted_after": pl.Int64,
        "debits_pending_after": pl.Int64,
        "credits_pending_after": pl.Int64,
    },
    key=("book_id", "account_id", "version"),
)

PAYMENTS = Table(
    name="payments",
    description="The payment instructions booked on the business date, with both parties.",
    schema={
        "business_date": pl.Date,
        "payment_id": pl.String,  # UUID of the instruction
        "book_id": pl.Int32,  # the debtor agent's book, or the creditor agent's when that has none
        "kind": pl.String,
        "uetr": pl.String,
        "end_to_end_id": pl.String,
        "event_at": TIMESTAMP,
        "value_date": pl.Date,
        "currency": pl.String,
        "amount_minor": pl.Int64,
        "debtor_agent": pl.String,  # participant_id
        "debtor_account": pl.String,  # external_ref
        "debtor_name": pl.String,
        "creditor_agent": pl.String,
        "creditor_account": pl.String,
        "creditor_name": pl.String,
        "counter_currency": pl.String,  # of a conversion: what the creditor receives
        "counter_amount_minor": pl.Int64,
        "purpose": pl.String,
        "channel": pl.String,  # branch, app, ussd, card, file
        "merchant_category": pl.String,  # ISO 18245 of card spend
        "source_file": pl.String,
        "source_row": pl.Int64,
    },
    key=("payment_id",),
)

STATED_BALANCES = Table(
    name="stated_balances",
    description="The balance that the bank itself states after a payment, where its file has one.",
    schema={
        "business_date": pl.Date,
        "book_id": pl.Int32,
        "account_id": pl.Int64,
        "payment_id": pl.String,
        "currency": pl.String,
        "stated_balance_minor": pl.Int64,  # on the account's normal side
        "source_file": pl.String,
        "source_row": pl.Int64,
    },
    key=("book_id", "account_id", "payment_id"),
)

QUARANTINE = Table(
    name="quarantine",
    description="Input rows that were refused, each with the place, the reason and what to do.",
    schema={
        "business_date": pl.Date,
        "source_file": pl.String,
        "row": pl.Int64,  # 1-based line of the file; 0 when the whole file was refused
        "field": pl.String,
        "code": pl.String,
        "message": pl.String,
        "content": pl.String,  # the row as received
    },
    key=("source_file", "row", "field", "code"),
)

LEDGER_TABLES = (PARTICIPANTS, ACCOUNTS, TRANSFERS, ENTRIES, PAYMENTS, STATED_BALANCES, QUARANTINE)
