"""What the ledger's endpoints answer. Money is an integer in minor units, written as a string."""

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer

Minor = Annotated[int, PlainSerializer(str, return_type=str)]
"""Minor units of the currency beside it; a string on the wire, so that no reader makes it a float."""


class Answer(BaseModel):
    """What every answer has in common: nothing undeclared."""

    model_config = ConfigDict(extra="forbid")


class Health(Answer):
    """Whether the books can be read."""

    status: Literal["ok"]


class Participant(Answer):
    """A bank, operator or fintech."""

    participant_id: str = Field(examples=["KE-B01"])
    name: str
    kind: str
    country: str
    bic: str | None
    home_currency: str
    closed_through: date | None = Field(description="Last closed business date of its book.")


class Account(Answer):
    """An account and what it holds now."""

    account: str = Field(description="The account's reference at its participant.")
    participant_id: str
    kind: int = Field(description="Line of the chart of accounts.", examples=[2010])
    currency: str
    state: str
    balance_minor: Minor = Field(description="Posted balance on the account's normal side.")
    pending_in_minor: Minor
    pending_out_minor: Minor
    entries: int


class Transfer(Answer):
    """One immutable transfer."""

    transfer_id: str
    participant_id: str
    debit_account: str
    credit_account: str
    currency: str
    amount_minor: Minor
    phase: str
    kind: str
    booked_at: datetime
    value_date: date
    business_date: date
