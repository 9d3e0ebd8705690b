"""The import format: payment instructions as a source delivers them, one CSV file a business date.

Columns of `instructions/<YYYY-MM-DD>.csv` (UTF-8, comma, header), all text; empty means absent:

=================  ==============================================================================
instruction_id     UUID chosen by the source; the same id with the same content is booked once
kind               a `PaymentKind`
event_at           ISO 8601 with offset: when it happened outside
value_date         YYYY-MM-DD: when it counts
currency, amount   ISO 4217 code; decimal with at most the currency's exponent, > 0
debtor_agent       participant whose books the debtor account is in (empty: the creditor's bank itself)
debtor_account     external reference of a customer account, or of an account outside the platform
debtor_name        as the source knows it
creditor_agent, creditor_account, creditor_name    likewise
counter_currency, counter_amount    of a conversion: what the creditor receives
end_to_end_id      reference of the debtor, at most 35 characters
purpose            free text or code of the source, at most 140 characters
channel            branch, app, ussd, card, file
merchant_category  four digits (ISO 18245), card spend only
stated_balance     the customer account's balance after it as the source states it (decimal)
=================  ==============================================================================

Beside it: `participants.csv` (participant_id, name, kind, country, bic, home_currency, has_book) and
`accounts.csv` (participant_id, account, product, currency, party_id, party_kind, holder_name,
opened_on, overdraft_limit) where product is `deposit` or `wallet`, and an empty overdraft_limit
means that the ledger does not limit the balance.
"""

from enum import StrEnum
from typing import Final

import polars as pl


class PaymentKind(StrEnum):
    """What a payment instruction is for; it decides which accounts are debited and credited."""

    OPENING_BALANCE = "opening_balance"
    """Balance migrated from an earlier system; event time is the account's last movement there.

    The creditor's, or with the debtor alone an overdrawn balance. With creditor account
    `nostro:<partner bank>:<currency>` it is our money at that bank.
    """
    CASH_DEPOSIT = "cash_deposit"
    """Cash paid in by the creditor."""
    CASH_WITHDRAWAL = "cash_withdrawal"
    """Cash paid out to the debtor."""
    CREDIT_TRANSFER = "credit_transfer"
    """Customer to customer, in one book, across books, or to and from a participant without one."""
    SALARY = "salary"
    """Credit transfer from an employer."""
    REMITTANCE = "remittance"
    """Credit transfer across borders, with a conversion where the currencies differ."""
    MERCHANT_PAYMENT = "merchant_payment"
    """Credit transfer to a merchant."""
    PAYOUT = "payout"
    """To an account at a partner bank outside the platform, through our nostro there."""
    COLLECTION = "collection"
    """From an account at a partner bank outside the platform, through our nostro there."""
    FX_CONVERSION = "fx_conversion"
    """Between two accounts of one holder in one book, of different currencies."""
    CARD_PURCHASE = "card_purchase"
    """Card spend, owed to the card network."""
    FEE = "fee"
    """Charged by the bank to the debtor."""
    INTEREST_CREDIT = "interest_credit"
    """Deposit interest paid by the bank to the creditor."""
    PENALTY_INTEREST = "penalty_interest"
    """Interest on an overdrawn balance, charged to the debtor."""
    LOAN_DISBURSEMENT = "loan_disbursement"
    """Principal paid out to the creditor."""
    LOAN_REPAYMENT = "loan_repayment"
    """Principal repaid by the debtor."""


class Channel(StrEnum):
    """Where the instruction was given."""

    BRANCH = "branch"
    """At a counter."""
    APP = "app"
    """In the app on a phone."""
    USSD = "ussd"
    """By code on a phone without internet."""
    CARD = "card"
    """With a card, at a terminal or a machine."""
    FILE = "file"
    """In a bulk file of the debtor."""


RAW_COLUMNS: Final = (
    "instruction_id",
    "kind",
    "event_at",
    "value_date",
    "currency",
    "amount",
    "debtor_agent",
    "debtor_account",
    "debtor_name",
    "creditor_agent",
    "creditor_account",
    "creditor_name",
    "counter_currency",
    "counter_amount",
    "end_to_end_id",
    "purpose",
    "channel",
    "merchant_category",
    "stated_balance",
)
"""Columns of an instruction file."""

TEXT_LIMITS: Final = {
    "instruction_id": 36,
    "debtor_agent": 32,
    "debtor_account": 34,
    "debtor_name": 140,
    "creditor_agent": 32,
    "creditor_account": 34,
    "creditor_name": 140,
    "end_to_end_id": 35,
    "purpose": 140,
}
"""Characters at most (ISO 20022: Max34Text of accounts, Max35Text of references, Max140Text)."""

INSTRUCTION_SCHEMA: Final[dict[str, pl.DataType | type[pl.DataType]]] = {
    "instruction_id": pl.String,
    "kind": pl.String,
    "event_at": pl.Datetime("us", "UTC"),
    "value_date": pl.Date,
    "currency": pl.String,
    "amount_minor": pl.Int64,
    "debtor_agent": pl.String,
    "debtor_account": pl.String,
    "debtor_name": pl.String,
    "creditor_agent": pl.String,
    "creditor_account": pl.String,
    "creditor_name": pl.String,
    "counter_currency": pl.String,
    "counter_amount_minor": pl.Int64,
    "end_to_end_id": pl.String,
    "purpose": pl.String,
    "channel": pl.String,
    "merchant_category": pl.String,
    "stated_balance_minor": pl.Int64,
    "source_file": pl.String,
    "source_row": pl.Int64,
    "content": pl.String,
}
"""A checked instruction: both agents filled in, amounts in minor units, the row as received beside it.

`stated_balance_minor` is of the debtor's account where its agent has a book, else of the creditor's.
"""
