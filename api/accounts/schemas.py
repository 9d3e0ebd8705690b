"""What the endpoints of accounts take and answer. No answer carries personal data."""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from api.amounts import CurrencyCode
from api.approvals.schemas import Reason
from api.transfers.schemas import AccountName, Given, ParticipantId
from ledger_service.ledger.chart import ChartCode

LINES = {code.name.lower(): code for code in ChartCode}
"""The lines of the chart by the names that clients use."""

Line = Annotated[
    str,
    Field(
        pattern="^[a-z_]{1,40}$",
        description="Line of the chart of accounts.",
        examples=["customer_wallets"],
    ),
]
NewReference = Annotated[
    str,
    Field(
        min_length=1,
        max_length=140,
        pattern=r"^[^\x00-\x20\x7f/?#](?:[^\x00-\x1f\x7f/?#]*[^\x00-\x20\x7f/?#])?$",
        description="What the outside world calls it; unique in the book. No slash.",
        examples=["wallet-254700000001"],
    ),
]


class Status(StrEnum):
    """Whether an account takes transfers."""

    OPEN = "open"
    """Both ways."""
    FROZEN = "frozen"
    """Not both ways."""
    CLOSED = "closed"
    """Not at all."""


class Sort(StrEnum):
    """Orders of a list; with a hyphen the other way round."""

    CREATED = "created"
    """As they were opened."""
    CREATED_LAST_FIRST = "-created"
    """The newest first."""
    REFERENCE = "reference"
    """By reference."""
    REFERENCE_LAST_FIRST = "-reference"
    """By reference, backwards."""


class NewAccount(Given):
    """An account to be opened."""

    participant_id: ParticipantId
    reference: NewReference
    line: Line
    currency: CurrencyCode
    parent: AccountName | None = Field(
        default=None, description="The account into whose balance it rolls up, in the same currency."
    )


class Freeze(Given):
    """Which side is to be frozen, and why."""

    side: Literal["debits", "credits", "both"] = "both"
    reason: Reason


class Change(Given):
    """Why it is done."""

    reason: Reason


class Balance(BaseModel):
    """What an account holds, on its normal side."""

    posted: str = Field(examples=["1000.00"])
    pending_in: str = Field(description="Held to be added.", examples=["0.00"])
    pending_out: str = Field(description="Held to be taken.", examples=["250.00"])
    available: str | None = Field(
        description="What can be taken now, a credit line included; null where nothing bounds it.",
        examples=["750.00"],
    )
    entries: int = Field(description="Entries so far.")


class Account(BaseModel):
    """An account of a book."""

    id: str = Field(description="Its number in the book.", examples=["1024"])
    participant_id: str
    reference: str = Field(examples=["wallet:alice:KES"])
    line: str
    currency: str
    status: Status
    debits_frozen: bool
    credits_frozen: bool
    debit_limit: str | None = Field(
        description="By how much debits may exceed credits: 0 forbids an overdraft, null is no limit."
    )
    credit_limit: str | None = Field(description="The mirror.")
    parent: str | None
    opened_on: date
    revision: int = Field(description="Raised with every change of its terms.")
    balance: Balance | None = Field(default=None, description="With `expand=balance`.")


class Accounts(BaseModel):
    """A page of accounts."""

    data: list[Account]
    next_cursor: str | None = Field(description="For the next page; null after the last.")


class BalanceAt(Balance):
    """What an account held at a time."""

    participant_id: str
    account: str
    currency: str
    at: datetime | None = Field(description="The booking time that was asked for; null for now.")
    value_date: date | None = Field(description="The value date that was asked for.")


class Entry(BaseModel):
    """What a transfer did to an account."""

    number: int = Field(description="1, 2, 3 ... of the account, without gaps.")
    transfer_id: str
    side: Literal["debit", "credit"]
    phase: Literal["single", "pending", "post", "void", "expire"]
    amount: str = Field(description="Posted; 0 of a hold.", examples=["125.50"])
    balance_after: str = Field(description="On the account's normal side.", examples=["874.50"])
    other_account: str | None
    kind: str
    payment_id: str | None
    booked_at: datetime
    value_date: date
    business_date: date


class Entries(BaseModel):
    """A page of entries."""

    data: list[Entry]
    next_cursor: str | None = Field(description="For the next page; null after the last.")
