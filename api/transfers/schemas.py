"""What the endpoints of transfers take and answer."""

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from api.amounts import AmountText, CurrencyCode
from api.identifiers import ResourceId

ParticipantId = Annotated[
    str,
    Field(
        pattern="^[A-Z0-9][A-Z0-9-]{1,31}$",
        description="The participant in whose book it is.",
        examples=["SBX-DEMO-W"],
    ),
]
AccountName = Annotated[
    str,
    Field(
        min_length=1,
        max_length=140,
        pattern=r"^[^\x00-\x1f\x7f]+$",
        description="An account of the book: its reference, or its number.",
        examples=["wallet:alice:KES"],
    ),
]
Reference = Annotated[
    str,
    Field(
        min_length=1,
        max_length=140,
        pattern=r"^[^\x00-\x1f\x7f]+$",
        description="What the client calls it; kept, and given back.",
        examples=["invoice 2041"],
    ),
]

WholeNumber = Annotated[int, Field(strict=True)]
"""Neither text, nor true and false."""


class Given(BaseModel):
    """What every body has in common: nothing undeclared."""

    model_config = ConfigDict(extra="forbid")


class NewTransfer(Given):
    """Money to be moved at once."""

    participant_id: ParticipantId
    debit_account: AccountName
    credit_account: AccountName = Field(examples=["wallet:bob:KES"])
    amount: AmountText
    currency: CurrencyCode
    reference: Reference | None = None


class NewReversal(Given):
    """Money of a transfer to be returned."""

    amount: AmountText | None = Field(
        default=None, description="What is left of the original where it is absent."
    )
    reference: Reference | None = None


class Transfer(BaseModel):
    """Money that was moved; never changed, corrected by reversals."""

    id: ResourceId
    participant_id: str
    debit_account: str = Field(description="The account's reference.")
    credit_account: str = Field(description="The account's reference.")
    amount: str = Field(examples=["125.50"])
    currency: str = Field(examples=["KES"])
    status: Literal["posted"]
    reference: str | None
    payment_id: str | None = Field(description="The payment that it belongs to.")
    reverses: str | None = Field(description="Of a reversal: the transfer whose money it returns.")
    reversed_amount: str = Field(description="What reversals have returned.", examples=["0.00"])
    business_date: date = Field(description="The book's date to which it is booked.")
    created_at: datetime


class Transfers(BaseModel):
    """A page of transfers."""

    data: list[Transfer]
    next_cursor: str | None = Field(description="For the next page; null after the last.")
