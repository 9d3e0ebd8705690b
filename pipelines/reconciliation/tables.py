"""The tables of reconciliation.

Every item of either side ends in `matches` or in `breaks`, never in both and never in none. Refs
read `match:<date>:<n>` and `break:<first seen>:<hash>`; a break keeps its ref while it is open. A
match of several items has one row an item, with the columns of its side, and one ref.

Amounts are signed on the normal side of the ledger account: on a nostro account positive is money
in our favour, on a customer account positive is money in the customer's.
"""

import polars as pl

from pipelines.lake.evidence import evidence_table
from pipelines.lake.ledger_tables import QUARANTINE
from pipelines.lake.table import Table

MATCHES = Table(
    name="reconciliation_matches",
    description="Ledger items proven equal to a stated item, with the pass that proved it.",
    schema={
        "business_date": pl.Date,
        "ref": pl.String,
        "pass_id": pl.String,
        "book_id": pl.Int32,
        "account_id": pl.Int64,
        "version": pl.Int64,  # the ledger entry
        "counterparty_id": pl.String,
        "statement_ref": pl.String,  # file and entry reference of the stated side
        "payment_id": pl.String,
        "currency": pl.String,
        "ledger_minor": pl.Int64,
        "stated_minor": pl.Int64,
        "evidence": pl.String,  # what was compared, in words
        "end_to_end_id": pl.String,
        "items": pl.Int64,  # of both sides; more than 2: one row an item, all with the same ref
        "score": pl.Float64,  # 1: all that was compared is equal
    },
    key=("book_id", "account_id", "version", "statement_ref"),
)

PROPOSALS = Table(
    name="reconciliation_proposals",
    description="Open items that may belong together, for a person to decide: one row an item.",
    schema={
        "business_date": pl.Date,
        "ref": pl.String,  # proposal:<date>:<n>, shared by the rows of a proposal
        "pass_id": pl.String,
        "book_id": pl.Int32,
        "account_id": pl.Int64,
        "side": pl.String,  # ledger or stated
        "version": pl.Int64,  # the ledger entry
        "statement_ref": pl.String,
        "counterparty_id": pl.String,
        "currency": pl.String,
        "signed_minor": pl.Int64,
        "value_date": pl.Date,
        "end_to_end_id": pl.String,
        "score": pl.Float64,
        "rivals": pl.Int64,  # other candidates that share an item with this one
        "reason": pl.String,  # why it is not accepted, in words
    },
    key=("ref", "side", "version", "statement_ref"),
)

BREAKS = Table(
    name="reconciliation_breaks",
    description="Items that do not agree, open at the close of the business date.",
    schema={
        "business_date": pl.Date,
        "ref": pl.String,
        "break_class": pl.String,  # missing_at_bank, missing_in_ledger, amount, date, duplicate, ...
        "participant_id": pl.String,  # whose books
        "counterparty_id": pl.String,  # who states otherwise
        "book_id": pl.Int32,
        "account_id": pl.Int64,
        "external_ref": pl.String,
        "currency": pl.String,
        "ledger_minor": pl.Int64,  # null when missing in the ledger
        "stated_minor": pl.Int64,  # null when missing at the bank
        "difference_minor": pl.Int64,  # stated - ledger, an absent side counting as 0
        "first_seen": pl.Date,
        "age_days": pl.Int32,
        "owner": pl.String,
        "payment_id": pl.String,
        "statement_ref": pl.String,
        "detail": pl.String,
        "version": pl.Int64,  # the ledger entry; null when missing in the ledger
        "end_to_end_id": pl.String,
        "value_date": pl.Date,
    },
    key=("ref",),
)

RECONCILED_ACCOUNTS = Table(
    name="reconciled_accounts",
    description="Per reconciled account: items, matched, breaks, closing balances of both sides.",
    schema={
        "business_date": pl.Date,
        "participant_id": pl.String,
        "counterparty_id": pl.String,
        "book_id": pl.Int32,
        "account_id": pl.Int64,
        "currency": pl.String,
        "ledger_items": pl.Int64,
        "stated_items": pl.Int64,
        "matched_items": pl.Int64,
        "breaks": pl.Int64,
        "ledger_closing_minor": pl.Int64,
        "stated_closing_minor": pl.Int64,  # null while nothing has been stated
        "stated_until": pl.Date,  # the day up to which the other side has stated its balance
        "stated_sequence": pl.Int64,  # the bank's number of its last statement, and of which date it is
        "stated_sequence_on": pl.Date,
        "break_difference_minor": pl.Int64,  # sum of the open breaks in the account's currency
        "rounding_minor": pl.Int64,  # rounding of stated balances within the tolerance
        "unexplained_minor": pl.Int64,  # stated - ledger - breaks - rounding: always 0
    },
    key=("book_id", "account_id"),
)

RECONCILED_TOTALS = Table(
    name="reconciled_totals",
    description="Sums that must agree although they were made apart: lines of the general ledger, and "
    "what two participants owe each other.",
    schema={
        "business_date": pl.Date,
        "control": pl.String,  # general_ledger, nostro_vostro
        "participant_id": pl.String,
        "counterparty_id": pl.String,  # null of a line
        "chart_name": pl.String,
        "currency": pl.String,
        "ours_minor": pl.Int64,  # debits less credits
        "theirs_minor": pl.Int64,  # the same, as the accounts below or the counterpart have it
        "difference_minor": pl.Int64,  # theirs - ours: always 0
    },
    key=("control", "participant_id", "counterparty_id", "chart_name", "currency"),
)

RECONCILIATION_EVIDENCE = evidence_table("reconciliation")

STATEMENT_QUARANTINE = Table(
    name="statement_quarantine",
    description="Rows of bank statements that could not be used, each with place and reason.",
    schema=QUARANTINE.schema,
    key=QUARANTINE.key,
)

RECONCILIATION_TABLES = (
    MATCHES,
    BREAKS,
    RECONCILED_ACCOUNTS,
    RECONCILED_TOTALS,
    RECONCILIATION_EVIDENCE,
    PROPOSALS,
    STATEMENT_QUARANTINE,
)
